from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from app.access.masking import Detail, Health, Personal, Remark
from app.conditions.schemas import ConditionSummary
from app.leads.rules import LeadStep
from app.leads.words import FilterWord, FirstStatus, ReasonCode, TargetWord, WebAddress
from app.people.fields import Country, Language, SearchText
from app.people.schemas import Intake, MatchRead, OfKnownPerson, OfNewPerson, PersonSummary, Source
from app.platform.paging import PageQuery
from app.platform.text import OMITTED, Answer, Body, Day, Flag, Id, Instant, Reason, either


class _NewLead(Intake):
    medical_condition_id: Id
    landing_page_url: WebAddress | None = None
    status: FirstStatus | None = None
    owner_id: Id | None = None
    language: Language | None = None


class LeadCreate(_NewLead, OfNewPerson):
    """
    Somebody asks for help: found by their e-mail address, or made. `language` is the form's.

    `shared_email`: the address is known to belong to somebody else as well.
    """


class LeadCreateForPerson(_NewLead, OfKnownPerson):
    """A person whom we know asks for help. `language` is the form's."""


NewLead: Any = either(LeadCreate, LeadCreateForPerson, second_has="person_id")


class LeadTransition(Body):
    """
    A move of the lead. `disqualified` (or `lost`) needs a reason, `nurture` a day to wake up on, `duplicate` the
    person that it is a duplicate of: the lead's own when they asked before. `happened_at` is now when it is left out.

    `is_correction`, with a reason in words: it happened before moves that are entered already.
    """

    to: TargetWord
    happened_at: Instant | None = None
    reason_code: ReasonCode | None = None
    reason: Reason | None = None
    wake_up_on: Day | None = None
    duplicate_of_person_id: Id | None = None
    is_correction: Flag = False

    def step(self) -> LeadStep:
        return LeadStep(**self.model_dump())


class LeadUpdate(Body):
    """
    The fields given are changed. A `status` moves the lead as a transition does, and takes with it what that needs;
    without one, `wake_up_on` and the reasons correct what the present status holds.
    """

    medical_condition_id: Id = OMITTED
    landing_page_url: WebAddress | None = OMITTED
    owner_id: Id | None = OMITTED
    status: TargetWord = OMITTED
    reason_code: ReasonCode | None = OMITTED
    reason: Reason | None = OMITTED
    wake_up_on: Day | None = OMITTED
    duplicate_of_person_id: Id | None = OMITTED


class LeadFilter(PageQuery):
    """
    `status` is a state or a group of states; `owner` is `nobody`, for those that nobody owns; `q` is what somebody
    types who looks for a person. `created_to` itself is not included.
    """

    status: FilterWord | None = None
    medical_condition_id: Health[Id | None] = None
    owner_id: Id | None = None
    owner: Literal["nobody"] | None = None
    source: Source | None = None
    person_id: Id | None = None
    q: Personal[SearchText | None] = None
    country: Personal[Country | None] = None
    created_from: Instant | None = None
    created_to: Instant | None = None
    sort: Literal["created", "-created"] | None = None


class LeadRead(Answer):
    """A lead with its person and condition. `reason_code` and `reason` say why it has its present status."""

    lead_id: UUID
    reference: str
    person_id: UUID
    person: PersonSummary
    medical_condition_id: Health[UUID | None]
    medical_condition: Health[ConditionSummary | None]
    source: str
    landing_page_url: Personal[str | None]
    status: str
    status_group: str
    allowed_transitions: list[str]
    owner_id: UUID | None
    wake_up_on: Health[date | None]
    converted_to_patient_id: UUID | None
    converted_at: datetime | None
    closed_at: datetime | None
    reason_code: Remark[str | None]
    reason: Remark[str | None]
    duplicate_of_person_id: UUID | None
    intake_submission_id: UUID | None
    created_at: datetime
    updated_at: datetime
    version: int


class LeadCreated(LeadRead):
    match: MatchRead


class LeadEventRead(Answer):
    """
    One change of the lead's status: `happened_at` in the world, `created_at` when it was entered.

    `via`: opened, transition, update or convert.
    """

    journey_event_id: UUID
    from_status: Health[str | None]
    to_status: Health[str]
    happened_at: Health[datetime | None]
    created_at: datetime
    entered_by: UUID | None
    via: str | None
    reason_code: Detail[str | None]
    reason: Detail[str | None]
    is_correction: bool


class AttemptsRead(Answer):
    """
    How often it was tried to reach the lead's person since they were reached last, within the days of the policy.

    `suggests` is `unreachable` when that was often enough, for somebody to decide.
    """

    lead_id: UUID
    person_id: UUID
    made: Remark[int]
    last_at: Health[datetime | None]
    needed: int
    within_days: int
    suggests: Remark[str | None]
