from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from app.people.schemas import PersonSummary
from app.platform.paging import PageQuery
from app.platform.text import Answer, Body, Id


class AboutBody(Body):
    """
    Whom and what it is about: a person, or a record of theirs, and then the person need not be named.

    Of a call and the journeys one at most; a patient or a lead may stand beside it.
    """

    patient_id: Id | None = None
    lead_id: Id | None = None
    call_id: Id | None = None
    ct_journey_id: Id | None = None
    eap_journey_id: Id | None = None
    # The last one, so that the others are known when it is asked whether anything was named.
    person_id: Annotated[Id | None, Field(validate_default=True)] = None

    @field_validator("person_id")
    @classmethod
    def _names_something(cls, value: Any, info: ValidationInfo) -> Any:
        others = [name for name in AboutBody.model_fields if name != "person_id"]
        # One that was refused is not in data: its own error is enough.
        if value is None and all(info.data.get(name, value) is None and name in info.data for name in others):
            raise PydanticCustomError("missing", "Name the person, or the record, that it is about.")
        return value


class AboutFilter(PageQuery):
    person_id: Id | None = None
    patient_id: Id | None = None
    lead_id: Id | None = None
    call_id: Id | None = None
    ct_journey_id: Id | None = None
    eap_journey_id: Id | None = None


class AboutRead(Answer):
    person_id: UUID
    person: PersonSummary
    patient_id: UUID | None
    lead_id: UUID | None
    call_id: UUID | None
    ct_journey_id: UUID | None
    eap_journey_id: UUID | None
