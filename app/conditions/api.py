"""`/medical-conditions`: create, list, get, change. A condition is not deleted: it is set inactive."""

from typing import Annotated

from fastapi import Query, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.conditions import queries, service
from app.conditions.answers import read
from app.conditions.schemas import (
    ConditionCreate,
    ConditionFilter,
    ConditionRead,
    ConditionUpdate,
)
from app.platform.etags import etag
from app.platform.paging import Page
from app.platform.text import Id

router = api_router("/medical-conditions", "medical conditions")


@router.post("", status_code=201, response_model=ConditionRead, dependencies=[allow("condition.write")])
async def create_medical_condition(
    new: ConditionCreate, session: DbSession, actor: CurrentActor, response: Response
) -> ConditionRead:
    """Add a condition to the list."""
    condition = await service.add_condition(session, actor, new=new)
    response.headers["etag"] = etag(condition.version)
    response.headers["location"] = f"{router.prefix}/{condition.medical_condition_id}"
    return read(condition)


@router.get("", response_model=Page[ConditionRead], dependencies=[allow("condition.read")])
async def list_medical_conditions(
    query: Annotated[ConditionFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[ConditionRead]:
    """Conditions by name."""
    found = await queries.list_conditions(session, actor, query=query)
    return audit.show_page(session, found, map(read, found.rows))


@router.get("/{medical_condition_id}", response_model=ConditionRead, dependencies=[allow("condition.read")])
async def get_medical_condition(
    medical_condition_id: Id, session: DbSession, actor: CurrentActor, response: Response
) -> ConditionRead:
    condition = await queries.get_condition(session, actor, medical_condition_id=medical_condition_id)
    response.headers["etag"] = etag(condition.version)
    return read(condition)


@router.put("/{medical_condition_id}", response_model=ConditionRead, dependencies=[allow("condition.write")])
async def update_medical_condition(
    medical_condition_id: Id,
    change: ConditionUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> ConditionRead:
    """Change the fields given; an empty body changes nothing."""
    condition = await service.change_condition(
        session, actor, medical_condition_id=medical_condition_id, change=change, if_match=if_match
    )
    response.headers["etag"] = etag(condition.version)
    return read(condition)
