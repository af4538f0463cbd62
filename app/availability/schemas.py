from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.availability.words import KINDS
from app.platform.paging import PageQuery
from app.platform.text import OMITTED, Answer, Body, Id, Instant, line, one_of, whole

ClockTime: Any = line(5, pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")
"""`09:30`; the end of a day is `24:00`."""
AbsenceKind: Any = one_of(KINDS)
Whose = Literal["me"] | Id
"""An account, or `me`: one's own."""
_MOST_SPANS = 70


class HoursOfDay(Body):
    """A span of a weekday (1 is Monday), on the clock of the account's zone."""

    weekday: whole(1, 7)  # type: ignore[valid-type]  # a type that is made by a function
    starts: ClockTime
    ends: ClockTime


class AvailabilityUpdate(Body):
    """`hours` are those of the whole week: what is not among them is taken out. An empty list: nothing is said."""

    hours: Annotated[list[HoursOfDay], Field(max_length=_MOST_SPANS)] = OMITTED


class AvailabilityRead(Answer):
    """`time_zone` is the account's. `version` is 0 until hours are said."""

    user_account_id: UUID
    display_name: str
    time_zone: str
    hours: list[HoursOfDay]
    version: int


class AbsenceCreate(Body):
    """From `starts_at` until `ends_at`, which is no more of it. Why is a word of no detail."""

    kind: AbsenceKind = "other"
    starts_at: Instant
    ends_at: Instant


class AbsenceUpdate(Body):
    """The fields given are changed."""

    kind: AbsenceKind = OMITTED
    starts_at: Instant = OMITTED
    ends_at: Instant = OMITTED


class AbsenceFilter(PageQuery):
    """`ends_after`: those that are not over by then."""

    ends_after: Instant | None = None


class AbsenceRead(Answer):
    absence_id: UUID
    user_account_id: UUID
    kind: str
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None
    version: int
