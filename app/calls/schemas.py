from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from app.access.masking import Detail, Health, Personal, Remark, Sorts
from app.calls.rules import LONGEST_CALL_MINUTES
from app.people.fields import SearchText, TimeZone
from app.people.schemas import PersonSummary
from app.platform.paging import PageQuery
from app.platform.text import (
    OMITTED,
    Answer,
    Body,
    Flag,
    Id,
    Instant,
    InstantAsSent,
    Notes,
    Reason,
    either,
    line,
    whole,
)

Status = Literal["scheduled", "confirmed", "completed", "no_show", "cancelled", "rescheduled"]
SetStatus = Literal["scheduled", "confirmed", "completed", "no_show", "cancelled"]
"""What a client may say; `rescheduled` comes about by booking anew."""
Direction = Literal["inbound", "outbound"]
Channel = Literal["phone", "video", "in_person", "messaging", "email"]
Minutes: Any = whole(0, LONGEST_CALL_MINUTES)
Outcome: Any = line(100)
"""Free words; the words that pages offer are states.OUTCOMES."""
YesNo = Literal["true", "false"]


class _NewCall(Body):
    pn_id: Id | None = None
    booking_date: InstantAsSent | None = None
    booking_time_zone: TimeZone | None = None
    call_date: Annotated[Instant | None, Field(validate_default=True)] = None
    reminder_date: Instant | None = None
    status: SetStatus | None = None
    no_show: Flag | None = None
    direction: Direction = "outbound"
    channel: Channel = "phone"
    call_duration_minutes: Minutes | None = None
    outcome: Outcome | None = None
    spoke_with_person_id: Id | None = None
    adverse_event_heard: Flag | None = None
    contact_reason: Reason | None = None
    notes: Notes | None = None
    allow_overlap: Flag = False

    @field_validator("call_date")
    @classmethod
    def _has_a_date(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        # A booking_date that was refused is not in data: its own error is enough.
        if value is None and info.data.get("booking_date", value) is None and "booking_date" in info.data:
            raise PydanticCustomError("missing", "A call needs call_date or booking_date.")
        return value


class CallForPatient(_NewCall):
    """
    A booking or call with a patient; `call_date` or `booking_date` is needed.

    Without `status`: an outcome makes it completed, `no_show` a no-show, else it is scheduled. Without `pn_id` the
    navigator is the key's person when they take calls. `adverse_event_heard` null means: not asked. `contact_reason`
    says why somebody is contacted against their wish. `spoke_with_person_id` is who was spoken with: mostly the
    patient's person, or somebody who speaks for them. `allow_overlap`: it is known that the booking overlaps others.
    """

    patient_id: Id


class CallForLead(_NewCall):
    """A booking or call with a lead, else as for a patient; with `patient_id` too when both are the same person."""

    lead_id: Id
    patient_id: Id | None = None


NewCall: Any = either(CallForPatient, CallForLead, second_has="lead_id")


class CallUpdate(Body):
    """
    The fields given are changed; the earlier version of the call is kept.

    `status` goes the ways of the call's states. An outcome given for an open call completes it.
    """

    pn_id: Id | None = OMITTED
    booking_date: InstantAsSent | None = OMITTED
    booking_time_zone: TimeZone | None = OMITTED
    call_date: Instant | None = OMITTED
    reminder_date: Instant | None = OMITTED
    status: SetStatus = OMITTED
    no_show: Flag = OMITTED
    direction: Direction = OMITTED
    channel: Channel = OMITTED
    call_duration_minutes: Minutes | None = OMITTED
    outcome: Outcome | None = OMITTED
    spoke_with_person_id: Id | None = OMITTED
    adverse_event_heard: Flag | None = OMITTED
    contact_reason: Reason | None = OMITTED
    notes: Notes | None = OMITTED
    allow_overlap: Flag = False


class Rebooking(Body):
    """The new booking; what is not given is as it was. `allow_overlap` as for a new call."""

    booking_date: InstantAsSent
    booking_time_zone: TimeZone | None = OMITTED
    reminder_date: Instant | None = OMITTED
    pn_id: Id | None = OMITTED
    channel: Channel = OMITTED
    contact_reason: Reason | None = OMITTED
    notes: Notes | None = OMITTED
    allow_overlap: Flag = False


class CallOfPatientFilter(PageQuery):
    """`status` is a state, or `open` or `closed`."""

    status: Status | Literal["open", "closed"] | None = None
    include_voided: YesNo | None = None


class CallOfFeed(Answer):
    """A booked call in the calendar of its navigator; without `initials` it says nothing of whom it is with."""

    call_id: UUID
    person_id: UUID
    version: int
    booking_date: Health[datetime | None]
    minutes: int
    initials: Personal[str | None]


class CallFilter(CallOfPatientFilter):
    """
    `occurs_from` is included, `occurs_to` is not. `unresolved=true`: bookings whose time has come and that have no
    outcome, and completed calls in which somebody was spoken with, without an answer to the adverse-event question.
    `q` is what somebody types who looks for a person.
    """

    q: Personal[SearchText | None] = None
    patient_id: Id | None = None
    lead_id: Id | None = None
    person_id: Id | None = None
    pn_id: Id | None = None
    unresolved: Remark[YesNo | None] = None
    occurs_from: Health[Instant | None] = None
    occurs_to: Health[Instant | None] = None
    sort: Annotated[Literal["occurs", "-occurs"] | None, Sorts({"occurs": "health", "-occurs": "health"})] = None


class CallRead(Answer):
    """
    `occurs_at` is `call_date`, else `booking_date`. `unresolved_because` tells what is still to be said:
    `no_outcome` or `adverse_event_not_asked`.
    """

    call_id: UUID
    person_id: UUID
    person: PersonSummary
    patient_id: UUID | None
    lead_id: UUID | None
    pn_id: UUID | None
    pn: PersonSummary | None
    booking_date: Health[datetime | None]
    booking_time_zone: Health[str | None]
    call_date: Health[datetime | None]
    reminder_date: Health[datetime | None]
    occurs_at: Health[datetime | None]
    status: Status
    status_group: Literal["open", "closed"]
    no_show: bool
    direction: Direction
    channel: Channel
    call_duration_minutes: int | None
    outcome: Detail[str | None]
    spoke_with_person_id: UUID | None
    adverse_event_heard: Detail[bool | None]
    contact_reason: Detail[str | None]
    notes: Detail[str | None]
    rescheduled_to: UUID | None
    unresolved_because: Remark[str | None]
    voided_at: datetime | None
    voided_by: UUID | None
    void_reason: Personal[str | None]
    created_at: datetime
    created_by: UUID | None
    updated_at: datetime
    updated_by: UUID | None
    version: int


class CallMade(CallRead):
    """
    A call that was booked, logged or changed just now. `warnings`: of a booking ahead that is `outside_working_hours`
    of its navigator, at the `weekend` when their hours are unknown, in a time when they are `absent`, at a time of
    another booking (`overlaps_another_call`), or when it is night where the person is (`night_there`).
    """

    warnings: list[str]
