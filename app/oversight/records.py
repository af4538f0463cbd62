"""The kinds of records with a history: where they are served, who may read them, how one is read and shown."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import Shown, class_of
from app.calls import answers as calls_answers
from app.calls import queries as calls
from app.calls.models import CallHistory
from app.calls.schemas import CallRead
from app.conditions import answers as conditions_answers
from app.conditions import queries as conditions
from app.conditions.models import MedicalCondition
from app.conditions.schemas import ConditionRead
from app.documents import queries as documents
from app.documents.models import Document
from app.documents.schemas import DocumentRead
from app.hospitals import queries as hospitals
from app.hospitals.models import Hospital, Specialization
from app.hospitals.schemas import HospitalRead, SpecializationRead
from app.journeys import answers as journey_answers
from app.journeys import queries as journeys
from app.journeys.eap import queries as eap
from app.journeys.eap.models import EapProgram
from app.journeys.eap.schemas import ProgrammeRead
from app.journeys.kind import Kind
from app.journeys.kinds import KINDS
from app.journeys.trial import queries as trials
from app.journeys.trial.models import ClinicalTrial
from app.journeys.trial.schemas import TrialRead
from app.leads import answers as leads_answers
from app.leads import queries as leads
from app.leads.models import PatientLead
from app.leads.schemas import LeadRead
from app.notes import queries as notes
from app.notes.models import Note
from app.notes.schemas import NoteRead
from app.patients import answers as patients_answers
from app.patients import queries as patients
from app.patients.models import Patient
from app.patients.schemas import PatientRead
from app.people import queries as people
from app.people.models import Person
from app.people.schemas import PersonRead
from app.physicians import queries as physicians
from app.physicians.models import Physician
from app.physicians.schemas import PhysicianRead
from app.platform import clock
from app.platform.actor import Actor
from app.platform.db import Base
from app.tasks import answers as tasks_answers
from app.tasks import queries as tasks
from app.tasks.models import Task
from app.tasks.schemas import TaskRead

Load = Callable[[AsyncSession, Actor, UUID], Awaitable[BaseModel]]


@dataclass(frozen=True)
class Record:
    """
    One kind of record. `path` is its place in the API, `load` its answer as GET gives it, or NotFound.

    `permission` is the one to read it: it opens the record's history as well.
    """

    path: str
    model: type[Base]
    answer: type[BaseModel]
    permission: str
    load: Load

    @property
    def table(self) -> Table:
        table = self.model.__table__
        assert isinstance(table, Table)  # noqa: S101 - every model of ours is a table
        return table

    @property
    def record_type(self) -> str:
        return self.table.name

    def class_of(self, column: str) -> Shown:
        """The privacy class of a column; whether the record is refused for its sake is as in the answer."""
        field = self.answer.model_fields.get(column)
        stated = class_of(field) if field is not None else None
        info = self.table.c[column].info
        closes = stated is not None and stated.closes_record
        return Shown(info["privacy"], detail=info.get("detail", False), closes_record=closes)

    @property
    def marks(self) -> list[Shown]:
        return [self.class_of(column.name) for column in self.table.c]


async def _person(session: AsyncSession, actor: Actor, key: UUID) -> BaseModel:
    return PersonRead.model_validate(await people.get_person(session, actor, person_id=key))


async def _lead(session: AsyncSession, actor: Actor, key: UUID) -> BaseModel:
    return leads_answers.read(await leads.get_lead(session, actor, lead_id=key), clock.now())


async def _patient(session: AsyncSession, actor: Actor, key: UUID) -> BaseModel:
    deleted_too = actor.may("patient.read_deleted")
    return patients_answers.read(
        await patients.get_patient(session, actor, patient_id=key, include_deleted=deleted_too)
    )


async def _call(session: AsyncSession, actor: Actor, key: UUID) -> BaseModel:
    voided_too = actor.may("call.read_voided")
    return calls_answers.read(await calls.get_call(session, actor, call_id=key, include_voided=voided_too), clock.now())


async def _task(session: AsyncSession, actor: Actor, key: UUID) -> BaseModel:
    return tasks_answers.read(await tasks.get_task(session, actor, task_id=key))


async def _note(session: AsyncSession, actor: Actor, key: UUID) -> BaseModel:
    voided_too = actor.may("note.read_voided")
    return NoteRead.model_validate(await notes.get_note(session, actor, note_id=key, include_voided=voided_too))


async def _document(session: AsyncSession, actor: Actor, key: UUID) -> BaseModel:
    voided_too = actor.may("document.read_voided")
    found = await documents.get_document(session, actor, document_id=key, include_voided=voided_too)
    return DocumentRead.model_validate(found)


async def _physician(session: AsyncSession, actor: Actor, key: UUID) -> BaseModel:
    return PhysicianRead.model_validate(await physicians.get_physician(session, actor, physician_id=key))


def _journey(kind: Kind) -> Record:
    async def load(session: AsyncSession, actor: Actor, key: UUID) -> BaseModel:
        return journey_answers.read(kind, await journeys.get_journey(session, actor, kind=kind, journey_id=key))

    return Record(kind.path.removeprefix("/"), kind.model, kind.read, "journey.read", load)


async def _condition(session: AsyncSession, actor: Actor, key: UUID) -> BaseModel:
    return conditions_answers.read(await conditions.get_condition(session, actor, medical_condition_id=key))


async def _hospital(session: AsyncSession, actor: Actor, key: UUID) -> BaseModel:
    return HospitalRead.model_validate(await hospitals.get_hospital(session, actor, hospital_id=key))


async def _specialization(session: AsyncSession, actor: Actor, key: UUID) -> BaseModel:
    found = await hospitals.get_specialization(session, actor, specialization_id=key)
    return SpecializationRead.model_validate(found)


async def _trial(session: AsyncSession, actor: Actor, key: UUID) -> BaseModel:
    return TrialRead.model_validate(await trials.get_trial(session, actor, clinical_trial_id=key))


async def _programme(session: AsyncSession, actor: Actor, key: UUID) -> BaseModel:
    return ProgrammeRead.model_validate(await eap.get_programme(session, actor, eap_program_id=key))


RECORDS: tuple[Record, ...] = (
    Record("persons", Person, PersonRead, "person.read", _person),
    Record("leads", PatientLead, LeadRead, "lead.read", _lead),
    Record("patients", Patient, PatientRead, "patient.read", _patient),
    Record("call-history", CallHistory, CallRead, "call.read", _call),
    Record("tasks", Task, TaskRead, "task.read", _task),
    Record("notes", Note, NoteRead, "note.read", _note),
    Record("documents", Document, DocumentRead, "document.read", _document),
    Record("physicians", Physician, PhysicianRead, "physician.read", _physician),
    *(_journey(kind) for kind in KINDS),
    Record("medical-conditions", MedicalCondition, ConditionRead, "condition.read", _condition),
    Record("hospitals", Hospital, HospitalRead, "hospital.read", _hospital),
    Record("specializations", Specialization, SpecializationRead, "specialization.read", _specialization),
    Record("clinical-trials", ClinicalTrial, TrialRead, "trial.read", _trial),
    Record("eap-programs", EapProgram, ProgrammeRead, "programme.read", _programme),
)
BY_TYPE: dict[str, Record] = {record.record_type: record for record in RECORDS}
BY_PATH: dict[str, Record] = {record.path: record for record in RECORDS}
