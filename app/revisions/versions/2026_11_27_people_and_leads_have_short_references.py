"""
A person and a lead have a short reference: P- or L-, seven random letters, a check letter.

Those who are here get theirs afterwards, in batches (app/earlier_rows.py); then the column refuses what has none.

Revision: 0029_references.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0029_references"
down_revision: str | None = "0028_search_indexes"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_OF_ALL = "AND c.contype IN (''f'', ''u'', ''x'') AND c.conparentid = 0"
_CHANGED = """
    DO $do$ BEGIN
        EXECUTE replace(pg_get_functiondef('take_indexes_away(text)'::regprocedure), '{}', '{}');
    END $do$
"""
_ALL_BUT_REFERENCES = f"{_OF_ALL} AND c.conname !~ ''_reference$''"

NEW_REFERENCE = """
    -- One that nobody has. The rows that the same statement has written are seen too, as the function is volatile; for
    -- them the unique key stays while a table is loaded.
    CREATE FUNCTION new_reference(kind text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
    DECLARE
        alphabet constant text := '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
        random_bytes bytea;
        made text;
        number integer;
        total integer;
    BEGIN
        LOOP
            random_bytes := uuid_send(gen_random_uuid());
            made := kind || '-';
            total := 0;
            -- The 7th and the 9th byte hold the version of the uuid.
            FOREACH number IN ARRAY ARRAY[0, 1, 2, 3, 4, 5, 15] LOOP
                number := get_byte(random_bytes, number) & 31;
                made := made || substr(alphabet, number + 1, 1);
                total := (total # number) << 1;
                IF total > 31 THEN
                    total := total # 37;
                END IF;
            END LOOP;
            made := made || substr(alphabet, total + 1, 1);
            IF kind = 'P' THEN
                EXIT WHEN NOT EXISTS (SELECT FROM person WHERE reference = made);
            ELSE
                EXIT WHEN NOT EXISTS (SELECT FROM patient_lead WHERE reference = made);
            END IF;
        END LOOP;
        RETURN made;
    END
    $body$
"""


def upgrade() -> None:
    op.execute(NEW_REFERENCE)
    for table, kind in (("person", "P"), ("patient_lead", "L")):
        # The default comes second: with the column every row would be written.
        op.add_column(table, sa.Column("reference", sa.Text(), nullable=True))
        op.alter_column(table, "reference", server_default=sa.text(f"new_reference('{kind}')"))
    op.execute(_CHANGED.format(_OF_ALL, _ALL_BUT_REFERENCES))


def downgrade() -> None:
    op.execute(_CHANGED.format(_ALL_BUT_REFERENCES, _OF_ALL))
    for table in ("patient_lead", "person"):
        op.drop_column(table, "reference")
    op.execute("DROP FUNCTION new_reference")
