"""Who came back after a death or a withdrawal: for the owner and for privacy officers, who say what was decided."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.people.departures import queries, service
from app.people.departures.schemas import CameBackClose, CameBackFilter, CameBackRead
from app.platform.actor import Actor
from app.platform.errors import AppError
from app.platform.locales import _
from app.web.forms import asked_in, read_form, read_query, typed_in
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.render import Flash, page

router = page_router()


@router.get("/came-back", dependencies=[allow("came_back.read")])
async def show_came_back_list(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    typed = asked_in(request, CameBackFilter)
    query = read_query(request, CameBackFilter, {**typed, "state": typed["state"] or "open"})
    found = await queries.list_came_back(session, actor, query=query)
    items = audit.show_page(session, found, map(CameBackRead.model_validate, found.rows))
    return page(
        request, "people/came_back_list.html", {"items": items, "state": query.state, "cursor": typed["cursor"]}
    )


@router.get("/came-back/{came_back_id}", dependencies=[allow("came_back.read")])
async def show_came_back(request: Request, session: DbSession, actor: CurrentActor, came_back_id: UUID) -> Response:
    return page(request, "people/came_back.html", await _context(session, actor, came_back_id))


@router.post("/came-back/{came_back_id}/close", dependencies=[allow("came_back.close")])
async def close_came_back(request: Request, session: DbSession, actor: CurrentActor, came_back_id: UUID) -> Response:
    typed = await typed_in(request, CameBackClose)
    try:
        close = read_form(CameBackClose, typed)
        async with known_errors(request, session):
            await service.close_came_back(session, actor, came_back_id=came_back_id, reason=close.reason)
    except AppError as error:
        context = await _context(session, actor, came_back_id)
        return form_again(request, "people/came_back.html", {**context, "typed": typed}, error)
    return go_to(request, "/came-back", flash=Flash(_("What was decided is saved.")))


async def _context(session: AsyncSession, actor: Actor, came_back_id: UUID) -> dict[str, Any]:
    item = await queries.get_came_back(session, actor, came_back_id=came_back_id)
    audit.note(session, record_type="came_back", record_id=came_back_id, person_ids=[item.person_id])
    return {
        **NO_ERRORS,
        "item": CameBackRead.model_validate(item),
        "typed": {"reason": ""},
        "may_close": actor.may("came_back.close") and item.closed_at is None,
    }
