"""What follows from what is said about a call."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from app.calls.rules import contradictions, derive_status, is_night_there, unresolved_because
from app.calls.schemas import CallOfPatientFilter, Channel, Direction, SetStatus, Status
from app.calls.states import CALL, CHANNELS, DIRECTIONS, OUTCOMES, SPOKEN_TO

NOW = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("present", "status", "no_show", "outcome", "expected"),
    [
        ("scheduled", None, None, None, "scheduled"),
        ("scheduled", None, False, None, "scheduled"),
        ("scheduled", None, None, "reached", "completed"),
        ("confirmed", None, None, "voicemail", "completed"),
        ("scheduled", None, True, None, "no_show"),
        ("scheduled", None, True, "no_answer", "no_show"),
        ("scheduled", "confirmed", None, "reached", "confirmed"),
        ("no_show", None, False, None, "scheduled"),
        ("no_show", None, False, "reached", "completed"),
        ("completed", None, None, "voicemail", "completed"),
        ("cancelled", None, None, "reached", "cancelled"),
    ],
)
def test_status_is_said_or_follows_from_no_show_and_outcome(
    *, present: str, status: str | None, no_show: bool | None, outcome: str | None, expected: str
) -> None:
    assert derive_status(present=present, status=status, no_show=no_show, outcome=outcome) == expected


@pytest.mark.parametrize(
    ("status", "no_show", "outcome", "has_date", "fields"),
    [
        ("completed", None, "reached", True, []),
        ("no_show", True, "no_answer", True, []),
        ("completed", True, None, True, ["no_show"]),
        ("no_show", False, None, True, ["no_show"]),
        ("cancelled", None, "reached", True, ["outcome"]),
        ("cancelled", None, None, True, []),
        ("no_show", None, "Reached", True, ["outcome"]),
        ("no_show", None, "voicemail", True, []),
        ("cancelled", True, "reached", False, ["no_show", "outcome", "call_date"]),
    ],
)
def test_what_does_not_fit_together_is_named_by_its_field(
    *, status: str, no_show: bool | None, outcome: str | None, has_date: bool, fields: list[str]
) -> None:
    found = contradictions(
        status=status,
        no_show=no_show,
        outcome=outcome,
        booking_date=NOW if has_date else None,
        booking_time_zone="Europe/Amsterdam",
        call_date=None,
    )
    assert [fault.error.field for fault in found] == fields


@pytest.mark.parametrize(
    ("status", "occurs_at", "heard", "is_voided", "expected"),
    [
        ("scheduled", EARLIER, None, False, "no_outcome"),
        ("confirmed", NOW, None, False, "no_outcome"),
        ("scheduled", LATER, None, False, None),
        ("scheduled", EARLIER, None, True, None),
        ("completed", EARLIER, None, False, "adverse_event_not_asked"),
        ("completed", EARLIER, False, False, None),
        ("completed", EARLIER, True, False, None),
        ("no_show", EARLIER, None, False, None),
        ("cancelled", EARLIER, None, False, None),
        ("rescheduled", EARLIER, None, False, None),
    ],
)
def test_call_is_unresolved_until_somebody_said_how_it_ended_and_asked(
    *, status: str, occurs_at: datetime, heard: bool | None, is_voided: bool, expected: str | None
) -> None:
    answer = unresolved_because(
        status=status, occurs_at=occurs_at, outcome=None, adverse_event_heard=heard, is_voided=is_voided, now=NOW
    )
    assert answer == expected


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_side_effects_are_asked_of_who_was_spoken_with(outcome: str) -> None:
    answer = unresolved_because(
        status="completed", occurs_at=EARLIER, outcome=outcome.upper(), adverse_event_heard=None, is_voided=False,
        now=NOW,
    )  # fmt: skip
    assert (answer is not None) is (outcome in SPOKEN_TO)


@pytest.mark.parametrize(
    ("at", "time_zone", "is_night"),
    [
        ("2026-12-01T12:59Z", "America/New_York", True),
        ("2026-12-01T13:00Z", "America/New_York", False),
        ("2026-12-02T01:59Z", "America/New_York", False),
        ("2026-12-02T02:00Z", "America/New_York", True),
        ("2026-12-01T09:30Z", "America/New_York", True),
        ("2026-12-01T02:00Z", None, False),
        ("2026-12-01T02:00Z", "Nowhere", False),
    ],
)
def test_it_is_night_before_eight_and_from_nine_on_where_the_person_is_known_to_be(
    at: str, time_zone: str | None, *, is_night: bool
) -> None:
    assert is_night_there(datetime.fromisoformat(at), time_zone) is is_night


def test_words_of_the_description_are_the_words_of_the_machine() -> None:
    assert get_args(Status) == CALL.states
    assert set(get_args(SetStatus)) == set(CALL.states) - {"rescheduled"}
    assert get_args(Direction) == DIRECTIONS
    assert get_args(Channel) == CHANNELS
    for word in CALL.filter_words():
        assert CallOfPatientFilter.model_validate({"status": word}).status == word


def test_a_no_show_stays_one_and_nothing_leads_to_a_new_booking_but_an_open_one() -> None:
    assert [state for state in CALL.states if CALL.may_move(state, "rescheduled")] == ["scheduled", "confirmed"]
