"""The pure rules of an expanded-access journey."""

from datetime import date

import pytest

from app.journeys.eap.states import EAP_JOURNEY, NEXT_STEP, REASONS_OF, TREATED, gates_pass

TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("gates", "answer"),
    [
        ([], None),
        ([("approved", None)], True),
        ([("approved", TODAY), ("not_required", None)], True),
        ([("approved", date(2026, 3, 1))], False),
        ([("approved", None), ("pending", None)], False),
        ([("refused", None)], False),
        ([("expired", None)], False),
    ],
)
def test_gates_let_through_when_all_of_them_do(gates: list[tuple[str, date | None]], *, answer: bool | None) -> None:
    assert gates_pass(gates, TODAY) is answer


def test_rules_speak_of_states_of_the_machine() -> None:
    assert {*NEXT_STEP, *REASONS_OF, *TREATED} <= set(EAP_JOURNEY.states)
