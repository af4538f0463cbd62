from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.models import JourneyEvent
from app.platform.actor import Actor
from app.platform.db import Base
from app.platform.paging import Found, PageQuery, SortKey, fetch_page

_IN_ORDER_OF_ENTRY = SortKey((JourneyEvent.created_at, JourneyEvent.journey_event_id), (datetime, UUID), ascending=True)


async def list_events(
    session: AsyncSession, _actor: Actor, *, of: ColumnElement[bool], query: PageQuery
) -> Found[JourneyEvent]:
    """A page of a record's events, in the order in which they were entered."""
    return await fetch_page(
        session,
        ids=select(JourneyEvent.journey_event_id, *_IN_ORDER_OF_ENTRY.columns).where(of),
        query=query,
        sort=_IN_ORDER_OF_ENTRY,
        rows=select(JourneyEvent),
    )


async def latest_move_at(session: AsyncSession, *, record: Base) -> datetime | None:
    """When the latest move of a record happened; None for one without events, as the migration makes them."""
    [(owner, key)] = owner_of(record).items()
    moment: datetime | None = await session.scalar(
        select(func.max(JourneyEvent.happened_at)).where(getattr(JourneyEvent, owner) == key)
    )
    return moment


def owner_of(record: Base) -> dict[str, UUID]:
    """The column of events that names a record, with the record's key."""
    [column] = inspect(type(record)).primary_key
    return {column.name: getattr(record, column.name)}
