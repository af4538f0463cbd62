"""One machinery of moves for leads, patients and journeys."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.events.models import OWNERS, JourneyEvent
from app.events.moves import Condition, Finding, Moves, Step, decide_move, not_known_yet
from app.platform.errors import Invalid
from app.platform.plausibility import CLOCKS_DIFFER
from app.platform.states import Machine

NOW = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
MACHINE = Machine(
    name="lamp",
    initial="on",
    moves={"on": ("off",), "off": ("on",)},
    terminal=frozenset({"off"}),
    groups={"on": "on", "off": "off"},
    needs_reason=frozenset({"off"}),
)
MOVES = Moves(MACHINE, codes_of=lambda to: ("daylight", "other") if to == "off" else ())


@pytest.mark.parametrize(
    ("step", "errors"),
    [
        (Step("off"), [("reason_code", "reason_needed")]),
        (Step("off", reason_code="other"), [("reason", "reason_needed")]),
        (Step("off", reason_code="noise"), [("reason_code", "not_of_this_status")]),
        (Step("off", reason_code="daylight"), []),
        (Step("off", reason="It was light."), []),
        (Step("off", happened_at=NOW + CLOCKS_DIFFER, reason_code="daylight"), []),
        (
            Step("off", happened_at=NOW + timedelta(minutes=6)),
            [("happened_at", "in_the_future"), ("reason_code", "reason_needed")],
        ),
    ],
)
def test_a_step_names_every_field_that_is_wrong(step: Step, errors: list[tuple[str, str]]) -> None:
    found: list[tuple[str, str]] = []
    try:
        decide_move(MOVES, step, state="on", now=NOW)
    except Invalid as refused:
        found = [(error.field, error.code) for error in refused.fields]
    assert found == errors


def test_words_alone_count_as_the_code_other() -> None:
    assert decide_move(MOVES, Step("off", reason="It was light."), state="on", now=NOW).reason_code == "other"


@pytest.mark.parametrize("place", ["dim", ("on", "dim"), ("on", "on")])
def test_a_condition_of_no_state_and_no_move_does_not_start(place: str | tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="is no state or move of lamp"):
        Moves(MACHINE, conditions={place: (Condition("mains", not_known_yet),)})


@pytest.mark.parametrize(
    ("fact", "finding"), [(True, Finding.MET), (False, Finding.NOT_MET), (None, Finding.NOT_CHECKED)]
)
def test_what_nobody_knows_is_not_checked(fact: bool | None, finding: Finding) -> None:  # noqa: FBT001
    assert Finding.of(fact) is finding


def test_events_are_of_the_records_that_the_table_names() -> None:
    keys = {next(iter(column.foreign_keys)).column.name for column in JourneyEvent.__table__.c if column.foreign_keys}
    assert keys == set(OWNERS)


@pytest.mark.parametrize(
    ("step", "errors"),
    [
        ({"happened_at": NOW - timedelta(days=1, minutes=6)}, [("happened_at", "before_last_move")]),
        # The caller's clock may be behind ours.
        ({"happened_at": NOW - timedelta(days=1, minutes=4)}, []),
        ({"happened_at": NOW - timedelta(hours=23)}, []),
        ({"happened_at": NOW - timedelta(days=9), "is_correction": True}, [("reason", "reason_needed")]),
        ({"happened_at": NOW - timedelta(days=9), "is_correction": True, "reason": "Told late."}, []),
        ({"is_correction": True, "reason": "Told late."}, [("happened_at", "missing")]),
    ],
)
def test_nothing_happens_before_the_last_move_but_a_correction(
    step: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    found: list[tuple[str, str]] = []
    try:
        decide_move(MOVES, Step("on", **step), state="off", now=NOW, since=NOW - timedelta(days=1))
    except Invalid as refused:
        found = [(error.field, error.code) for error in refused.fields]
    assert found == errors


def test_a_move_of_now_does_not_go_behind_one_told_by_a_clock_that_was_ahead() -> None:
    since = NOW + timedelta(minutes=4)
    assert decide_move(MOVES, Step("on"), state="off", now=NOW, since=since).happened_at == since


@pytest.mark.parametrize("is_correction", [True, False])
def test_what_has_run_out_by_today_is_passed_by_a_correction_only(*, is_correction: bool) -> None:
    last_week = NOW - timedelta(days=7)
    step = Step("on", happened_at=last_week, reason="Told late.", is_correction=is_correction)
    move = decide_move(MOVES, step, state="off", now=NOW, since=last_week)
    assert move.checked_on == (last_week if is_correction else NOW).date()
