"""`/stage-norms`: how many days a journey stays in a stage as a rule."""

from typing import Annotated

from fastapi import Path

from app.access.request_guard import CurrentActor, DbSession, allow, api_router
from app.journeys.norms import queries, service
from app.journeys.norms.schemas import NormRead, NormsRead, NormUpdate
from app.platform.problems import described
from app.platform.text import Code

router = api_router("/stage-norms", "journeys")


@router.get("", response_model=NormsRead, dependencies=[allow("norm.read")])
async def get_stage_norms(session: DbSession) -> NormsRead:
    """The norms of every kind, in the order of its stages."""
    return NormsRead(norms=[NormRead.model_validate(norm) for norm in await queries.list_norms(session)])


@router.put(
    "/{journey_kind}/{stage}",
    response_model=NormRead,
    responses=described(404),
    dependencies=[allow("norm.write")],
)
async def set_stage_norm(
    journey_kind: Annotated[Code, Path()],
    stage: Annotated[Code, Path()],
    change: NormUpdate,
    session: DbSession,
    actor: CurrentActor,
) -> NormRead:
    """Set the days of a stage."""
    norm = await service.set_norm(session, actor, journey_kind=journey_kind, stage=stage, change=change)
    return NormRead.model_validate(norm)
