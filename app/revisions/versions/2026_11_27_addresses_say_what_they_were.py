"""
A contact point that is no longer used says what it was: former, wrong, or someone else's; only a former one recognises.

Revision: 0021_was.
"""

import importlib
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0021_was"
down_revision: str | None = "0020_current"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_FIRST = importlib.import_module("app.revisions.versions.2026_11_27_the_fast_path_sees_who_came_first")
_OF_ALL = "kind = '{}'"
_OF_RECOGNISING = "kind = '{}' AND (was IS NULL OR was = 'former')"


def _of_recognising(function: str) -> str:
    for kind in ("email", "phone"):
        function = function.replace(_OF_ALL.format(kind), _OF_RECOGNISING.format(kind))
    return function


IS_UNKNOWN_PERSON: str = _of_recognising(_FIRST.IS_UNKNOWN_PERSON)


def upgrade() -> None:
    op.add_column("contact_point", sa.Column("was", sa.Text(), nullable=True))
    op.create_check_constraint("was_known", "contact_point", "was IN ('former', 'wrong', 'someone_elses')")
    op.execute(IS_UNKNOWN_PERSON.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))


def downgrade() -> None:
    op.execute(_FIRST.IS_UNKNOWN_PERSON.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.drop_constraint("was_known", "contact_point", type_="check")
    op.drop_column("contact_point", "was")
