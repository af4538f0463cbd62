from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, create_model

from app.access.masking import Detail, Health, Outcome, Personal
from app.events.models import OWNERS
from app.journeys.kinds import KINDS
from app.leads.schemas import LeadRead
from app.patients.schemas import PatientRead, PatientStart
from app.people.schemas import MatchRead
from app.platform.paging import Page, PageQuery
from app.platform.text import OMITTED, Answer, Body, Id, Reason, one_of, whole

TimelineKind = Literal["calls", "notes", "moves", "tasks", "submissions", "suggestions", "physicians"]
WorkKind: Any = one_of(("leads", "patients", "calls", "tasks"))
Version: Any = whole(1, 2**31 - 1)
Receivers = Annotated[list[Id], Field(max_length=50)]
StatusKind: Any = one_of(("lead_status", "patient_status", *(kind.event_kind for kind in KINDS)))


class Conversion(PatientStart):
    """
    What the patient record starts with; nothing is needed. What is left out comes from the lead: its condition, its
    owner, and the day it came in as the first contact.
    """

    medical_condition_id: Id | None = None
    owner_id: Id | None = OMITTED
    reason: Reason | None = None


class LeadConverted(Answer):
    """The lead and the patient of its person. `match` tells whether the person had a patient record before."""

    lead_id: UUID
    patient_id: UUID
    lead: LeadRead
    patient: PatientRead
    match: MatchRead


class JourneyStage(Answer):
    """Where an open journey of a patient stands; `kind` is its table."""

    kind: str
    journey_id: UUID
    status: Health[str]
    status_changed_at: Health[datetime | None]


class PatientOverview(Answer):
    """
    What a list of patients tells beside the record: open journeys, the last call in which somebody was spoken with, the
    next booking, and how many suggested changes wait.
    """

    patient_id: UUID
    person_id: UUID
    journeys: list[JourneyStage]
    last_contact_at: Outcome[datetime | None]
    next_call_at: Outcome[datetime | None]
    next_call_time_zone: Health[str | None]
    suggested: int


class ContactSummary(Answer):
    """When somebody was reached last, and when they are called next."""

    person_id: UUID
    last_contact_at: Outcome[datetime | None]
    next_call_at: Outcome[datetime | None]
    next_call_time_zone: Health[str | None]


class CaseSummary(Answer):
    """
    What there is of a person beside who they are: a patient, the lead that counts, a physician. `condition` is the name
    of the patient's, else of the lead's.
    """

    person_id: UUID
    condition: Health[str | None]
    patient_id: UUID | None
    patient_status: str | None
    lead_id: UUID | None
    lead_reference: str | None
    lead_status: str | None
    physician_id: UUID | None


class SpokenFor(Answer):
    """A patient, by their person, for whom `speaker_id` speaks or acts now, and what they are to them."""

    person_id: UUID
    patient_id: UUID
    reference: str
    first_name: Personal[str | None]
    last_name: Personal[str | None]
    speaker_id: UUID
    relationship_type: Personal[str]


class CallEntry(Answer):
    """A booking or call; `at` is when it was, or is to be."""

    status: str
    no_show: bool
    direction: str
    channel: str
    pn_id: UUID | None
    lead_id: UUID | None
    booking_date: Health[datetime | None]
    booking_time_zone: Health[str | None]
    call_date: Health[datetime | None]
    call_duration_minutes: int | None
    outcome: Detail[str | None]
    spoke_with_person_id: UUID | None
    adverse_event_heard: Detail[bool | None]
    notes: Detail[str | None]
    rescheduled_to: UUID | None


class NoteEntry(Answer):
    """A note; `at` is when it was written."""

    text: Detail[str]
    adverse_event_heard: Detail[bool | None]
    is_pinned: bool
    created_by: UUID | None
    updated_at: datetime
    updated_by: UUID | None


class TaskEntry(Answer):
    """A task that was done; `at` is when."""

    title: Detail[str]
    details: Detail[str | None]
    owner_id: UUID | None
    done_by: UUID | None
    created_at: datetime
    created_by: UUID | None
    rule: Detail[str | None]


