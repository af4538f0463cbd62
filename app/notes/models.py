from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from app.about.models import About, about_table
from app.platform.db import DETAIL, INTERNAL, PERSONAL, Base, CreatedAt, Edited, Key

_NEWEST_FIRST = ("created_at DESC", "note_id DESC")


class Note(About, Edited, Base):
    """
    What somebody wrote down. Its author is `created_by`; earlier texts stay in the history.

    `adverse_event_heard` null means that the question was not asked.
    """

    __tablename__ = "note"
    __table_args__ = (
        *about_table("note", *_NEWEST_FIRST),
        CheckConstraint("num_nonnulls(voided_at, void_reason) <> 1", name="void_has_a_reason"),
        Index("ix_note_created_at", *map(sql, _NEWEST_FIRST)),
        Index("ix_note_created_by_created_at", "created_by", *map(sql, _NEWEST_FIRST)),
    )

    note_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    text: Mapped[str] = mapped_column(info=DETAIL)
    adverse_event_heard: Mapped[bool | None] = mapped_column(info=DETAIL)
    is_pinned: Mapped[bool] = mapped_column(server_default=sql("false"), info=INTERNAL)
    voided_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    voided_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    void_reason: Mapped[str | None] = mapped_column(info=PERSONAL)
