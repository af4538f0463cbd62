from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.drafts import queries
from app.drafts.errors import DraftNotFound, TooManyDrafts
from app.drafts.models import Draft
from app.drafts.schemas import DraftSave
from app.platform import clock
from app.platform.actor import Actor
from app.platform.etags import etag, require_match
from app.platform.stored_fields import StoredFields

KEPT_FOR: Final = timedelta(days=30)
MOST: Final = 200
"""Per account: what is not sent for weeks is not needed any more."""
_SAVED = StoredFields(Draft, DraftSave)


async def save_draft(
    session: AsyncSession,
    actor: Actor,
    *,
    kind: str,
    record_id: UUID,
    field: str,
    saved: DraftSave,
    if_match: str | None = None,
) -> Draft:
    """
    Keep what the actor is typing, for 30 days from now. The last one to save wins, unless `if_match` names a version.

    Stale; TooManyDrafts; Invalid for an unknown person.
    """
    if if_match is not None:
        present = await queries.get_draft(session, actor, kind=kind, record_id=record_id, field=field, for_update=True)
        require_match(if_match, etag(present.version))
    await _require_room(session, actor, kind=kind, record_id=record_id, field=field)
    now = clock.now()
    values = {**_SAVED.values(saved), "saved_at": now, "expires_at": now + KEPT_FOR}
    key = {"user_account_id": actor.account_id, "kind": kind, "record_id": record_id, "field": field}
    # One statement: of two tabs that save a new one at once, the second saves over the first.
    statement = insert(Draft).values(**key, **values)
    draft = (
        await session.scalars(
            statement.on_conflict_do_update(index_elements=list(key), set_={**values, "version": Draft.version + 1})
            .returning(Draft)
            .execution_options(populate_existing=True)
        )
    ).one()
    audit.note(session, record_type="draft", record_id=draft.draft_id, fields=["content"])
    return draft


async def remove_draft(session: AsyncSession, actor: Actor, *, kind: str, record_id: UUID, field: str) -> None:
    """Remove the draft when it was sent, or is not wanted. DraftNotFound."""
    gone = delete(Draft).where(queries.own(actor), queries.at(kind, record_id, field))
    removed = (await session.execute(gone.returning(Draft.draft_id, Draft.person_id))).one_or_none()
    if removed is None:
        raise DraftNotFound
    people = [] if removed.person_id is None else [removed.person_id]
    audit.note(session, record_type="draft", record_id=removed.draft_id, person_ids=people)


async def forget_old_drafts(session: AsyncSession, *, now: datetime) -> int:
    """Remove the drafts that nobody has saved for 30 days; the number removed."""
    gone = delete(Draft).where(Draft.expires_at <= now).returning(Draft.draft_id).cte("gone")
    return (await session.execute(select(func.count()).select_from(gone))).scalar_one()


async def _require_room(session: AsyncSession, actor: Actor, *, kind: str, record_id: UUID, field: str) -> None:
    """TooManyDrafts when this would be one too many."""
    others = select(func.count()).where(queries.own(actor), ~queries.at(kind, record_id, field))
    if (await session.execute(others)).scalar_one() >= MOST:
        raise TooManyDrafts
