"""`/availability/{user_account_id}`: the working hours and absences of a colleague; `me` is oneself."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Request, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.availability import queries, service
from app.availability.errors import ColleagueNotFound
from app.availability.schemas import (
    AbsenceCreate,
    AbsenceFilter,
    AbsenceRead,
    AbsenceUpdate,
    AvailabilityRead,
    AvailabilityUpdate,
    Whose,
)
from app.platform.actor import Actor
from app.platform.etags import etag
from app.platform.paging import Page
from app.platform.problems import described
from app.platform.settings import Settings
from app.platform.text import Id

router = api_router("/availability/{user_account_id}", "availability")

OfAccount = Annotated[Whose, Path(alias="user_account_id")]


def _account(actor: Actor, whose: Whose) -> UUID:
    account_id = actor.account_id if whose == "me" else whose
    if account_id is None:
        raise ColleagueNotFound
    return account_id


def _default_zone(request: Request) -> str:
    settings: Settings = request.app.state.settings
    return settings.default_time_zone


@router.get("", response_model=AvailabilityRead, dependencies=[allow("availability.read")])
async def get_availability(
    whose: OfAccount, request: Request, session: DbSession, actor: CurrentActor, response: Response
) -> AvailabilityRead:
    """The hours of a usual week, on the clock of the colleague's zone."""
    found = await service.availability_of(
        session, actor, account_id=_account(actor, whose), default_zone=_default_zone(request)
    )
    response.headers["etag"] = etag(found.version)
    return found


@router.put("", response_model=AvailabilityRead, dependencies=[allow("availability.write_own")])
async def set_availability(
    whose: OfAccount,
    change: AvailabilityUpdate,
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> AvailabilityRead:
    """Say the hours of the whole week anew. An empty body changes nothing."""
    found = await service.change_hours(
        session,
        actor,
        account_id=_account(actor, whose),
        change=change,
        default_zone=_default_zone(request),
        if_match=if_match,
    )
    response.headers["etag"] = etag(found.version)
    return found


@router.get("/absences", response_model=Page[AbsenceRead], dependencies=[allow("availability.read")])
async def list_absences(
    whose: OfAccount, query: Annotated[AbsenceFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[AbsenceRead]:
    """The colleague's absences, the one that is over first at the front."""
    colleague = await queries.get_colleague(session, actor, account_id=_account(actor, whose))
    found = await queries.list_absences(session, actor, account_id=colleague.account_id, query=query)
    return audit.show_page(session, found, map(AbsenceRead.model_validate, found.rows))


@router.post(
    "/absences",
    status_code=201,
    response_model=AbsenceRead,
    responses=described(404),
    dependencies=[allow("availability.write_own")],
)
async def create_absence(
    whose: OfAccount, new: AbsenceCreate, session: DbSession, actor: CurrentActor, response: Response
) -> AbsenceRead:
    """An absence. Every POST is one of its own."""
    account_id = _account(actor, whose)
    absence = await service.add_absence(session, actor, account_id=account_id, new=new)
    response.headers["etag"] = etag(absence.version)
    response.headers["location"] = f"/api/v1/availability/{account_id}/absences/{absence.absence_id}"
    return AbsenceRead.model_validate(absence)


@router.put("/absences/{absence_id}", response_model=AbsenceRead, dependencies=[allow("availability.write_own")])
async def update_absence(
    whose: OfAccount,
    absence_id: Id,
    change: AbsenceUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> AbsenceRead:
    """Change the fields given. An empty body changes nothing."""
    absence = await service.change_absence(
        session, actor, account_id=_account(actor, whose), absence_id=absence_id, change=change, if_match=if_match
    )
    response.headers["etag"] = etag(absence.version)
    return AbsenceRead.model_validate(absence)


@router.delete("/absences/{absence_id}", status_code=204, dependencies=[allow("availability.write_own")])
async def delete_absence(
    whose: OfAccount, absence_id: Id, session: DbSession, actor: CurrentActor, if_match: IfMatch
) -> None:
    """Take an absence out."""
    await service.remove_absence(
        session, actor, account_id=_account(actor, whose), absence_id=absence_id, if_match=if_match
    )
