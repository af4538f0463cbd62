"""`/hospitals` and `/specializations`: create, list, get, change. Deleting one sets it inactive."""

from typing import Annotated

from fastapi import Query, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.hospitals import queries, service
from app.hospitals.schemas import (
    HospitalCreate,
    HospitalFilter,
    HospitalRead,
    HospitalUpdate,
    SpecializationCreate,
    SpecializationFilter,
    SpecializationRead,
    SpecializationUpdate,
)
from app.platform.etags import etag
from app.platform.paging import Page
from app.platform.text import Id

router = api_router("/hospitals", "hospitals")
specialization_router = api_router("/specializations", "specializations")


@router.post("", status_code=201, response_model=HospitalRead, dependencies=[allow("hospital.write")])
async def create_hospital(
    new: HospitalCreate, session: DbSession, actor: CurrentActor, response: Response
) -> HospitalRead:
    """Add a hospital."""
    hospital = await service.add_hospital(session, actor, new=new)
    response.headers["etag"] = etag(hospital.version)
    response.headers["location"] = f"{router.prefix}/{hospital.hospital_id}"
    return HospitalRead.model_validate(hospital)


@router.get("", response_model=Page[HospitalRead], dependencies=[allow("hospital.read")])
async def list_hospitals(
    query: Annotated[HospitalFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[HospitalRead]:
    """Hospitals by name."""
    found = await queries.list_hospitals(session, actor, query=query)
    return audit.show_page(session, found, map(HospitalRead.model_validate, found.rows))


@router.get("/{hospital_id}", response_model=HospitalRead, dependencies=[allow("hospital.read")])
async def get_hospital(hospital_id: Id, session: DbSession, actor: CurrentActor, response: Response) -> HospitalRead:
    hospital = await queries.get_hospital(session, actor, hospital_id=hospital_id)
    response.headers["etag"] = etag(hospital.version)
    return HospitalRead.model_validate(hospital)


@router.put("/{hospital_id}", response_model=HospitalRead, dependencies=[allow("hospital.write")])
async def update_hospital(
    hospital_id: Id,
    change: HospitalUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> HospitalRead:
    """Change the fields given; an empty body changes nothing."""
    hospital = await service.change_hospital(session, actor, hospital_id=hospital_id, change=change, if_match=if_match)
    response.headers["etag"] = etag(hospital.version)
    return HospitalRead.model_validate(hospital)


@router.delete("/{hospital_id}", status_code=204, dependencies=[allow("hospital.write")])
async def deactivate_hospital(hospital_id: Id, session: DbSession, actor: CurrentActor, if_match: IfMatch) -> None:
    """Set the hospital inactive: it stays where it is used."""
    await service.deactivate_hospital(session, actor, hospital_id=hospital_id, if_match=if_match)


@specialization_router.post(
    "", status_code=201, response_model=SpecializationRead, dependencies=[allow("specialization.write")]
)
async def create_specialization(
    new: SpecializationCreate, session: DbSession, actor: CurrentActor, response: Response
) -> SpecializationRead:
    """Add a specialization."""
    specialization = await service.add_specialization(session, actor, new=new)
    response.headers["etag"] = etag(specialization.version)
    response.headers["location"] = f"{specialization_router.prefix}/{specialization.specialization_id}"
    return SpecializationRead.model_validate(specialization)


@specialization_router.get("", response_model=Page[SpecializationRead], dependencies=[allow("specialization.read")])
async def list_specializations(
    query: Annotated[SpecializationFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[SpecializationRead]:
    """Specializations by name."""
    found = await queries.list_specializations(session, actor, query=query)
    return audit.show_page(session, found, map(SpecializationRead.model_validate, found.rows))


@specialization_router.get(
    "/{specialization_id}", response_model=SpecializationRead, dependencies=[allow("specialization.read")]
)
async def get_specialization(
    specialization_id: Id, session: DbSession, actor: CurrentActor, response: Response
) -> SpecializationRead:
    specialization = await queries.get_specialization(session, actor, specialization_id=specialization_id)
    response.headers["etag"] = etag(specialization.version)
    return SpecializationRead.model_validate(specialization)


@specialization_router.put(
    "/{specialization_id}", response_model=SpecializationRead, dependencies=[allow("specialization.write")]
)
async def update_specialization(
    specialization_id: Id,
    change: SpecializationUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> SpecializationRead:
    """Change the fields given; an empty body changes nothing."""
    specialization = await service.change_specialization(
        session, actor, specialization_id=specialization_id, change=change, if_match=if_match
    )
    response.headers["etag"] = etag(specialization.version)
    return SpecializationRead.model_validate(specialization)


@specialization_router.delete("/{specialization_id}", status_code=204, dependencies=[allow("specialization.write")])
async def deactivate_specialization(
    specialization_id: Id, session: DbSession, actor: CurrentActor, if_match: IfMatch
) -> None:
    """Set the specialization inactive: it stays where it is used."""
    await service.deactivate_specialization(session, actor, specialization_id=specialization_id, if_match=if_match)
