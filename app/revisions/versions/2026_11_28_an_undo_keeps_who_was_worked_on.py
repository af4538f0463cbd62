"""
An undo of a migration can leave those rows that people have worked on, and take back the rest.

What is kept stays whole: all rows of a person of whom one was worked on, and every row that a kept one points to.

Revision: 0063_kept_rows
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0063_kept_rows"
down_revision: str | None = "0062_foreign_keys"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_KEEP = """
    CREATE FUNCTION keep_legacy_rows_worked_on(kept_run integer) RETURNS bigint LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $body$
    DECLARE
        target record;
        found bigint;
        grown bigint;
        total bigint := 0;
    BEGIN
        LOOP
            -- A row that a kept one points to is now one that a row of nobody's run points to, so the next turn finds it.
            UPDATE migrated_row AS m SET run_id = -kept_run FROM legacy_rows_worked_on(kept_run, 1) AS w
            WHERE m.run_id = kept_run AND m.table_name = w.record_type AND m.record_id = w.record_id::uuid;
            GET DIAGNOSTICS grown = ROW_COUNT;
            FOR target IN
                SELECT t.name, t.key, CASE WHEN p.attname IS NULL THEN 'patient_id' ELSE 'person_id' END AS owner
                FROM legacy_targets() AS t
                LEFT JOIN pg_attribute AS p ON p.attrelid = t.name::regclass AND p.attname = 'person_id'
                LEFT JOIN pg_attribute AS a ON a.attrelid = t.name::regclass AND a.attname = 'patient_id'
                WHERE t.name NOT IN ('person', 'duplicate_candidate') AND num_nonnulls(p.attname, a.attname) > 0
            LOOP
                EXECUTE format(
                    'UPDATE migrated_row AS m SET run_id = -$1 FROM %I AS t JOIN migrated_row AS o '
                    'ON o.run_id = -$1 AND o.table_name = %L AND o.record_id = t.%I '
                    'WHERE m.run_id = $1 AND m.table_name = %L AND m.record_id = t.%I',
                    target.name, replace(target.owner, '_id', ''), target.owner, target.name, target.key) USING kept_run;
                GET DIAGNOSTICS found = ROW_COUNT;
                grown := grown + found;
            END LOOP;
            EXIT WHEN grown = 0;
            total := total + grown;
        END LOOP;
        -- A pair is nothing without its two persons.
        UPDATE migrated_row AS m SET run_id = -kept_run FROM duplicate_candidate AS d
        WHERE m.run_id = kept_run AND m.table_name = 'duplicate_candidate' AND m.record_id = d.duplicate_candidate_id
            AND NOT EXISTS (SELECT FROM migrated_row AS o WHERE o.run_id = kept_run AND o.table_name = 'person'
                            AND o.record_id IN (d.person_id, d.other_person_id));
        GET DIAGNOSTICS found = ROW_COUNT;
        INSERT INTO audit_event (action, record_type, outcome, purpose)
        VALUES ('keep_legacy_rows', 'legacy_run', 'done', format('%s rows of run %s', total + found, kept_run));
        RETURN total + found;
    END
    $body$
"""


def upgrade() -> None:
    op.execute(_KEEP)


def downgrade() -> None:
    op.execute("DROP FUNCTION keep_legacy_rows_worked_on(integer)")
