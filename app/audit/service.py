"""What a request showed or changed, gathered on its session and written as one event."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.platform.actor import Actor


@dataclass
class Trail:
    """What has been noted so far in this unit of work. The first record noted is the event's record."""

    record_type: str | None = None
    record_id: UUID | None = None
    person_ids: set[UUID] = field(default_factory=set)
    field_names: set[str] = field(default_factory=set)
    purpose: str | None = None


def _trail(session: AsyncSession) -> Trail:
    trail: Trail = session.info.setdefault("trail", Trail())
    return trail


def note(
    session: AsyncSession,
    *,
    record_type: str | None = None,
    record_id: UUID | None = None,
    person_ids: Iterable[UUID] = (),
    fields: Iterable[str] = (),
    purpose: str | None = None,
) -> None:
    """
    Note that this unit of work showed or changed a record of these persons.

    Written when the unit of work ends, in its transaction; further notes add persons and fields to the same event.
    Without `record_type` only those are added: the caller's own record is the event's.
    """
    trail = _trail(session)
    if trail.record_type is None:
        trail.record_type, trail.record_id = record_type, record_id
    trail.person_ids.update(person_ids)
    trail.field_names.update(fields)
    trail.purpose = purpose or trail.purpose


async def write_event(
    session: AsyncSession,
    actor: Actor | None,
    *,
    action: str,
    outcome: str = "done",
    code: str | None = None,
    request_id: str | None = None,
) -> None:
    """Write the unit of work's one event, from what was noted on `session`."""
    trail = _trail(session)
    await session.execute(
        insert(AuditEvent).values(
            actor_id=actor.account_id if actor else None,
            api_key_id=actor.api_key_id if actor else None,
            session_id=actor.session_id if actor else None,
            action=action,
            record_type=trail.record_type,
            record_id=trail.record_id,
            person_ids=sorted(trail.person_ids) or None,
            field_names=sorted(trail.field_names) or None,
            outcome=outcome,
            code=code,
            purpose=trail.purpose,
            request_id=request_id,
        )
    )
