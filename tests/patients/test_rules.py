"""Which moves of a patient's status are right."""

import pytest

from app.patients.errors import JourneysOpen
from app.patients.rules import decide_move, first_status
from app.patients.states import PATIENT
from app.platform.errors import Invalid
from app.platform.states import TransitionNotAllowed


@pytest.mark.parametrize("status", PATIENT.states)
@pytest.mark.parametrize("word", PATIENT.words())
def test_a_move_is_the_machines_or_is_refused_with_what_it_has(status: str, word: str) -> None:
    if word == status:
        assert decide_move(status, word, reason=None, has_open_journey=False) is None
    elif PATIENT.may_move(status, word):
        move = decide_move(status, word, reason="asked for it", has_open_journey=False)
        assert move is not None
        assert (move.from_status, move.to_status, move.reason) == (status, word, "asked for it")
    else:
        with pytest.raises(TransitionNotAllowed) as refused:
            decide_move(status, word, reason="asked for it", has_open_journey=False)
        assert refused.value.extra == {"allowed": list(PATIENT.allowed(status))}


@pytest.mark.parametrize("word", sorted(PATIENT.needs_reason))
def test_some_states_need_a_reason(word: str) -> None:
    with pytest.raises(Invalid) as refused:
        decide_move("active", word, reason=None, has_open_journey=False)
    assert [field.code for field in refused.value.fields] == ["reason_needed"]


def test_nobody_goes_inactive_while_a_journey_is_open() -> None:
    with pytest.raises(JourneysOpen) as refused:
        decide_move("active", "inactive", reason=None, has_open_journey=True)
    assert "inactive" not in refused.value.extra["allowed"]


@pytest.mark.parametrize(("has_open_journey", "guard"), [(False, "met"), (None, "not_checked")])
def test_going_inactive_says_what_was_checked(*, has_open_journey: bool | None, guard: str) -> None:
    move = decide_move("active", "inactive", reason=None, has_open_journey=has_open_journey)
    assert move is not None
    assert move.guards == {"no_open_journey": guard}


def test_somebody_dies_whatever_is_open() -> None:
    assert decide_move("active", "deceased", reason=None, has_open_journey=True) is not None


@pytest.mark.parametrize(("word", "status"), [(None, "active"), ("active", "active"), ("inactive", "inactive")])
def test_a_first_status_is_active_or_one_step_from_it(word: str | None, status: str) -> None:
    assert first_status(word, reason=None) == status


def test_nobody_is_registered_as_erased() -> None:
    with pytest.raises(TransitionNotAllowed):
        first_status("erased", reason=None)
