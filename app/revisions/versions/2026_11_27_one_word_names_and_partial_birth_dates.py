"""
A person may have a single name, and a birth date of which only the year or the month is known.

Revision: 0030_partial.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0030_partial"
down_revision: str | None = "0029_unique_references"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NAMES = ("first_name", "last_name")


def upgrade() -> None:
    for name in NAMES:
        op.alter_column("person", name, nullable=True)
    op.add_column("person", sa.Column("date_of_birth_precision", sa.Text(), server_default="day", nullable=False))
    # The rows that are here are read when the schema is at its head, without a lock.
    op.create_check_constraint(
        "date_of_birth_precision_known",
        "person",
        "date_of_birth_precision IN ('year', 'month', 'day')",
        postgresql_not_valid=True,
    )
    op.create_check_constraint(
        "date_of_birth_begins_period",
        "person",
        "date_of_birth = date_trunc(date_of_birth_precision, date_of_birth::timestamp)",
        postgresql_not_valid=True,
    )


def downgrade() -> None:
    op.drop_column("person", "date_of_birth_precision")
    for name in NAMES:
        op.execute(f"UPDATE person SET {name} = 'Unknown' WHERE {name} IS NULL")
        op.alter_column("person", name, nullable=False)
