from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from app.access.masking import Detail, Personal, Remark
from app.people.fields import (
    ConsentTextVersion,
    ContactValue,
    Country,
    Email,
    KnownBirthDate,
    Language,
    NewBirthDate,
    PersonName,
    Phone,
    SearchText,
    TimeZone,
)
from app.platform.paging import Page, PageQuery
from app.platform.text import OMITTED, Answer, Body, Code, Day, Flag, Id, Instant, Label, Notes, Reason

T = TypeVar("T")

Gender = Literal["male", "female", "other", "unknown"]
ContactKind = Literal["email", "phone"]
NoLonger = Literal["former", "wrong", "someone_elses"]
ContactChannel = Literal["phone", "email", "messaging", "video", "in_person", "post"]
Source = Literal["landing_page", "contact_form", "phone", "referral", "event", "import", "api", "navigator"]
RelationshipType = Literal[
    "parent", "child", "partner", "sibling", "guardian", "caregiver", "legal_representative", "other"
]
Authority = Literal["none", "informal", "parental", "power_of_attorney", "court_order"]
SuggestionDecision = Literal["open", "accepted", "rejected", "superseded"]
CandidateDecision = Literal["open", "different_people", "same_person"]
ReadAs = Literal["name", "email", "phone", "birth_date", "reference", "number"]
MatchOutcome = Literal["new_person", "existing_person", "returning_patient", "shared_email_person", "repeated_lead"]


def _distinct(values: list[str]) -> list[str]:
    return sorted(set(values))


ContactChannels = Annotated[list[ContactChannel], Field(max_length=10), AfterValidator(_distinct)]


class PersonCreate(Body):
    """A name has one part or two: who has a single name has no other."""

    first_name: PersonName | None = None
    last_name: PersonName | None = Field(default=None, validate_default=True)
    middle_name: PersonName | None = None
    preferred_name: PersonName | None = None
    email: Email | None = None
    phone: Phone | None = None
    date_of_birth: NewBirthDate | None = None
    gender: Gender | None = None
    country: Country | None = None
    language: Language | None = None
    time_zone: TimeZone | None = None
    do_not_contact_channels: ContactChannels = []

    @field_validator("last_name")
    @classmethod
    def _one_part_is_needed(cls, last_name: str | None, info: ValidationInfo) -> str | None:
        if last_name is None and info.data.get("first_name", "") is None:
            raise PydanticCustomError("name_needed", "Send `first_name`, `last_name` or both.")
        return last_name


class PersonUpdate(Body):
    """
    The fields given are changed; a list given replaces the list.

    `was`: what the e-mail or phone that is replaced was. It is kept as a contact point that is no longer used; a
    `former` one goes on recognising the person. Without it the earlier value is `former`.
    """

    first_name: PersonName | None = OMITTED
    last_name: PersonName | None = OMITTED
    middle_name: PersonName | None = OMITTED
    preferred_name: PersonName | None = OMITTED
    email: Email | None = OMITTED
    phone: Phone | None = OMITTED
    date_of_birth: NewBirthDate | None = OMITTED
    gender: Gender | None = OMITTED
    country: Country | None = OMITTED
    language: Language | None = OMITTED
    time_zone: TimeZone | None = OMITTED
    do_not_contact_channels: ContactChannels = OMITTED
    is_active: Flag = OMITTED
    was: NoLonger = OMITTED


class Intake(Body):
    """What a create says of itself beside its record; kept with the submission as it came."""

    source: Source = "api"
    consent_text_version: ConsentTextVersion | None = None


class PersonSubmission(PersonCreate, Intake):
    """A person to be found or made. `shared_email`: the address is known to belong to somebody else as well."""

    shared_email: Flag = False


class OfNewPerson(Intake):
    """
    A create that says who it is about: found by their e-mail address, or made.

    `shared_email`: the address is known to belong to somebody else as well.
    """

    person: PersonCreate
    shared_email: Flag = False


class OfKnownPerson(Intake):
    """A create about a person whom we know."""

    person_id: Id


OF_THE_PERSON = dict.fromkeys(
    (*OfNewPerson.model_fields, *OfKnownPerson.model_fields), "whom it is about, and how it came: people.identify"
)
"""The special fields (platform/stored_fields.py) of the creates that are about a person."""


class PersonProbe(Body):
    """What a form knows of somebody, to ask who it is before anything is sent."""

    first_name: PersonName | None = None
    last_name: PersonName | None = None
    middle_name: PersonName | None = None
    email: Email | None = None
    phone: Phone | None = None
    date_of_birth: KnownBirthDate | None = None
    country: Country | None = None
    shared_email: Flag = False


