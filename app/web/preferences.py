"""How an account sees its pages: chosen on one page, and the sidebar where it stands."""

from typing import Any
from zoneinfo import available_timezones

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.platform.actor import Actor
from app.platform.errors import AppError
from app.platform.locales import _
from app.platform.settings import Settings
from app.preferences import service
from app.preferences.schemas import PreferencesUpdate
from app.web.addresses import came_from
from app.web.forms import Typed, read_form, typed_in
from app.web.frame import LANDING, labels_of_places
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, page_router
from app.web.render import Flash, page

router = page_router("/account/preferences")

_IN_THE_FORM = ("language", "time_zone", "density", "shortcuts", "landing_place")


@router.get("", dependencies=[allow("preferences.own")])
async def show_preferences(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    return page(request, "account/preferences.html", await _context(request, session, actor, None))


@router.post("", dependencies=[allow("preferences.own")])
async def change_preferences(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    typed = {
        name: value for name, value in (await typed_in(request, PreferencesUpdate)).items() if name in _IN_THE_FORM
    }
    settings: Settings = request.app.state.settings
    try:
        change = read_form(PreferencesUpdate, typed)
        await service.change_preferences(session, settings, actor, change=change)
    except AppError as error:
        return form_again(request, "account/preferences.html", await _context(request, session, actor, typed), error)
    return go_to(request, "/account/preferences", flash=Flash(_("Your preferences are saved.")))


@router.post("/sidebar", dependencies=[allow("preferences.own")])
async def fold_sidebar(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    """Keep the sidebar folded or not: asked for by its button, and by a key."""
    typed = {"sidebar_folded": (await typed_in(request, PreferencesUpdate))["sidebar_folded"]}
    change = read_form(PreferencesUpdate, typed)
    await service.change_preferences(session, request.app.state.settings, actor, change=change)
    return go_to(request, came_from(request))


async def _context(request: Request, session: AsyncSession, actor: Actor, typed: Typed | None) -> dict[str, Any]:
    settings: Settings = request.app.state.settings
    found = await service.preferences_of(session, settings, account_id=actor.account_id)
    chosen = {name: getattr(found, name) if name in found.chosen else "" for name in _IN_THE_FORM}
    labels = labels_of_places(actor)
    return {
        **NO_ERRORS,
        "may_say_hours": actor.may("availability.write_own"),
        "typed": typed
        or {name: str(value).lower() if value in (True, False) else value for name, value in chosen.items()},
        "zones": sorted(available_timezones()),
        "default_zone": settings.default_time_zone,
        "landing_places": [(code, labels[href]) for code, href in LANDING.items() if href in labels],
    }
