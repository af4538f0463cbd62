"""
The list of specializations has saved views.

Revision: 0064_specializations_list.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0064_specializations_list"
down_revision: str | None = "0063_kept_rows"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

PEOPLE = ("leads", "patients", "calls", "tasks", "physicians", "hospitals")
OTHERS = ("trials", "programmes", "conditions", "standing-faults", "doubles", "suggestions")


def _known(names: tuple[str, ...]) -> None:
    op.drop_constraint("list_name_known", "saved_view", type_="check")
    op.create_check_constraint("list_name_known", "saved_view", f"list_name IN {names}")


def upgrade() -> None:
    _known((*PEOPLE, "specializations", *OTHERS))


def downgrade() -> None:
    op.execute("DELETE FROM saved_view_choice WHERE list_name = 'specializations'")
    op.execute("DELETE FROM saved_view WHERE list_name = 'specializations'")
    _known((*PEOPLE, *OTHERS))
