"""
Colleagues have working hours by weekday, and absences.

Revision: 0056_availability.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0056_availability"
down_revision: str | None = "0055_hidden_columns"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    account = "user_account.user_account_id"
    op.create_table(
        "working_week",
        sa.Column("user_account_id", sa.Uuid(), sa.ForeignKey(account), primary_key=True),
        _created_at(),
        *_edited(),
    )
    op.create_table(
        "working_span",
        sa.Column("working_span_id", sa.Uuid(), server_default=sa.text("uuidv7()"), primary_key=True),
        _created_at(),
        sa.Column("user_account_id", sa.Uuid(), sa.ForeignKey("working_week.user_account_id"), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("from_minute", sa.Integer(), nullable=False),
        sa.Column("until_minute", sa.Integer(), nullable=False),
        *_edited(),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday_known"),
        sa.CheckConstraint(
            "from_minute >= 0 AND until_minute <= 1440 AND from_minute < until_minute", name="within_a_day"
        ),
    )
    op.create_index("uq_working_span", "working_span", ["user_account_id", "weekday", "from_minute"], unique=True)
    op.create_table(
        "absence",
        sa.Column("absence_id", sa.Uuid(), server_default=sa.text("uuidv7()"), primary_key=True),
        _created_at(),
        sa.Column("user_account_id", sa.Uuid(), sa.ForeignKey(account), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        *_edited(),
        sa.CheckConstraint("kind IN ('holiday', 'training', 'other')", name="kind_known"),
        sa.CheckConstraint("ends_at > starts_at", name="dates_in_order"),
    )
    op.create_index("ix_absence_user_account_id_ends_at", "absence", ["user_account_id", "ends_at", "absence_id"])
    for table, key in (
        ("working_week", "user_account_id"),
        ("working_span", "working_span_id"),
        ("absence", "absence_id"),
    ):
        op.execute(
            f"CREATE TRIGGER keep_history BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION keep_history('{key}')"
        )
    for table in ("working_span", "absence"):
        op.execute(
            f"CREATE TRIGGER keep_removed BEFORE DELETE ON {table} FOR EACH ROW "
            f"EXECUTE FUNCTION keep_removed('{table}_id')"
        )


def _created_at() -> sa.Column[Any]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)


def _edited() -> list[sa.Column[Any]]:
    return [
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
    ]


def downgrade() -> None:
    for table in ("absence", "working_span", "working_week"):
        op.drop_table(table)
