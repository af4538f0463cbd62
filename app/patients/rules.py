"""Which moves of a patient's status are right, and what is checked."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app.events.moves import Condition, Finding, Move, Moves, Step, decide_move
from app.patients import queries
from app.patients.errors import JourneysOpen, departed_at_first
from app.patients.models import Patient
from app.patients.schemas import PatientFields
from app.patients.states import DEPARTED, PATIENT, PATIENT_RULES
from app.platform import clock
from app.platform.faults import Fault, faults_in
from app.platform.plausibility import Life, dates_of, implausible
from app.platform.states import Machine


async def no_open_journey(session: AsyncSession, patients: Sequence[Patient], _move: Move) -> list[Finding]:
    """Nobody is put aside while a trial or a programme still waits for them."""
    return [
        Finding.of(not await queries.has_open_journey(session, patient_id=patient.patient_id)) for patient in patients
    ]


def _journeys_open(machine: Machine, move: Move) -> JourneysOpen:
    return JourneysOpen(allowed=[state for state in machine.allowed(str(move.from_status)) if state != move.to])


def faults_of(patient: Patient, life: Life) -> list[Fault]:
    """What of a patient record does not fit together, or cannot be in this life."""
    found = implausible("patient", dates_of(patient), life=life, now=clock.now())
    return [*found, *faults_in(patient, PATIENT_RULES)]


def dates_that_cannot_be(said: PatientFields, life: Life) -> list[Fault]:
    """Which dates of a new patient record cannot be in this life."""
    dates = {"first_contact_date": said.first_contact_date, "initial_consult_date": said.initial_consult_date}
    return implausible("patient", dates, life=life, now=clock.now())


PATIENT_MOVES = Moves(
    PATIENT,
    conditions={"inactive": (Condition("no_open_journey", no_open_journey, refusal=_journeys_open),)},
    reason_field="status_reason",
    after_death=frozenset({"deceased"}),
)


def first_status(word: str | None, *, reason: str | None) -> str:
    """
    The status of a patient who is registered with `word`: active, or where an active one may go at once.

    TransitionNotAllowed and Invalid as for a move; a new patient has no journey.
    """
    if word is None or PATIENT_MOVES.state_of(word) == PATIENT.initial:
        return PATIENT.initial
    if PATIENT_MOVES.state_of(word) in DEPARTED:
        raise departed_at_first()
    return decide_move(PATIENT_MOVES, Step(word, reason=reason), state=PATIENT.initial, now=clock.now()).to
