"""
Calls know who made them and always have a moment to be ordered by; unresolved calls have indexes of their own.

Revision: 0002_calls.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002_calls"
down_revision: str | None = "0001_core"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

UNRESOLVED = (
    "voided_at IS NULL AND (status IN ('scheduled', 'confirmed') "
    "OR (status = 'completed' AND adverse_event_heard IS NULL))"
)


def upgrade() -> None:
    op.add_column("call_history", sa.Column("created_by", sa.Uuid(), nullable=True))
    op.execute(
        "ALTER TABLE call_history ALTER COLUMN occurs_at "
        "SET EXPRESSION AS (COALESCE(call_date, booking_date, reminder_date, created_at))"
    )
    op.alter_column("call_history", "occurs_at", nullable=False)
    order = [sa.text("occurs_at DESC"), sa.text("call_id DESC")]
    op.create_index("ix_call_history_unresolved", "call_history", order, postgresql_where=sa.text(UNRESOLVED))
    op.create_index(
        "ix_call_history_pn_id_unresolved", "call_history", ["pn_id", *order], postgresql_where=sa.text(UNRESOLVED)
    )


def downgrade() -> None:
    op.drop_index("ix_call_history_pn_id_unresolved", table_name="call_history")
    op.drop_index("ix_call_history_unresolved", table_name="call_history")
    op.alter_column("call_history", "occurs_at", nullable=True)
    op.execute(
        "ALTER TABLE call_history ALTER COLUMN occurs_at "
        "SET EXPRESSION AS (COALESCE(call_date, booking_date, reminder_date))"
    )
    op.drop_column("call_history", "created_by")
