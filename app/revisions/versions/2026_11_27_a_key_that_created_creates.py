"""
A right to create stands apart from the right to change: a key whose scopes named the latter keeps both.

What a key may do is still what its account's roles allow.

Revision: 0015_create_apart.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0015_create_apart"
down_revision: str | None = "0014_unknown_person"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_KINDS = ("person", "lead", "patient", "call")


def upgrade() -> None:
    for kind in _KINDS:
        op.execute(
            f"UPDATE api_key SET scopes = array_append(scopes, '{kind}.create') "
            f"WHERE '{kind}.write' = ANY (scopes) AND NOT '{kind}.create' = ANY (scopes)"
        )


def downgrade() -> None:
    for kind in _KINDS:
        op.execute(
            f"UPDATE api_key SET scopes = array_remove(scopes, '{kind}.create') WHERE '{kind}.write' = ANY (scopes)"
        )
