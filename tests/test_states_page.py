"""docs/STATES.md shows the machines as they are."""

import pytest

from app.calls.states import CALL
from app.journeys.eap.states import (
    END_OF_TREATMENT_REASONS,
    GATE_STATES,
    GATES,
    REASONS_OF,
    SPONSOR_DECLINE_REASONS,
)
from app.journeys.kinds import KINDS
from app.journeys.trial.states import REASONS
from app.leads.states import LEAD
from app.patients.states import PATIENT
from app.platform.states import Machine
from tests.printed import assert_printed

PAGE = "docs/STATES.md"


def _words(codes: tuple[str, ...]) -> str:
    return ", ".join(f"`{code}`" for code in codes)


@pytest.mark.parametrize(
    "machine", [LEAD, PATIENT, CALL, *(kind.moves.machine for kind in KINDS)], ids=lambda m: m.name
)
def test_page_shows_the_machine(machine: Machine) -> None:
    parts = (f"```mermaid\n{machine.mermaid()}\n```", machine.states_table())
    further = (f"From every open state: {_words(machine.from_any_open)}.",) if machine.from_any_open else ()
    assert_printed(PAGE, machine.name, "\n\n".join((*parts, *further, machine.words_table())) + "\n")


def test_page_shows_the_reasons_and_gates() -> None:
    assert_printed(PAGE, "trial_reasons", _words(REASONS) + ".\n")
    assert REASONS_OF == {
        "sponsor_declined": SPONSOR_DECLINE_REASONS,
        "treatment_ended": END_OF_TREATMENT_REASONS,
    }
    text = (
        f"- for `sponsor_declined`: {_words(SPONSOR_DECLINE_REASONS)};\n"
        f"- for `treatment_ended`: {_words(END_OF_TREATMENT_REASONS)};\n"
        f"- for every other state: all of these.\n\n"
        f"Gates: {_words(GATES)}; each is one of {_words(GATE_STATES)}.\n"
    )
    assert_printed(PAGE, "eap_reasons", text)
