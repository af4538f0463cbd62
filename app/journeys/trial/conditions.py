"""What the moves of a trial journey need besides the machine's table."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.events.moves import Condition, Finding, Move, Moves, not_known_yet
from app.journeys.errors import refused_move
from app.journeys.queries import has_current_physician
from app.journeys.trial.models import ClinicalTrialJourney
from app.journeys.trial.states import TRIAL_JOURNEY, reasons_of


async def linked_physician(session: AsyncSession, journey: ClinicalTrialJourney, _move: Move) -> Finding:
    """The journey names a physician, or one is linked to the patient today."""
    return Finding.of(
        journey.physician_id is not None or await has_current_physician(session, patient_id=journey.patient_id)
    )


async def trial_recruiting(_session: AsyncSession, journey: ClinicalTrialJourney, _move: Move) -> Finding:
    """The trial is recruiting, as far as its registry was asked."""
    trial = journey.clinical_trial
    is_known = trial is not None and trial.status != "unverified"
    return Finding.of(trial.status == "recruiting" if trial is not None and is_known else None)


TRIAL_MOVES = Moves(
    TRIAL_JOURNEY,
    conditions={
        "referred": (
            Condition("share_consent", not_known_yet),
            Condition("linked_physician", linked_physician),
            Condition("medical_review", not_known_yet),
            Condition("trial_recruiting", trial_recruiting),
        )
    },
    codes_of=reasons_of,
    refusal=refused_move,
)
