"""What both kinds of journey ask."""

from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.journeys.errors import patient_unknown
from app.patients.models import Patient, PatientPhysicianRelationship
from app.physicians.models import Physician


class _Journey(Protocol):
    """What both kinds of journey have, loaded."""

    @property
    def patient(self) -> Patient: ...

    @property
    def physician(self) -> Physician | None: ...


FoundPage = tuple[list[Any], str | None, int, bool]


def of_present_patient(patient_id: InstrumentedAttribute[UUID]) -> ColumnElement[bool]:
    """Whether the patient is not deleted: whoever cannot see a patient does not see their journeys."""
    return exists().where(Patient.patient_id == patient_id, Patient.deleted_at.is_(None))


def people_of(journey: _Journey) -> set[UUID]:
    """The persons whom a journey's answer shows: the patient, and the physician when it names one."""
    shown = {journey.patient.person_id}
    return shown if journey.physician is None else shown | {journey.physician.person_id}


async def require_patient(session: AsyncSession, *, patient_id: UUID) -> Patient:
    """The patient that a new journey names; Invalid when there is none."""
    found = await session.scalar(select(Patient).where(Patient.patient_id == patient_id, Patient.deleted_at.is_(None)))
    if found is None:
        raise patient_unknown()
    return found


async def has_current_physician(session: AsyncSession, *, patient_id: UUID) -> bool:
    """Whether a physician is linked to the patient today."""
    current = exists().where(
        PatientPhysicianRelationship.patient_id == patient_id, PatientPhysicianRelationship.end_date.is_(None)
    )
    return bool(await session.scalar(select(current)))
