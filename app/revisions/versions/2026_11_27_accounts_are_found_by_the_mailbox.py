"""
Accounts are found by the key that people are found by: no letter of an address becomes another one.

The keys are the program's: `crm db upgrade` makes them when the schema is there (app/earlier_rows.py). Where two accounts
turn out to have one mailbox, the older one has its key; the other keeps what it had, which nobody can type, until an
administrator gives it another address.

Revision: 0016_mailbox.
"""

from collections.abc import Sequence

revision: str = "0016_mailbox"
down_revision: str | None = "0015_create_apart"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Leave the rows."""


def downgrade() -> None:
    """Leave the keys: who signs in by the earlier rules types the same address."""
