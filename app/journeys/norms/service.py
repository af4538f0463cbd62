from typing import Final

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.journeys.norms import queries
from app.journeys.norms.errors import StageNotFound
from app.journeys.norms.models import StageNorm
from app.journeys.norms.schemas import NormUpdate
from app.platform.actor import Actor

DEFAULT_DAYS: Final = {
    "clinical_trial_journey": {
        "identified": 7,
        "pre_screening": 14,
        "pre_screen_passed": 7,
        "patient_considering": 14,
        "referral_ready": 5,
        "referred": 10,
        "site_review": 14,
        "site_accepted": 10,
        "screening_scheduled": 21,
        "consented": 14,
        "screening": 28,
        "eligible_enrolled": 14,
    },
    "eap_journey": {
        "inquiry": 5,
        "eligibility_review": 7,
        "request_preparation": 14,
        "submitted_to_sponsor": 3,
        "sponsor_review": 10,
        "sponsor_approved": 5,
        "approvals_in_progress": 30,
        "supply_authorised": 10,
        "shipped": 7,
        "shipment_failed": 3,
        "received": 7,
        "treatment_ended": 14,
        "reporting": 30,
    },
}
"""What a new database begins with: estimates to be changed. Treatment and follow-up take as long as they take."""


async def add_default_norms(session: AsyncSession) -> None:
    """Every open stage, with the days it begins with; what is there already is left alone."""
    rows = [
        {"journey_kind": kind, "stage": stage, "days": DEFAULT_DAYS[kind].get(stage)}
        for kind, stage in queries.stages()
    ]
    await session.execute(insert(StageNorm).values(rows).on_conflict_do_nothing())


async def set_norm(
    session: AsyncSession, actor: Actor, *, journey_kind: str, stage: str, change: NormUpdate
) -> StageNorm:
    """Set the days of a stage; what they were stays in row_history. StageNotFound."""
    norm = next(
        (one for one in await queries.list_norms(session) if (one.journey_kind, one.stage) == (journey_kind, stage)),
        None,
    )
    if norm is None:
        raise StageNotFound
    norm.days = change.days
    norm.updated_by = actor.account_id
    await session.flush()
    audit.note(session, record_type="stage_norm", record_id=norm.stage_norm_id, fields=["days"])
    return norm
