"""
Who takes a list out as a file says why.

Revision: 0054_list_exports.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0054_list_exports"
down_revision: str | None = "0053_stage_norms"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "list_export",
        sa.Column("list_export_id", sa.Uuid(), server_default=sa.text("uuidv7()"), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("exported_by", sa.Uuid(), nullable=True),
        sa.Column("list_path", sa.Text(), nullable=False),
        sa.Column("columns", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.CheckConstraint("btrim(reason) <> ''", name="reason_not_blank"),
    )
    newest_first = [sa.text("created_at DESC"), sa.text("list_export_id DESC")]
    op.create_index("ix_list_export_created_at", "list_export", newest_first)
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON list_export "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON list_export "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("list_export")
