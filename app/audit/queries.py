"""
The audit trail read back, fast at ten millions of events.

Each question has its index: a record or an account `(…, at)` on every partition, refusals a partial one, persons and
actions on closed months alone (partitions.close_partitions), because a GIN index on the open month would make every
request dearer. In the open month a person is found by one scan, bounded by when the person came to be.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, func, literal, select, text, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.audit.schemas import AuditEventFilter
from app.platform import clock
from app.platform.actor import Actor
from app.platform.db import Database
from app.platform.paging import COUNT_CAP, Found, SortKey, after, decode_cursor, encode_cursor, fetch_keys
from app.platform.replica import may_be_old

_BY_TIME = SortKey((AuditEvent.at, AuditEvent.audit_event_id), (datetime, UUID))
_BY_KEY = SortKey((AuditEvent.audit_event_id,), (UUID,))
"""The key is a UUIDv7: its order is that of writing, and its index is there already."""
_LONGEST_TRANSACTION = timedelta(days=1)
"""`at` is when a transaction began, the key when its event was written."""
EXPORT_CHUNK = 2_000


def made_at(key: UUID) -> datetime | None:
    """When a UUIDv7 was made; None for other kinds of UUID."""
    if key.version != 7:  # noqa: PLR2004 - the seventh kind
        return None
    return datetime.fromtimestamp((key.int >> 80) / 1000, UTC)


def _key_at(moment: datetime) -> UUID:
    """The smallest UUIDv7 of this millisecond."""
    milliseconds = max(int(moment.timestamp() * 1000), 0)
    return UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62))


@dataclass(frozen=True)
class _Question:
    """What a filter asks: its conditions, and the order in which an index gives the answer."""

    conditions: list[ColumnElement[bool]]
    sort: SortKey


def _question(query: AuditEventFilter) -> _Question:
    event = AuditEvent
    conditions: list[ColumnElement[bool]] = []
    for name in ("actor_id", "record_id", "action", "outcome", "purpose"):
        value = getattr(query, name)
        if value is not None:
            conditions.append(getattr(event, name) == value)
    if query.outcome is not None and query.outcome != "done":
        # Lets the partial index on what was not done answer.
        conditions.append(event.outcome != literal("done", literal_execute=True))
    from_at = query.from_at
    if query.person_id is not None:
        conditions.append(type_coerce(event.person_ids, ARRAY(Uuid())).contains([query.person_id]))
        began = made_at(query.person_id)
        if began is not None:
            began -= _LONGEST_TRANSACTION
            from_at = began if from_at is None else max(began, from_at)
    by_key = query.person_id is None and query.actor_id is None and query.record_id is None
    if from_at is not None:
        conditions.append(event.at >= from_at)
        if by_key:
            conditions.append(event.audit_event_id >= _key_at(from_at))
    if query.to_at is not None:
        conditions.append(event.at < query.to_at)
        if by_key:
            conditions.append(event.audit_event_id < _key_at(query.to_at + _LONGEST_TRANSACTION))
    return _Question(conditions, _BY_KEY if by_key else _BY_TIME)


async def _plan_for_these_values(session: AsyncSession) -> None:
    # The pool plans generically; here the values decide which months and which index are looked at.
    await session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))


@may_be_old
async def list_events(session: AsyncSession, _actor: Actor, *, query: AuditEventFilter) -> Found[AuditEvent]:
    """A page of events, newest first."""
    if query.person_id is not None:
        return await list_events_of_person(session, query=query, limit=query.limit)
    question = _question(query)
    await _plan_for_these_values(session)
    ids = select(AuditEvent.audit_event_id, *question.sort.columns).where(*question.conditions)
    keys = await fetch_keys(session, ids=ids, query=query, sort=question.sort)
    return replace(keys, rows=await _events(session, keys.rows))


_REMEMBERED, _REMEMBERED_FOR = 400, timedelta(days=30)
"""Among so many of somebody's latest events, none older than that, it is looked what they have opened."""


