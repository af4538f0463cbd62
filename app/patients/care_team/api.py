"""`/patients/{id}/physicians`: who treats the patient. Deleting a link ends it."""

from typing import Annotated

from fastapi import Query, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.patients.care_team import queries, service
from app.patients.care_team.answers import read
from app.patients.care_team.schemas import CareLinkCreate, CareLinkFilter, CareLinkRead, CareLinkUpdate
from app.patients.queries import get_patient
from app.platform.etags import etag
from app.platform.paging import Page
from app.platform.text import Id

router = api_router("/patients/{patient_id}/physicians", "patients' physicians")


@router.post("", status_code=201, response_model=CareLinkRead, dependencies=[allow("relationship.write")])
async def link_physician(
    patient_id: Id, new: CareLinkCreate, session: DbSession, actor: CurrentActor, response: Response
) -> CareLinkRead:
    """Link a physician to the patient."""
    link = await service.link_physician(session, actor, patient_id=patient_id, new=new)
    response.headers["etag"] = etag(link.version)
    return read(link)


@router.get("", response_model=Page[CareLinkRead], dependencies=[allow("relationship.read")])
async def list_physicians_of_patient(
    patient_id: Id, query: Annotated[CareLinkFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[CareLinkRead]:
    """The patient's physicians, newest link first, ended ones among them."""
    patient = await get_patient(session, actor, patient_id=patient_id)
    found = await queries.list_care_links(session, actor, patient_id=patient_id, query=query)
    subject = patient.person_id
    return audit.show_page(session, found, map(read, found.rows), person_ids=[subject], subject=subject)


@router.put("/{patient_physician_id}", response_model=CareLinkRead, dependencies=[allow("relationship.write")])
async def update_physician_of_patient(
    patient_id: Id,
    patient_physician_id: Id,
    change: CareLinkUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> CareLinkRead:
    """Change the fields given; an empty body changes nothing."""
    link = await service.change_care_link(
        session,
        actor,
        patient_id=patient_id,
        patient_physician_id=patient_physician_id,
        change=change,
        if_match=if_match,
    )
    response.headers["etag"] = etag(link.version)
    return read(link)


@router.delete("/{patient_physician_id}", status_code=204, dependencies=[allow("relationship.write")])
async def end_physician_of_patient(
    patient_id: Id, patient_physician_id: Id, session: DbSession, actor: CurrentActor, if_match: IfMatch
) -> None:
    """End the physician's part today; the link stays in the list as one that has ended."""
    await service.end_care_link(
        session, actor, patient_id=patient_id, patient_physician_id=patient_physician_id, if_match=if_match
    )
