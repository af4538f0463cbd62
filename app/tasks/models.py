from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.about.models import About, about_table
from app.platform.db import DETAIL, HEALTH, INTERNAL, Base, CreatedAt, Edited, Key
from app.tasks.rules import REPORT_SQL
from app.tasks.states import REPEAT_UNITS, TASK


class Task(About, Edited, Base):
    """
    Something to do. It is due on a day or at a moment, in a zone; `due_by` is the moment after which it is late, and
    not before `snoozed_until`: the order of every list.

    `repeats_from` is the day by which the days of a task that comes again are reckoned. `next_task_id` is the task that
    was made when this one was done. `rule` is what made the task, null for people.

    Of the report of a side effect (`rule` is rules.SIDE_EFFECT) `reported_at` is when it was done, and `reason` why it
    was last put off, or is not reported.
    """

    __tablename__ = "task"
    __table_args__ = (
        *about_table("task", "due_by", "task_id"),
        CheckConstraint(TASK.sql_check(), name="status_known"),
        CheckConstraint("num_nonnulls(due_on, due_at) = 1", name="due_once"),
        CheckConstraint("(status = 'done') = (done_at IS NOT NULL)", name="done_has_a_time"),
        CheckConstraint("reported_at IS NULL OR status = 'done'", name="reported_is_done"),
        CheckConstraint(f"repeat_unit IN {REPEAT_UNITS}", name="repeat_unit_known"),
        CheckConstraint("repeat_every >= 1", name="repeat_every_positive"),
        CheckConstraint(
            "num_nonnulls(repeat_every, repeat_unit, repeats_from) IN (0, 3) "
            "AND (repeat_until IS NULL OR repeat_every IS NOT NULL)",
            name="repeats_whole",
        ),
        Index("ix_task_due_by", "due_by", "task_id"),
        Index("ix_task_status_due_by", "status", "due_by", "task_id"),
        Index("ix_task_owner_id_status_due_by", "owner_id", "status", "due_by", "task_id"),
        # Of their own: an index on an owner does not give the order of those who have none.
        Index(
            "ix_task_status_due_by_of_nobody", "status", "due_by", "task_id", postgresql_where=text("owner_id IS NULL")
        ),
        Index("ix_task_reports", "owner_id", "status", "due_by", "task_id", postgresql_where=text(REPORT_SQL)),
        Index("uq_task_next_task_id", "next_task_id", unique=True),
        Index(
            "ix_task_person_id_done_at",
            "person_id",
            text("done_at DESC"),
            text("task_id DESC"),
            postgresql_where=text("done_at IS NOT NULL"),
        ),
    )

    task_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    title: Mapped[str] = mapped_column(String(200), info=DETAIL)
    details: Mapped[str | None] = mapped_column(info=DETAIL)
    due_on: Mapped[date | None] = mapped_column(info=HEALTH)
    due_at: Mapped[datetime | None] = mapped_column(info=HEALTH)
    due_time_zone: Mapped[str | None] = mapped_column(String(64), info=HEALTH)
    due_by: Mapped[datetime] = mapped_column(info=HEALTH)
    snoozed_until: Mapped[datetime | None] = mapped_column(info=HEALTH)
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    status: Mapped[str] = mapped_column(server_default=text(f"'{TASK.initial}'"), info=INTERNAL)
    done_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    done_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    reported_at: Mapped[datetime | None] = mapped_column(info=HEALTH)
    reason: Mapped[str | None] = mapped_column(info=DETAIL)
    repeat_every: Mapped[int | None] = mapped_column(info=INTERNAL)
    repeat_unit: Mapped[str | None] = mapped_column(info=INTERNAL)
    repeat_until: Mapped[date | None] = mapped_column(info=HEALTH)
    repeats_from: Mapped[date | None] = mapped_column(info=HEALTH)
    next_task_id: Mapped[UUID | None] = mapped_column(ForeignKey("task.task_id"), info=INTERNAL)
    rule: Mapped[str | None] = mapped_column(String(50), info=DETAIL)
