"""
A move that is entered as having happened before an earlier one is marked as a correction.

Revision ID: 0019_marked_correction
Revises: 0018_owner
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0019_marked_correction"
down_revision: str | None = "0018_owner"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("journey_event", sa.Column("is_correction", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("journey_event", "is_correction")
