"""`/patients`: registered or brought back, listed, read, changed with their person, deleted."""

from typing import Annotated, Literal

from fastapi import Query, Request, Response

from app.access.fast_paths import with_fast_path
from app.access.request_guard import ChangeReason, CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.patients import fast_path, queries, service
from app.patients.answers import read, tag
from app.patients.schemas import (
    NewPatient,
    PatientCreated,
    PatientFilter,
    PatientRead,
    PatientUpdate,
)
from app.people.schemas import SearchPage
from app.platform.paging import Page
from app.platform.text import Id

router = api_router("/patients", "patients")


@router.post(
    "",
    status_code=201,
    response_model=PatientCreated,
    responses={200: {"model": PatientCreated, "description": "The person has a patient record: this one."}},
    dependencies=[allow("patient.create")],
)
@with_fast_path(fast_path.create_patient)
async def create_patient(
    new: NewPatient, request: Request, session: DbSession, actor: CurrentActor, response: Response
) -> PatientCreated:
    """
    Register a patient: 201 when new, 200 with the same patient when the person has a record; `match` tells why.

    What arrives for an existing record is suggested, never written over it. A deleted record is brought back.
    """
    registered = await service.register_patient(session, actor, new=new, payload=await request.json())
    patient = registered.patient
    response.status_code = 201 if registered.is_new else 200
    response.headers["etag"] = tag(patient)
    response.headers["location"] = f"{router.prefix}/{patient.patient_id}"
    return PatientCreated(
        **dict(read(patient)),
        intake_submission_id=registered.submission.intake_submission_id,
        match=registered.match,
    )


@router.get("", response_model=SearchPage[PatientRead], dependencies=[allow("patient.read")])
@with_fast_path(fast_path.list_patients)
async def list_patients(
    query: Annotated[PatientFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[PatientRead]:
    """Patients, newest first. `q` needs the permission to search, `include_deleted` that to read deleted ones."""
    found = await queries.list_patients(session, actor, query=query)
    return audit.show_page(session, found, map(read, found.rows))


@router.get("/{patient_id}", response_model=PatientRead, dependencies=[allow("patient.read")])
@with_fast_path(fast_path.get_patient)
async def get_patient(
    patient_id: Id,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    include_deleted: Literal["true", "false"] | None = None,
) -> PatientRead:
    patient = await queries.get_patient(
        session, actor, patient_id=patient_id, include_deleted=include_deleted == "true"
    )
    audit.note(session, record_type="patient", record_id=patient_id)
    response.headers["etag"] = tag(patient)
    return read(patient)


@router.put("/{patient_id}", response_model=PatientRead, dependencies=[allow("patient.write")])
async def update_patient(
    patient_id: Id,
    change: PatientUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> PatientRead:
    """
    Change the fields given, those of `person` too; an empty body changes nothing.

    409 `transition_not_allowed` with `allowed` when the status may not move so; `journeys_open` while a journey is.
    """
    patient = await service.change_patient(session, actor, patient_id=patient_id, change=change, if_match=if_match)
    response.headers["etag"] = tag(patient)
    return read(patient)


@router.delete("/{patient_id}", status_code=204, dependencies=[allow("patient.delete")])
async def delete_patient(
    patient_id: Id,
    session: DbSession,
    actor: CurrentActor,
    if_match: IfMatch,
    reason: ChangeReason,
) -> None:
    """Delete a patient: afterwards 404 and out of the list. They come back when their person returns."""
    await service.delete_patient(session, actor, patient_id=patient_id, reason=reason, if_match=if_match)
