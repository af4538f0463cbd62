"""
A call says who was spoken with: the person, or somebody who speaks for them.

Revision: 0075_spoken_with
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0075_spoken_with"
down_revision: str | None = "0074_running_month"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("call_history", sa.Column("spoke_with_person_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        "fk_call_history_spoke_with_person_id",
        "call_history",
        "person",
        ["spoke_with_person_id"],
        ["person_id"],
        postgresql_not_valid=True,
    )


def downgrade() -> None:
    op.drop_column("call_history", "spoke_with_person_id")
