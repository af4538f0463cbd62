"""Leads, patients and people as what a form is about: their addresses, and what the forms of those pages share."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select
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


async def whose_pages(session: AsyncSession, person_ids: Collection[UUID]) -> dict[UUID, tuple[PersonRead, str | None]]:
    """These people, each with the page of their patient record, else of their newest lead, else None."""
    if not person_ids:
        return {}
    newest = (
        select(PatientLead.lead_id)
        .where(PatientLead.person_id == Person.person_id)
        .order_by(PatientLead.created_at.desc(), PatientLead.lead_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    is_theirs = and_(Patient.person_id == Person.person_id, Patient.deleted_at.is_(None))
    found = await session.execute(
        select(Person, Patient.patient_id, newest).outerjoin(Patient, is_theirs).where(Person.person_id.in_(person_ids))
    )
    return {
        person.person_id: (PersonRead.model_validate(person), _page_of(patient_id, lead_id))
        for person, patient_id, lead_id in found
    }


def _page_of(patient_id: UUID | None, lead_id: UUID | None) -> str | None:
    if patient_id is not None:
        return f"/patients/{patient_id}"
    return f"/leads/{lead_id}" if lead_id is not None else None
