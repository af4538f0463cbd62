"""
The list of pairs that may be one human has saved views.

Revision: 0070_pairs_list.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0070_pairs_list"
down_revision: str | None = "0069_documents_list"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

LISTS = (
    "leads", "patients", "calls", "tasks", "physicians", "hospitals", "specializations", "trials", "programmes",
    "conditions", "standing-faults", "doubles", "suggestions", "exports", "documents",
)  # fmt: skip


def _known(names: tuple[str, ...]) -> None:
    op.drop_constraint("list_name_known", "saved_view", type_="check")
    op.create_check_constraint("list_name_known", "saved_view", f"list_name IN {names}")


def upgrade() -> None:
    _known((*LISTS, "duplicates"))


def downgrade() -> None:
    op.execute("DELETE FROM saved_view_choice WHERE list_name = 'duplicates'")
    op.execute("DELETE FROM saved_view WHERE list_name = 'duplicates'")
    _known(LISTS)
