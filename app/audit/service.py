"""What a request showed or changed, gathered on its session and written as one event."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.platform.actor import Actor
from app.platform.paging import Found, Page

T = TypeVar("T")


@dataclass
class Trail:
    """What has been noted so far in this unit of work. The first record noted is the event's record."""

    record_type: str | None = None
    record_id: UUID | None = None
    person_ids: set[UUID] = field(default_factory=set)
    field_names: set[str] = field(default_factory=set)
    purpose: str | None = None
    subject: UUID | None = None


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
    subject: UUID | None = None,
) -> None:
    """
    Note that this unit of work showed or changed a record of these persons.

    Written when the unit of work ends, in its transaction; further notes add persons and fields to the same event.
    Without `record_type` only those are added: the caller's own record is the event's.
    `subject` is the person whose record it is, where the answer itself does not name them (the events of a journey).
    """
    trail = _trail(session)
    if trail.record_type is None:
        trail.record_type, trail.record_id = record_type, record_id
    trail.person_ids.update(person_ids)
    trail.field_names.update(fields)
    trail.purpose = purpose or trail.purpose
    trail.subject = subject or trail.subject


def show_page(
    session: AsyncSession,
    found: Found[Any],
    items: Iterable[T],
    *,
    person_ids: Iterable[UUID] = (),
    subject: UUID | None = None,
) -> Page[T]:
    """
    The page of a list as its route answers it, noted as what this unit of work showed.

    Whom the answers name is noted where they are shown (access/views.py); `person_ids` are others.
    """
    note(session, record_type=found.record_type, person_ids=person_ids, subject=subject)
    return found.page(items)


@contextmanager
def without_notes(session: AsyncSession) -> Iterator[None]:
    """What is noted within the block is forgotten: it looks, and shows nothing."""
    noted = session.info.pop("trail", None)
    try:
        yield
    finally:
        session.info["trail"] = noted or Trail()


# By the table: an insert of the model is put together anew for each set of values.
_EVENT = insert(AuditEvent.metadata.tables[AuditEvent.__tablename__]).inline()
Event = dict[str, Any]
"""The values of an event that is not written yet."""


@asynccontextmanager
async def event_of_its_own(
    session: AsyncSession, actor: Actor | None, *, action: str, request_id: str | None, kept: list[Event] | None = None
) -> AsyncIterator[None]:
    """
    What is noted within the block is an event of its own: of one record, where a request changes several.

    None is written where the block fails. With `kept` it is added there, for `write_kept` to write all of them at once.
    """
    noted = session.info.pop("trail", None)
    try:
        yield
        if kept is None:
            await write_event(session, actor, action=action, request_id=request_id)
        else:
            kept.append(_event(session, actor, action=action, request_id=request_id))
    finally:
        session.info["trail"] = noted or Trail()


def state_purpose(session: AsyncSession, purpose: str) -> None:
    """Note by which opening this unit of work sees what it sees; a break-glass outweighs the others."""
    trail = _trail(session)
    if trail.purpose != "break_glass":
        trail.purpose = purpose


def persons(session: AsyncSession) -> frozenset[UUID]:
    """Everybody who has been noted in this unit of work."""
    return frozenset(_trail(session).person_ids)


def purpose(session: AsyncSession) -> str | None:
    """By which opening this unit of work has seen what it saw, None when nothing had to be opened."""
    return _trail(session).purpose


def subject(session: AsyncSession) -> UUID | None:
    """The person that has been noted as the subject of this unit of work, None where answers name their own."""
    return _trail(session).subject


async def state_change_reason(session: AsyncSession, reason: str) -> None:
    """File the changes of this transaction in row_history with this reason."""
    await session.execute(select(func.set_config("crm.reason", reason, True)))


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
    event = _event(session, actor, action=action, outcome=outcome, code=code, request_id=request_id)
    await session.execute(_EVENT, event)


async def write_kept(session: AsyncSession, events: list[Event]) -> None:
    """Write these events, in their order."""
    if events:
        await session.execute(insert(AuditEvent), events)


def _event(
    session: AsyncSession,
    actor: Actor | None,
    *,
    action: str,
    outcome: str = "done",
    code: str | None = None,
    request_id: str | None,
) -> Event:
    trail = _trail(session)
    return {
        "actor_id": actor.account_id if actor else None,
        "api_key_id": actor.api_key_id if actor else None,
        "session_id": actor.session_id if actor else None,
        "action": action,
        "record_type": trail.record_type,
        "record_id": trail.record_id,
        "person_ids": sorted(trail.person_ids) or None,
        "field_names": sorted(trail.field_names) or None,
        "outcome": outcome,
        "code": code,
        "purpose": trail.purpose,
        "request_id": request_id,
    }
