"""Which moves of a patient's status are right."""

from datetime import UTC, datetime

import pytest

from app.events.moves import Step, decide_move
from app.patients.rules import PATIENT_MOVES, first_status
from app.patients.states import PATIENT
from app.platform.errors import Invalid
from app.platform.states import TransitionNotAllowed

NOW = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("status", PATIENT.states)
@pytest.mark.parametrize("word", PATIENT.words())
def test_a_move_is_the_machines_or_is_refused_with_what_it_has(status: str, word: str) -> None:
    step = Step(word, reason="asked for it")
    if PATIENT.may_move(status, word):
        move = decide_move(PATIENT_MOVES, step, state=status, now=NOW)
        assert (move.from_status, move.to, move.reason_code, move.happened_at) == (status, word, None, NOW)
    else:
        with pytest.raises(TransitionNotAllowed) as refused:
            decide_move(PATIENT_MOVES, step, state=status, now=NOW)
        assert refused.value.extra == {"allowed": list(PATIENT.allowed(status))}


@pytest.mark.parametrize("word", sorted(PATIENT.needs_reason))
def test_some_states_need_a_reason(word: str) -> None:
    with pytest.raises(Invalid) as refused:
        decide_move(PATIENT_MOVES, Step(word), state="active", now=NOW)
    assert [(error.field, error.code) for error in refused.value.fields] == [("status_reason", "reason_needed")]


def test_going_inactive_asks_for_open_journeys_and_dying_does_not() -> None:
    assert [condition.name for condition in PATIENT_MOVES.conditions_of("active", "inactive")] == ["no_open_journey"]
    assert PATIENT_MOVES.conditions_of("active", "deceased") == ()


@pytest.mark.parametrize(("word", "status"), [(None, "active"), ("active", "active"), ("inactive", "inactive")])
def test_a_first_status_is_active_or_one_step_from_it(word: str | None, status: str) -> None:
    assert first_status(word, reason=None) == status


def test_nobody_is_registered_as_erased() -> None:
    with pytest.raises(TransitionNotAllowed):
        first_status("erased", reason=None)
