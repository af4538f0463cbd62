from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.drafts.words import KINDS
from app.platform.db import HEALTH, INTERNAL, Base, CreatedAt, Key, Rows


class Draft(Base, rows=Rows.DISPOSABLE):
    """
    What an account is typing: one draft for each field (or form) of a record. Earlier contents are not kept.

    `record_id` is the record that it is typed for, for a new one that of which it will be; `person_id` is whom it is
    about.
    """

    __tablename__ = "draft"
    __table_args__ = (
        UniqueConstraint("user_account_id", "kind", "record_id", "field"),
        CheckConstraint(f"kind IN {KINDS}", name="kind_known"),
        Index("ix_draft_user_account_id_expires_at", "user_account_id", text("expires_at DESC"), text("draft_id DESC")),
        Index("ix_draft_expires_at", "expires_at"),
        Index("ix_draft_person_id", "person_id", postgresql_where=text("person_id IS NOT NULL")),
    )

    draft_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    kind: Mapped[str] = mapped_column(info=INTERNAL)
    record_id: Mapped[UUID] = mapped_column(info=INTERNAL)
    field: Mapped[str] = mapped_column(String(50), info=INTERNAL)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    content: Mapped[dict[str, Any]] = mapped_column(info=HEALTH)
    saved_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    expires_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    version: Mapped[int] = mapped_column(server_default=text("1"), info=INTERNAL)
