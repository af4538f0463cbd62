"""
The extension of a further phone is kept apart, as that of a person's own phone is.

Revision: 0042_extensions.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0042_extensions"
down_revision: str | None = "0041_create_asks"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("contact_point", sa.Column("phone_extension", sa.String(length=20), nullable=True))


def downgrade() -> None:
    op.drop_column("contact_point", "phone_extension")
