"""
A wish not to be contacted by a channel, which a submission brings, is on the list of the owner.

Revision: 0044_opt_outs.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0044_opt_outs"
down_revision: str | None = "0043_notes"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.drop_constraint("ck_came_back_kind_known", "came_back")
    op.create_check_constraint("kind_known", "came_back", "kind IN ('deceased', 'withdrawn', 'opted_out')")


def downgrade() -> None:
    op.execute("DELETE FROM came_back WHERE kind = 'opted_out'")
    op.drop_constraint("ck_came_back_kind_known", "came_back")
    op.create_check_constraint("kind_known", "came_back", "kind IN ('deceased', 'withdrawn')")
