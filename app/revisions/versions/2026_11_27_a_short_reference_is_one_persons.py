"""
A short reference is one person's or one lead's. The index of the key is built while others write.

Revision: 0029_unique_references.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0029_unique_references"
down_revision: str | None = "0029_references"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = ("person", "patient_lead")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for table in _TABLES:
            # What a process that was killed has left of it.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS uq_{table}_reference")
            op.execute(f"CREATE UNIQUE INDEX CONCURRENTLY uq_{table}_reference ON {table} (reference)")
    for table in _TABLES:
        name = f"uq_{table}_reference"
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}")


def downgrade() -> None:
    for table in _TABLES:
        op.drop_constraint(f"uq_{table}_reference", table)
