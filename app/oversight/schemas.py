from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.access.masking import Personal, Remark
from app.platform.paging import PageQuery
from app.platform.text import Answer, Body, Id, Instant, Reason, Told, line


class AccessReportFilter(PageQuery):
    """`from_at` is included, `to_at` is not."""

    from_at: Instant | None = None
    to_at: Instant | None = None


class AccessRead(Answer):
    """
    One look at the person, or one change. `roles` are those that the account held then.

    `why` is the stated purpose, else the work of these roles; `stated_reason` are the words, where some were asked for.
    """

    audit_event_id: UUID
    at: datetime
    account_id: UUID | None
    account_name: Told
    roles: list[str]
    did: Told
    what: Told
    why: Told
    stated_reason: str | None


class HistoryFilter(PageQuery):
    """`as_of` gives the one version that was valid at that moment."""

    as_of: Instant | None = None


class ChangeRead(Answer):
    """A field that differs from the version before."""

    field: str
    before: Any
    after: Any


class VersionRead(Answer):
    """
    A record from `valid_from` until before `valid_to`, which is null for the present version.

    `changed_by` wrote it, `reason` is what they said why, `changes` what they changed. Values that the role sees masked
    read `•••` here, whatever their kind.
    """

    version: int
    valid_from: datetime
    valid_to: datetime | None
    changed_by: UUID | None
    changed_by_name: str | None
    reason: Personal[str | None]
    values: dict[str, Any]
    changes: list[ChangeRead]


RecordType: Any = line(50)
FieldPath: Any = line(100, pattern=r"^[a-z_]+(\.[a-z_]+){0,3}$")


FaultyRecord = Literal[
    "patient_lead",
    "patient",
    "call_history",
    "person_contact_type",
    "person",
    "person_departure",
    "journey_event",
    "clinical_trial_journey",
    "eap_journey",
    "eap_gate",
    "task",
    "patient_physician_relationship",
    "person_relationship",
]


class StandingFaultFilter(PageQuery):
    """`record_type` is the table of the records."""

    record_type: FaultyRecord | None = None


class FaultRead(Answer):
    """What is wrong: the field that names it, a stable code, a sentence."""

    field: str
    code: str
    message: Told


class FaultyRecordRead(Answer):
    """
    A record of this person with its faults. A `person_contact_type` is a role of the person, a `journey_event` a move
    of a lead, a patient or a journey.
    """

    record_type: FaultyRecord
    record_id: UUID
    person_id: UUID
    faults: Remark[list[FaultRead]]


DoubleRecord = Literal[
    "hospital", "specialization", "medical_condition", "condition_synonym", "eap_program", "eap_journey", "physician"
]


class DoubleFilter(PageQuery):
    """`record_type` is the table of the records."""

    record_type: DoubleRecord | None = None


class DoubleRead(Answer):
    """
    A record that is in some writing the same as `same_as_id`, of the same type; `double_id` is the row that is so.

    Of a `condition_synonym` both ids are those of the conditions that the word means. An `eap_journey` is shown without
    its number, a `physician` without the licence: they stand in the record.
    """

    double_id: UUID
    record_type: DoubleRecord
    record_id: UUID
    same_as_id: UUID
    name: str | None
    city: str | None
    person_id: UUID | None


class RevealRequest(Body):
    """`fields` are those of the record's answer, nested ones with a dot: `notes`, `person.last_name`."""

    record_type: RecordType
    record_id: Id
    fields: Annotated[list[FieldPath], Field(min_length=1, max_length=20)]
    reason: Reason


class RevealRead(Answer):
    """The values as they are, this once."""

    record_type: str
    record_id: UUID
    person_id: UUID
    values: dict[str, Any]
