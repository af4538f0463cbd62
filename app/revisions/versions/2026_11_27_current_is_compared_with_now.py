"""
Whether a role is held now is asked of the clock: the column that said so looked at an empty end alone.

Revision: 0020_current.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020_current"
down_revision: str | None = "0020_plain_lineage"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.drop_column("person_contact_type", "is_active")


def downgrade() -> None:
    op.add_column(
        "person_contact_type",
        sa.Column("is_active", sa.Boolean(), sa.Computed("valid_to IS NULL", persisted=True), nullable=False),
    )
