"""
What somebody is typing is kept for them, for 30 days.

Revision: 0045_drafts.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0045_drafts"
down_revision: str | None = "0044_opt_outs"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KINDS = (
    "'person', 'lead', 'patient', 'call', 'task', 'note', 'clinical_trial_journey', 'eap_journey', 'physician', "
    "'hospital', 'medical_condition', 'clinical_trial', 'eap_program'"
)


def upgrade() -> None:
    op.create_table(
        "draft",
        sa.Column("draft_id", sa.Uuid(), server_default=sa.text("uuidv7()"), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("user_account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.String(50), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("content", JSONB(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(["user_account_id"], ["user_account.user_account_id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"]),
        sa.UniqueConstraint("user_account_id", "kind", "record_id", "field"),
        sa.CheckConstraint(f"kind IN ({KINDS})", name="kind_known"),
    )
    op.create_index(
        "ix_draft_user_account_id_expires_at",
        "draft",
        ["user_account_id", sa.text("expires_at DESC"), sa.text("draft_id DESC")],
    )
    op.create_index("ix_draft_expires_at", "draft", ["expires_at"])
    op.create_index("ix_draft_person_id", "draft", ["person_id"], postgresql_where=sa.text("person_id IS NOT NULL"))


def downgrade() -> None:
    op.drop_table("draft")
