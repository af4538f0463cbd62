"""
The report of a side effect says when it was reported, or why it was put off or is not reported; its owner is told.

Revision: 0067_reports.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0067_reports"
down_revision: str | None = "0066_undone_opt_outs"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_KINDS = ("assigned", "came_back", "review_due", "report_due", "call_soon")


def _set_kinds(kinds: tuple[str, ...]) -> None:
    for table in ("notification", "notification_choice"):
        op.drop_constraint("kind_known", table, type_="check")
        op.create_check_constraint("kind_known", table, f"kind IN {kinds}")


def upgrade() -> None:
    _set_kinds(_KINDS)
    op.add_column("task", sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("task", sa.Column("reason", sa.Text(), nullable=True))
    op.create_check_constraint("reported_is_done", "task", "reported_at IS NULL OR status = 'done'")
    op.create_index(
        "ix_task_reports",
        "task",
        ["owner_id", "status", "due_by", "task_id"],
        postgresql_where=sa.text("rule = 'side_effect'"),
    )


def downgrade() -> None:
    for table in ("notification", "notification_choice"):
        op.execute(f"DELETE FROM {table} WHERE kind = 'report_due'")
    _set_kinds(tuple(kind for kind in _KINDS if kind != "report_due"))
    op.drop_index("ix_task_reports", "task")
    op.drop_constraint("reported_is_done", "task", type_="check")
    op.drop_column("task", "reason")
    op.drop_column("task", "reported_at")
