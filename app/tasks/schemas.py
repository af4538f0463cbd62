from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from app.about.schemas import AboutBody, AboutFilter, AboutRead
from app.access.masking import Detail, Health, Personal, Sorts
from app.people.fields import SearchText, TimeZone
from app.platform.text import OMITTED, Body, Day, Id, Instant, InstantAsSent, Label, Notes, Reason, one_of, whole
from app.tasks.rules import MOST_EVERY
from app.tasks.states import REPEAT_UNITS, TASK

Status: Any = one_of(TASK.states)
RepeatUnit: Any = one_of(REPEAT_UNITS)
RepeatEvery: Any = whole(1, MOST_EVERY)


class TaskCreate(AboutBody):
    """
    A task is due on a day (`due_on`) or at a moment (`due_at`), on the clock of `due_time_zone`, else UTC.

    Without `owner_id` it is the asker's own. With `repeat_every` and `repeat_unit` the next one is made when it is
    done, until `repeat_until`.
    """

    title: Label
    details: Notes | None = None
    due_on: Day | None = None
    due_at: InstantAsSent | None = None
    due_time_zone: TimeZone | None = None
    snoozed_until: Instant | None = None
    owner_id: Id | None = OMITTED
    repeat_every: RepeatEvery | None = None
    repeat_unit: RepeatUnit | None = None
    repeat_until: Day | None = None


class TaskUpdate(Body):
    """
    The fields given are changed. `status` closes the task or opens it again; `owner_id` hands it over. Until
    `snoozed_until` it is not due.

    The report of a side effect is put off with a `reason` only, and done with `reported_at`, or the reason why it is
    not reported.

    Another day or moment, sent for one that comes again, is the one that the following are reckoned by.
    """

    title: Label = OMITTED
    details: Notes | None = OMITTED
    due_on: Day | None = OMITTED
    due_at: InstantAsSent | None = OMITTED
    due_time_zone: TimeZone | None = OMITTED
    snoozed_until: Instant | None = OMITTED
    owner_id: Id | None = OMITTED
    status: Status = OMITTED
    reported_at: Instant | None = OMITTED
    reason: Reason | None = OMITTED
    repeat_every: RepeatEvery | None = OMITTED
    repeat_unit: RepeatUnit | None = OMITTED
    repeat_until: Day | None = OMITTED


class TaskFilter(AboutFilter):
    """
    `status` is a state, or `closed`. `owner` is `me`, or `nobody`. `due_before`: due then or earlier; a snoozed task is
    due when it wakes. `is_report`: whether a side effect is reported by it. `q` is what somebody types who looks for a
    person.
    """

    status: Status | Literal["closed"] | None = None
    owner_id: Id | None = None
    owner: Literal["me", "nobody"] | None = None
    q: Personal[SearchText | None] = None
    due_before: Health[Instant | None] = None
    is_report: Detail[Literal["true", "false"] | None] = None
    sort: Annotated[Literal["due", "-due"] | None, Sorts({"due": "health", "-due": "health"})] = None


class TaskRead(AboutRead):
    """
    `due_by` is the moment after which the task is late. `next_task_id` is the task that was made when this one was
    done. `rule` is what made it, null for people: `side_effect` is the report of one, of which `reported_at` and
    `reason` tell.
    """

    task_id: UUID
    title: Detail[str]
    details: Detail[str | None]
    due_on: Health[date | None]
    due_at: Health[datetime | None]
    due_time_zone: Health[str | None]
    due_by: Health[datetime | None]
    snoozed_until: Health[datetime | None]
    owner_id: UUID | None
    status: str
    status_group: Literal["open", "closed"]
    done_at: datetime | None
    done_by: UUID | None
    reported_at: Health[datetime | None]
    reason: Detail[str | None]
    repeat_every: int | None
    repeat_unit: str | None
    repeat_until: Health[date | None]
    repeats_from: Health[date | None]
    next_task_id: UUID | None
    rule: Detail[str | None]
    created_at: datetime
    created_by: UUID | None
    updated_at: datetime
    updated_by: UUID | None
    version: int
