from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from app.people.fields import Country
from app.platform.paging import PageQuery
from app.platform.text import OMITTED, Answer, Body, Flag, Label, Name, Notes, line

Address: Any = line(500)


class HospitalCreate(Body):
    name: Label
    city: Name | None = None
    country: Country | None = None
    address: Address | None = None


class HospitalUpdate(Body):
    """The fields given are changed."""

    name: Label = OMITTED
    city: Name | None = OMITTED
    country: Country | None = OMITTED
    address: Address | None = OMITTED
    is_active: Flag = OMITTED


class HospitalFilter(PageQuery):
    """`q` begins the name, without regard to case."""

    q: Label | None = None
    country: Country | None = None
    is_active: Literal["true", "false"] | None = None
    sort: Literal["name", "-name"] | None = None


class HospitalSummary(Answer):
    """A hospital inside another answer."""

    hospital_id: UUID
    name: str
    city: str | None
    country: str | None


class HospitalRead(HospitalSummary):
    address: str | None
    is_active: bool
    created_at: datetime
    updated_at: datetime
    version: int


class SpecializationCreate(Body):
    name: Label
    description: Notes | None = None


class SpecializationUpdate(Body):
    """The fields given are changed."""

    name: Label = OMITTED
    description: Notes | None = OMITTED
    is_active: Flag = OMITTED


class SpecializationFilter(PageQuery):
    """`q` begins the name, without regard to case."""

    q: Label | None = None
    is_active: Literal["true", "false"] | None = None
    sort: Literal["name", "-name"] | None = None


class SpecializationSummary(Answer):
    """A specialization inside another answer."""

    specialization_id: UUID
    name: str


class SpecializationRead(SpecializationSummary):
    description: str | None
    is_active: bool
    created_at: datetime
    updated_at: datetime
    version: int