async def recently_opened(session: AsyncSession, actor: Actor, *, actions: Sequence[str], most: int) -> list[UUID]:
    """The records that the actor has opened by these actions, the latest first, each once."""
    event = AuditEvent
    latest = (
        select(event.record_id, event.action)
        .where(event.actor_id == actor.account_id, event.at >= clock.now() - _REMEMBERED_FOR, event.outcome == "done")
        .order_by(event.at.desc(), event.audit_event_id.desc())
        .limit(_REMEMBERED)
    )
    opened = (row.record_id for row in await session.execute(latest) if row.action in actions and row.record_id)
    return list(dict.fromkeys(opened))[:most]


@may_be_old
async def list_events_of_person(session: AsyncSession, *, query: AuditEventFilter, limit: int) -> Found[AuditEvent]:
    """
    Up to `limit` events that name the query's person, newest first.

    One scan for the page and its count: the hits are few, but finding them in the open month reads it all.
    MATERIALIZED also keeps the planner from walking a time index in the hope of an early end.
    """
    question = _question(query)
    await _plan_for_these_values(session)
    hits = (
        select(AuditEvent.at, AuditEvent.audit_event_id)
        .where(*question.conditions)
        .cte("hits")
        .prefix_with("MATERIALIZED")
    )
    counted = select(func.count()).select_from(select(hits.c.at).limit(COUNT_CAP + 1).subquery()).scalar_subquery()
    page = select(hits.c.at, hits.c.audit_event_id, counted.label("total"))
    if query.cursor is not None:
        values = decode_cursor(query.cursor, query.fingerprint(), question.sort.kinds)
        place = SortKey((hits.c.at, hits.c.audit_event_id), question.sort.kinds)
        page = page.where(after(place, values))
    page = page.order_by(hits.c.at.desc(), hits.c.audit_event_id.desc()).limit(limit + 1)
    found = (await session.execute(page)).all()
    shown = found[:limit]
    total = shown[0].total if shown else 0
    keys = [row.audit_event_id for row in shown]
    more = len(found) > limit
    next_cursor = encode_cursor(query.fingerprint(), shown[-1][:2]) if more else None
    return Found(await _events(session, keys), next_cursor, min(total, COUNT_CAP), total > COUNT_CAP)


async def _events(session: AsyncSession, keys: Sequence[UUID]) -> list[AuditEvent]:
    by_key = {row.audit_event_id: row for row in await session.scalars(_of_keys(keys))} if keys else {}
    return [by_key[key] for key in keys]


def _of_keys(keys: Sequence[UUID]) -> Select[AuditEvent]:
    """The events of these keys; the time inside a key tells which months to look into."""
    moments = [moment for moment in map(made_at, keys) if moment is not None]
    query = select(AuditEvent).where(AuditEvent.audit_event_id.in_(keys))
    if len(moments) < len(keys):
        return query
    return query.where(
        AuditEvent.at >= min(moments) - _LONGEST_TRANSACTION, AuditEvent.at <= max(moments) + _LONGEST_TRANSACTION
    )


async def event_chunks(
    database: Database, *, query: AuditEventFilter, chunk: int = EXPORT_CHUNK
) -> AsyncIterator[list[AuditEvent]]:
    """
    Every event the filter asks for, newest first, `chunk` at a time.

    Each chunk is a transaction of its own: a slow reader holds no snapshot, and memory holds one chunk.
    """
    question = _question(query)
    last: list[Any] | None = None
    while True:
        async with database.unit_of_work() as session:
            rows = await _chunk(session, question, last, chunk)
        if rows:
            yield rows
        if len(rows) < chunk:
            return
        last = [getattr(rows[-1], str(column.key)) for column in question.sort.columns]


@may_be_old
async def _chunk(session: AsyncSession, question: _Question, last: list[Any] | None, chunk: int) -> list[AuditEvent]:
    await _plan_for_these_values(session)
    wanted = select(AuditEvent).where(*question.conditions)
    if last is not None:
        wanted = wanted.where(after(question.sort, last))
    wanted = wanted.order_by(*(column.desc() for column in question.sort.columns)).limit(chunk)
    return list(await session.scalars(wanted))
