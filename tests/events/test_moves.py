"""One machinery of moves for leads, patients and journeys."""

from datetime import UTC, datetime, timedelta

import pytest

from app.events.models import OWNERS, JourneyEvent
from app.events.moves import CLOCKS_DIFFER, Condition, Finding, Moves, Step, decide_move, not_known_yet
from app.platform.errors import Invalid
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
        (Step("off", reason_code="noise"), [("reason_code", "reason_not_of_this_state")]),
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
