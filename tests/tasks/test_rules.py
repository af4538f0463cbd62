"""When a task is due, on the clock of its zone; and when one that comes again is due next."""

from datetime import UTC, date, datetime

import pytest

from app.tasks.rules import Due, due_by, next_day


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        (Due(date(2026, 3, 1), None), utc("2026-03-01T23:59:59")),
        (Due(date(2026, 3, 1), None, "Asia/Tokyo"), utc("2026-03-01T14:59:59")),
        (Due(date(2026, 7, 1), None, "Europe/Lisbon"), utc("2026-07-01T22:59:59")),
        (Due(None, utc("2026-03-01T09:00:00"), "Asia/Tokyo"), utc("2026-03-01T09:00:00")),
    ],
)
def test_a_task_is_late_after_its_moment_or_the_last_second_of_its_day(due: Due, expected: datetime) -> None:
    assert due_by(due, None) == expected
    assert due_by(due, utc("2026-01-01T00:00:00")) == expected, "a snooze that ends earlier changes nothing"
    assert due_by(due, utc("2027-01-01T00:00:00")) == utc("2027-01-01T00:00:00")


@pytest.mark.parametrize(
    ("first", "every", "unit", "after", "expected"),
    [
        ("2026-01-05", 1, "day", "2026-01-05", "2026-01-06"),
        ("2026-01-05", 3, "day", "2026-01-06", "2026-01-08"),
        ("2026-01-05", 2, "week", "2026-01-05", "2026-01-19"),
        # What was done late does not come again in the past, and keeps its rhythm.
        ("2026-01-05", 1, "week", "2026-02-03", "2026-02-09"),
        ("2026-01-05", 1, "week", "2026-02-09", "2026-02-16"),
        ("2026-01-31", 1, "month", "2026-01-31", "2026-02-28"),
        ("2026-01-31", 1, "month", "2026-02-28", "2026-03-31"),
        ("2024-02-29", 12, "month", "2024-02-29", "2025-02-28"),
        ("2024-02-29", 12, "month", "2027-12-31", "2028-02-29"),
        ("2026-11-15", 3, "month", "2027-02-14", "2027-02-15"),
        ("2026-11-15", 3, "month", "2027-02-15", "2027-05-15"),
        ("9999-01-01", 1, "month", "9999-01-01", None),
        ("9998-01-01", 1000, "week", "9998-01-01", None),
        ("9998-01-01", 1000, "month", "9998-01-01", None),
    ],
)
def test_next_day_of_a_series(first: str, every: int, unit: str, after: str, expected: str | None) -> None:
    day = date.fromisoformat
    found = next_day(first=day(first), every=every, unit=unit, after=day(after), until=None)
    assert found == (None if expected is None else day(expected))
    if found is not None:
        assert next_day(first=day(first), every=every, unit=unit, after=day(after), until=found) == found
        ended = date.fromordinal(found.toordinal() - 1)
        assert next_day(first=day(first), every=every, unit=unit, after=day(after), until=ended) is None


def test_the_time_on_the_clock_stays_when_the_clocks_change() -> None:
    due = Due(None, utc("2026-03-27T09:00:00"), "Europe/Lisbon")
    assert due.moved_to(date(2026, 4, 3)).at == utc("2026-04-03T08:00:00")
    east = Due(None, utc("2026-03-27T22:00:00"), "Asia/Tokyo")
    assert east.day == date(2026, 3, 28)
    assert east.moved_to(date(2026, 3, 29)).at == utc("2026-03-28T22:00:00")
