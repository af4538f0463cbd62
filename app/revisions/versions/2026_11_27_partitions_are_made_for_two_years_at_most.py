"""
Partitions of the audit trail are made for two years ahead at most, whatever the application asks for.

It asks with the owner's rights: without an end, one call could make tables until the disk is full.

Revision: 0022_two_years
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0022_two_years"
down_revision: str | None = "0021_was"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_UNBOUNDED, _BOUNDED = "IN 0 .. months_ahead LOOP", "IN 0 .. least(months_ahead, 24) LOOP"


def _replace(before: str, after: str) -> None:
    """Change these words of the function; all else of it, its owner's rights too, stays."""
    op.execute(
        "DO $$ BEGIN EXECUTE replace(pg_get_functiondef('ensure_audit_partitions(integer)'::regprocedure), "
        f"'{before}', '{after}'); END $$"
    )


def upgrade() -> None:
    _replace(_UNBOUNDED, _BOUNDED)


def downgrade() -> None:
    _replace(_BOUNDED, _UNBOUNDED)
