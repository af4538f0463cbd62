"""Rows for arranging a test: valid as they are, override what the test is about. Each is flushed and has its key."""

import os
import tempfile
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.access.policy import Role
from app.access.service import command_actor, create_api_key, open_account
from app.calls.models import CallHistory
from app.conditions.models import MedicalCondition
from app.documents.models import Document
from app.documents.service import add_kept_version
from app.journeys.eap.models import EapJourney, EapProgram
from app.journeys.trial.models import ClinicalTrial, ClinicalTrialJourney
from app.leads.models import PatientLead
from app.notes.models import Note
from app.patients.models import Patient
from app.people.models import Person
from app.people.records import NEW, person_fields
from app.people.search import rows as search
from app.physicians.models import Physician
from app.platform import clock
from app.platform.files import Files
from app.platform.settings import Settings
from app.tasks.models import Task

_number = count(1)


async def a_condition(session: AsyncSession, abbreviation: str = "DMD") -> MedicalCondition:
    """The seeded condition with this abbreviation."""
    found = await session.scalars(select(MedicalCondition).where(MedicalCondition.abbreviation == abbreviation))
    return found.one()


async def a_person(session: AsyncSession, **values: Any) -> Person:
    """A person with the keys that the product makes for them."""
    fields = {"first_name": "Anna", "last_name": "de Vries", "email": f"anna.{next(_number)}@example.org"}
    given = fields | {name: value for name, value in values.items() if name in NEW.names}
    fields = person_fields(dict.fromkeys(NEW.names) | {"do_not_contact_channels": []} | given)
    person = Person(**fields | values)
    session.add(person)
    await session.flush()
    await search.keep_new(session, person.person_id, {name: getattr(person, name) for name in search.NAME_FIELDS})
    return person


async def a_patient(session: AsyncSession, person: Person | None = None, **values: Any) -> Patient:
    person = person or await a_person(session)
    if "medical_condition_id" not in values:
        values["medical_condition_id"] = (await a_condition(session)).medical_condition_id
    patient = Patient(person_id=person.person_id, **values)
    session.add(patient)
    await session.flush()
    return patient


async def a_lead(session: AsyncSession, person: Person | None = None, **values: Any) -> PatientLead:
    person = person or await a_person(session)
    if "medical_condition_id" not in values:
        values["medical_condition_id"] = (await a_condition(session)).medical_condition_id
    lead = PatientLead(person_id=person.person_id, **({"source": "landing_page"} | values))
    session.add(lead)
    await session.flush()
    return lead


async def a_call(session: AsyncSession, patient: Patient, **values: Any) -> CallHistory:
    """A booking with the patient, for now unless `booking_date` or `call_date` say otherwise."""
    if not {"booking_date", "call_date"} & set(values):
        values["booking_date"] = clock.now()
    values = {"status": "scheduled", "patient_id": patient.patient_id, "person_id": patient.person_id} | values
    call = CallHistory(**values)
    session.add(call)
    await session.flush()
    return call


async def a_colleague(
    session: AsyncSession, role: str = "navigator", **person: Any
) -> tuple[UserAccount, dict[str, str]]:
    """An account with a person behind it, and the headers with its key."""
    who = await a_person(session, **({"first_name": "Noor", "last_name": "Bakker"} | person))
    account = await open_account(
        session, command_actor(), display_name="Noor Bakker", role=Role(role), kind="human", person_id=who.person_id
    )
    key = await create_api_key(session, command_actor(), account_id=account.user_account_id, name="test")
    await session.commit()
    return account, {"Authorization": f"Bearer {key}"}


async def a_task(session: AsyncSession, person: Person, **values: Any) -> Task:
    """Something to do about the person, by now unless `due_by` says otherwise."""
    due = values.get("due_by", clock.now())
    task = Task(**{"person_id": person.person_id, "title": "Ask for the report", "due_at": due, "due_by": due} | values)
    session.add(task)
    await session.flush()
    return task


async def a_note(session: AsyncSession, person: Person, **values: Any) -> Note:
    note = Note(**{"person_id": person.person_id, "text": "Speaks slowly on the phone."} | values)
    session.add(note)
    await session.flush()
    return note


FILES: dict[str, Any] = {
    "documents": str(Path(tempfile.gettempdir()) / f"crm-test-documents-{os.getpid()}"),
    "secret_key": "a key of the tests, which opens what they keep",
}
"""The settings by which the tests' application and `a_document` have the same files."""
PDF = b"%PDF-1.7\nThe tests' own.\n%%EOF\n"


async def a_document(session: AsyncSession, person: Person, **values: Any) -> Document:
    """A document with one version, whose content is PDF."""
    document = Document(**{"person_id": person.person_id, "title": "Letter", "kind": "letter"} | values)
    session.add(document)
    await session.flush()
    kept = Files(Settings.model_validate(FILES)).put("application/pdf", BytesIO(PDF))
    await add_kept_version(session, document, kept, number=1, by=None)
    return document


async def a_physician(session: AsyncSession, person: Person | None = None, **values: Any) -> Physician:
    person = person or await a_person(session, first_name="Jan", last_name="Jansen")
    physician = Physician(person_id=person.person_id, **values)
    session.add(physician)
    await session.flush()
    return physician


async def a_trial(session: AsyncSession, **values: Any) -> ClinicalTrial:
    """A recruiting trial."""
    number = f"NCT{next(_number):08d}"
    trial = ClinicalTrial(
        **({"trial_id": number, "registry_code": "NCT", "title": f"Trial {number}", "status": "recruiting"} | values)
    )
    session.add(trial)
    await session.flush()
    return trial


async def a_trial_journey(session: AsyncSession, patient: Patient, **values: Any) -> ClinicalTrialJourney:
    if "clinical_trial_id" not in values:
        values["clinical_trial_id"] = (await a_trial(session)).clinical_trial_id
    journey = ClinicalTrialJourney(patient_id=patient.patient_id, **values)
    session.add(journey)
    await session.flush()
    return journey


async def a_programme(session: AsyncSession, **values: Any) -> EapProgram:
    programme = EapProgram(**({"name": f"Programme {next(_number)}", "product": "Ataluren"} | values))
    session.add(programme)
    await session.flush()
    return programme


async def an_eap_journey(session: AsyncSession, patient: Patient, **values: Any) -> EapJourney:
    journey = EapJourney(patient_id=patient.patient_id, **({"eap_number": f"EAP-{next(_number)}"} | values))
    session.add(journey)
    await session.flush()
    return journey
