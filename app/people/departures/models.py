from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.people.models import Person
from app.platform.db import DETAIL, HEALTH, INTERNAL, Base, CreatedAt, Edited, Key

DEPARTURES = ("deceased", "withdrawn")
CAME_IN = (*DEPARTURES, "opted_out")
"""Why something that arrived stands on the list of those who came back."""
ENDS = ("undone", "returned")
"""A mistake that was taken back; a withdrawn person who came back."""


class PersonDeparture(Edited, Base):
    """
    Somebody has died or has withdrawn, since `departed_on`, until it is ended.

    `closed` are the records that were closed with it, as they were before; `listed` are those that somebody still has
    to look at.
    """

    __tablename__ = "person_departure"
    __table_args__ = (
        CheckConstraint(f"kind IN {DEPARTURES}", name="kind_known"),
        CheckConstraint("kind <> 'deceased' OR source IS NOT NULL", name="death_has_a_source"),
        CheckConstraint("kind <> 'withdrawn' OR reason IS NOT NULL", name="withdrawal_has_a_reason"),
        CheckConstraint(f"ended_how IN {ENDS}", name="end_known"),
        CheckConstraint("num_nonnulls(ended_at, ended_how, ended_reason) IN (0, 3)", name="ended_whole"),
        Index(
            "uq_person_departure_current",
            "person_id",
            "kind",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_person_departure_person_id", "person_id", text("created_at DESC"), text("person_departure_id DESC")),
    )

    person_departure_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    kind: Mapped[str] = mapped_column(info=INTERNAL)
    departed_on: Mapped[date] = mapped_column(info=HEALTH)
    source: Mapped[str | None] = mapped_column(String(200), info=DETAIL)
    reason: Mapped[str | None] = mapped_column(info=DETAIL)
    closed: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"), info=DETAIL)
    listed: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"), info=DETAIL)
    entered_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    ended_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    ended_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    ended_how: Mapped[str | None] = mapped_column(info=INTERNAL)
    ended_reason: Mapped[str | None] = mapped_column(info=DETAIL)


class CameBack(Edited, Base):
    """
    Something arrived that the owner and a privacy officer are to see: from outside of somebody who has died or
    withdrawn, or a wish not to be contacted by a channel.

    The row stays; it is closed with a reason. `kind` is what they were when it arrived, or `opted_out`.
    """

    __tablename__ = "came_back"
    __table_args__ = (
        CheckConstraint(f"kind IN {CAME_IN}", name="kind_known"),
        CheckConstraint("num_nonnulls(closed_at, close_reason) <> 1", name="closed_with_a_reason"),
        Index("ix_came_back_person_id", "person_id"),
        Index("ix_came_back_created_at", text("created_at DESC"), text("came_back_id DESC")),
        Index(
            "ix_came_back_open",
            text("created_at DESC"),
            text("came_back_id DESC"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("uq_came_back_intake_submission_id", "intake_submission_id", unique=True),
    )

    came_back_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    kind: Mapped[str] = mapped_column(info=INTERNAL)
    intake_submission_id: Mapped[UUID] = mapped_column(
        ForeignKey("intake_submission.intake_submission_id"), info=INTERNAL
    )
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    closed_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    closed_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    close_reason: Mapped[str | None] = mapped_column(info=DETAIL)

    person: Mapped[Person] = relationship(lazy="raise")
