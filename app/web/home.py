"""The start page: where the roles of the person who looks may go, and what waits for them there."""

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import recovery, totp
from app.access.openings import queries as openings
from app.access.openings.schemas import OpeningFilter
from app.access.request_guard import DbSession
from app.platform.actor import Actor
from app.platform.locales import Number, _
from app.web.colleagues import hand_over_by
from app.web.frame import places_of
from app.web.page_guard import CurrentVisitor, page_router, signed_in
from app.web.render import page

router = page_router()


@router.get("/", dependencies=[signed_in()])
async def show_start(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    actor = visitor.actor
    assert actor is not None  # noqa: S101 - an open session has an account
    places = [place for place in places_of(actor) if place.item.href != "/"]
    has_app = await totp.has_totp(session, account_id=visitor.account_id)
    context = {
        "name": actor.name,
        "places": places,
        "hand_over_by": await hand_over_by(session, actor) if actor.may("availability.read") else None,
        "waiting": await _waiting(session, actor),
        "lacks_codes": has_app and await recovery.count_left(session, account_id=visitor.account_id) == 0,
    }
    return page(request, "home/start.html", context)


async def _waiting(session: AsyncSession, actor: Actor) -> dict[str, str]:
    """What waits at a place, by its address, in words."""
    if not actor.may("break_glass.review"):
        return {}
    query = OpeningFilter(kind="break_glass", reviewed="false", limit=1)
    total = (await openings.list_openings(session, actor, query=query)).total
    return {"/break-glass": _("%(count)s to review", count=Number(total))} if total else {}
