from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.db import PUBLIC, Base, CreatedAt, Edited, Key

LONGEST = 3650


class StageNorm(Edited, Base):
    """The days that a stage of a kind of journey takes as a rule; null where there is no rule."""

    __tablename__ = "stage_norm"
    __table_args__ = (
        UniqueConstraint("journey_kind", "stage"),
        CheckConstraint(f"days BETWEEN 1 AND {LONGEST}", name="days_in_range"),
    )

    stage_norm_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    journey_kind: Mapped[str] = mapped_column(info=PUBLIC)
    stage: Mapped[str] = mapped_column(info=PUBLIC)
    days: Mapped[int | None] = mapped_column(info=PUBLIC)
