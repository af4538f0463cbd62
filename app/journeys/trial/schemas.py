from datetime import date, datetime
from typing import Literal
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


class TrialCreate(Body):
    """
    `trial_id` is the registry's number, in any spelling; it is kept as the registry writes it.

    A number of a registry that we do not know is kept as it came, with the `registry_code` `other`.
    """

    trial_id: line(100)  # type: ignore[valid-type]  # types made by a call
    registry_code: one_of(REGISTRIES) | None = None  # type: ignore[valid-type]
    title: line(500) | None = None  # type: ignore[valid-type]
    phase: line(30) | None = None  # type: ignore[valid-type]
    status: TrialStatus = "unverified"
    sponsor: Label | None = None


class TrialUpdate(Body):
    """The fields given are changed. The number stays: another number is another trial."""

    title: line(500) | None = OMITTED  # type: ignore[valid-type]
    phase: line(30) | None = OMITTED  # type: ignore[valid-type]
    status: TrialStatus = OMITTED
    sponsor: Label | None = OMITTED


class TrialFilter(PageQuery):
    """`q` is a registry number in any spelling, or begins the number or the title."""

    q: Label | None = None
    status: TrialStatus | None = None
    registry_code: one_of(REGISTRIES) | None = None  # type: ignore[valid-type]
    created_from: Instant | None = None


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
    status: one_of(TRIAL_JOURNEY.words()) | None = None  # type: ignore[valid-type]
    reason_code: one_of(REASONS) | None = None  # type: ignore[valid-type]
    referral_date: Day | None = None
    eligible: Flag | None = None
    eligibility_assessment_date: Day | None = None
    ineligible_reason: Reason | None = None
    outcome: line(100) | None = None  # type: ignore[valid-type]


class TrialJourneyByNumber(_TrialJourneyCreate):
    """
    A journey into the trial with this registry number, in any spelling.

    A number that we do not have makes an `unverified` trial, with `trial_name` as its title.
    """

    trial_id: line(100)  # type: ignore[valid-type]
    trial_name: line(500) | None = None  # type: ignore[valid-type]


class TrialJourneyIntoTrial(_TrialJourneyCreate):
    """A journey into a trial that we have."""

    clinical_trial_id: Id


TrialJourneyCreate = either(TrialJourneyByNumber, TrialJourneyIntoTrial, second_has="clinical_trial_id")


class TrialJourneyUpdate(JourneyUpdate):
    """The fields given are changed. `clinical_trial_id` is given once, to a journey that names no trial."""

    status: one_of(TRIAL_JOURNEY.words()) = OMITTED  # type: ignore[valid-type]
    reason_code: one_of(REASONS) | None = OMITTED  # type: ignore[valid-type]
    clinical_trial_id: Id = OMITTED
    referral_date: Day | None = OMITTED
    eligible: Flag | None = OMITTED
    eligibility_assessment_date: Day | None = OMITTED
    ineligible_reason: Reason | None = OMITTED
    outcome: line(100) | None = OMITTED  # type: ignore[valid-type]


class TrialTransition(JourneyTransition):
    __doc__ = JourneyTransition.__doc__

    to: one_of(TRIAL_JOURNEY.words())  # type: ignore[valid-type]
    reason_code: one_of(REASONS) | None = None  # type: ignore[valid-type]


class TrialJourneyFilter(JourneyFilter):
    """`status` is a state or a seed's word for a group of them."""

    status: Health[one_of(TRIAL_JOURNEY.filter_words()) | None] = None  # type: ignore[valid-type]
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
