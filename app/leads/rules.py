"""Which moves of a lead are right, and what each needs."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from app.leads.errors import ReopenTooLate
from app.leads.states import DISQUALIFICATION_REASONS, LEAD
from app.platform.errors import FieldError, Invalid, invalid_field

REOPENABLE_FOR = timedelta(days=30)
CLOCKS_DIFFER = timedelta(minutes=5)
"""How far ahead of ours a caller's clock may be."""
OTHER = "other"


@dataclass(frozen=True)
class Step:
    """A move as it was asked for: `to` is a state's or a seed's word, `happened_at` now when it is None."""

    to: str
    happened_at: datetime | None = None
    reason_code: str | None = None
    reason: str | None = None
    wake_up_on: date | None = None
    duplicate_of_person_id: UUID | None = None


@dataclass(frozen=True)
class Move:
    """A step that is right. `closed_at` is set when the lead is closed by it."""

    from_status: str
    to: str
    happened_at: datetime
    closed_at: datetime | None
    reason_code: str | None
    reason: str | None
    wake_up_on: date | None
    duplicate_of_person_id: UUID | None


def decide_move(status: str, step: Step, *, closed_at: datetime | None, now: datetime) -> Move:
    """
    The move that `step` means for a lead in `status`, closed at `closed_at` when it is closed.

    TransitionNotAllowed; ReopenTooLate more than 30 days after the closing; Invalid, naming the field, when something
    that the state needs is missing or something that it has no use for is given.
    """
    to = LEAD.state_of(step.to) or step.to
    LEAD.require_move(status, to)
    if not LEAD.is_open(status) and not is_reopenable(closed_at, now=now):
        raise ReopenTooLate
    happened_at = step.happened_at or now
    if happened_at > now + CLOCKS_DIFFER:
        raise invalid_field("happened_at", "in_the_future", "A change that has happened lies in the past.")
    if wrong := [*_missing(to, step, today=now.date()), *_out_of_place(to, step)]:
        raise Invalid(fields=wrong)
    return Move(
        from_status=status,
        to=to,
        happened_at=happened_at,
        closed_at=None if LEAD.is_open(to) else happened_at,
        # A reason in words alone is one of the code "other".
        reason_code=step.reason_code or (OTHER if codes_of(to) else None),
        reason=step.reason,
        wake_up_on=step.wake_up_on,
        duplicate_of_person_id=step.duplicate_of_person_id,
    )


def is_reopenable(closed_at: datetime | None, *, now: datetime) -> bool:
    """Whether a lead closed at this moment may be opened again; later the person gets a new lead."""
    return closed_at is None or now - closed_at <= REOPENABLE_FOR


def allowed_transitions(status: str, *, closed_at: datetime | None, now: datetime) -> list[str]:
    """Where a lead may be moved to; converting is an act of its own and not among them."""
    if not LEAD.is_open(status) and not is_reopenable(closed_at, now=now):
        return []
    return [to for to in LEAD.allowed(status) if to != "converted"]


def codes_of(status: str) -> Collection[str]:
    """The reason codes of a state."""
    return DISQUALIFICATION_REASONS if status in LEAD.needs_reason else ()


def _missing(to: str, step: Step, *, today: date) -> list[FieldError]:
    found = []
    if codes_of(to) and step.reason_code is None and step.reason is None:
        found.append(FieldError("reason_code", "reason_needed", "Say why, by a code or in words."))
    if codes_of(to) and step.reason_code == OTHER and step.reason is None:
        found.append(FieldError("reason", "reason_needed", "The code `other` needs words."))
    if to == "nurture" and step.wake_up_on is None:
        found.append(FieldError("wake_up_on", "missing", "Say on which day to come back to this lead."))
    if to == "nurture" and step.wake_up_on is not None and step.wake_up_on < today:
        found.append(FieldError("wake_up_on", "in_the_past", "The day to come back lies ahead."))
    if to == "duplicate" and step.duplicate_of_person_id is None:
        found.append(FieldError("duplicate_of_person_id", "missing", "Say of whom it is a duplicate."))
    return found


def _out_of_place(to: str, step: Step) -> list[FieldError]:
    found = []
    if step.reason_code is not None and step.reason_code not in codes_of(to):
        found.append(FieldError("reason_code", "not_of_this_status", "This status has no such reason code."))
    if step.wake_up_on is not None and to != "nurture":
        found.append(FieldError("wake_up_on", "not_of_this_status", "Only a lead in nurture wakes up."))
    if step.duplicate_of_person_id is not None and to != "duplicate":
        message = "Only a duplicate points to somebody."
        found.append(FieldError("duplicate_of_person_id", "not_of_this_status", message))
    return found
