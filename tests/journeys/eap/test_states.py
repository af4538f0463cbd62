"""The pure rules of an expanded-access journey."""

from datetime import date

import pytest

from app.journeys.eap.states import EAP_JOURNEY, NEXT_STEP, REASONS_OF, TREATED, gates_pass

TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("gates", "answer"),
    [
        ([], None),
        ([("approved", None, None)], True),
        ([("approved", TODAY, TODAY), ("not_required", None, None)], True),
        ([("approved", None, date(2026, 3, 1))], False),
        ([("approved", date(2026, 3, 3), None)], True),
        ([("approved", date(2026, 3, 4), None)], False),
        ([("approved", None, None), ("pending", None, None)], False),
        ([("refused", None, None)], False),
        ([("expired", None, None)], False),
    ],
)
def test_gates_let_through_when_all_of_them_do(
    gates: list[tuple[str, date | None, date | None]], *, answer: bool | None
) -> None:
    assert gates_pass(gates, TODAY) is answer


def test_rules_speak_of_states_of_the_machine() -> None:
    assert {*NEXT_STEP, *REASONS_OF, *TREATED} <= set(EAP_JOURNEY.states)
