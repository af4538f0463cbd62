"""
A call or booking says why somebody is contacted against their wish.

Revision: 0025_contact_reason.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0025_contact_reason"
down_revision: str | None = "0024_migrated_rows"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("call_history", sa.Column("contact_reason", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("call_history", "contact_reason")
