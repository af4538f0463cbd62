"""Saved views of lists: saved from the list, renamed, shared, pinned and removed on a page of their own."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import ImmutableMultiDict

from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError, Forbidden, Invalid, NotFound
from app.platform.etags import etag
from app.platform.locales import _
from app.saved_views import queries, service
from app.saved_views.lists import LISTS
from app.saved_views.schemas import SavedViewChoiceUpdate, SavedViewCreate, SavedViewRead, SavedViewUpdate
from app.web.addresses import address_of_view
from app.web.forms import Typed, read_form
from app.web.frame import labels_of_places
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.render import Flash, page

router = page_router("/views")
_TICKS = ("is_shared", "is_pinned", "is_default")
_LONGEST_VERSION = 10


@router.post("", dependencies=[allow("view.own")])
async def save_view(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    """Keep the filters, the order and the columns of the list that the form stands on."""
    form = await request.form()
    list_name, typed = str(form.get("list_name", "")), _typed(form)
    if list_name not in LISTS:
        raise Invalid(fields=[FieldError("list_name", "literal_error", _("Choose one of the list."))])
    settings = _settings(form, list_name)
    try:
        new = read_form(
            SavedViewCreate,
            {**settings, "name": typed["name"], "list_name": list_name, "is_shared": typed["is_shared"]},
        )
        async with known_errors(request, session):
            view = await service.save_view(session, actor, new=new)
            await _choose(session, actor, view, typed)
    except Forbidden:
        raise
    except AppError as error:
        context = {"typed": typed, "view": None, "list_name": list_name, "kept": _again(settings)}
        return form_again(request, "views/view.html", {**context, **_place(actor, list_name)}, error)
    return go_to(
        request, address_of_view(f"/{list_name}", view), flash=Flash(_("The view %(name)s is saved.", name=view.name))
    )


@router.get("/{saved_view_id}", dependencies=[allow("view.own")])
async def show_view(request: Request, session: DbSession, actor: CurrentActor, saved_view_id: UUID) -> Response:
    view = await queries.get_view(session, actor, saved_view_id=saved_view_id)
    audit.note(session, record_type="saved_view", record_id=saved_view_id)
    typed = {name: getattr(view, name) for name in ("name", *_TICKS)}
    return page(request, "views/view.html", {**NO_ERRORS, "typed": typed, **_of(actor, view)})


@router.post("/{saved_view_id}", dependencies=[allow("view.own")])
async def change_view(request: Request, session: DbSession, actor: CurrentActor, saved_view_id: UUID) -> Response:
    """Its name, who sees it, and what one has chosen of it oneself."""
    form = await request.form()
    typed = _typed(form)
    view = await queries.get_view(session, actor, saved_view_id=saved_view_id)
    try:
        async with known_errors(request, session):
            if _may_change(actor, view):
                change = read_form(SavedViewUpdate, {"name": typed["name"], "is_shared": typed["is_shared"]})
                await service.change_view(
                    session, actor, saved_view_id=saved_view_id, change=change, if_match=_seen(form)
                )
            changed = await _choose(session, actor, view, typed)
    except NotFound:
        raise
    except AppError as error:
        return form_again(request, "views/view.html", {"typed": typed, **_of(actor, view)}, error)
    said = Flash(_("The view %(name)s is saved.", name=changed.name))
    return go_to(request, address_of_view(f"/{view.list_name}", changed), flash=said)


@router.post("/{saved_view_id}/settings", dependencies=[allow("view.own")])
async def change_settings(request: Request, session: DbSession, actor: CurrentActor, saved_view_id: UUID) -> Response:
    """The filters, the order and the columns become those of the list as it is seen now."""
    form = await request.form()
    view = await queries.get_view(session, actor, saved_view_id=saved_view_id)
    change = read_form(SavedViewUpdate, _settings(form, view.list_name))
    changed = await service.change_view(
        session, actor, saved_view_id=saved_view_id, change=change, if_match=_seen(form)
    )
    said = Flash(_("The view %(name)s is saved.", name=changed.name))
    return go_to(request, address_of_view(f"/{view.list_name}", changed), flash=said)


@router.post("/{saved_view_id}/remove", dependencies=[allow("view.own")])
async def remove_view(request: Request, session: DbSession, actor: CurrentActor, saved_view_id: UUID) -> Response:
    form = await request.form()
    view = await service.remove_view(session, actor, saved_view_id=saved_view_id, if_match=_seen(form))
    return go_to(request, f"/{view.list_name}", flash=Flash(_("The view %(name)s is removed.", name=view.name)))


def _typed(form: ImmutableMultiDict[str, Any]) -> Typed:
    return {"name": str(form.get("name", ""))[:200], **{name: form.get(name) == "true" for name in _TICKS}}


def _settings(form: ImmutableMultiDict[str, Any], list_name: str) -> Typed:
    """What a view keeps of what the list was asked: nothing that somebody typed, and nobody."""
    asked = {name: str(form.get(name) or "") for name in sorted(LISTS[list_name].kept)}
    columns = [key for key in str(form.get("show") or "").split(",") if key]
    return {
        "filters": {name: value for name, value in asked.items() if value},
        "sort": str(form.get("sort") or "") or None,
        "columns": columns or None,
    }


def _again(settings: Typed) -> Typed:
    """The settings as the fields of a form, which comes back."""
    kept = {**settings["filters"], "sort": settings["sort"], "show": ",".join(settings["columns"] or ())}
    return {name: value for name, value in kept.items() if value}


async def _choose(session: AsyncSession, actor: Actor, view: SavedViewRead, typed: Typed) -> SavedViewRead:
    choice = SavedViewChoiceUpdate(is_pinned=typed["is_pinned"], is_default=typed["is_default"])
    return await service.choose_view(session, actor, saved_view_id=view.saved_view_id, choice=choice)


def _seen(form: ImmutableMultiDict[str, Any]) -> str | None:
    text = str(form.get("seen_version") or "")
    return etag(int(text)) if text.isascii() and text.isdigit() and len(text) < _LONGEST_VERSION else None


def _may_change(actor: Actor, view: SavedViewRead) -> bool:
    return view.is_own or actor.may("view.share")


def _of(actor: Actor, view: SavedViewRead) -> dict[str, Any]:
    return {"view": view, "list_name": view.list_name, "kept": {}, **_place(actor, view.list_name)}


def _place(actor: Actor, list_name: str) -> dict[str, Any]:
    return {
        "place": (labels_of_places(actor).get(f"/{list_name}", list_name), f"/{list_name}"),
        "may_share": actor.may("view.share"),
    }
