"""
Calls in which somebody was spoken with are found by an index when their person is taken away.

Revision: 0076_spoken_with_index
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0076_spoken_with_index"
down_revision: str | None = "0075_spoken_with"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # What a process that was killed has left of it.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_call_history_spoke_with_person_id")
        op.execute(
            "CREATE INDEX CONCURRENTLY ix_call_history_spoke_with_person_id ON call_history (spoke_with_person_id) "
            "WHERE spoke_with_person_id IS NOT NULL"
        )


def downgrade() -> None:
    op.execute("DROP INDEX ix_call_history_spoke_with_person_id")
