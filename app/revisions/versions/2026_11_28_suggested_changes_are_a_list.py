"""
Views are saved of the list of suggested changes too.

Revision: 0061_suggestions_list.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0061_suggestions_list"
down_revision: str | None = "0060_patient_order"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

BEFORE = (
    *("leads", "patients", "calls", "tasks", "physicians", "hospitals", "trials", "programmes", "conditions"),
    *("standing-faults", "doubles"),
)


def _known(names: tuple[str, ...]) -> None:
    op.drop_constraint("list_name_known", "saved_view", type_="check")
    op.create_check_constraint("list_name_known", "saved_view", f"list_name IN {names}")


def upgrade() -> None:
    _known((*BEFORE, "suggestions"))


def downgrade() -> None:
    op.execute("DELETE FROM saved_view_choice WHERE list_name = 'suggestions'")
    op.execute("DELETE FROM saved_view WHERE list_name = 'suggestions'")
    _known(BEFORE)
