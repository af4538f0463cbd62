"""Whether a time lies in somebody's working hours, at the turns of the clock too."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from app.availability.rules import ABSENT, OUTSIDE, Period, Span, booking_warnings, do_overlap, minute_of, shifts

LISBON = ZoneInfo("Europe/Lisbon")
WEEK = [Span(day, *half) for day in range(1, 6) for half in ((540, 750), (780, 1020))]


def at(day: int, hour: int, minute: int = 0, *, month: int = 6) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("booked", "said"),
    [
        (Period(at(1, 8), at(1, 8, 30)), []),  # Monday, 9:00 in Lisbon
        (Period(at(1, 7, 59), at(1, 8, 29)), [OUTSIDE]),
        (Period(at(1, 11, 15), at(1, 11, 45)), [OUTSIDE]),  # into the break
        (Period(at(1, 15, 30), at(1, 16)), []),
        (Period(at(1, 15, 31), at(1, 16, 1)), [OUTSIDE]),
        (Period(at(6, 10), at(6, 10, 30)), [OUTSIDE]),  # Saturday
        (Period(at(2, 10), at(2, 10, 30)), [ABSENT]),
        (Period(at(2, 3), at(2, 3, 30)), [OUTSIDE, ABSENT]),
        (Period(at(3, 8), at(3, 8, 30)), []),  # the absence is over
    ],
)
def test_a_booking_outside_of_hours_or_in_an_absence_is_named(booked: Period, said: list[str]) -> None:
    absence = Period(at(1, 23), at(3, 8))
    assert booking_warnings(booked, spans=WEEK, zone=LISBON, absences=[absence]) == said


def test_of_hours_that_are_unknown_only_the_weekend_is_said() -> None:
    assert booking_warnings(Period(at(5, 3), at(5, 4)), spans=[], zone=LISBON, absences=[]) == []
    assert booking_warnings(Period(at(6, 3), at(6, 4)), spans=[], zone=LISBON, absences=[]) == ["weekend"]


def test_a_night_that_goes_on_at_midnight_is_one_shift() -> None:
    night = [Span(1, 1320, 1440), Span(2, 0, 360)]
    assert shifts(night, UTC, first=date(2026, 6, 1), last=date(2026, 6, 2)) == [Period(at(1, 22), at(2, 6))]
    booked = Period(at(1, 23, 50), at(2, 0, 20))
    assert booking_warnings(booked, spans=night, zone=UTC, absences=[]) == []


def test_hours_are_those_of_the_clock_when_it_is_changed() -> None:
    sunday = [Span(7, 0, 1440)]
    (spring,) = shifts(sunday, LISBON, first=date(2026, 3, 29), last=date(2026, 3, 29))
    (autumn,) = shifts(sunday, LISBON, first=date(2026, 10, 25), last=date(2026, 10, 25))
    assert [(one.ends_at - one.starts_at).total_seconds() / 3600 for one in (spring, autumn)] == [23, 25]


def test_spans_that_meet_do_not_overlap() -> None:
    assert not do_overlap([Span(1, 540, 600), Span(1, 600, 660), Span(2, 540, 660)])
    assert do_overlap([Span(1, 540, 601), Span(1, 600, 660)])
    assert [minute_of(text) for text in ("00:00", "09:30", "24:00")] == [0, 570, 1440]
