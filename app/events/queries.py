from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.models import JourneyEvent
from app.platform.actor import Actor
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