class PersonFilter(PageQuery):
    """
    `q` is what somebody types who looks for a person: names, an e-mail, a phone or its end, a birth date, a reference.

    `email` and `phone` are found in every spelling, further ones too.
    """

    q: Personal[SearchText | None] = None
    email: Personal[Email | None] = None
    phone: Personal[Phone | None] = None
    date_of_birth: Personal[KnownBirthDate | None] = None
    is_active: Literal["true", "false"] | None = None
    country: Personal[Country | None] = None
    created_from: Instant | None = None
    created_to: Instant | None = None


class PersonSummary(Answer):
    """A person inside another answer, where a name, the ways to reach them and their clock are enough."""

    person_id: UUID
    reference: str
    first_name: Personal[str | None]
    last_name: Personal[str | None]
    preferred_name: Personal[str | None]
    email: Personal[str | None]
    phone: Personal[str | None]
    date_of_birth: Personal[KnownBirthDate | None]
    time_zone: Personal[str | None]
    is_active: bool


class PersonRead(Answer):
    """A person. `reference` is what colleagues read out to each other, such as P-7K2Q9XAM."""

    person_id: UUID
    reference: str
    first_name: Personal[str | None]
    last_name: Personal[str | None]
    middle_name: Personal[str | None]
    preferred_name: Personal[str | None]
    email: Personal[str | None]
    phone: Personal[str | None]
    phone_e164: Personal[str | None]
    phone_extension: Personal[str | None]
    phone_valid: Personal[bool | None]
    date_of_birth: Personal[KnownBirthDate | None]
    gender: Personal[str | None]
    country: Personal[str | None]
    language: Personal[str | None]
    time_zone: Personal[str | None]
    do_not_contact_channels: Personal[list[str]]
    is_active: bool
    created_at: datetime
    updated_at: datetime
    version: int


class OptOut(Answer):
    """
    A channel by which the person is not to be contacted, since when, and what brought it: a submission, whose source is
    said, or the account that entered it; neither of them for a migrated one.
    """

    channel: Personal[str]
    since: datetime
    intake_submission_id: UUID | None
    source: str | None
    entered_by: UUID | None


class NewCaller(Answer):
    """What was typed, as the beginning of a person: for `POST /persons/match`, which says whether they are known."""

    first_name: Personal[str | None] = None
    last_name: Personal[str | None] = None
    email: Personal[str | None] = None
    phone: Personal[str | None] = None
    date_of_birth: Personal[date | None] = None


class SearchRead(Answer):
    """
    How `q` was read, null when nobody was found by it. The last `similar` items are only similar to what was typed.

    `new_caller` is offered when nobody is found, to who may create persons.
    """

    read_as: ReadAs | None
    similar: int
    new_caller: NewCaller | None


class SearchPage(Page[T], Generic[T]):
    """A page of a list that is searched by `q`; `search` is null without it."""

    search: SearchRead | None


class SuggestedChangeRead(Answer):
    """
    A value that arrived for a record and differs from ours; `ours` is what we had when it arrived.

    Where the values are keys of a hospital, a specialisation or a condition, the names tell what these are called.
    """

    suggested_change_id: UUID
    person_id: UUID
    table_name: str
    record_id: UUID
    field: str
    ours: Remark[Any]
    ours_version: int
    theirs: Remark[Any]
    ours_name: Remark[str | None]
    theirs_name: Remark[str | None]
    source: str
    intake_submission_id: UUID | None
    decision: SuggestionDecision
    decided_at: datetime | None
    decided_by: UUID | None
    reason: Remark[str | None]
    created_at: datetime
    updated_at: datetime
    version: int


class CandidateRead(Answer):
    """Somebody who may be meant, told by as little as is needed to ask the right question."""

    person_id: UUID
    initials: Personal[str]
    birth_year: Personal[int | None]
    reasons: list[str]


class MatchRead(Answer):
    """Whom a submission was found to belong to, and why."""

    outcome: MatchOutcome
    reasons: list[str]
    suggested_changes: list[SuggestedChangeRead]
    probable_duplicates: list[CandidateRead]
    reactivated: bool


class PersonCreated(PersonRead):
    intake_submission_id: UUID
    match: MatchRead


