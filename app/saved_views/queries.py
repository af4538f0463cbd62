from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, Uuid, and_, bindparam, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.actor import Actor
from app.saved_views.errors import SavedViewNotFound
from app.saved_views.lists import LISTS
from app.saved_views.models import SavedView, SavedViewChoice
from app.saved_views.schemas import SavedViewRead


def seen(actor: Actor) -> ColumnElement[bool]:
    """One's own and the shared ones, of the lists that one may read."""
    return _seen(_readable(actor), actor.account_id)


def _readable(actor: Actor) -> tuple[str, ...]:
    return tuple(name for name, viewed in LISTS.items() if actor.may(viewed.permission))


def _seen(readable: Sequence[str], account_id: Any) -> ColumnElement[bool]:
    mine = SavedView.user_account_id == account_id
    return and_(SavedView.removed_at.is_(None), SavedView.list_name.in_(readable), or_(mine, SavedView.is_shared))


def _with_choice(actor: Actor) -> Select[SavedView, SavedViewChoice]:
    mine = and_(
        SavedViewChoice.saved_view_id == SavedView.saved_view_id,
        SavedViewChoice.user_account_id == actor.account_id,
    )
    return select(SavedView, SavedViewChoice).outerjoin(SavedViewChoice, mine).where(seen(actor))


def _read(actor: Actor, view: SavedView, choice: SavedViewChoice | None) -> SavedViewRead:
    names = ("saved_view_id", "list_name", "name", "filters", "sort", "columns", "is_shared", "user_account_id")
    kept = {name: getattr(view, name) for name in (*names, "created_at", "updated_at", "version")}
    return SavedViewRead(
        **kept,
        is_own=view.user_account_id == actor.account_id,
        is_pinned=choice is not None and choice.is_pinned,
        is_default=choice is not None and choice.is_default,
    )


async def list_views(session: AsyncSession, actor: Actor, *, list_name: str | None = None) -> list[SavedViewRead]:
    """The views that one may see, of one list or of all, by their names; one's own before those of others."""
    query = _with_choice(actor).order_by(
        SavedView.list_name, SavedView.user_account_id != actor.account_id, func.lower(SavedView.name)
    )
    if list_name is not None:
        query = query.where(SavedView.list_name == list_name)
    rows = await session.execute(query.execution_options(populate_existing=True))
    return [_read(actor, view, choice) for view, choice in rows]


async def get_view(session: AsyncSession, actor: Actor, *, saved_view_id: UUID) -> SavedViewRead:
    """A view that one may see; SavedViewNotFound."""
    query = _with_choice(actor).where(SavedView.saved_view_id == saved_view_id)
    row = (await session.execute(query.execution_options(populate_existing=True))).one_or_none()
    if row is None:
        raise SavedViewNotFound
    return _read(actor, row[0], row[1])


async def get_changeable(session: AsyncSession, actor: Actor, *, saved_view_id: UUID) -> SavedView:
    """A view that one may change, locked: one's own, and with `view.share` a shared one. SavedViewNotFound."""
    mine = SavedView.user_account_id == actor.account_id
    theirs = or_(mine, SavedView.is_shared) if actor.may("view.share") else mine
    query = select(SavedView).where(seen(actor), theirs, SavedView.saved_view_id == saved_view_id)
    found = await session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise SavedViewNotFound
    return found


def pinned(actor: Actor) -> ScalarSelect[Any]:
    """
    The pinned views of an account as a part of another statement, which is given `account_id`: a JSON list of them by
    their names. One for all who may read the same lists.
    """
    return _pinned(_readable(actor))


@cache
def _pinned(readable: tuple[str, ...]) -> ScalarSelect[Any]:
    view, account_id = SavedView, bindparam("account_id", type_=Uuid())
    told = func.json_build_object(
        *("saved_view_id", view.saved_view_id, "list_name", view.list_name, "name", view.name),
        *("filters", view.filters, "sort", view.sort, "columns", view.columns),
    )
    in_order = aggregate_order_by(told, func.lower(view.name))
    return (
        select(func.coalesce(func.json_agg(in_order), literal_column("'[]'::json")))
        .join(SavedViewChoice, SavedViewChoice.saved_view_id == view.saved_view_id)
        .where(_seen(readable, account_id), SavedViewChoice.user_account_id == account_id, SavedViewChoice.is_pinned)
        .scalar_subquery()
    )
