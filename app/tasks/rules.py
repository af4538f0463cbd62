"""When a task is due, and when one that comes again is due next."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo

from app.platform import clock
from app.platform.faults import Fault, fault
from app.platform.locales import _
from app.platform.text import LATEST

MOST_EVERY = 1_000
SIDE_EFFECT = "side_effect"
"""The `rule` of a task by which a side effect that was heard of is reported, which the law asks for in time."""
REPORT_TITLE = _("Report the side effect")
"""What such a task is called until somebody calls it otherwise."""
REPORT_SQL = f"rule = '{SIDE_EFFECT}'"
"""The same as SQL: a constant, so that the planner recognises the partial index on it."""
_DAYS = {"day": 1, "week": 7}
_MONTHS_OF_A_YEAR = 12
_END_OF_DAY = time(23, 59, 59)


@dataclass(frozen=True)
class Due:
    """On a day, or at a moment; both in a zone, which is UTC when none is named or the named one is not known."""

    on: date | None
    at: datetime | None
    time_zone: str | None = None

    @property
    def _zone(self) -> tzinfo:
        return clock.zone_named(self.time_zone)

    @property
    def day(self) -> date:
        """The day on the clock of its zone."""
        if self.on is not None:
            return self.on
        assert self.at is not None  # noqa: S101 - one of both
        return self.at.astimezone(self._zone).date()

    @property
    def moment(self) -> datetime:
        """The moment itself, or the last second of the day."""
        return self.at or datetime.combine(self.day, _END_OF_DAY, self._zone).astimezone(UTC)

    def today(self, now: datetime) -> date:
        return now.astimezone(self._zone).date()

    def moved_to(self, day: date) -> "Due":
        """The same on another day, at the same time on the clock of its zone."""
        if self.at is None:
            return Due(day, None, self.time_zone)
        there = self.at.astimezone(self._zone).time()
        return Due(None, datetime.combine(day, there, self._zone).astimezone(UTC), self.time_zone)


def due_by(due: Due, snoozed_until: datetime | None) -> datetime:
    """The moment after which the task is late: a snoozed one is not due before."""
    return due.moment if snoozed_until is None else max(due.moment, snoozed_until)


def next_day(*, first: date, every: int, unit: str, after: date, until: date | None) -> date | None:
    """
    The first day after `after` that is a whole number of steps from `first`; None when that is past `until`.

    A month that is too short has its last day instead; the month after has the day of `first` again.
    """
    if unit in _DAYS:
        step = every * _DAYS[unit]
        steps = (after - first).days // step + 1
        ordinal = first.toordinal() + steps * step
        found = date.fromordinal(ordinal) if ordinal < LATEST.toordinal() else None
    else:
        steps = _months_between(first, after) // every
        found = _months_later(first, steps * every)
        if found is not None and found <= after:
            found = _months_later(first, (steps + 1) * every)
    return None if found is None or (until is not None and found > until) else found


def repetition_faults(*, every: int | None, unit: str | None, until: date | None, due: Due) -> list[Fault]:
    """What of a repetition does not fit together."""
    found = []
    if (every is None) != (unit is None):
        missing = "repeat_every" if every is None else "repeat_unit"
        message = _("A task that comes again says every how many days, weeks or months.")
        found.append(fault(missing, "missing", message, with_={"repeat_every", "repeat_unit"}))
    if until is not None and every is None and unit is None:
        message = _("Say every how many days, weeks or months the task comes again.")
        found.append(fault("repeat_every", "missing", message, with_={"repeat_until"}))
    if until is not None and until < due.day:
        message = _("Must not lie before the day on which the task is due.")
        found.append(fault("repeat_until", "dates_not_in_order", message, with_={"due_on", "due_at"}))
    return found


def due_faults(due: Due) -> list[Fault]:
    """A task is due once: on a day or at a moment."""
    if due.on is None and due.at is None:
        return [fault("due_on", "missing", "A task needs due_on or due_at.", with_={"due_at"})]
    if due.on is not None and due.at is not None:
        return [fault("due_at", "due_twice", "Send due_on or due_at, and null for the other one.", with_={"due_on"})]
    # A day at the end is left for the clocks of other places.
    if due.day >= LATEST:
        message = _("Must lie between the years 1753 and 9999.")
        return [fault("due_on" if due.at is None else "due_at", "out_of_range", message)]
    return []


def report_faults(
    *, is_put_off: bool, closed_as: str | None, reported_at: datetime | None, reason: str | None
) -> list[Fault]:
    """
    What is not said of the report of a side effect that is put off, or is `closed_as` done or cancelled; `reason` is
    the one that comes with this change.
    """
    if closed_as == "done" and reported_at is None and reason is None:
        return [fault("reported_at", "report_needed", _("Say when it was reported, or why it was not."))]
    if closed_as == "cancelled" and reason is None:
        return [fault("reason", "reason_needed", _("Say why it is not reported."))]
    if is_put_off and closed_as is None and reason is None:
        return [fault("reason", "reason_needed", _("Say why the report is put off."))]
    return []


def _months_between(first: date, later: date) -> int:
    """The whole months of the calendar from one to the other, whatever their days."""
    return (later.year - first.year) * _MONTHS_OF_A_YEAR + later.month - first.month


def _months_later(first: date, months: int) -> date | None:
    """None behind the last year."""
    year, month = divmod(first.year * _MONTHS_OF_A_YEAR + first.month - 1 + months, _MONTHS_OF_A_YEAR)
    if year >= LATEST.year:
        return None
    return date(year, month + 1, min(first.day, monthrange(year, month + 1)[1]))
