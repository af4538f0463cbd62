"""
An account keeps its sidebar folded.

Revision: 0049_sidebar.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0049_sidebar"
down_revision: str | None = "0048_filled_keys"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("account_preference", sa.Column("sidebar_folded", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("account_preference", "sidebar_folded")
