"""
Whether a lead could not be reached, computed from the calls. It suggests; only somebody moves the lead.

An attempt is an outbound call that reached nobody: no answer, a voicemail, a promise to be called back. One that
reached them makes what was tried before it count no more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Executable, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls.models import CallHistory
from app.calls.states import ATTEMPTS, SPOKEN_TO
from app.leads.models import PatientLead
from app.leads.schemas import AttemptsRead
from app.leads.states import LEAD
from app.platform.settings import Settings

UNREACHABLE = "unreachable"
_REACHED = tuple(outcome for outcome in SPOKEN_TO if outcome not in ATTEMPTS)


@dataclass(frozen=True)
class Policy:
    """So many attempts within so many days are enough (CRM_ATTEMPTS, CRM_ATTEMPT_DAYS)."""

    needed: int
    within_days: int

    @classmethod
    def of(cls, settings: Settings) -> "Policy":
        return cls(settings.attempts, settings.attempt_days)


@dataclass(frozen=True)
class Attempts:
    """How often it was tried in the time of the policy, when last, and the state that this suggests."""

    made: int
    last_at: datetime | None
    suggests: str | None


def suggestion(status: str, *, made: int, policy: Policy) -> str | None:
    """`unreachable` for a lead that may go there and was tried often enough."""
    is_enough = made >= policy.needed and LEAD.may_move(status, UNREACHABLE)
    return UNREACHABLE if is_enough else None


async def attempts_at(session: AsyncSession, lead: PatientLead, *, policy: Policy, now: datetime) -> Attempts:
    """What was tried to reach the lead's person since they were reached last, in the days of the policy."""
    since = now - timedelta(days=policy.within_days)
    made, last_at = (await session.execute(_tried(lead.person_id, since=since, now=now))).one()
    return Attempts(made, last_at, suggestion(lead.status, made=made, policy=policy))


def attempts_read(lead: PatientLead, tried: Attempts, policy: Policy) -> AttemptsRead:
    return AttemptsRead(
        lead_id=lead.lead_id,
        person_id=lead.person_id,
        made=tried.made,
        last_at=tried.last_at,
        needed=policy.needed,
        within_days=policy.within_days,
        suggests=tried.suggests,
    )


def _tried(person_id: UUID, *, since: datetime, now: datetime) -> Executable:
    outcome = func.lower(CallHistory.outcome)
    of_theirs = (
        CallHistory.person_id == person_id,
        CallHistory.voided_at.is_(None),
        CallHistory.occurs_at <= now,
        CallHistory.occurs_at >= since,
    )
    reached = select(func.max(CallHistory.occurs_at)).where(*of_theirs, outcome.in_(_REACHED)).scalar_subquery()
    return select(func.count(), func.max(CallHistory.occurs_at)).where(
        *of_theirs,
        CallHistory.direction == "outbound",
        outcome.in_(ATTEMPTS),
        CallHistory.occurs_at > func.coalesce(reached, since - timedelta(seconds=1)),
    )
