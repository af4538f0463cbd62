from datetime import datetime
from typing import Any
from uuid import UUID

from app.journeys.norms.models import LONGEST
from app.platform.text import Answer, Body, whole

Days: Any = whole(1, LONGEST)


class NormUpdate(Body):
    """The days of the stage; null where there is no rule."""

    days: Days | None


class NormRead(Answer):
    stage_norm_id: UUID
    journey_kind: str
    stage: str
    days: int | None
    updated_at: datetime
    updated_by: UUID | None
    version: int


class NormsRead(Answer):
    """The norms of every kind, in the order of its stages."""

    norms: list[NormRead]
