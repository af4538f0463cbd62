"""
When something can have happened: one table of every date that tells of an event in somebody's life.

It binds what is entered here. Migrated rows load as the legacy contract says, and a fault that stood before an edit is
no refusal of it (faults.py).

Source: docs/PLAUSIBILITY.md is printed from this table.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from app.platform import clock
from app.platform.faults import Fault, fault
from app.platform.locales import _

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""How far a caller's clock may be from ours."""
FIRST_CONTACTS_SINCE: Final = date(1990, 1, 1)
PLACEHOLDERS: Final = ((1, 1), (6, 30), (7, 1))
"""Days that are typed where only the year is known."""
FARTHEST_EAST, FARTHEST_WEST = timedelta(hours=14), timedelta(hours=-12)
"""The zones in which a day begins first and last."""


class Ahead(StrEnum):
    """Whether a date may lie in the future."""

    NEVER = "no"
    UNTIL_IT_HAPPENED = "until it has happened"
    MAY = "yes"


@dataclass(frozen=True)
class EventDate:
    """
    A column that tells when something was, or is to be. None of them lies before the person's birth.

    `after_death`: what goes on when somebody has died. `note` says what the columns of the page do not.
    """

    table: str
    field: str
    ahead: Ahead = Ahead.MAY
    after_death: bool = False
    since: date | None = None
    note: str = ""


_HAPPENED = "a call has happened when it is completed, a no-show, or has an outcome"
EVENT_DATES: Final[tuple[EventDate, ...]] = (
    EventDate("person", "date_of_birth", Ahead.NEVER, note="not after what is on record of the person"),
    EventDate("person_departure", "departed_on", Ahead.NEVER, after_death=True, note="of a death, or of a withdrawal"),
    EventDate("call_history", "call_date", Ahead.UNTIL_IT_HAPPENED, after_death=True, note=_HAPPENED),
    EventDate(
        "call_history",
        "booking_date",
        Ahead.UNTIL_IT_HAPPENED,
        after_death=True,
        note="the same where `call_date` is empty; no open booking after a death: it is cancelled",
    ),
    EventDate("call_history", "reminder_date", after_death=True, note="stopped by a death"),
    EventDate("patient", "first_contact_date", Ahead.NEVER, since=FIRST_CONTACTS_SINCE),
    EventDate("patient", "initial_consult_date"),
    EventDate("patient_lead", "wake_up_on", note="from today on when it is said"),
    EventDate(
        "journey_event",
        "happened_at",
        Ahead.NEVER,
        note="in the order of the moves, or a marked correction; after a death the states that STATES.md names",
    ),
    *(
        EventDate("clinical_trial_journey", name)
        for name in ("referral_date", "eligibility_assessment_date", "enrollment_date", "completion_date")
    ),
    EventDate("clinical_trial_journey", "on_hold_until"),
    EventDate("eap_journey", "enrollment_date"),
    EventDate("eap_journey", "approval_date"),
    EventDate("eap_journey", "completion_date", after_death=True, note="the report of the dead is due"),
    EventDate("eap_journey", "on_hold_until"),
    EventDate("eap_gate", "decided_on", after_death=True, note="what it lets through has been decided"),
    EventDate("eap_gate", "expires_on", after_death=True, note="not before `decided_on`"),
    *(
        EventDate("task", name, after_death=True, note="work goes on when somebody has died")
        for name in ("due_on", "due_at", "snoozed_until", "repeat_until")
    ),
    EventDate("task", "reported_at", Ahead.NEVER, after_death=True, note="a side effect of the dead is reported too"),
    EventDate("patient_physician_relationship", "start_date"),
    EventDate("patient_physician_relationship", "end_date", after_death=True),
    EventDate("person_relationship", "start_date", after_death=True, note="of both people"),
    EventDate("person_relationship", "end_date", after_death=True, note="of both people"),
    EventDate("person_contact_type", "valid_from", after_death=True),
    EventDate("person_contact_type", "valid_to", after_death=True),
)
_OF_TABLE: Final[dict[str, list[EventDate]]] = {}
for _one in EVENT_DATES:
    _OF_TABLE.setdefault(_one.table, []).append(_one)


