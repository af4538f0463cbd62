"""
Requests for a new password are counted apart from tries to sign in.

Revision: 0017_resets_apart.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017_resets_apart"
down_revision: str | None = "0016_mailbox"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "sign_in_attempt", sa.Column("purpose", sa.Text(), server_default=sa.text("'sign_in'"), nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_sign_in_attempt_purpose_known"), "sign_in_attempt", "purpose IN ('sign_in', 'code', 'reset')"
    )


def downgrade() -> None:
    op.drop_column("sign_in_attempt", "purpose")
