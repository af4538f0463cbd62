"""Which moves of a patient's status are right, and what was checked."""

from dataclasses import dataclass, field

from app.patients.errors import JourneysOpen, reason_needed
from app.patients.states import PATIENT

NO_OPEN_JOURNEY = "no_open_journey"
"""The move condition of going inactive: nobody is put aside while a trial or a programme still waits for them."""


@dataclass(frozen=True)
class Move:
    """A move that may be made; `guards` maps each move condition that was checked to `met` or `not_checked`."""

    from_status: str
    to_status: str
    reason: str | None
    guards: dict[str, str] = field(default_factory=dict)


def decide_move(status: str, word: str, *, reason: str | None, has_open_journey: bool | None) -> Move | None:
    """
    The move from `status` to the state that `word` names; None when the patient is there already.

    `has_open_journey` is None when there are no journeys to ask. TransitionNotAllowed and JourneysOpen name the moves
    that are allowed; Invalid when a reason is missing.
    """
    to = PATIENT.state_of(word) or word
    if to == status:
        return None
    PATIENT.require_move(status, to)
    if to in PATIENT.needs_reason and reason is None:
        raise reason_needed()
    if to != "inactive":
        return Move(status, to, reason)
    if has_open_journey:
        raise JourneysOpen(allowed=[state for state in PATIENT.allowed(status) if state != to])
    return Move(status, to, reason, {NO_OPEN_JOURNEY: "not_checked" if has_open_journey is None else "met"})


def first_status(word: str | None, *, reason: str | None) -> str:
    """
    The status of a patient who is registered with `word`: active, or where an active one may go at once.

    TransitionNotAllowed and Invalid as for a move; a new patient has no journey.
    """
    if word is None:
        return PATIENT.initial
    move = decide_move(PATIENT.initial, word, reason=reason, has_open_journey=False)
    return move.to_status if move else PATIENT.initial