@dataclass(frozen=True)
class Life:
    """
    The days between which things happen to a person, as far as they are known, and the zone of their days.

    `has_died`: also where the day is not known.
    """

    born: date | None = None
    died: date | None = None
    time_zone: str | None = None

    @property
    def earliest(self) -> date | None:
        """The first day on which they may have been born."""
        if self.born is not None and (self.born.month, self.born.day) in PLACEHOLDERS:
            return date(self.born.year, 1, 1)
        return self.born

    def is_before(self, value: date | datetime) -> bool:
        """Whether it lies before the birth, wherever that was."""
        born = self.earliest
        return born is not None and _day(value, FARTHEST_EAST) < born

    def is_after(self, value: date | datetime) -> bool:
        """Whether it lies after the death, wherever that was."""
        return self.died is not None and _day(value, FARTHEST_WEST) > self.died

    def has_come(self, value: date | datetime, now: datetime) -> bool:
        """Whether the moment is there, but for clocks that differ; a day begins in the person's zone or in ours."""
        if isinstance(value, datetime):
            return value <= now + CLOCKS_DIFFER
        today = now.astimezone(clock.zone_named(self.time_zone)).date()
        return value <= max(today, now.date())


UNKNOWN_LIFE: Final = Life()
"""Of somebody of whom neither day is known."""


def implausible(
    table: str,
    values: Mapping[str, date | datetime | None],
    *,
    life: Life,
    now: datetime,
    happened: Collection[str] = (),
    told_by: Collection[str] = (),
) -> list[Fault]:
    """
    What of a record's dates cannot be; `values` has any of the table's fields.

    `happened` are those that tell of what has happened, where that depends on the record, and `told_by` the fields
    which say that it has.
    """
    found = []
    for rule in _OF_TABLE[table]:
        value = values.get(rule.field)
        if value is None:
            continue
        is_past = rule.ahead is Ahead.NEVER or (rule.ahead is Ahead.UNTIL_IT_HAPPENED and rule.field in happened)
        if is_past and not life.has_come(value, now):
            with_ = () if rule.ahead is Ahead.NEVER else told_by
            found.append(fault(rule.field, "in_the_future", "Must not lie in the future.", with_=with_))
        if rule.since is not None and value < rule.since:
            found.append(
                fault(rule.field, "too_long_ago", _("Must not lie before %(day)s.", day=rule.since.isoformat()))
            )
        if rule.field != "date_of_birth" and life.is_before(value):
            found.append(fault(rule.field, "before_birth", "Lies before the birth date of the person."))
        if not rule.after_death and life.is_after(value):
            found.append(fault(rule.field, "after_death", "Lies after the death of the person."))
    return found


def dates_of(row: Any) -> dict[str, date | datetime | None]:
    """The dates of a stored record, for `implausible`."""
    return {one.field: getattr(row, one.field) for one in _OF_TABLE[row.__tablename__]}


def table() -> str:
    """EVENT_DATES as a Markdown table."""
    head = "| record | date | may lie ahead | not before | after a death | |\n| --- | --- | --- | --- | --- | --- |\n"
    return head + "".join(
        f"| `{one.table}` | `{one.field}` | {one.ahead} | {_not_before(one)} |"
        f" {'yes' if one.after_death else 'no'} | {one.note} |\n"
        for one in EVENT_DATES
    )


def _not_before(one: EventDate) -> str:
    bounds = ["the birth"] if one.field != "date_of_birth" else []
    return " and ".join([*bounds, *([one.since.isoformat()] if one.since else [])]) or "-"


def _day(value: date | datetime, farthest: timedelta) -> date:
    """The day of an instant in the zone that is farthest from ours; a day is itself."""
    return (value.astimezone(UTC) + farthest).date() if isinstance(value, datetime) else value
