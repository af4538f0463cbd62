"""
A schema says which programs it serves, so that one of before goes on beside the one that has moved it.

Revision: 0073_served_programs.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0073_served_programs"
down_revision: str | None = "0072_undone_suggestions"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

earliest_program: str = "0072_undone_suggestions"
"""What came before was never tried beside a newer schema."""


def upgrade() -> None:
    op.create_table("served_program", sa.Column("revision", sa.Text(), primary_key=True))


def downgrade() -> None:
    op.drop_table("served_program")
