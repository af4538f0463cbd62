from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.platform import clock
from app.platform.actor import Actor
from app.platform.advisory_locks import LockOf, lock_until_commit
from app.platform.errors import Invalid
from app.platform.etags import etag, require_match
from app.platform.stored_fields import StoredFields
from app.saved_views import queries
from app.saved_views.errors import NameTaken, TooManyPinned, TooManyViews
from app.saved_views.lists import LISTS, faults_of
from app.saved_views.models import SavedView, SavedViewChoice
from app.saved_views.schemas import SavedViewChoiceUpdate, SavedViewCreate, SavedViewRead, SavedViewUpdate

MOST: Final = 50
"""Per account and list."""
MOST_PINNED: Final = 5
_NEW = StoredFields(SavedView, SavedViewCreate)
_CHANGED = StoredFields(SavedView, SavedViewUpdate)


async def save_view(session: AsyncSession, actor: Actor, *, new: SavedViewCreate) -> SavedViewRead:
    """
    A new view of a list that the actor may read.

    Forbidden, also to share without the right to; Invalid for filters that no view holds; NameTaken; TooManyViews.
    """
    actor.require(LISTS[new.list_name].permission)
    view = SavedView(**_NEW.values(new), user_account_id=actor.account_id, updated_by=actor.account_id)
    _check(view)
    if view.is_shared:
        actor.require("view.share")
    await _one_at_a_time(session, actor)
    mine = SavedView.user_account_id == actor.account_id, SavedView.list_name == new.list_name
    names = (await session.scalars(select(SavedView.name).where(*mine, SavedView.removed_at.is_(None)))).all()
    _require_free(view.name, names)
    if len(names) >= MOST:
        raise TooManyViews
    session.add(view)
    await session.flush()
    audit.note(session, record_type="saved_view", record_id=view.saved_view_id)
    return await queries.get_view(session, actor, saved_view_id=view.saved_view_id)


async def change_view(
    session: AsyncSession, actor: Actor, *, saved_view_id: UUID, change: SavedViewUpdate, if_match: str | None = None
) -> SavedViewRead:
    """Change the fields given, for all who see the view. SavedViewNotFound; Stale; the rest as for a new one."""
    view = await queries.get_changeable(session, actor, saved_view_id=saved_view_id)
    require_match(if_match, etag(view.version))
    was_shared, was_called = view.is_shared, view.name
    _CHANGED.set_given(view, change)
    _check(view)
    if view.is_shared != was_shared:
        actor.require("view.share")
    if view.name != was_called:
        others = select(SavedView.name).where(
            SavedView.user_account_id == view.user_account_id,
            SavedView.list_name == view.list_name,
            SavedView.removed_at.is_(None),
            SavedView.saved_view_id != saved_view_id,
        )
        with session.no_autoflush:
            _require_free(view.name, (await session.scalars(others)).all())
    await session.flush()
    audit.note(session, record_type="saved_view", record_id=saved_view_id, fields=change.model_fields_set)
    return await queries.get_view(session, actor, saved_view_id=saved_view_id)


async def remove_view(
    session: AsyncSession, actor: Actor, *, saved_view_id: UUID, if_match: str | None = None
) -> SavedView:
    """Take a view away from all who see it. SavedViewNotFound; Stale."""
    view = await queries.get_changeable(session, actor, saved_view_id=saved_view_id)
    require_match(if_match, etag(view.version))
    view.removed_at = clock.now()
    await session.flush()
    audit.note(session, record_type="saved_view", record_id=saved_view_id, fields=["removed_at"])
    return view


async def choose_view(
    session: AsyncSession, actor: Actor, *, saved_view_id: UUID, choice: SavedViewChoiceUpdate
) -> SavedViewRead:
    """
    Say whether the actor's sidebar has a view that they may see, and whether its list begins with it: one view does.

    SavedViewNotFound; TooManyPinned; Forbidden for a view by what the actor sees masked.
    """
    await _one_at_a_time(session, actor)
    view = await queries.get_view(session, actor, saved_view_id=saved_view_id)
    if faults := faults_of(view.list_name, view.filters, view.sort):
        raise Invalid(fields=faults)
    mine = SavedViewChoice.user_account_id == actor.account_id, SavedViewChoice.list_name == view.list_name
    others = *mine, SavedViewChoice.saved_view_id != saved_view_id
    if choice.is_pinned:
        of_view = SavedView.saved_view_id == SavedViewChoice.saved_view_id
        pinned = select(SavedViewChoice.saved_view_id).join(SavedView, of_view)
        pinned = pinned.where(*others, SavedViewChoice.is_pinned, queries.seen(actor))
        if len((await session.scalars(pinned)).all()) >= MOST_PINNED:
            raise TooManyPinned
    if choice.is_default:
        await session.execute(update(SavedViewChoice).where(*others).values(is_default=False))
    values = {"is_pinned": choice.is_pinned, "is_default": choice.is_default}
    key = {"user_account_id": actor.account_id, "saved_view_id": saved_view_id}
    chosen = insert(SavedViewChoice).values(**key, list_name=view.list_name, **values)
    await session.execute(chosen.on_conflict_do_update(index_elements=list(key), set_=values))
    audit.note(session, record_type="saved_view", record_id=saved_view_id, fields=values.keys())
    return await queries.get_view(session, actor, saved_view_id=saved_view_id)


async def _one_at_a_time(session: AsyncSession, actor: Actor) -> None:
    """Let the choices of one account follow each other: what is counted has no row to lock yet."""
    await lock_until_commit(session, LockOf.VIEWS, str(actor.account_id))


def _check(view: SavedView) -> None:
    if faults := faults_of(view.list_name, view.filters, view.sort):
        raise Invalid(fields=faults)


def _require_free(name: str, names: Sequence[str]) -> None:
    if name.lower() in {other.lower() for other in names}:
        raise NameTaken
