"""
Accounts are found by the key that people are found by: no letter of an address becomes another one.

Where two accounts turn out to have one mailbox, the older one has its key; the other keeps what it had, which nobody
can type, until an administrator gives it another address.

Revision: 0016_mailbox.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.platform.emails import email_key

revision: str = "0016_mailbox"
down_revision: str | None = "0015_create_apart"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    connection = op.get_bind()
    accounts = connection.execute(
        sa.text(
            "SELECT user_account_id, email, email_key FROM user_account WHERE email IS NOT NULL"
            " ORDER BY created_at, user_account_id"
        )
    ).all()
    taken: set[str | None] = {account.email_key for account in accounts}
    for account in accounts:
        key = email_key(account.email)
        if key is None or key in taken:
            continue
        taken.add(key)
        connection.execute(
            sa.text("UPDATE user_account SET email_key = :key WHERE user_account_id = :id"),
            {"key": key, "id": account.user_account_id},
        )


def downgrade() -> None:
    """Leave the keys: who signs in by the earlier rules types the same address."""
