"""What is found beside people when somebody searches everywhere: what there is of each person, and what has a name."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    String,
    Uuid,
    any_,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    true,
    union,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.casework.schemas import CaseSummary, SpokenFor
from app.conditions.models import CONDITION_NAMES, SYNONYM_NAMES, ConditionSynonym, MedicalCondition
from app.hospitals.models import HOSPITAL_NAMES, Hospital
from app.journeys.eap.models import PROGRAMME_NAMES, EapProgram
from app.journeys.trial.identifiers import read_trial_number
from app.journeys.trial.models import TRIAL_NAMES, ClinicalTrial
from app.leads.models import PatientLead
from app.patients.models import Patient
from app.people.models import Person, PersonRelationship
from app.people.references import read_reference
from app.physicians.models import Physician
from app.platform import clock
from app.platform.actor import Actor
from app.platform.gathering import gathered
from app.platform.search import has_words


@dataclass(frozen=True)
class Named:
    """A record about nobody that is found by its name; `kind` is its table, `beside` what tells it from its likes."""

    kind: str
    record_id: UUID
    name: str
    beside: str | None


@dataclass(frozen=True)
class Beside:
    """What is found beside people: what there is of each, the patients whom they speak for, what has a name."""

    cases: Mapping[UUID, CaseSummary]
    spoken_for: Sequence[SpokenFor]
    named: Sequence[Named]


_MOST_SPOKEN_FOR = 3
"""So many patients of one who speaks for others are found with them; their page has all."""


async def find_person_by_reference(session: AsyncSession, *, typed: str) -> UUID | None:
    """Whose reference was typed, or who asked by the lead whose reference it is; None where it is nobody's."""
    reference = read_reference(typed)
    if reference is None:
        return None
    of_person = select(Person.person_id).where(Person.reference == reference)
    of_lead = select(PatientLead.person_id).where(PatientLead.reference == reference)
    found: UUID | None = await session.scalar(of_person.union_all(of_lead))
    return found


async def find_record_by_reference(session: AsyncSession, *, typed: str) -> UUID | None:
    """The lead whose reference was typed, or the patient, else the person; None where it is nobody's."""
    reference = read_reference(typed)
    if reference is None:
        return None
    of_person = (
        select(func.coalesce(Patient.patient_id, Person.person_id))
        .select_from(Person)
        .outerjoin(Patient, Patient.person_id == Person.person_id)
        .where(Person.reference == reference)
    )
    of_lead = select(PatientLead.lead_id).where(PatientLead.reference == reference)
    found: UUID | None = await session.scalar(of_person.union_all(of_lead))
    return found


async def references_of(session: AsyncSession, *, ids: Collection[UUID]) -> dict[UUID, str]:
    """The references of those of these ids that are a person's, a patient's (their person's) or a lead's."""
    if not ids:
        return {}
    asked = any_(literal(list(ids), ARRAY(Uuid())))
    found = await session.execute(
        union_all(
            select(Person.person_id, Person.reference).where(Person.person_id == asked),
            select(Patient.patient_id, Person.reference)
            .join(Person, Person.person_id == Patient.person_id)
            .where(Patient.patient_id == asked),
            select(PatientLead.lead_id, PatientLead.reference).where(PatientLead.lead_id == asked),
        )
    )
    return {row[0]: row[1] for row in found}


async def cases_of(
    session: AsyncSession, actor: Actor, *, person_ids: Sequence[UUID], typed: str = ""
) -> dict[UUID, CaseSummary]:
    """
    What there is of each of these people, of whom there are few.

    Of several leads the one whose reference was typed counts, else an open one, else the newest.
    """
    if not person_ids:
        return {}
    found = await session.execute(_cases(actor, person_ids, typed))
    return {row.person_id: CaseSummary.model_validate(row) for row in found}


def _cases(actor: Actor, person_ids: Sequence[UUID], typed: str) -> Select[*tuple[Any, ...]]:
    lead = PatientLead
    meant = (
        select(lead.lead_id, lead.reference, lead.status, lead.medical_condition_id)
        .where(lead.person_id == Person.person_id, true() if actor.may("lead.read") else false())
        .order_by((lead.reference == (read_reference(typed) or "")).desc(), lead.closed_at.is_(None).desc())
        .order_by(lead.created_at.desc(), lead.lead_id.desc())
        .limit(1)
        .lateral("meant")
    )
    is_patient = (Patient.person_id == Person.person_id) & Patient.deleted_at.is_(None)
    is_physician: ColumnElement[bool] = Physician.person_id == Person.person_id
    condition_id = func.coalesce(Patient.medical_condition_id, meant.c.medical_condition_id)
    return (
        select(
            Person.person_id,
            MedicalCondition.name.label("condition"),
            Patient.patient_id,
            Patient.status.label("patient_status"),
            meant.c.lead_id,
            meant.c.reference.label("lead_reference"),
            meant.c.status.label("lead_status"),
            Physician.physician_id,
        )
        .select_from(Person)
        .outerjoin(Patient, is_patient if actor.may("patient.read") else false())
        .outerjoin(Physician, is_physician if actor.may("physician.read") else false())
        .outerjoin(meant, true())
        .outerjoin(MedicalCondition, MedicalCondition.medical_condition_id == condition_id)
        .where(Person.person_id.in_(person_ids))
    )


