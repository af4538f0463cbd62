from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.exports.words import DECISIONS
from app.platform.db import INTERNAL, PERSONAL, Base, CreatedAt, Edited, Key, Rows


class ExportRequest(Edited, Base):
    """
    An export of more rows than one person may take out, as a second person is asked for it.

    `question` are the filters and the order of the list by their names; what somebody has typed is no part of it.
    `expires_at`: until then it waits for a decision, and an approved one can be taken out.
    """

    __tablename__ = "export_request"
    __table_args__ = (
        CheckConstraint(f"decision IN {DECISIONS}", name="decision_known"),
        CheckConstraint("btrim(reason) <> ''", name="reason_not_blank"),
        CheckConstraint(
            "(decision = 'open') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)",
            name="decided_whole",
        ),
        CheckConstraint("decision = 'withdrawn' OR decided_by <> requested_by", name="nobody_decides_their_own"),
        Index("ix_export_request_created_at", text("created_at DESC"), text("export_request_id DESC")),
        Index(
            "ix_export_request_requested_by", "requested_by", text("created_at DESC"), text("export_request_id DESC")
        ),
        Index(
            "ix_export_request_open",
            text("created_at DESC"),
            text("export_request_id DESC"),
            postgresql_where=text("decision = 'open'"),
        ),
    )

    export_request_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    list_name: Mapped[str] = mapped_column(info=INTERNAL)
    question: Mapped[dict[str, Any]] = mapped_column(info=INTERNAL)
    columns: Mapped[list[str]] = mapped_column(info=INTERNAL)
    reason: Mapped[str] = mapped_column(info=PERSONAL)
    expires_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    decision: Mapped[str] = mapped_column(server_default=text("'open'"), info=INTERNAL)
    decided_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    decided_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    decision_note: Mapped[str | None] = mapped_column(info=PERSONAL)
    taken_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)


class ListExport(Base, rows=Rows.INSERT_ONLY):
    """
    A list that somebody took out as a file, and why. Whom it named stands in the audit events of the same request.

    One that a second person has agreed to names that request; it is read while it is sent, and has no count of rows.
    """

    __tablename__ = "list_export"
    __table_args__ = (
        CheckConstraint("btrim(reason) <> ''", name="reason_not_blank"),
        Index("ix_list_export_created_at", text("created_at DESC"), text("list_export_id DESC")),
    )

    list_export_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    exported_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    list_path: Mapped[str] = mapped_column(info=INTERNAL)
    columns: Mapped[list[str]] = mapped_column(info=INTERNAL)
    format: Mapped[str] = mapped_column(info=INTERNAL)
    row_count: Mapped[int | None] = mapped_column(info=INTERNAL)
    reason: Mapped[str] = mapped_column(info=PERSONAL)
    request_id: Mapped[str | None] = mapped_column(info=INTERNAL)
    export_request_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("export_request.export_request_id"), info=INTERNAL
    )
