"""`/physicians`: create or recognise, list, get, change. Deleting one sets it inactive."""

from typing import Annotated

from fastapi import Query, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.people.schemas import SearchPage
from app.physicians import queries, service
from app.physicians.schemas import (
    PhysicianCreate,
    PhysicianCreated,
    PhysicianFilter,
    PhysicianRead,
    PhysicianUpdate,
)
from app.platform.paging import Page
from app.platform.text import Id

router = api_router("/physicians", "physicians")


@router.post(
    "",
    status_code=201,
    response_model=PhysicianCreated,
    responses={200: {"model": PhysicianCreated, "description": "The person is this physician already."}},
    dependencies=[allow("physician.write")],
)
async def create_physician(
    new: PhysicianCreate, session: DbSession, actor: CurrentActor, response: Response
) -> PhysicianCreated:
    """Add a physician: for a person we know (`person_id`), or for one who is found by the e-mail or made (`person`)."""
    made = await service.register_physician(session, actor, new=new)
    response.status_code = 201 if made.is_new else 200
    response.headers["etag"] = service.tag(made.physician)
    response.headers["location"] = f"{router.prefix}/{made.physician.physician_id}"
    shown = PhysicianRead.model_validate(made.physician)
    return PhysicianCreated(**dict(shown), match=made.match)


@router.get("", response_model=SearchPage[PhysicianRead], dependencies=[allow("physician.read")])
async def list_physicians(
    query: Annotated[PhysicianFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[PhysicianRead]:
    """Physicians, newest first."""
    found = await queries.list_physicians(session, actor, query=query)
    return audit.show_page(session, found, map(PhysicianRead.model_validate, found.rows))


@router.get("/{physician_id}", response_model=PhysicianRead, dependencies=[allow("physician.read")])
async def get_physician(physician_id: Id, session: DbSession, actor: CurrentActor, response: Response) -> PhysicianRead:
    physician = await queries.get_physician(session, actor, physician_id=physician_id)
    audit.note(session, record_type="physician", record_id=physician_id)
    response.headers["etag"] = service.tag(physician)
    return PhysicianRead.model_validate(physician)


@router.put("/{physician_id}", response_model=PhysicianRead, dependencies=[allow("physician.write")])
async def update_physician(
    physician_id: Id,
    change: PhysicianUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> PhysicianRead:
    """Change the fields given; an empty body changes nothing. Names and contacts are changed on the person."""
    physician = await service.change_physician(
        session, actor, physician_id=physician_id, change=change, if_match=if_match
    )
    response.headers["etag"] = service.tag(physician)
    return PhysicianRead.model_validate(physician)


@router.delete("/{physician_id}", status_code=204, dependencies=[allow("physician.write")])
async def deactivate_physician(physician_id: Id, session: DbSession, actor: CurrentActor, if_match: IfMatch) -> None:
    """Set the physician inactive: links and journeys stay."""
    await service.deactivate_physician(session, actor, physician_id=physician_id, if_match=if_match)
