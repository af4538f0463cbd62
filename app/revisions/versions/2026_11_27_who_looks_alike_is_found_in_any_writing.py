"""
Who looks alike is found in any writing of the name: two keys of it stand in the person's row (people/alike.py).

`is_unknown_person` asks by them, as the ordinary path does. The keys of the people who are here are made afterwards, in
batches, by `crm db upgrade` or the worker (app/earlier_rows.py): they are the program's.

Revision: 0027_alike.
"""

import importlib
import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0027_alike"
down_revision: str | None = "0026_rights_held"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_EARLIER = importlib.import_module("app.revisions.versions.2026_11_27_addresses_say_what_they_were")
_OF_NAMES = re.compile(r"IF a_name_key <> .*?(?=RETURN NOT EXISTS)", re.DOTALL)
_OF_KEYS = """FOREACH alike_key IN ARRAY alike_keys LOOP
                IF NOT pg_try_advisory_xact_lock(
                    hashtextextended(format('name %s %s', alike_key, extract(year FROM alike_birth_dates[1])), 0)
                ) THEN
                    RETURN false;
                END IF;
            END LOOP;
            -- Two look-ups: of an "or" over two columns no index range is made. Whether they are alike is for the
            -- ordinary path to say.
            IF EXISTS (
                SELECT FROM person WHERE family_key = ANY (alike_keys) AND date_of_birth = ANY (alike_birth_dates)
            ) OR EXISTS (
                SELECT FROM person WHERE given_key = ANY (alike_keys) AND date_of_birth = ANY (alike_birth_dates)
            ) THEN
                RETURN false;
            END IF;
            """


def upgrade() -> None:
    op.add_column("person", sa.Column("family_key", sa.Text()))
    op.add_column("person", sa.Column("given_key", sa.Text()))
    op.execute("DROP FUNCTION is_unknown_person")
    function = _EARLIER.IS_UNKNOWN_PERSON.replace(
        "a_name_key text, a_birth_date date", "alike_keys text[], alike_birth_dates date[]"
    )
    op.execute(
        _OF_NAMES.sub(_OF_KEYS, function.replace("BEGIN", "DECLARE\n            alike_key text;\n        BEGIN", 1))
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION is_unknown_person")
    op.execute(_EARLIER.IS_UNKNOWN_PERSON)
    op.drop_column("person", "given_key")
    op.drop_column("person", "family_key")
