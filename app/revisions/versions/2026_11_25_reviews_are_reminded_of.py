"""
Privacy officers are reminded once of a break-glass that nobody has reviewed.

Revision: 0010_reminders.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010_reminders"
down_revision: str | None = "0009_own_patients"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("access_opening", sa.Column("review_reminded_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("access_opening", "review_reminded_at")
