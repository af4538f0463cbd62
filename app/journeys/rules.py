"""What happened to a patient and stands against a move of a journey of theirs: pure decisions."""

from collections.abc import Sequence
from datetime import datetime

from app.events.moves import Finding, Moves, Step, time_faults
from app.platform.plausibility import Life

ALIVE, PRESENT, ACTIVE = "patient_alive", "patient_present", "patient_active"
OF_THE_PATIENT = frozenset({ALIVE, PRESENT, ACTIVE})
"""What a move may need of the patient: that they live, that they have not withdrawn, that they are active."""


def opens(moves: Moves, state: str | None, to: str) -> bool:
    """Whether a journey waits for something then that has not waited before; `state` is None where it begins."""
    machine = moves.machine
    return machine.is_open(to) and (state is None or not machine.is_open(state))


def needs_presence(moves: Moves, state: str, to: str) -> bool:
    """Whether the move opens a journey again, which is done for nobody who has died or withdrawn."""
    return moves.machine.may_move(state, to) and opens(moves, state, to) and to not in moves.after_death


def stands_against(
    moves: Moves,
    *,
    state: str,
    to: str,
    since: datetime,
    life: Life,
    departed: Sequence[str],
    patient_status: str,
    now: datetime,
) -> dict[str, Finding]:
    """
    What of OF_THE_PATIENT is not as a move needs it that is made now, by its name; empty where nothing stands against.

    `since` is the moment of the last move, `departed` whether the person has died or withdrawn, a death first. A move
    that may still be entered with a moment before the death is `not_checked`.
    """
    found: dict[str, Finding] = {}
    if departed and needs_presence(moves, state, to):
        found[ALIVE if departed[0] == "deceased" else PRESENT] = Finding.NOT_MET
    elif any(
        fault.code == "after_death" for fault in time_faults(moves, Step(to), to=to, since=None, life=life, now=now)
    ):
        found[ALIVE] = Finding.of(False if life.is_after(since) else None)
    if patient_status == "inactive" and opens(moves, state, to):
        found[ACTIVE] = Finding.NOT_MET
    return found
