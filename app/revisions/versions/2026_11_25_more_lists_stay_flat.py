"""
Trials are found by the beginning of their number or title, and suggestions listed newest first, without reading all.

Revision: 0011_flat_lists.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011_flat_lists"
down_revision: str | None = "0010_reminders"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    for column in ("trial_id", "title"):
        op.create_index(
            f"ix_clinical_trial_{column}_prefix", "clinical_trial", [sa.text(f"lower({column}) text_pattern_ops")]
        )
    op.create_index(
        "ix_suggested_change_created_at",
        "suggested_change",
        [sa.text("created_at DESC"), sa.text("suggested_change_id DESC")],
    )


def downgrade() -> None:
    op.drop_index("ix_suggested_change_created_at", table_name="suggested_change")
    for column in ("title", "trial_id"):
        op.drop_index(f"ix_clinical_trial_{column}_prefix", table_name="clinical_trial")
