"""What the moves of an expanded-access journey need besides the machine's table."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.events.moves import Condition, Finding, Move, Moves
from app.journeys.eap import queries
from app.journeys.eap.models import EapJourney
from app.journeys.eap.states import EAP_JOURNEY, gates_pass, reasons_of
from app.journeys.errors import refused_move


async def gates_approved(session: AsyncSession, journey: EapJourney, move: Move) -> Finding:
    """Every recorded gate lets the supply through."""
    gates = await queries.list_gates(session, eap_journey_id=journey.eap_journey_id)
    return Finding.of(gates_pass([(gate.status, gate.expires_on) for gate in gates], move.happened_at.date()))


async def was_treated(session: AsyncSession, journey: EapJourney, _move: Move) -> Finding:
    """The journey was once in a state of having had the product."""
    return Finding.of(await queries.was_ever_treated(session, eap_journey_id=journey.eap_journey_id))


EAP_MOVES = Moves(
    EAP_JOURNEY,
    conditions={
        "supply_authorised": (Condition("gates_approved", gates_approved),),
        ("deceased", "reporting"): (Condition("was_treated", was_treated),),
    },
    codes_of=reasons_of,
    refusal=refused_move,
)
