from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.drafts.errors import DraftNotFound
from app.drafts.models import Draft
from app.drafts.schemas import DraftFilter
from app.platform import clock
from app.platform.actor import Actor
from app.platform.paging import Found, SortKey, fetch_page

LAST_SAVED = SortKey((Draft.expires_at, Draft.draft_id), (datetime, UUID))


def own(actor: Actor) -> ColumnElement[bool]:
    """The actor's drafts that are still kept."""
    return and_(Draft.user_account_id == actor.account_id, Draft.expires_at > clock.now())


def at(kind: str, record_id: UUID, field: str) -> ColumnElement[bool]:
    return and_(Draft.kind == kind, Draft.record_id == record_id, Draft.field == field)


async def get_draft(
    session: AsyncSession, actor: Actor, *, kind: str, record_id: UUID, field: str, for_update: bool = False
) -> Draft:
    """The actor's draft of this field; DraftNotFound."""
    query = select(Draft).where(own(actor), at(kind, record_id, field)).execution_options(populate_existing=True)
    found = await session.scalar(query.with_for_update() if for_update else query)
    if found is None:
        raise DraftNotFound
    return found


async def list_drafts(session: AsyncSession, actor: Actor, *, query: DraftFilter) -> Found[Draft]:
    """A page of the actor's drafts, the one that was saved last at the front."""
    ids: Any = select(Draft.draft_id, *LAST_SAVED.columns).where(own(actor))
    for name in ("kind", "record_id", "person_id"):
        wanted = getattr(query, name)
        if wanted is not None:
            ids = ids.where(getattr(Draft, name) == wanted)
    if query.expires_before is not None:
        ids = ids.where(Draft.expires_at < query.expires_before)
    return await fetch_page(session, ids=ids, query=query, sort=LAST_SAVED, rows=select(Draft))
