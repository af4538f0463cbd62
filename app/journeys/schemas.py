"""Shapes that all kinds of journey share; a kind adds its own fields, and its machine's words as types."""

from datetime import date, datetime
from uuid import UUID

from app.access.masking import Detail, Health
from app.conditions.schemas import ConditionSummary
from app.people.schemas import PersonSummary
from app.physicians.schemas import PhysicianSummary
from app.platform.paging import PageQuery
from app.platform.text import OMITTED, Answer, Body, Day, Flag, Id, Instant, Notes, Reason


class JourneyCreate(Body):
    """
    A journey starts in its first state. `status` starts it in a later one, for what was so before it was entered;
    `happened_at` says since when.
    """

    patient_id: Id
    physician_id: Id | None = None
    medical_condition_id: Id | None = None
    enrollment_date: Day | None = None
    completion_date: Day | None = None
    notes: Notes | None = None
    status: str | None = None
    happened_at: Instant | None = None
    reason_code: str | None = None
    reason: Reason | None = None


class JourneyUpdate(Body):
    """The fields given are changed. A `status` moves the journey as a transition does."""

    physician_id: Id | None = OMITTED
    medical_condition_id: Id | None = OMITTED
    enrollment_date: Day | None = OMITTED
    completion_date: Day | None = OMITTED
    on_hold_reason: Reason | None = OMITTED
    on_hold_until: Day | None = OMITTED
    notes: Notes | None = OMITTED
    status: str = OMITTED
    happened_at: Instant | None = OMITTED
    reason_code: str | None = OMITTED
    reason: Reason | None = OMITTED
    is_correction: Flag = OMITTED


class JourneyTransition(Body):
    """
    `to` is a state or a seed's word for one; `happened_at` is now when it is left out.

    `is_correction`, with a reason in words: it happened before moves that are entered already.
    """

    to: str
    happened_at: Instant | None = None
    reason_code: str | None = None
    reason: Reason | None = None
    is_correction: Flag = False


class JourneyFilter(PageQuery):
    """`status` is a state or a seed's word for a group of them."""

    patient_id: Id | None = None
    physician_id: Id | None = None
    created_from: Instant | None = None
    created_to: Instant | None = None
    status: Health[str | None] = None


class JourneyPatient(Answer):
    """Whose journey it is."""

    patient_id: UUID
    person_id: UUID
    person: PersonSummary
    status: str


class JourneyRead(Answer):
    """`allowed_transitions` are the moves the machine has from here; guards and reasons are asked on the way."""

    patient_id: UUID
    patient: JourneyPatient
    physician_id: UUID | None
    physician: PhysicianSummary | None
    medical_condition_id: Health[UUID | None]
    medical_condition: Health[ConditionSummary | None]
    enrollment_date: Detail[date | None]
    completion_date: Detail[date | None]
    status: Health[str]
    status_group: Health[str]
    status_changed_at: Health[datetime | None]
    allowed_transitions: Health[list[str]]
    on_hold: Health[bool | None]
    on_hold_reason: Detail[str | None]
    on_hold_until: Detail[date | None]
    notes: Detail[str | None]
    created_at: datetime
    updated_at: datetime
    version: int


class MoveFindings(Answer):
    """
    What the moves from a journey's state were found to need: by the state that a move leads to and the name of its
    condition met, not_met or not_checked.
    """

    person_id: UUID
    guards: Detail[dict[str, dict[str, str]]]


class JourneyEventRead(Answer):
    """
    One stage change: `happened_at` in the world, `created_at` when it was entered.

    `guards` maps what the step needed to met, not_met or not_checked. `via`: opened, transition or update.
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
    guards: Detail[dict[str, str]]
