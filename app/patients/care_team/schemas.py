from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from app.access.masking import Health
from app.patients.models import RELATIONSHIP_TYPES
from app.patients.schemas import PatientRead
from app.physicians.schemas import PhysicianSummary
from app.platform.paging import PageQuery
from app.platform.text import OMITTED, Answer, Body, Day, Flag, Id, one_of

RelationshipType: Any = one_of(RELATIONSHIP_TYPES)


class CareLinkCreate(Body):
    """The physician's part from `start_date` until before `end_date`; an empty end has no bound."""

    physician_id: Id
    relationship_type: RelationshipType
    is_primary: Flag = False
    start_date: Day | None = None
    end_date: Day | None = None


class CareLinkUpdate(Body):
    """The fields given are changed. Another physician is another link."""

    relationship_type: RelationshipType = OMITTED
    is_primary: Flag = OMITTED
    start_date: Day | None = OMITTED
    end_date: Day | None = OMITTED


class CareLinkFilter(PageQuery):
    is_current: Literal["true", "false"] | None = None


class CareLinkRead(Answer):
    """A physician's part in the patient's care; `is_current` from its start until before its end."""

    patient_physician_id: UUID
    patient_id: UUID
    physician_id: UUID
    physician: PhysicianSummary
    relationship_type: Health[str]
    is_primary: bool
    is_current: bool
    start_date: Health[date | None]
    end_date: Health[date | None]
    created_at: datetime
    updated_at: datetime
    version: int


class PatientOfPhysicianRead(CareLinkRead):
    """A link, with the patient in whose care the physician takes part."""

    patient: PatientRead
