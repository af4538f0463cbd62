"""
Lists have saved views, and each account chooses which it pins and with which a list begins.

Revision: 0057_saved_views.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0057_saved_views"
down_revision: str | None = "0056_availability"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

LISTS = (
    "'leads', 'patients', 'calls', 'tasks', 'physicians', 'hospitals', 'trials', 'programmes', 'conditions', "
    "'standing-faults', 'doubles'"
)


def upgrade() -> None:
    op.create_table(
        "saved_view",
        sa.Column("saved_view_id", sa.Uuid(), server_default=sa.text("uuidv7()"), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("user_account_id", sa.Uuid(), nullable=False),
        sa.Column("list_name", sa.Text(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("filters", postgresql.JSONB(), nullable=False),
        sa.Column("sort", sa.String(40), nullable=True),
        sa.Column("columns", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("is_shared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(["user_account_id"], ["user_account.user_account_id"]),
        sa.CheckConstraint(f"list_name IN ({LISTS})", name="list_name_known"),
        sa.CheckConstraint("btrim(name) <> ''", name="name_not_blank"),
    )
    op.create_index(
        "uq_saved_view_name",
        "saved_view",
        ["user_account_id", "list_name", sa.text("lower(name)")],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(
        "ix_saved_view_shared",
        "saved_view",
        ["list_name"],
        postgresql_where=sa.text("is_shared AND removed_at IS NULL"),
    )
    op.execute(
        "CREATE TRIGGER keep_history BEFORE UPDATE ON saved_view FOR EACH ROW "
        "WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION keep_history('saved_view_id')"
    )
    op.create_table(
        "saved_view_choice",
        sa.Column("user_account_id", sa.Uuid(), primary_key=True),
        sa.Column("saved_view_id", sa.Uuid(), primary_key=True),
        sa.Column("list_name", sa.Text(), nullable=False),
        sa.Column("is_pinned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["user_account_id"], ["user_account.user_account_id"]),
        sa.ForeignKeyConstraint(["saved_view_id"], ["saved_view.saved_view_id"]),
    )
    op.create_index(
        "uq_saved_view_choice_default",
        "saved_view_choice",
        ["user_account_id", "list_name"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )


def downgrade() -> None:
    op.drop_table("saved_view_choice")
    op.drop_table("saved_view")
