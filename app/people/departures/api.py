"""`/persons/{person_id}/departures`: deaths and withdrawals, and how they end; `/came-back`: who came back after."""

from typing import Annotated

from fastapi import Query

from app.access.request_guard import CurrentActor, DbSession, allow, api_router
from app.audit import service as audit
from app.people.departures import queries, service
from app.people.departures.schemas import (
    CameBackClose,
    CameBackFilter,
    CameBackRead,
    DepartureCreate,
    DepartureEnd,
    DepartureRead,
)
from app.platform.paging import Page, PageQuery
from app.platform.text import Id

of_persons = api_router("/persons", "persons")
came_back = api_router("/came-back", "persons")


@of_persons.post(
    "/{person_id}/departures", status_code=201, response_model=DepartureRead, dependencies=[allow("patient.write")]
)
async def create_departure(
    person_id: Id, new: DepartureCreate, session: DbSession, actor: CurrentActor
) -> DepartureRead:
    """
    Somebody has died or has withdrawn. What is open is closed by rule or listed, in one step.

    Bookings are cancelled, reminders stopped, leads and journeys closed; nothing new is opened or booked from now on.
    """
    return DepartureRead.model_validate(await service.depart(session, actor, person_id=person_id, new=new))


@of_persons.get("/{person_id}/departures", response_model=Page[DepartureRead], dependencies=[allow("patient.read")])
async def list_departures(
    person_id: Id, query: Annotated[PageQuery, Query()], session: DbSession, actor: CurrentActor
) -> Page[DepartureRead]:
    """Deaths and withdrawals on record of a person, ended ones too, newest first."""
    found = await queries.list_departures(session, actor, person_id=person_id, query=query)
    return audit.show_page(session, found, map(DepartureRead.model_validate, found.rows), person_ids=[person_id])


@of_persons.post(
    "/{person_id}/departures/{departure_id}/undo",
    response_model=DepartureRead,
    dependencies=[allow("patient.write")],
)
async def undo_departure(
    person_id: Id, departure_id: Id, end: DepartureEnd, session: DbSession, actor: CurrentActor
) -> DepartureRead:
    """It was a mistake. What was closed is open again, but for bookings whose time has passed: `closed` lists them."""
    departure = await service.undo(
        session, actor, person_id=person_id, person_departure_id=departure_id, reason=end.reason
    )
    return DepartureRead.model_validate(departure)


@of_persons.post(
    "/{person_id}/departures/{departure_id}/return",
    response_model=DepartureRead,
    dependencies=[allow("patient.write")],
)
async def return_person(
    person_id: Id, departure_id: Id, end: DepartureEnd, session: DbSession, actor: CurrentActor
) -> DepartureRead:
    """A withdrawn person returns. What was closed stays closed; something new may be opened."""
    departure = await service.take_back_withdrawal(
        session, actor, person_id=person_id, person_departure_id=departure_id, reason=end.reason
    )
    return DepartureRead.model_validate(departure)


@came_back.get("", response_model=Page[CameBackRead], dependencies=[allow("came_back.read")])
async def list_came_back(
    query: Annotated[CameBackFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[CameBackRead]:
    """Who came back after a death or a withdrawal: one's own and those without an owner; all for a privacy officer."""
    found = await queries.list_came_back(session, actor, query=query)
    return audit.show_page(session, found, map(CameBackRead.model_validate, found.rows))


@came_back.get("/{came_back_id}", response_model=CameBackRead, dependencies=[allow("came_back.read")])
async def get_came_back(came_back_id: Id, session: DbSession, actor: CurrentActor) -> CameBackRead:
    item = await queries.get_came_back(session, actor, came_back_id=came_back_id)
    audit.note(session, record_type="came_back", record_id=came_back_id)
    return CameBackRead.model_validate(item)


@came_back.post("/{came_back_id}/close", response_model=CameBackRead, dependencies=[allow("came_back.close")])
async def close_came_back(
    came_back_id: Id, close: CameBackClose, session: DbSession, actor: CurrentActor
) -> CameBackRead:
    """Say what was decided. The row stays."""
    item = await service.close_came_back(session, actor, came_back_id=came_back_id, reason=close.reason)
    return CameBackRead.model_validate(item)
