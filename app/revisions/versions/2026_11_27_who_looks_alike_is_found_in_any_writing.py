"""
Who looks alike is found in any writing of the name: two keys of it stand in the person's row (people/alike.py).

`is_unknown_person` asks by them, as the ordinary path does. The keys of the people who are here are made from the names
as they stand, without a version: nobody has changed anything.

Revision: 0027_alike.
"""

import importlib
import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.people.alike import alike_keys
from app.people.names import Name

revision: str = "0027_alike"
down_revision: str | None = "0026_rights_held"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_BATCH = 5_000

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
    _fill()
    for key in ("family_key", "given_key"):
        op.create_index(
            f"ix_person_{key}_date_of_birth",
            "person",
            [key, "date_of_birth"],
            postgresql_where=sa.text("date_of_birth IS NOT NULL"),
        )
    op.drop_index("ix_person_name_key_date_of_birth", "person")
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
    op.create_index(
        "ix_person_name_key_date_of_birth",
        "person",
        ["name_key", "date_of_birth"],
        postgresql_where=sa.text("date_of_birth IS NOT NULL"),
    )
    op.drop_column("person", "given_key")
    op.drop_column("person", "family_key")


def _fill() -> None:
    connection = op.get_bind()
    op.execute("ALTER TABLE person DISABLE TRIGGER keep_history")
    last = None
    while people := connection.execute(
        sa.text(
            "SELECT person_id, first_name, last_name FROM person"
            " WHERE CAST(:last AS uuid) IS NULL OR person_id > :last ORDER BY person_id LIMIT :batch"
        ),
        {"last": last, "batch": _BATCH},
    ).all():
        last = people[-1].person_id
        keys = [alike_keys(Name(who.first_name, who.last_name)) for who in people]
        connection.execute(
            sa.text(
                "UPDATE person SET family_key = made.family_key, given_key = made.given_key"
                " FROM unnest(CAST(:ids AS uuid[]), CAST(:family AS text[]), CAST(:given AS text[]))"
                " AS made (person_id, family_key, given_key) WHERE person.person_id = made.person_id"
            ),
            {
                "ids": [who.person_id for who in people],
                "family": [key.family_key for key in keys],
                "given": [key.given_key for key in keys],
            },
        )
    op.execute("ALTER TABLE person ENABLE TRIGGER keep_history")
