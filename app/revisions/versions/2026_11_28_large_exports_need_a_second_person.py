"""
An export of more rows than one person may take out is asked of a second one, who is told of it.

Revision: 0065_second_person.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0065_second_person"
down_revision: str | None = "0067_reports"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

LISTS = (
    "leads", "patients", "calls", "tasks", "physicians", "hospitals", "specializations", "trials", "programmes",
    "conditions", "standing-faults", "doubles", "suggestions",
)  # fmt: skip
KINDS = ("assigned", "came_back", "review_due", "report_due", "call_soon")
RECORD_TYPES = ("patient_lead", "patient", "task", "came_back", "access_opening", "call_history")


def _known(lists: tuple[str, ...], kinds: tuple[str, ...], record_types: tuple[str, ...]) -> None:
    for table, name, column, values in (
        ("saved_view", "list_name_known", "list_name", lists),
        ("notification", "kind_known", "kind", kinds),
        ("notification_choice", "kind_known", "kind", kinds),
        ("notification", "record_type_known", "record_type", record_types),
    ):
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, f"{column} IN {values}")


def upgrade() -> None:
    op.create_table(
        "export_request",
        sa.Column("export_request_id", sa.Uuid(), server_default=sa.text("uuidv7()"), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("list_name", sa.Text(), nullable=False),
        sa.Column("question", postgresql.JSONB(), nullable=False),
        sa.Column("columns", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(["requested_by"], ["user_account.user_account_id"]),
        sa.CheckConstraint("decision IN ('open', 'approved', 'refused', 'withdrawn')", name="decision_known"),
        sa.CheckConstraint("btrim(reason) <> ''", name="reason_not_blank"),
        sa.CheckConstraint(
            "(decision = 'open') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)",
            name="decided_whole",
        ),
        sa.CheckConstraint("decision = 'withdrawn' OR decided_by <> requested_by", name="nobody_decides_their_own"),
    )
    newest_first = [sa.text("created_at DESC"), sa.text("export_request_id DESC")]
    op.create_index("ix_export_request_created_at", "export_request", newest_first)
    op.create_index("ix_export_request_requested_by", "export_request", ["requested_by", *newest_first])
    op.create_index(
        "ix_export_request_open", "export_request", newest_first, postgresql_where=sa.text("decision = 'open'")
    )
    op.execute(
        "CREATE TRIGGER keep_history BEFORE UPDATE ON export_request FOR EACH ROW "
        "WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION keep_history('export_request_id')"
    )
    op.alter_column("list_export", "row_count", nullable=True)
    op.add_column("list_export", sa.Column("export_request_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(None, "list_export", "export_request", ["export_request_id"], ["export_request_id"])
    op.alter_column("notification", "person_id", nullable=True)
    _known(
        (*LISTS, "exports"),
        (*KINDS, "export_asked", "export_decided"),
        (*RECORD_TYPES, "export_request"),
    )


def downgrade() -> None:
    op.execute("DELETE FROM saved_view_choice WHERE list_name = 'exports'")
    op.execute("DELETE FROM saved_view WHERE list_name = 'exports'")
    op.execute("DELETE FROM notification WHERE record_type = 'export_request'")
    op.execute("DELETE FROM notification_choice WHERE kind IN ('export_asked', 'export_decided')")
    _known(LISTS, KINDS, RECORD_TYPES)
    op.alter_column("notification", "person_id", nullable=False)
    op.drop_column("list_export", "export_request_id")
    op.alter_column("list_export", "row_count", nullable=False)
    op.drop_table("export_request")
