"""
Documents are a list, which has saved views; what expires is read in the order of an index.

Revision: 0069_documents_list.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0069_documents_list"
down_revision: str | None = "0068_last_contact"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

LISTS = (
    "leads", "patients", "calls", "tasks", "physicians", "hospitals", "specializations", "trials", "programmes",
    "conditions", "standing-faults", "doubles", "suggestions", "exports",
)  # fmt: skip


def _known(names: tuple[str, ...]) -> None:
    op.drop_constraint("list_name_known", "saved_view", type_="check")
    op.create_check_constraint("list_name_known", "saved_view", f"list_name IN {names}")


def _index(*columns: str) -> None:
    op.drop_index("ix_document_expires_on", "document")
    op.create_index(
        "ix_document_expires_on", "document", list(columns), postgresql_where=sa.text("expires_on IS NOT NULL")
    )


def upgrade() -> None:
    _known((*LISTS, "documents"))
    _index("expires_on", "document_id")


def downgrade() -> None:
    op.execute("DELETE FROM saved_view_choice WHERE list_name = 'documents'")
    op.execute("DELETE FROM saved_view WHERE list_name = 'documents'")
    _known(LISTS)
    _index("expires_on")
