"""Leads, patients and people as what a form is about: their addresses, and what the forms of those pages share."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.leads.models import PatientLead
from app.leads.queries import get_lead
from app.patients.models import Patient
from app.patients.queries import get_patient
from app.people.models import Person
from app.people.queries import get_person
from app.people.schemas import PersonRead
from app.platform.actor import Actor
from app.platform.locales import _
from app.platform.text import Answer
from app.web.page_guard import NO_ERRORS
from app.web.people import signs_of


async def _person_of_patient(session: AsyncSession, actor: Actor, record_id: UUID) -> Person:
    return (await get_patient(session, actor, patient_id=record_id)).person


async def _person_of_lead(session: AsyncSession, actor: Actor, record_id: UUID) -> Person:
    return (await get_lead(session, actor, lead_id=record_id)).person


async def _person(session: AsyncSession, actor: Actor, record_id: UUID) -> Person:
    return await get_person(session, actor, person_id=record_id)


@dataclass(frozen=True)
class About:
    """The records of one address. `key` is the name of their id; `table` their kind in the audit, `kind` in drafts."""

    path: str
    key: str
    place: str
    table: str
    kind: str
    person: Callable[[AsyncSession, Actor, UUID], Awaitable[Person]]

    @property
    def address(self) -> str:
        """The address of a record, for routes."""
        return f"{self.path}/{{{self.key}}}"

    async def context(self, session: AsyncSession, actor: Actor, record_id: UUID) -> dict[str, Any]:
        """What a form about this record shows of it; noted. PatientNotFound or LeadNotFound."""
        person = await self.person(session, actor, record_id)
        audit.note(session, record_type=self.table, record_id=record_id, person_ids=[person.person_id])
        return {
            **NO_ERRORS,
            "person": PersonRead.model_validate(person),
            "here": f"{self.path}/{record_id}",
            "place": self.place,
            "place_href": self.path,
            **await signs_of(session, person.person_id),
        }


PATIENTS = About("/patients", "patient_id", _("Patients"), "patient", "patient", _person_of_patient)
LEADS = About("/leads", "lead_id", _("Leads"), "patient_lead", "lead", _person_of_lead)
PEOPLE = About("/people", "person_id", _("People"), "person", "person", _person)


class Whose(Answer):
    """Whose a listed record is, and where it is mended or looked at."""

    person: PersonRead
    href: str


async def pages_of(session: AsyncSession, person_ids: Collection[UUID]) -> dict[UUID, str]:
    """The page of each person's patient record, else of their newest lead."""
    leads = await session.execute(
        select(PatientLead.person_id, PatientLead.lead_id)
        .where(PatientLead.person_id.in_(person_ids))
        .ext(distinct_on(PatientLead.person_id))
        .order_by(PatientLead.person_id, PatientLead.created_at.desc(), PatientLead.lead_id.desc())
    )
    patients = await session.execute(
        select(Patient.person_id, Patient.patient_id).where(
            Patient.person_id.in_(person_ids), Patient.deleted_at.is_(None)
        )
    )
    found = {person_id: f"/leads/{lead_id}" for person_id, lead_id in leads}
    return found | {person_id: f"/patients/{patient_id}" for person_id, patient_id in patients}
