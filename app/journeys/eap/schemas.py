from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from app.access.masking import Detail, Health
from app.journeys.eap.states import EAP_JOURNEY, GATE_STATES, GATES, REASONS
from app.journeys.schemas import JourneyCreate, JourneyFilter, JourneyRead, JourneyTransition, JourneyUpdate
from app.people.fields import Country
from app.platform.paging import PageQuery
from app.platform.text import OMITTED, Answer, Body, Day, Id, Instant, Label, Notes, line, one_of

ProgrammeStatus = Literal["planned", "open", "paused", "closed"]


def _distinct(countries: list[str]) -> list[str]:
    return sorted(set(countries))


Countries = Annotated[list[Country], Field(max_length=250), AfterValidator(_distinct)]
GateName: Any = one_of(GATES)
GateStatus: Any = one_of(GATE_STATES)
ReferenceNumber: Any = line(100)
Status: Any = one_of(EAP_JOURNEY.words())
StatusAsked: Any = one_of(EAP_JOURNEY.filter_words())
ReasonCode: Any = one_of(REASONS)
EapNumber: Any = line(100)


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
    sort: Literal["created", "-created"] | None = None


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

    status: Status | None = None
    reason_code: ReasonCode | None = None
    eap_program_id: Id | None = None
    eap_number: EapNumber
    product: Label | None = None
    approval_date: Day | None = None


class EapJourneyUpdate(JourneyUpdate):
    status: Status = OMITTED
    reason_code: ReasonCode | None = OMITTED
    eap_program_id: Id | None = OMITTED
    eap_number: EapNumber = OMITTED
    product: Label | None = OMITTED
    approval_date: Day | None = OMITTED


class EapTransition(JourneyTransition):
    __doc__ = JourneyTransition.__doc__

    to: Status
    reason_code: ReasonCode | None = None


class EapJourneyFilter(JourneyFilter):
    """`status` is a state or a seed's word for a group of them."""

    status: Health[StatusAsked | None] = None
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

    status: GateStatus = OMITTED
    decided_on: Day | None = OMITTED
    reference_number: ReferenceNumber | None = OMITTED
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
