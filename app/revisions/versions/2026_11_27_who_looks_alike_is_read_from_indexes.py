"""
People are found by the keys of who looks alike from indexes, which are built while others write.

Revision: 0027_alike_indexes.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0027_alike_indexes"
down_revision: str | None = "0027_alike"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_KEYS = ("family_key", "given_key")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for key in _KEYS:
            name = f"ix_person_{key}_date_of_birth"
            # What a process that was killed has left of it.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(
                f"CREATE INDEX CONCURRENTLY {name} ON person ({key}, date_of_birth) WHERE date_of_birth IS NOT NULL"
            )
    op.drop_index("ix_person_name_key_date_of_birth", "person")


def downgrade() -> None:
    op.create_index(
        "ix_person_name_key_date_of_birth",
        "person",
        ["name_key", "date_of_birth"],
        postgresql_where=sa.text("date_of_birth IS NOT NULL"),
    )
    for key in _KEYS:
        op.drop_index(f"ix_person_{key}_date_of_birth", "person")
