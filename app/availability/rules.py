"""Whether a time lies in somebody's working hours, or in an absence."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import NamedTuple

MINUTES_OF_A_DAY = 1_440
_HOUR = 60
_HALF_HOUR = timedelta(minutes=30)
_WEEKEND_DAYS = (6, 7)
OUTSIDE, WEEKEND, ABSENT = "outside_working_hours", "weekend", "absent"
OVERLAPS, NIGHT = "overlaps_another_call", "night_there"
WARNINGS = (OUTSIDE, WEEKEND, ABSENT, OVERLAPS, NIGHT)
"""What is said of a booking that is made all the same."""


class Span(NamedTuple):
    """A span of a weekday (1 is Monday), in minutes of the clock from midnight."""

    weekday: int
    from_minute: int
    until_minute: int


class Period(NamedTuple):
    """From an instant until another one, which is no more of it."""

    starts_at: datetime
    ends_at: datetime


def clock_text(minute: int) -> str:
    """A minute of the day as `09:30`; the midnight at its end is `24:00`."""
    return f"{minute // _HOUR:02d}:{minute % _HOUR:02d}"


def minute_of(clock_text: str) -> int:
    hour, _, minute = clock_text.partition(":")
    return int(hour) * _HOUR + int(minute)


def do_overlap(spans: Iterable[Span]) -> bool:
    ordered = sorted(spans)
    return any(
        one.weekday == later.weekday and one.until_minute > later.from_minute for one, later in pairwise(ordered)
    )


def shifts(spans: Sequence[Span], zone: tzinfo, *, first: date, last: date) -> list[Period]:
    """
    The working hours of these days as instants, in order; spans that meet, at midnight too, are one.

    An hour that the clock leaves out or shows twice is as long as it is: the ends are read on the clock of the zone.
    """
    found: list[Period] = []
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        for span in sorted(one for one in spans if one.weekday == day.isoweekday()):
            starts_at, ends_at = _instant(day, span.from_minute, zone), _instant(day, span.until_minute, zone)
            if found and found[-1].ends_at >= starts_at:
                starts_at = found.pop().starts_at
            found.append(Period(starts_at, ends_at))
    return found


def booking_warnings(booked: Period, *, spans: Sequence[Span], zone: tzinfo, absences: Iterable[Period]) -> list[str]:
    """What is to be said of a booking of this navigator; of hours that are unknown only that it is a weekend."""
    found = []
    day = booked.starts_at.astimezone(zone).date()
    if spans:
        around = shifts(spans, zone, first=day - timedelta(days=1), last=day + timedelta(days=2))
        if not any(one.starts_at <= booked.starts_at and booked.ends_at <= one.ends_at for one in around):
            found.append(OUTSIDE)
    elif day.isoweekday() in _WEEKEND_DAYS:
        found.append(WEEKEND)
    if any(one.starts_at < booked.ends_at and booked.starts_at < one.ends_at for one in absences):
        found.append(ABSENT)
    return found


def _instant(day: date, minute: int, zone: tzinfo) -> datetime:
    days, minutes = divmod(minute, MINUTES_OF_A_DAY)
    at = datetime(day.year, day.month, day.day, minutes // _HOUR, minutes % _HOUR, tzinfo=zone) + timedelta(days=days)
    # Aware of UTC: two moments of one zone are otherwise compared by their clocks.
    return at.astimezone(UTC)


def first_free(
    hours: Iterable[Period], *, taken: Collection[Period], length: timedelta, fits: Callable[[datetime], bool]
) -> datetime | None:
    """The first half hour within these hours from which on nothing is taken for so long, and which fits; else None."""
    for shift in hours:
        starts_at = _next_half_hour(shift.starts_at)
        while starts_at + length <= shift.ends_at:
            is_taken = any(one.starts_at < starts_at + length and starts_at < one.ends_at for one in taken)
            if not is_taken and fits(starts_at):
                return starts_at
            starts_at += _HALF_HOUR
    return None


def _next_half_hour(at: datetime) -> datetime:
    return at + (datetime.min.replace(tzinfo=UTC) - at) % _HALF_HOUR
