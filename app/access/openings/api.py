"""`/break-glass`: open one person's masked data with a reason, end it, list and review what was opened."""

from typing import Annotated

from fastapi import Query, Response

from app.access.openings import queries, service
from app.access.openings.answers import page_of_openings, read
from app.access.openings.schemas import BreakGlass, OpeningFilter, OpeningRead, Review
from app.access.request_guard import CurrentActor, DbSession, allow, api_router
from app.audit import service as audit
from app.platform.paging import Page
from app.platform.problems import described
from app.platform.text import Id

router = api_router("/break-glass", "oversight")


@router.post(
    "",
    status_code=201,
    response_model=OpeningRead,
    responses=described(404),
    dependencies=[allow("break_glass.use")],
)
async def open_break_glass(
    wanted: BreakGlass, session: DbSession, actor: CurrentActor, response: Response
) -> OpeningRead:
    """
    Open one person's masked data to you for an hour.

    Every use is on record as break-glass; a privacy officer is told now and reviews it.
    """
    opening = await service.break_glass(session, actor, wanted=wanted)
    response.headers["location"] = f"{router.prefix}/{opening.access_opening_id}"
    return (await read(session, [opening]))[0]


@router.post("/{access_opening_id}/end", response_model=OpeningRead, dependencies=[allow("break_glass.use")])
async def end_break_glass(access_opening_id: Id, session: DbSession, actor: CurrentActor) -> OpeningRead:
    """Close your own access before its hour is over."""
    return (await read(session, [await service.end_opening(session, actor, access_opening_id=access_opening_id)]))[0]


@router.get("", response_model=Page[OpeningRead], dependencies=[allow("audit.read")])
async def list_break_glass(
    query: Annotated[OpeningFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[OpeningRead]:
    """Who opened whose data and why; `reviewed=false` is the list of what waits for a review."""
    return await page_of_openings(session, actor, query=query)


@router.get("/{access_opening_id}", response_model=OpeningRead, dependencies=[allow("audit.read")])
async def get_break_glass(access_opening_id: Id, session: DbSession, actor: CurrentActor) -> OpeningRead:
    opening = await queries.get_opening(session, actor, access_opening_id=access_opening_id)
    audit.note(session, record_type="access_opening", record_id=access_opening_id)
    return (await read(session, [opening]))[0]


@router.post("/{access_opening_id}/review", response_model=OpeningRead, dependencies=[allow("break_glass.review")])
async def review_break_glass(
    access_opening_id: Id, review: Review, session: DbSession, actor: CurrentActor
) -> OpeningRead:
    """Judge whether the access was justified; not one's own, and once."""
    opening = await service.review_opening(session, actor, access_opening_id=access_opening_id, review=review)
    return (await read(session, [opening]))[0]
