"""docs/STATES.md shows the machines as they are."""

import re

import pytest
from sqlalchemy import CheckConstraint, String, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls.states import CALL
from app.events.models import JourneyEvent
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
from app.models import metadata
from app.patients.states import PATIENT
from app.platform.states import Machine
from app.tasks.states import TASK
from tests.printed import assert_printed

PAGE = "docs/STATES.md"
MACHINES = (LEAD, PATIENT, CALL, TASK, *(kind.moves.machine for kind in KINDS))


def _words(codes: tuple[str, ...]) -> str:
    return ", ".join(f"`{code}`" for code in codes)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: m.name)
def test_page_shows_the_machine(machine: Machine) -> None:
    parts = (f"```mermaid\n{machine.mermaid()}\n```", machine.states_table())
    further = (f"From every open state: {_words(machine.from_any_open)}.",) if machine.from_any_open else ()
    assert_printed(PAGE, machine.name, "\n\n".join((*parts, *further, machine.words_table())) + "\n")


async def test_the_database_takes_the_words_of_the_models_and_no_others(session: AsyncSession) -> None:
    """Alembic does not compare checks: a state without a revision would be found by the first who enters it."""
    rows = await session.execute(
        text("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname LIKE 'ck_%'")
    )
    taken = {name: set(re.findall(r"'(\w+)'", definition)) for name, definition in rows}
    told = {
        str(check.name): set(re.findall(r"'(\w+)'", str(check.sqltext)))
        for table in metadata.sorted_tables
        for check in table.constraints
        if isinstance(check, CheckConstraint)
    }
    assert len(told) >= len(MACHINES)
    assert taken == told


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_an_event_has_room_for_every_state(machine: Machine) -> None:
    room = JourneyEvent.__table__.c.to_status.type
    assert isinstance(room, String)
    assert [state for state in machine.states if len(state) > (room.length or 0)] == []


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
