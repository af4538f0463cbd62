"""
A phone's extension is kept apart, and a suggested phone with the country that it was read by.

Revision: 0032_phones.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0032_phones"
down_revision: str | None = "0031_departures"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("person", sa.Column("phone_extension", sa.String(length=20), nullable=True))
    op.add_column("suggested_change", sa.Column("phone_country", sa.String(length=2), nullable=True))


def downgrade() -> None:
    op.drop_column("suggested_change", "phone_country")
    op.drop_column("person", "phone_extension")
