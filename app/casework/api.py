"""Routes of use cases that cross packages: a lead is converted, a timeline read, open work handed over."""

from typing import Annotated

from fastapi import Body, Query, Request, Response

from app.access.request_guard import CurrentActor, DbSession, allow, api_router
from app.audit import service as audit
from app.casework.convert_lead import convert_lead as carry_out_conversion
from app.casework.departing import register_all
from app.casework.hand_over import hand_over, open_work_of, undo_hand_over
from app.casework.schemas import (
    Conversion,
    HandedOver,
    HandOver,
    HandOverUndo,
    LeadConverted,
    OpenWork,
    Timeline,
    TimelineQuery,
)
from app.casework.timeline import timeline_of
from app.leads.answers import read as read_lead
from app.patients.answers import read as read_patient
from app.patients.queries import get_patient
from app.platform import clock
from app.platform.text import Id

of_leads = api_router("/leads", "leads")
of_patients = api_router("/patients", "patients")
hand_overs = api_router("/availability/{user_account_id}/work", "availability")
register_all()


@of_leads.post(
    "/{lead_id}/convert",
    status_code=201,
    response_model=LeadConverted,
    responses={200: {"model": LeadConverted, "description": "The person has a patient record: this one."}},
    dependencies=[allow("lead.convert")],
)
async def convert_lead(
    lead_id: Id,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    conversion: Annotated[Conversion, Body(default_factory=Conversion)],
) -> LeadConverted:
    """Make the lead's person a patient: 201 when the record is new, 200 with the same patient when there is one."""
    converted = await carry_out_conversion(session, actor, lead_id=lead_id, conversion=conversion)
    response.status_code = 201 if converted.is_new else 200
    response.headers["location"] = f"{of_patients.prefix}/{converted.patient.patient_id}"
    return LeadConverted(
        lead_id=converted.lead.lead_id,
        patient_id=converted.patient.patient_id,
        lead=read_lead(converted.lead, clock.now()),
        patient=read_patient(converted.patient),
        match=converted.match,
    )


@of_patients.get("/{patient_id}/timeline", response_model=Timeline, dependencies=[allow("patient.read")])
async def list_patient_timeline(
    patient_id: Id, query: Annotated[TimelineQuery, Query()], session: DbSession, actor: CurrentActor
) -> Timeline:
    """
    Calls, bookings, notes, done tasks, stage changes, submissions, decided suggestions and physicians of a patient,
    newest first, also those from before the person was a patient.
    """
    patient = await get_patient(session, actor, patient_id=patient_id)
    audit.note(
        session, record_type="patient", record_id=patient_id, person_ids=[patient.person_id], subject=patient.person_id
    )
    return await timeline_of(session, person_id=patient.person_id, patient_id=patient_id, query=query)


@hand_overs.get("", response_model=OpenWork, dependencies=[allow("work.count")])
async def get_open_work(user_account_id: Id, session: DbSession) -> OpenWork:
    """How much open work a colleague has; no record, and nobody's name but theirs."""
    return await open_work_of(session, account_id=user_account_id)


@hand_overs.post("/hand-over", response_model=HandedOver, dependencies=[allow("work.hand_over")])
async def hand_over_work(
    user_account_id: Id, order: HandOver, request: Request, session: DbSession, actor: CurrentActor
) -> HandedOver:
    """Hand a batch over: 100 records at most. Sent again, the next ones follow, until nothing remains."""
    request_id = request.scope.get("request_id")
    return await hand_over(session, actor, account_id=user_account_id, order=order, request_id=request_id)


@hand_overs.post("/hand-over/undo", response_model=HandedOver, dependencies=[allow("work.hand_over")])
async def undo_hand_over_of_work(
    user_account_id: Id, undo: HandOverUndo, request: Request, session: DbSession, actor: CurrentActor
) -> HandedOver:
    """Put back what one has handed over oneself, of each record that nobody has changed since."""
    request_id = request.scope.get("request_id")
    return await undo_hand_over(session, actor, account_id=user_account_id, changes=undo.done, request_id=request_id)
