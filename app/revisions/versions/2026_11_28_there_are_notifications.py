"""
There are notifications: that a record waits for an account, and where each account wants to be told.

Revision: 0052_notifications.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0052_notifications"
down_revision: str | None = "0051_documents"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KINDS = "'assigned', 'came_back', 'review_due', 'call_soon'"
RECORD_TYPES = "'patient_lead', 'patient', 'task', 'came_back', 'access_opening', 'call_history'"


def upgrade() -> None:
    op.create_table(
        "notification",
        sa.Column("notification_id", sa.Uuid(), server_default=sa.text("uuidv7()"), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("user_account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("record_type", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("occasion", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_account_id"], ["user_account.user_account_id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"]),
        sa.UniqueConstraint("user_account_id", "kind", "record_id", "occasion"),
        sa.CheckConstraint(f"kind IN ({KINDS})", name="kind_known"),
        sa.CheckConstraint(f"record_type IN ({RECORD_TYPES})", name="record_type_known"),
    )
    newest_first = [sa.text("created_at DESC"), sa.text("notification_id DESC")]
    op.create_index("ix_notification_user_account_id_created_at", "notification", ["user_account_id", *newest_first])
    op.create_index(
        "ix_notification_unread",
        "notification",
        ["user_account_id", *newest_first],
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_index("ix_notification_person_id", "notification", ["person_id"])
    op.create_index("ix_notification_created_at", "notification", ["created_at"])
    op.create_table(
        "notification_choice",
        sa.Column("user_account_id", sa.Uuid(), primary_key=True),
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("in_app", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("by_mail", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["user_account_id"], ["user_account.user_account_id"]),
        sa.CheckConstraint(f"kind IN ({KINDS})", name="kind_known"),
    )


def downgrade() -> None:
    op.drop_table("notification_choice")
    op.drop_table("notification")
