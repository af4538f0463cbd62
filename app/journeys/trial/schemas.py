from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from app.access.masking import Detail, Health
from app.journeys.schemas import JourneyCreate, JourneyFilter, JourneyRead, JourneyTransition, JourneyUpdate
from app.journeys.trial.models import REGISTRIES
from app.journeys.trial.states import REASONS, TRIAL_JOURNEY
from app.platform.paging import PageQuery
from app.platform.text import OMITTED, Answer, Body, Day, Flag, Id, Instant, Label, Reason, either, line, one_of

TrialStatus = Literal[
    "unverified",
    "not_yet_recruiting",
    "recruiting",
    "enrolling_by_invitation",
    "active_not_recruiting",
    "suspended",
    "terminated",
    "completed",
    "withdrawn",
]
TrialNumber: Any = line(100)
RegistryCode: Any = one_of(REGISTRIES)
Title: Any = line(500)
Phase: Any = line(30)
Status: Any = one_of(TRIAL_JOURNEY.words())
StatusAsked: Any = one_of(TRIAL_JOURNEY.filter_words())
ReasonCode: Any = one_of(REASONS)
Outcome: Any = line(100)


class TrialCreate(Body):
    """
    `trial_id` is the registry's number, in any spelling; it is kept as the registry writes it.

    A number of a registry that we do not know is kept as it came, with the `registry_code` `other`.
    """

    trial_id: TrialNumber
    registry_code: RegistryCode | None = None
    title: Title | None = None
    phase: Phase | None = None
    status: TrialStatus = "unverified"
    sponsor: Label | None = None


class TrialUpdate(Body):
    """The fields given are changed. The number stays: another number is another trial."""

    title: Title | None = OMITTED
    phase: Phase | None = OMITTED
    status: TrialStatus = OMITTED
    sponsor: Label | None = OMITTED


class TrialFilter(PageQuery):
    """`q` is a registry number in any spelling, or begins the number or the title."""

    q: Label | None = None
    status: TrialStatus | None = None
    registry_code: RegistryCode | None = None
    created_from: Instant | None = None
    sort: Literal["created", "-created", "number", "-number"] | None = None


class TrialSummary(Answer):
    """A trial inside another answer."""

    clinical_trial_id: UUID
    trial_id: str
    title: str | None
    phase: str | None
    status: TrialStatus
    sponsor: str | None


class TrialRead(TrialSummary):
    registry_code: str
    created_at: datetime
    updated_at: datetime
    version: int


class _TrialJourneyCreate(JourneyCreate):
    status: Status | None = None
    reason_code: ReasonCode | None = None
    referral_date: Day | None = None
    eligible: Flag | None = None
    eligibility_assessment_date: Day | None = None
    ineligible_reason: Reason | None = None
    outcome: Outcome | None = None


class TrialJourneyByNumber(_TrialJourneyCreate):
    """
    A journey into the trial with this registry number, in any spelling.

    A number that we do not have makes an `unverified` trial, with `trial_name` as its title.
    """

    trial_id: TrialNumber
    trial_name: Title | None = None


class TrialJourneyIntoTrial(_TrialJourneyCreate):
    """A journey into a trial that we have."""

    clinical_trial_id: Id


TrialJourneyCreate = either(TrialJourneyByNumber, TrialJourneyIntoTrial, second_has="clinical_trial_id")


class TrialJourneyUpdate(JourneyUpdate):
    """The fields given are changed. `clinical_trial_id` is given once, to a journey that names no trial."""

    status: Status = OMITTED
    reason_code: ReasonCode | None = OMITTED
    clinical_trial_id: Id = OMITTED
    referral_date: Day | None = OMITTED
    eligible: Flag | None = OMITTED
    eligibility_assessment_date: Day | None = OMITTED
    ineligible_reason: Reason | None = OMITTED
    outcome: Outcome | None = OMITTED


class TrialTransition(JourneyTransition):
    __doc__ = JourneyTransition.__doc__

    to: Status
    reason_code: ReasonCode | None = None


class TrialJourneyFilter(JourneyFilter):
    """`status` is a state or a seed's word for a group of them."""

    status: Health[StatusAsked | None] = None
    clinical_trial_id: Detail[Id | None] = None


class TrialJourneyRead(JourneyRead):
    """
    `trial_id` and `trial_name` are the trial's number and title.

    All three are null for a legacy journey that names no trial; `trial_reference` has its words then.
    """

    ct_journey_id: UUID
    clinical_trial_id: Detail[UUID | None]
    trial_id: Detail[str | None]
    trial_name: Detail[str | None]
    clinical_trial: Detail[TrialSummary | None]
    trial_reference: Detail[str | None]
    referral_date: Detail[date | None]
    eligible: Detail[bool | None]
    eligibility_assessment_date: Detail[date | None]
    ineligible_reason: Detail[str | None]
    outcome: Detail[str | None]
