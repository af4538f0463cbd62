from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Integer, Select, Uuid, and_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.journeys.kind import Kind
from app.journeys.kinds import KINDS
from app.journeys.models import Journey
from app.journeys.norms.models import StageNorm
from app.journeys.queries import loaded, newest_of
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
    """Open journeys of this owner's patients that are over the norm of their stage, with the norm's days."""
    found = await session.execute(_over_norm(kind.name), {"owner_id": owner_id, "now": now, "most": limit})
    return [(row[0], row[1]) for row in found if row[1] is not None]


@cache
def _over_norm(name: str) -> Select[*tuple[Any, ...]]:
    kind = next(kind for kind in KINDS if kind.name == name)
    journey = kind.model
    # A whole day more than the norm: as `days_over` reckons it.
    days = func.make_interval(0, 0, 0, func.cast(StageNorm.days, Integer) + 1)
    since = bindparam("now", type_=DateTime(timezone=True)) - days
    mine = Patient.owner_id == bindparam("owner_id", type_=Uuid())
    return (
        select(journey, StageNorm.days)
        .join(StageNorm, _of_stage(kind))
        .join(Patient, Patient.patient_id == journey.patient_id)
        .where(mine, Patient.deleted_at.is_(None), journey.status_changed_at <= since)
        .order_by(journey.status_changed_at)
        .limit(bindparam("most", type_=Integer()))
        .options(*loaded(kind))
    )


async def journeys_with_norms(
    session: AsyncSession, *, kind: Kind, patient_id: UUID, most: int
) -> Sequence[tuple[Journey, int | None]]:
    """As `journeys_of`, each with the days that its stage takes as a rule, in the same statement."""
    query = newest_of(kind, patient_id=patient_id, most=most)
    query = query.add_columns(StageNorm.days).outerjoin(StageNorm, _of_stage(kind))
    return [(row[0], row[1]) for row in (await session.execute(query.options(*loaded(kind)))).unique()]


def _of_stage(kind: Kind) -> ColumnElement[bool]:
    return and_(StageNorm.journey_kind == kind.name, StageNorm.stage == kind.model.status)
