from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from app.access.masking import Detail, Health
from app.journeys.eap.states import EAP_JOURNEY, GATE_STATES, GATES, REASONS
from app.journeys.schemas import JourneyCreate, JourneyFilter, JourneyRead, JourneyTransition, JourneyUpdate
from app.platform.paging import PageQuery
from app.platform.text import OMITTED, Answer, Body, Country, Day, Id, Instant, Label, Notes, line, one_of

ProgrammeStatus = Literal["planned", "open", "paused", "closed"]


def _distinct(countries: list[str]) -> list[str]:
    return sorted(set(countries))


Countries = Annotated[list[Country], Field(max_length=250), AfterValidator(_distinct)]
GateName = one_of(GATES)


class ProgrammeCreate(Body):
    """`countries` are those in which the programme is open; the answer has them sorted, each once."""

    name: Label
    product: Label
    sponsor: Label | None = None
    countries: Countries = []
    status: ProgrammeStatus = "open"
    description: Notes | None = None


class ProgrammeUpdate(Body):
    """The fields given are changed; a list given replaces the list."""

    name: Label = OMITTED
    product: Label = OMITTED
    sponsor: Label | None = OMITTED
    countries: Countries = OMITTED
    status: ProgrammeStatus = OMITTED
    description: Notes | None = OMITTED


class ProgrammeFilter(PageQuery):
    """`q` begins the name or the product, without regard to case."""

    q: Label | None = None
    status: ProgrammeStatus | None = None
    country: Country | None = None
    created_from: Instant | None = None


class ProgrammeSummary(Answer):
    """A programme inside another answer."""

    eap_program_id: UUID
    name: str
    product: str
    sponsor: str | None
    status: ProgrammeStatus


class ProgrammeRead(ProgrammeSummary):
    countries: list[str]
    description: str | None
    created_at: datetime
    updated_at: datetime
    version: int


class EapJourneyCreate(JourneyCreate):
    """`eap_number` is the request's number, unique in its programme; `product` where it is not the programme's."""

    status: one_of(EAP_JOURNEY.words()) | None = None  # type: ignore[valid-type]  # types made by a call
    reason_code: one_of(REASONS) | None = None  # type: ignore[valid-type]
    eap_program_id: Id | None = None
    eap_number: line(100)  # type: ignore[valid-type]
    product: Label | None = None
    approval_date: Day | None = None


class EapJourneyUpdate(JourneyUpdate):
    status: one_of(EAP_JOURNEY.words()) = OMITTED  # type: ignore[valid-type]
    reason_code: one_of(REASONS) | None = OMITTED  # type: ignore[valid-type]
    eap_program_id: Id | None = OMITTED
    eap_number: line(100) = OMITTED  # type: ignore[valid-type]
    product: Label | None = OMITTED
    approval_date: Day | None = OMITTED


class EapTransition(JourneyTransition):
    __doc__ = JourneyTransition.__doc__

    to: one_of(EAP_JOURNEY.words())  # type: ignore[valid-type]
    reason_code: one_of(REASONS) | None = None  # type: ignore[valid-type]


class EapJourneyFilter(JourneyFilter):
    """`status` is a state or a seed's word for a group of them."""

    status: Health[one_of(EAP_JOURNEY.filter_words()) | None] = None  # type: ignore[valid-type]
    eap_program_id: Detail[Id | None] = None


class EapJourneyRead(JourneyRead):
    """
    `product` is the journey's own where it names one, else null: the programme's stands in `eap_program`.

    `next_step` says what is to be done elsewhere: `open_clinical_trial_journey` after a redirection to a trial.
    """

    eap_journey_id: UUID
    eap_program_id: Detail[UUID | None]
    eap_program: Detail[ProgrammeSummary | None]
    eap_number: Detail[str]
    product: Detail[str | None]
    approval_date: Detail[date | None]
    next_step: Detail[str | None]


class GateUpdate(Body):
    """The fields given are changed; a gate that is not recorded yet begins as `pending`."""

    status: one_of(GATE_STATES) = OMITTED  # type: ignore[valid-type]
    decided_on: Day | None = OMITTED
    reference_number: line(100) | None = OMITTED  # type: ignore[valid-type]
    expires_on: Day | None = OMITTED
    notes: Notes | None = OMITTED


class GateRead(Answer):
    """An approval that the journey needs, beside its stages. It counts through the day `expires_on`."""

    eap_gate_id: UUID
    eap_journey_id: UUID
    gate: str
    status: Detail[str]
    decided_on: Detail[date | None]
    reference_number: Detail[str | None]
    expires_on: Detail[date | None]
    notes: Detail[str | None]
    created_at: datetime
    updated_at: datetime
    version: int
