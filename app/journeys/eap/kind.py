"""The journey to a product of an expanded-access programme."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from app.events.moves import Condition, Finding, Move, Moves
from app.journeys.eap import queries
from app.journeys.eap.errors import OF_JOURNEYS, EapJourneyNotFound, EapNumberTaken
from app.journeys.eap.models import EapGate, EapJourney
from app.journeys.eap.schemas import (
    EapJourneyCreate,
    EapJourneyFilter,
    EapJourneyRead,
    EapJourneyUpdate,
    EapTransition,
    ProgrammeSummary,
)
from app.journeys.eap.states import EAP_JOURNEY, NEXT_STEP, gates_pass, reasons_of
from app.journeys.errors import refused_move
from app.journeys.kind import Kind
from app.patients.models import Patient
from app.platform.actor import Actor
from app.platform.doubles import find_same, shown_to

GATES_APPROVED: Final = "gates_approved"


async def gates_approved(session: AsyncSession, journeys: Sequence[EapJourney], move: Move) -> list[Finding]:
    """Every recorded gate lets the supply through. The journeys have their `gates` loaded then."""
    recorded: dict[UUID, list[EapGate]] = {one.eap_journey_id: [] for one in journeys}
    for gate in await queries.list_gates(session, eap_journey_ids=recorded):
        recorded[gate.eap_journey_id].append(gate)
    for one in journeys:
        # A page that says which of them hold the move up does not ask again.
        set_committed_value(one, "gates", recorded[one.eap_journey_id])
    return [
        Finding.of(gates_pass([(gate.status, gate.decided_on, gate.expires_on) for gate in one.gates], move.checked_on))
        for one in journeys
    ]


async def was_treated(session: AsyncSession, journeys: Sequence[EapJourney], _move: Move) -> list[Finding]:
    """The journey was once in a state of having had the product."""
    treated = await queries.ever_treated(session, eap_journey_ids={one.eap_journey_id for one in journeys})
    return [Finding.of(one.eap_journey_id in treated) for one in journeys]


async def require_only_number(session: AsyncSession, actor: Actor, journey: EapJourney) -> None:
    """EapNumberTaken when another journey has the number, in whatever writing."""
    other = await find_same(session, journey)
    if other is not None:
        patient = (await session.scalars(select(Patient).where(Patient.patient_id == other.patient_id))).one()
        # A deleted patient's journey is not found by most.
        needed = "journey.read" if patient.deleted_at is None else "patient.read_deleted"
        shown = shown_to(actor, needed, other, "eap_journey_id", "patient_id")
        raise EapNumberTaken(shown, about=patient.person_id if shown else None)


def _of_the_programme(journey: EapJourney) -> Mapping[str, Any]:
    programme = journey.eap_program
    return {
        "eap_program": ProgrammeSummary.model_validate(programme) if programme else None,
        "next_step": NEXT_STEP.get(journey.status),
    }


EAP = Kind(
    model=EapJourney,
    moves=Moves(
        EAP_JOURNEY,
        conditions={
            "supply_authorised": (Condition(GATES_APPROVED, gates_approved),),
            ("deceased", "reporting"): (Condition("was_treated", was_treated),),
        },
        codes_of=reasons_of,
        refusal=refused_move,
        after_death=frozenset({"deceased", "reporting", "closed"}),
    ),
    leads_to=EapJourney.eap_program,
    create=EapJourneyCreate,
    bodies=(EapJourneyCreate,),
    when_departed={
        # A report that is being written is finished.
        "deceased": {
            state: "deceased" for state in EAP_JOURNEY.states if EAP_JOURNEY.is_open(state) and state != "reporting"
        },
        # Who is treated goes on being looked after by the physician, and the report stays due.
        "withdrawn": {
            state: "withdrawn"
            for state in EAP_JOURNEY.states
            if EAP_JOURNEY.is_open(state) and state not in {"on_treatment", "treatment_ended", "reporting"}
        },
    },
    update=EapJourneyUpdate,
    transition=EapTransition,
    filter=EapJourneyFilter,
    read=EapJourneyRead,
    not_found=EapJourneyNotFound,
    tag="expanded-access journeys",
    about_opening="Open a journey of a patient to a product.",
    further_answers=_of_the_programme,
    require_only=require_only_number,
    constraints=OF_JOURNEYS,
)
