"""
Trials are found by the beginning of their number or title without reading all of them.

Revision: 0011_trial_prefixes.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011_trial_prefixes"
down_revision: str | None = "0010_reminders"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    for column in ("trial_id", "title"):
        op.create_index(
            f"ix_clinical_trial_{column}_prefix", "clinical_trial", [sa.text(f"lower({column}) text_pattern_ops")]
        )


def downgrade() -> None:
    for column in ("title", "trial_id"):
        op.drop_index(f"ix_clinical_trial_{column}_prefix", table_name="clinical_trial")