async def people_of_records(session: AsyncSession, *, record_ids: Sequence[UUID]) -> list[Person]:
    """The people whose patients or leads these are, in this order, each once."""
    if not record_ids:
        return []
    of_each = union_all(
        select(Patient.patient_id.label("record_id"), Patient.person_id).where(
            Patient.patient_id.in_(record_ids), Patient.deleted_at.is_(None)
        ),
        select(PatientLead.lead_id, PatientLead.person_id).where(PatientLead.lead_id.in_(record_ids)),
    ).subquery()
    rows = await session.execute(
        select(of_each.c.record_id, Person).join(Person, Person.person_id == of_each.c.person_id)
    )
    by_record = {row[0]: row[1] for row in rows}
    return list(dict.fromkeys(by_record[key] for key in record_ids if key in by_record))


async def beside_people(
    session: AsyncSession, actor: Actor, *, person_ids: Sequence[UUID], typed: str, most_named: int = 0
) -> Beside:
    """
    `cases_of` these people, the patients they speak for, and the records about nobody that have each typed word in
    their name: of these up to `most_named` of each kind the actor may read, by name.
    """
    lists: dict[str, Select[Any]] = {}
    if person_ids:
        lists["cases"] = _cases(actor, person_ids, typed)
        if actor.may("person.read") and actor.may("patient.read"):
            lists["spoken_for"] = _spoken_for(person_ids)
    named = _named(typed, most_named) if most_named else {}
    lists |= {name: query for name, (permission, query) in named.items() if actor.may(permission)}
    found = await gathered(session, **lists)
    return Beside(
        cases={row.person_id: CaseSummary.model_validate(row) for row in found.pop("cases", ())},
        spoken_for=[SpokenFor.model_validate(row) for row in found.pop("spoken_for", ())],
        named=[Named(name, row.record_id, row.name, row.beside) for name, rows in found.items() for row in rows],
    )


def _spoken_for(person_ids: Sequence[UUID]) -> Select[Any]:
    """The newest patients for whom each of these people, of whom there are few, speaks or acts now."""
    row, patient, whom = PersonRelationship, Patient, Person
    speaker = func.unnest(literal(list(person_ids), ARRAY(Uuid()))).table_valued("speaker_id").render_derived()
    theirs = (
        select(row.person_relationship_id, row.relationship_type, patient.patient_id, patient.person_id)
        .join(patient, (patient.person_id == row.related_person_id) & patient.deleted_at.is_(None))
        .where(row.person_id == speaker.c.speaker_id, or_(row.end_date.is_(None), row.end_date >= clock.today()))
        .order_by(row.person_relationship_id.desc())
        .limit(_MOST_SPOKEN_FOR)
        .lateral("theirs")
    )
    return (
        select(
            cast(speaker.c.speaker_id, Uuid).label("speaker_id"),
            *(theirs.c.relationship_type, theirs.c.patient_id, theirs.c.person_id),
            *(whom.reference, whom.first_name, whom.last_name),
        )
        .select_from(speaker)
        .join(theirs, true())
        .join(whom, whom.person_id == theirs.c.person_id)
        .order_by(theirs.c.person_relationship_id.desc())
    )


def _named(typed: str, most: int) -> dict[str, tuple[str, Select[Any]]]:
    """By their table what finds records by their name, with the permission that it needs."""
    number = read_trial_number(typed)
    is_trial = has_words(TRIAL_NAMES, typed)
    if number is not None:
        is_trial = ClinicalTrial.trial_id == number.number
    condition_id = MedicalCondition.medical_condition_id
    is_condition = (
        condition_id.in_(
            union(
                select(condition_id).where(has_words(CONDITION_NAMES, typed)).correlate(None),
                select(ConditionSynonym.medical_condition_id).where(has_words(SYNONYM_NAMES, typed)),
            )
        )
        & MedicalCondition.is_active
    )
    of_table = (
        ("condition.read", MedicalCondition, condition_id, is_condition, MedicalCondition.name,
         MedicalCondition.abbreviation),
        ("trial.read", ClinicalTrial, ClinicalTrial.clinical_trial_id, is_trial,
         func.coalesce(ClinicalTrial.title, ClinicalTrial.trial_id), ClinicalTrial.trial_id),
        ("programme.read", EapProgram, EapProgram.eap_program_id, has_words(PROGRAMME_NAMES, typed), EapProgram.name,
         EapProgram.product),
        ("hospital.read", Hospital, Hospital.hospital_id, has_words(HOSPITAL_NAMES, typed) & Hospital.is_active,
         Hospital.name, Hospital.city),
    )  # fmt: skip
    return {
        model.__tablename__: (permission, _of_table(key, condition, name, beside, most))
        for permission, model, key, condition, name, beside in of_table
    }


def _of_table(key: Any, condition: Any, name: Any, beside: Any, most: int) -> Select[Any]:
    return (
        select(
            key.label("record_id"),
            cast(name, String).label("name"),
            cast(beside, String).label("beside"),
        )
        .where(condition)
        .order_by(func.lower(name), key)
        .limit(most)
    )
