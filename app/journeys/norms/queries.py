from datetime import datetime
from uuid import UUID

from sqlalchemy import Integer, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.journeys.kind import Kind
from app.journeys.kinds import KINDS
from app.journeys.models import Journey
from app.journeys.norms.models import StageNorm
from app.journeys.queries import loaded
from app.patients.models import Patient


def stages() -> list[tuple[str, str]]:
    """Every open stage with its kind, in the order of the machines."""
    return [
        (kind.name, stage) for kind in KINDS for stage in kind.moves.machine.states if kind.moves.machine.is_open(stage)
    ]


async def list_norms(session: AsyncSession) -> list[StageNorm]:
    """The norms in the order of the stages."""
    found = {(norm.journey_kind, norm.stage): norm for norm in await session.scalars(select(StageNorm))}
    return [found[stage] for stage in stages() if stage in found]


async def journeys_over_norm(
    session: AsyncSession, *, kind: Kind, owner_id: UUID | None, now: datetime, limit: int
) -> list[tuple[Journey, int]]:
    """Open journeys of this owner's patients that are longer in their stage than its norm, with the norm's days."""
    journey = kind.model
    norm = and_(StageNorm.journey_kind == kind.name, StageNorm.stage == journey.status)
    since = now - func.make_interval(0, 0, 0, func.cast(StageNorm.days, Integer))
    query = (
        select(journey, StageNorm.days)
        .join(StageNorm, norm)
        .join(Patient, Patient.patient_id == journey.patient_id)
        .where(Patient.owner_id == owner_id, Patient.deleted_at.is_(None), journey.status_changed_at < since)
        .order_by(journey.status_changed_at)
        .limit(limit)
        .options(*loaded(kind))
    )
    return [(row[0], row[1]) for row in await session.execute(query) if row[1] is not None]
