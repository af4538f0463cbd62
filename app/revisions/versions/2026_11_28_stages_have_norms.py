"""
Stages of journeys have norms: the days that each takes as a rule.

Revision: 0053_stage_norms.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0053_stage_norms"
down_revision: str | None = "0052_notifications"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "stage_norm",
        sa.Column("stage_norm_id", sa.Uuid(), server_default=sa.text("uuidv7()"), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("journey_kind", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.UniqueConstraint("journey_kind", "stage"),
        sa.CheckConstraint("days BETWEEN 1 AND 3650", name="days_in_range"),
    )
    op.execute(
        "CREATE TRIGGER keep_history BEFORE UPDATE ON stage_norm FOR EACH ROW "
        "WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION keep_history('stage_norm_id')"
    )


def downgrade() -> None:
    op.drop_table("stage_norm")
