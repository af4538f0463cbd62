"""
An account says in which language, zone and density it sees its pages.

Revision: 0046_preferences.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0046_preferences"
down_revision: str | None = "0045_drafts"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

PLACES = (
    "'today', 'leads', 'patients', 'calls', 'journeys', 'physicians', 'hospitals', 'trials', 'programmes', "
    "'conditions', 'dashboard', 'data_quality', 'oversight', 'administration'"
)


def upgrade() -> None:
    op.create_table(
        "account_preference",
        sa.Column("user_account_id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.String(64), nullable=True),
        sa.Column("density", sa.Text(), nullable=True),
        sa.Column("shortcuts", sa.Boolean(), nullable=True),
        sa.Column("landing_place", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(["user_account_id"], ["user_account.user_account_id"]),
        sa.CheckConstraint("language IN ('en', 'nl', 'de', 'fr', 'es')", name="language_known"),
        sa.CheckConstraint("density IN ('comfortable', 'compact')", name="density_known"),
        sa.CheckConstraint(f"landing_place IN ({PLACES})", name="landing_place_known"),
    )
    op.execute(
        "CREATE TRIGGER keep_history BEFORE UPDATE ON account_preference FOR EACH ROW "
        "WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION keep_history('user_account_id')"
    )


def downgrade() -> None:
    op.drop_table("account_preference")
