from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.db import HEALTH, INTERNAL, PERSONAL, Base, Key, Rows

OUTCOMES = ("done", "refused", "absent", "invalid", "conflict", "failed")


class AuditEvent(Base, rows=Rows.INSERT_ONLY):
    """
    One request or command on record. Partitioned by month; `ensure_audit_partitions` makes partitions ahead.

    `person_ids` lists everyone whose data was shown or changed. `purpose` says why access was opened by a stated reason
    (break_glass, outside_caseload, reveal); the reason in words stands in access_opening.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        CheckConstraint(f"outcome IN {OUTCOMES}", name="outcome_known"),
        Index("ix_audit_event_record_id_at", "record_id", "at"),
        Index("ix_audit_event_actor_id_at", "actor_id", "at"),
        # Both cost an ordinary request nothing: its event is done and states no purpose.
        Index("ix_audit_event_not_done", "outcome", "audit_event_id", postgresql_where=text("outcome <> 'done'::text")),
        Index("ix_audit_event_purpose", "purpose", "audit_event_id", postgresql_where=text("purpose IS NOT NULL")),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    audit_event_id: Mapped[Key]
    at: Mapped[datetime] = mapped_column(primary_key=True, server_default=func.now(), info=INTERNAL)
    actor_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    api_key_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    session_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    action: Mapped[str] = mapped_column(info=INTERNAL)
    record_type: Mapped[str | None] = mapped_column(info=INTERNAL)
    record_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    person_ids: Mapped[list[UUID] | None] = mapped_column(info=INTERNAL)
    field_names: Mapped[list[str] | None] = mapped_column(info=INTERNAL)
    outcome: Mapped[str] = mapped_column(info=INTERNAL)
    code: Mapped[str | None] = mapped_column(info=INTERNAL)
    purpose: Mapped[str | None] = mapped_column(info=INTERNAL)
    request_id: Mapped[str | None] = mapped_column(info=INTERNAL)


class RowHistory(Base, rows=Rows.INSERT_ONLY):
    """An earlier version of a row, whole, written by the trigger `keep_history` when the row was changed."""

    __tablename__ = "row_history"
    __table_args__ = (Index("ix_row_history_record_id_version", "record_id", "version"),)

    row_history_id: Mapped[Key]
    table_name: Mapped[str] = mapped_column(info=INTERNAL)
    record_id: Mapped[UUID] = mapped_column(info=INTERNAL)
    version: Mapped[int] = mapped_column(info=INTERNAL)
    row: Mapped[dict[str, Any]] = mapped_column(info=HEALTH)
    replaced_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"), info=INTERNAL)
    replaced_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    reason: Mapped[str | None] = mapped_column(info=PERSONAL)