class _StatusEntry(Answer):
    """A stage change of the one record that is named; `at` is when it happened, `created_at` when it was entered."""

    from_status: Health[str | None]
    to_status: Health[str]
    created_at: datetime
    entered_by: UUID | None
    via: str | None
    reason_code: Detail[str | None]
    reason: Detail[str | None]
    is_correction: bool


class SubmissionEntry(Answer):
    """A form as it came; what it said stands under `/persons/{person_id}/submissions`."""

    source: str
    language: Personal[str | None]
    consent_text_version: str | None
    received_by: UUID | None
    match_outcome: str
    match_reasons: list[str]


class SuggestionEntry(Answer):
    """A suggested change that was decided; `at` is when."""

    table_name: str
    record_id: UUID
    field: str
    ours: Detail[Any]
    theirs: Detail[Any]
    ours_name: Detail[str | None]
    theirs_name: Detail[str | None]
    decision: str
    decided_by: UUID | None
    reason: Detail[str | None]


_OWNERS: dict[str, Any] = dict.fromkeys(OWNERS, (UUID | None, ...))
StatusEntry: Any = create_model(
    "StatusEntry",
    __base__=_StatusEntry,
    __doc__=_StatusEntry.__doc__,
    **_OWNERS,
)


class PhysicianEntry(Answer):
    """A physician was linked to the patient; `at` is when that was entered."""

    physician_id: UUID
    relationship_type: Health[str]
    is_primary: bool
    start_date: Health[date | None]
    end_date: Health[date | None]


class _Item(Answer):
    at: Health[datetime | None]
    id: UUID


class CallItem(_Item):
    kind: Literal["booking", "call"]
    data: CallEntry


class StatusItem(_Item):
    kind: StatusKind
    data: StatusEntry


class SubmissionItem(_Item):
    kind: Literal["submission"]
    data: SubmissionEntry


class SuggestionItem(_Item):
    kind: Literal["suggested_change"]
    data: SuggestionEntry


class PhysicianItem(_Item):
    kind: Literal["physician_link"]
    data: PhysicianEntry


class NoteItem(_Item):
    kind: Literal["note"]
    data: NoteEntry


class TaskItem(_Item):
    kind: Literal["task"]
    data: TaskEntry


TimelineItem = Annotated[
    CallItem | StatusItem | SubmissionItem | SuggestionItem | PhysicianItem | TaskItem | NoteItem,
    Field(discriminator="kind"),
]


class TimelineQuery(PageQuery):
    """`about` narrows the timeline to one kind of happening."""

    about: TimelineKind | None = None


class Timeline(Page[TimelineItem]):
    """What happened with a patient, newest first; `id` is the row's own key."""


class HandOver(Body):
    """
    By kind the accounts that get the open work in turn; a kind without any stays where it is.

    `leave` names records that stay: what a batch before could not hand over would else be tried first again.
    """

    leads: Receivers = Field(default_factory=list)
    patients: Receivers = Field(default_factory=list)
    calls: Receivers = Field(default_factory=list)
    tasks: Receivers = Field(default_factory=list)
    leave: Annotated[list[Id], Field(max_length=1_000)] = Field(default_factory=list)


class HandOverChange(Body):
    """A record that was handed over, and the versions between which that was: what an undo is asked with."""

    kind: WorkKind
    record_id: Id
    since: Version
    until: Version


class HandOverUndo(Body):
    done: Annotated[list[HandOverChange], Field(min_length=1, max_length=200)]


class OpenWork(Answer):
    """How many open records are somebody's."""

    user_account_id: UUID
    display_name: str
    leads: int
    patients: int
    calls: int
    tasks: int


class HandOverLeft(Answer):
    """A record that stayed where it was, and why."""

    kind: str
    record_id: UUID
    code: str


class HandedOver(Answer):
    """What was handed over, what could not be, and what is still to be done: asked again, the next batch follows."""

    done: list[HandOverChange]
    left: list[HandOverLeft]
    remaining: OpenWork