class ProbeRead(Answer):
    """
    What a create would answer: one of its outcomes, or the code with which it would be refused.

    `person_id` is the person found; `candidates` are the other people of the address.
    """

    outcome: Literal[
        "new_person",
        "existing_person",
        "returning_patient",
        "shared_email_person",
        "email_belongs_to_someone_else",
        "several_people_fit",
    ]
    reasons: list[str]
    person_id: UUID | None
    candidates: list[CandidateRead]
    probable_duplicates: list[CandidateRead]
    reactivated: bool


class ContactTypeRead(Answer):
    contact_type_id: UUID
    type_name: str
    description: str | None


class RoleCreate(Body):
    """`valid_from` is now when it is left out."""

    type_name: Code
    valid_from: Instant | None = None
    valid_to: Instant | None = None
    hospital_id: Id | None = None
    job_title: Label | None = None


class RoleUpdate(Body):
    """A role ends by `valid_to`; it has no end again when that is cleared."""

    valid_from: Instant = OMITTED
    valid_to: Instant | None = OMITTED
    hospital_id: Id | None = OMITTED
    job_title: Label | None = OMITTED


class RoleRead(Answer):
    """A role of a person from `valid_from` until before `valid_to`; `is_active` when it is held now."""

    person_contact_type_id: UUID
    person_id: UUID
    contact_type_id: UUID
    contact_type: ContactTypeRead
    valid_from: datetime
    valid_to: datetime | None
    is_active: bool
    hospital_id: UUID | None
    job_title: str | None
    created_at: datetime
    updated_at: datetime
    version: int


class ContactPointCreate(Body):
    """`is_shared`: the address of a family or a clinic, which belongs to others as well."""

    kind: ContactKind
    value: ContactValue
    is_shared: Flag = False


class ContactPointRead(Answer):
    contact_point_id: UUID
    person_id: UUID
    kind: ContactKind
    value: Personal[str]
    phone_extension: Personal[str | None]
    is_shared: bool
    was: NoLonger | None
    created_at: datetime


class ContactPointRemoval(Body):
    """Why the contact point is no longer used."""

    was: NoLonger


class RelationshipCreate(Body):
    """The person of the address is the caregiver or representative of `related_person_id`."""

    related_person_id: Id
    relationship_type: RelationshipType
    authority: Authority = "none"
    start_date: Day | None = None
    end_date: Day | None = None
    notes: Notes | None = None


class RelationshipUpdate(Body):
    relationship_type: RelationshipType = OMITTED
    authority: Authority = OMITTED
    start_date: Day | None = OMITTED
    end_date: Day | None = OMITTED
    notes: Notes | None = OMITTED


class RelationshipRead(Answer):
    person_relationship_id: UUID
    person_id: UUID
    related_person_id: UUID
    relationship_type: Personal[str]
    authority: Personal[str]
    start_date: Personal[date | None]
    end_date: Personal[date | None]
    notes: Detail[str | None]
    created_at: datetime
    updated_at: datetime
    version: int


class SubmissionRead(Answer):
    """A submission as it came."""

    intake_submission_id: UUID
    person_id: UUID
    source: str
    payload: Detail[dict[str, Any]]
    language: Personal[str | None]
    consent_text_version: str | None
    received_by: UUID | None
    match_outcome: str
    match_reasons: list[str]
    created_at: datetime


class SuggestedChangeFilter(PageQuery):
    """`owner=me`: about the people whom one owns as patients or leads."""

    decision: SuggestionDecision | None = None
    person_id: Id | None = None
    owner: Literal["me"] | None = None
    field: Code | None = None
    source: Source | None = None


class SuggestionDecisionIn(Body):
    reason: Reason | None = None


class SuggestionAcceptance(SuggestionDecisionIn):
    """`reason_code` is for a status that needs one, as that of a lead who is disqualified."""

    reason_code: Code | None = None


class DuplicateCandidateFilter(PageQuery):
    """`person_id` is either of the pair."""

    decision: CandidateDecision | None = None
    person_id: Id | None = None


class DuplicateDecisionIn(Body):
    decision: Literal["different_people", "same_person"]
    reason: Reason | None = None


class DuplicateCandidateRead(Answer):
    duplicate_candidate_id: UUID
    person_id: UUID
    other_person_id: UUID
    person: PersonSummary
    other_person: PersonSummary
    reasons: list[str]
    decision: CandidateDecision
    decided_at: datetime | None
    decided_by: UUID | None
    reason: Remark[str | None]
    created_at: datetime
    updated_at: datetime
    version: int
