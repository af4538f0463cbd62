"""A lead becomes a patient: its person gets the one patient record, the lead is closed and points to it."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.ownership import may_own
from app.audit import service as audit
from app.casework.schemas import Conversion
from app.conditions.queries import require_current
from app.leads import queries as lead_queries
from app.leads import service as leads
from app.leads.models import PatientLead
from app.leads.states import LEAD
from app.patients import queries as patient_queries
from app.patients import service as patients
from app.patients.models import Patient
from app.patients.schemas import PatientFields
from app.people import service as people
from app.people.lives import life_of
from app.people.schemas import MatchRead, SuggestedChangeRead
from app.platform import clock
from app.platform.actor import Actor
from app.platform.plausibility import implausible
from app.platform.stored_fields import StoredFields

REASON = "lead_converted"
_SAID = StoredFields(Patient, Conversion, special={"reason": "closes the lead"})


@dataclass(frozen=True)
class Converted:
    lead: PatientLead
    patient: Patient
    match: MatchRead
    is_new: bool
    """Whether the patient record was made now."""


async def convert_lead(session: AsyncSession, actor: Actor, *, lead_id: UUID, conversion: Conversion) -> Converted:
    """
    Convert a lead from whatever open state it is in; a converted one again gives the same patient and changes nothing.

    Calls and submissions hang on the person, so nothing is moved. A person who has a patient record keeps it: what the
    lead says otherwise is suggested, a deleted record is brought back, and an inactive person is active again, as when
    they return by themselves. The lead's owner owns the patient, or nobody when that account does this work no more.
    LeadNotFound; TransitionNotAllowed for a lead that was closed otherwise; PatientNotFound when the patient of a
    converted lead has been deleted since.
    """
    # The locks let a second conversion wait here, and then find the first one's patient.
    lead = await lead_queries.get_lead(session, actor, lead_id=lead_id, for_update=True)
    if lead.status == "converted" and lead.converted_to_patient_id is not None:
        patient = await patient_queries.get_patient(session, actor, patient_id=lead.converted_to_patient_id)
        leads.note(session, lead)
        # A migrated caregiver's lead leads to the patient they care for.
        audit.note(session, person_ids=[patient.person_id])
        return Converted(lead, patient, _match(existed=True), is_new=False)
    LEAD.require_move(lead.status, "converted")
    leads.note(session, lead)
    if conversion.medical_condition_id not in {None, lead.medical_condition_id}:
        await require_current(session, actor, medical_condition_id=conversion.medical_condition_id)
    reactivated = await people.bring_back(session, lead.person)
    existing = await patient_queries.find_patient_of_person(session, actor, person_id=lead.person_id)
    from_lead: dict[str, Any] = {"medical_condition_id": lead.medical_condition_id}
    if await may_own(session, lead.owner_id, permission=patients.OWNERS_WORK):
        from_lead["owner_id"] = lead.owner_id
    if existing is None and (day := await first_contact_of(session, lead)) is not None:
        from_lead["first_contact_date"] = day
    said = {name: value for name, value in _SAID.given(conversion).items() if value is not None or name == "owner_id"}
    opened = await patients.open_patient(
        session,
        actor,
        person_id=lead.person_id,
        wanted=PatientFields.model_validate(from_lead | said),
        source=lead.source,
    )
    converted = await leads.mark_converted(
        session, actor, lead=lead, patient_id=opened.patient.patient_id, reason=conversion.reason
    )
    match = _match(existed=not opened.is_new, reactivated=reactivated or opened.reactivated).model_copy(
        update={"suggested_changes": [SuggestedChangeRead.model_validate(change) for change in opened.suggested]}
    )
    return Converted(converted, opened.patient, match, is_new=opened.is_new)


async def first_contact_of(session: AsyncSession, lead: PatientLead) -> date | None:
    """The first contact of the patient whom this lead becomes: the day it came in, or None where that cannot be."""
    day = lead.created_at.date()
    # A migrated lead may be dated before the person was born; nobody has said so here.
    wrong = implausible(
        "patient", {"first_contact_date": day}, life=await life_of(session, lead.person), now=clock.now()
    )
    return None if wrong else day


def _match(*, existed: bool, reactivated: bool = False) -> MatchRead:
    return MatchRead(
        outcome="returning_patient" if existed else "existing_person",
        reasons=[REASON],
        suggested_changes=[],
        probable_duplicates=[],
        reactivated=reactivated,
    )
