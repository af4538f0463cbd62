from datetime import date, datetime
from typing import Literal
from uuid import UUID

from app.access.masking import Detail, Health, Personal
from app.people.schemas import OptOut, PersonRead, PersonSummary
from app.platform.paging import PageQuery
from app.platform.text import Answer, Body, Day, Label, Reason

DepartureKind = Literal["deceased", "withdrawn"]


class DepartureCreate(Body):
    """
    A death needs `departed_on` and `source`; a withdrawal a `reason`, and is of today unless `departed_on` says so.
    """

    kind: DepartureKind
    departed_on: Day | None = None
    source: Label | None = None
    reason: Reason | None = None


class DepartureEnd(Body):
    reason: Reason


class RecordRead(Answer):
    """A record that was closed or is to be looked at: what it was before, and what it became."""

    record_type: str
    record_id: UUID
    was: str
    became: str


class DepartureSummary(Answer):
    """A death or a withdrawal as the person's own answer has it: since when, by what source, and who entered it."""

    person_departure_id: UUID
    kind: DepartureKind
    departed_on: Health[date | None]
    source: Detail[str | None]
    reason: Detail[str | None]
    entered_by: UUID | None
    created_at: datetime


class DepartureRead(DepartureSummary):
    """
    A death or a withdrawal. `closed` is what was closed with it, `listed` what somebody still has to look at.

    Where it was undone, `closed` is what could not be opened again.
    """

    person_id: UUID
    closed: Detail[list[RecordRead] | None]
    listed: Detail[list[RecordRead] | None]
    ended_at: datetime | None
    ended_by: UUID | None
    ended_how: str | None
    ended_reason: Detail[str | None]
    version: int


class PersonDetail(PersonRead):
    """
    A person with what a colleague has to know who opens them: a death or a withdrawal on record, and what brought each
    of their `do_not_contact_channels`.
    """

    departures: list[DepartureSummary]
    opt_outs: Personal[list[OptOut]]


class CameBackFilter(PageQuery):
    state: Literal["open", "closed"] | None = None


class CameBackRead(Answer):
    """
    Something arrived from somebody who has died or withdrawn, or a wish not to be contacted (`opted_out`). What it said
    stands with the person's submissions.
    """

    came_back_id: UUID
    person_id: UUID
    person: PersonSummary
    kind: Literal["deceased", "withdrawn", "opted_out"]
    intake_submission_id: UUID
    owner_id: UUID | None
    closed_at: datetime | None
    closed_by: UUID | None
    close_reason: Detail[str | None]
    created_at: datetime
    version: int


class CameBackClose(Body):
    reason: Reason
