"""Which moves of a lead are right, and what each needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.events.moves import Condition, Finding, Move, Moves, Step
from app.leads.errors import ReopenTooLate
from app.leads.models import PatientLead
from app.leads.states import LEAD, codes_of
from app.platform.errors import FieldError

REOPENABLE_FOR = timedelta(days=30)


@dataclass(frozen=True)
class LeadStep(Step):
    """A move of a lead as it was asked for, with what only some states have use for."""

    wake_up_on: date | None = None
    duplicate_of_person_id: UUID | None = None


def is_reopenable(closed_at: datetime | None, *, now: datetime) -> bool:
    """Whether a lead closed at this moment may be opened again; later the person gets a new lead."""
    return closed_at is None or now - closed_at <= REOPENABLE_FOR


def allowed_transitions(status: str, *, closed_at: datetime | None, now: datetime) -> list[str]:
    """Where a lead may be moved to; converting is an act of its own and not among them."""
    if not LEAD.is_open(status) and not is_reopenable(closed_at, now=now):
        return []
    return [to for to in LEAD.allowed(status) if to != "converted"]


async def reopened_in_time(_session: AsyncSession, leads: Sequence[PatientLead], move: Move) -> list[Finding]:
    return [Finding.of(is_reopenable(lead.closed_at, now=move.entered_at)) for lead in leads]


def _faults_of(to: str, step: LeadStep, today: date) -> list[FieldError]:
    found = []
    if to == "nurture" and step.wake_up_on is None:
        found.append(FieldError("wake_up_on", "missing", "Say on which day to come back to this lead."))
    if to == "nurture" and step.wake_up_on is not None and step.wake_up_on < today:
        found.append(FieldError("wake_up_on", "in_the_past", "The day to come back lies ahead."))
    if to == "duplicate" and step.duplicate_of_person_id is None:
        found.append(FieldError("duplicate_of_person_id", "missing", "Say of whom it is a duplicate."))
    if step.wake_up_on is not None and to != "nurture":
        found.append(FieldError("wake_up_on", "not_of_this_status", "Only a lead in nurture wakes up."))
    if step.duplicate_of_person_id is not None and to != "duplicate":
        message = "Only a duplicate points to somebody."
        found.append(FieldError("duplicate_of_person_id", "not_of_this_status", message))
    return found


_REOPENED_IN_TIME = Condition("reopened_in_time", reopened_in_time, refusal=lambda *_: ReopenTooLate())
LEAD_MOVES = Moves(
    LEAD,
    conditions={
        (closed, to): (_REOPENED_IN_TIME,)
        for closed in LEAD.states
        if closed in LEAD.terminal
        for to in LEAD.moves[closed]
    },
    codes_of=codes_of,
    faults_of=_faults_of,
    after_death=LEAD.terminal - {"converted"},
)
