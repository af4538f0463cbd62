"""
An account says which columns of its lists it does not want to see.

Revision: 0055_hidden_columns.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0055_hidden_columns"
down_revision: str | None = "0054_list_exports"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("account_preference", sa.Column("hidden_columns", sa.ARRAY(sa.Text()), nullable=True))


def downgrade() -> None:
    op.drop_column("account_preference", "hidden_columns")
