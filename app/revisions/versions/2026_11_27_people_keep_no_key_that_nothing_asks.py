"""
The key `name_key` of people goes: a search has rows of its own. Pairs who may be one human are listed by an index.

Earlier versions of a person keep the key that they had.

Revision: 0035_no_name_key.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0035_no_name_key"
down_revision: str | None = "0034_terms"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.drop_column("person", "name_key")
    op.create_index(
        "ix_duplicate_candidate_created_at",
        "duplicate_candidate",
        [sa.text("created_at DESC"), sa.text("duplicate_candidate_id DESC")],
    )


def downgrade() -> None:
    op.drop_index("ix_duplicate_candidate_created_at", table_name="duplicate_candidate")
    # What the earlier code made of the names, but for other scripts: nothing asks it, and an edit makes it anew.
    op.add_column("person", sa.Column("name_key", sa.Text(), nullable=False, server_default=""))
    op.execute("ALTER TABLE person DISABLE TRIGGER keep_history")
    op.execute("UPDATE person SET name_key = lower(concat_ws(' ', first_name, last_name))")
    op.execute("ALTER TABLE person ENABLE TRIGGER keep_history")
    op.alter_column("person", "name_key", server_default=None)
