"""Peek: what one needs to know of a patient or lead, as a part beside a list and as a page of its own."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.casework.schemas import TimelineQuery
from app.leads import answers as lead_answers
from app.leads import queries as leads
from app.leads import service as lead_service
from app.patients import answers as patient_answers
from app.patients import queries as patients
from app.people.models import Person
from app.people.schemas import PersonRead
from app.platform import clock
from app.platform.actor import Actor
from app.web.page_guard import allow, page_router
from app.web.people import around
from app.web.render import page

router = page_router()

_LATEST = 5
"""So many entries of the timeline are shown: what happened last."""


@router.get("/patients/{patient_id}/peek", dependencies=[allow("patient.read")])
async def peek_patient(request: Request, session: DbSession, actor: CurrentActor, patient_id: UUID) -> Response:
    patient = await patients.get_patient(session, actor, patient_id=patient_id)
    audit.note(
        session, record_type="patient", record_id=patient_id, person_ids=[patient.person_id], subject=patient.person_id
    )
    shown = await _summary(session, actor, patient.person, patient_id=patient_id, owner_id=patient.owner_id)
    record = patient_answers.read(patient)
    return page(request, "people/peek.html", {**shown, "record": record, "here": f"/patients/{patient_id}"})


@router.get("/leads/{lead_id}/peek", dependencies=[allow("lead.read")])
async def peek_lead(request: Request, session: DbSession, actor: CurrentActor, lead_id: UUID) -> Response:
    lead = await leads.get_lead(session, actor, lead_id=lead_id)
    lead_service.note(session, lead)
    shown = await _summary(session, actor, lead.person, patient_id=None, owner_id=lead.owner_id)
    record = lead_answers.read(lead, clock.now())
    return page(request, "people/peek.html", {**shown, "record": record, "here": f"/leads/{lead_id}"})


async def _summary(
    session: AsyncSession, actor: Actor, person: Person, *, patient_id: UUID | None, owner_id: UUID | None
) -> dict[str, Any]:
    query = TimelineQuery(limit=_LATEST)
    shown = await around(session, actor, person=person, patient_id=patient_id, owner_id=owner_id, query=query)
    return {**shown, "person": PersonRead.model_validate(person), "may_call": actor.may("call.create")}
