from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from app.access.masking import Health, Personal, Remark, Sorts
from app.conditions.schemas import ConditionSummary
from app.patients.states import PATIENT
from app.patients.words import FilterWord, StatusWord
from app.people.fields import Country, SearchText
from app.people.schemas import MatchRead, OfKnownPerson, OfNewPerson, PersonRead, PersonUpdate
from app.platform.paging import PageQuery
from app.platform.text import OMITTED, Answer, Body, Day, Id, Instant, Label, Reason, either, line


class PatientStart(Body):
    """What a patient record may start with, whether it is sent or made from a lead."""

    first_contact_date: Day | None = None
    initial_consult_date: Day | None = None


class PatientFields(PatientStart):
    """`status` is active unless it is given; `status_reason` says why it is another one."""

    medical_condition_id: Id
    status: StatusWord | None = None
    status_reason: Reason | None = None
    owner_id: Id | None = None


class PatientCreate(PatientFields, OfNewPerson):
    """
    A patient with who they are: found by their e-mail address, or made.

    `shared_email`: the address is known to belong to somebody else as well.
    """


class PatientCreateForPerson(PatientFields, OfKnownPerson):
    """A person whom we know becomes a patient."""


NewPatient = either(PatientCreate, PatientCreateForPerson, second_has="person_id")


class PatientUpdate(Body):
    """
    The fields given are changed, those of `person` too; a `status` moves the patient as its machine allows.

    `deceased` needs `date_of_death` and `death_source`; these two correct a death that is on record. `deceased` and
    `withdrawn` close or list what is open; from there `active` needs a `status_reason`.
    """

    medical_condition_id: Id = OMITTED
    first_contact_date: Day | None = OMITTED
    initial_consult_date: Day | None = OMITTED
    status: StatusWord = OMITTED
    status_reason: Reason | None = OMITTED
    date_of_death: Day = OMITTED
    death_source: Label = OMITTED
    owner_id: Id | None = OMITTED
    person: PersonUpdate = OMITTED


JourneyWord: Any = line(80, pattern=r"^[a-z_]+(:[a-z_]+)?$")
PatientSort = Literal[
    "created", "-created", "status", "-status", "owner", "-owner", "name", "-name",
    "last_contact", "-last_contact", "next_call", "-next_call",
]  # fmt: skip
_CLASSES = {
    f"{way}{word}": privacy
    for word, privacy in (("name", "personal"), ("last_contact", "health"), ("next_call", "health"))
    for way in ("", "-")
}
SORTED_WITH = ("status", "owner_id", "owner")
"""The filters with which every order has an index."""


class PatientFilter(PageQuery):
    """
    `status` is a state or a group of states; `owner` is `nobody`, for those whom nobody owns; `q` is what somebody
    types who looks for a person. `created_to` itself is not included. `journey` is a kind of journey of which one is
    open, or kind and stage: `eap`, `eap:screening`.

    Other orders than `created` are there for all patients, and with `status`, `owner_id` and `owner`.
    """

    status: FilterWord | None = None
    medical_condition_id: Health[Id | None] = None
    owner_id: Id | None = None
    owner: Literal["nobody"] | None = None
    q: Personal[SearchText | None] = None
    country: Personal[Country | None] = None
    journey: Health[JourneyWord | None] = None
    created_from: Instant | None = None
    created_to: Instant | None = None
    sort: Annotated[PatientSort | None, Sorts(_CLASSES)] = None
    include_deleted: Literal["true", "false"] | None = None


class PatientRead(Answer):
    """A patient with their person and condition. `status_group` is the coarse word for `status`."""

    patient_id: UUID
    person_id: UUID
    person: PersonRead
    medical_condition_id: Health[UUID | None]
    medical_condition: Health[ConditionSummary | None]
    first_contact_date: Health[date | None]
    initial_consult_date: Health[date | None]
    status: str
    status_group: str
    status_reason: Remark[str | None]
    owner_id: UUID | None
    created_at: datetime
    updated_at: datetime
    version: int
    deleted_at: datetime | None


class PatientCreated(PatientRead):
    intake_submission_id: UUID
    match: MatchRead


def status_group(status: str) -> str:
    return PATIENT.groups[status]
