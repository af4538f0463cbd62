from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.availability.words import KINDS
from app.platform.db import INTERNAL, Base, CreatedAt, Edited, Key, Rows


class WorkingWeek(Edited, Base):
    """The hours of an account in a usual week, on the clock of the zone that it has chosen in its preferences."""

    __tablename__ = "working_week"

    user_account_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.user_account_id"), primary_key=True, info=INTERNAL
    )
    created_at: Mapped[CreatedAt]

    spans: Mapped[list["WorkingSpan"]] = relationship(
        lazy="raise", order_by="(WorkingSpan.weekday, WorkingSpan.from_minute)", cascade="all, delete-orphan"
    )


class WorkingSpan(Edited, Base, rows=Rows.PART):
    """A span of a weekday (1 is Monday) in minutes of its clock from midnight; 1,440 is the midnight at its end."""

    __tablename__ = "working_span"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday_known"),
        CheckConstraint(
            "from_minute >= 0 AND until_minute <= 1440 AND from_minute < until_minute", name="within_a_day"
        ),
        Index("uq_working_span", "user_account_id", "weekday", "from_minute", unique=True),
    )

    working_span_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("working_week.user_account_id"), info=INTERNAL)
    weekday: Mapped[int] = mapped_column(info=INTERNAL)
    from_minute: Mapped[int] = mapped_column(info=INTERNAL)
    until_minute: Mapped[int] = mapped_column(info=INTERNAL)


class Absence(Edited, Base, rows=Rows.PART):
    """A time from `starts_at` until `ends_at` in which a colleague does not work."""

    __tablename__ = "absence"
    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS}", name="kind_known"),
        CheckConstraint("ends_at > starts_at", name="dates_in_order"),
        Index("ix_absence_user_account_id_ends_at", "user_account_id", "ends_at", "absence_id"),
    )

    absence_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    kind: Mapped[str] = mapped_column(info=INTERNAL)
    starts_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    ends_at: Mapped[datetime] = mapped_column(info=INTERNAL)
