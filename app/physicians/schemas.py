from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from app.access.masking import Personal
from app.hospitals.schemas import HospitalSummary, SpecializationSummary
from app.people.fields import SearchText
from app.people.schemas import Intake, MatchRead, OfKnownPerson, OfNewPerson, PersonSummary
from app.platform.paging import PageQuery
from app.platform.text import OMITTED, Answer, Body, Flag, Id, Instant, Label, either, line

LicenceNumber: Any = line(100)


class _Professional(Intake):
    hospital_id: Id | None = None
    job_title: Label | None = None
    specialization_id: Id | None = None
    medical_license_number: LicenceNumber | None = None


class PhysicianOfNewPerson(_Professional, OfNewPerson):
    """A physician and who it is: the person is found by the e-mail or made."""


class PhysicianOfPerson(_Professional, OfKnownPerson):
    """A person we know becomes a physician."""


PhysicianCreate = either(PhysicianOfNewPerson, PhysicianOfPerson, second_has="person_id")


class PhysicianUpdate(Body):
    """The fields given are changed."""

    hospital_id: Id | None = OMITTED
    job_title: Label | None = OMITTED
    specialization_id: Id | None = OMITTED
    medical_license_number: LicenceNumber | None = OMITTED
    is_active: Flag = OMITTED


class PhysicianFilter(PageQuery):
    """`q` begins one of the person's names, without regard to case and marks."""

    q: Personal[SearchText | None] = None
    person_id: Id | None = None
    hospital_id: Id | None = None
    specialization_id: Id | None = None
    medical_license_number: Personal[LicenceNumber | None] = None
    is_active: Literal["true", "false"] | None = None
    created_from: Instant | None = None
    sort: Literal["created", "-created"] | None = None


class PhysicianSummary(Answer):
    """A physician inside another answer."""

    physician_id: UUID
    person_id: UUID
    person: PersonSummary
    job_title: str | None
    hospital_id: UUID | None
    specialization_id: UUID | None
    is_active: bool


class PhysicianRead(Answer):
    physician_id: UUID
    person_id: UUID
    person: PersonSummary
    hospital_id: UUID | None
    hospital: HospitalSummary | None
    job_title: str | None
    specialization_id: UUID | None
    specialization: SpecializationSummary | None
    medical_license_number: Personal[str | None]
    is_active: bool
    created_at: datetime
    updated_at: datetime
    version: int


class PhysicianCreated(PhysicianRead):
    match: MatchRead
