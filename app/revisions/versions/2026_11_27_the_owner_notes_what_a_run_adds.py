"""
What a run of the migration has added is noted by the owner's trigger; that, and nothing else, an undo takes away.

Until now the undo believed the operator's lineage: it removed whatever was listed there, and reading that table with the
owner's rights ran what the operator had hung on it (an index, statistics, a check of a child, all reckoned out by the
planner). Now the owner reads nothing of the operator's. What is taken away is kept in row_history.

A run says who it is by the setting `crm.run`. Rows of earlier runs are not noted: such a run is not undone any more.

Revision: 0024_migrated_rows
"""

import importlib
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0024_migrated_rows"
down_revision: str | None = "0023_faulty_rows"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_NOTE = """
    CREATE FUNCTION note_migrated() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $body$
    DECLARE
        run text := current_setting('crm.run');
    BEGIN
        -- Anybody may set the setting; it counts for those who may undo a run.
        IF NOT has_function_privilege(session_user, 'undo_legacy_run(integer, integer)', 'EXECUTE') THEN
            RAISE EXCEPTION '% is no run of a migration', run USING ERRCODE = 'insufficient_privilege';
        END IF;
        EXECUTE format(
            'INSERT INTO migrated_row (run_id, phase, table_name, record_id) SELECT $1, $2, %L, %I FROM made',
            TG_TABLE_NAME, TG_ARGV[0]) USING split_part(run, ' ', 1)::integer, split_part(run, ' ', 2)::integer;
        RETURN NULL;
    END
    $body$
"""

_TRIGGERS = """
    DO $$
    DECLARE
        target record;
    BEGIN
        FOR target IN SELECT * FROM legacy_targets() LOOP
            EXECUTE format({statement}, target.name, target.key);
        END LOOP;
    END
    $$
"""
_MAKE = """
    'CREATE TRIGGER note_migrated AFTER INSERT ON %I REFERENCING NEW TABLE AS made FOR EACH STATEMENT '
    'WHEN (current_setting(''crm.run'', true) <> '''') EXECUTE FUNCTION note_migrated(%L)'
"""

_UNDO = """
    CREATE OR REPLACE FUNCTION undo_legacy_run(undone_run integer, first_phase integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $body$
    DECLARE
        target record;
        removed bigint;
        total bigint := 0;
    BEGIN
        -- Work on one of these rows that is under way is waited for; work that comes later finds it gone.
        FOR target IN SELECT * FROM legacy_targets() ORDER BY lock_order LOOP
            EXECUTE format(
                'SELECT FROM %I WHERE %I IN (SELECT record_id FROM migrated_row '
                'WHERE run_id = $1 AND phase >= $2 AND table_name = %L) ORDER BY %I FOR UPDATE',
                target.name, target.key, target.name, target.key) USING undone_run, first_phase;
        END LOOP;
        IF EXISTS (SELECT FROM legacy_rows_worked_on(undone_run, first_phase)) THEN
            RAISE EXCEPTION 'people have worked on rows of run %', undone_run USING ERRCODE = 'restrict_violation';
        END IF;
        -- Not as a SET clause of the function: that takes a superuser, whom the owner is not.
        PERFORM set_config('crm.insert_only_exception', 'on', true);
        FOR target IN SELECT * FROM legacy_targets() LOOP
            EXECUTE format(
                'WITH gone AS (DELETE FROM %I AS t USING migrated_row AS m WHERE m.run_id = $1 AND m.phase >= $2 '
                'AND m.table_name = %L AND t.%I = m.record_id RETURNING t.*) '
                'INSERT INTO row_history (table_name, record_id, version, "row", reason) '
                'SELECT %L, gone.%I, coalesce((to_jsonb(gone) ->> ''version'')::integer, 1), to_jsonb(gone), $3 FROM gone',
                target.name, target.name, target.key, target.name, target.key)
                USING undone_run, first_phase, format('undone: run %s', undone_run);
            GET DIAGNOSTICS removed = ROW_COUNT;
            total := total + removed;
        END LOOP;
        PERFORM set_config('crm.insert_only_exception', 'off', true);
        DELETE FROM migrated_row AS m WHERE m.run_id = undone_run AND m.phase >= first_phase;
        INSERT INTO audit_event (action, record_type, outcome, purpose)
        VALUES ('undo_legacy_run', 'legacy_run', 'done', format('run %s from phase %s', undone_run, first_phase));
        RETURN total;
    END
    $body$
"""


def _earlier(name: str) -> str:
    """`legacy_rows_worked_on` or the undo as revision 0012 made it."""
    module = importlib.import_module("app.revisions.versions.2026_11_27_undo_checks_by_itself")
    return str(getattr(module, name)).replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


def upgrade() -> None:
    op.create_table(
        "migrated_row",
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("phase", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("table_name", "record_id", name=op.f("pk_migrated_row")),
    )
    op.execute(_NOTE)
    op.execute(_TRIGGERS.format(statement=_MAKE))
    noted = _earlier("WORKED_ON").replace("legacy.lineage", "migrated_row").replace("target_id", "record_id")
    op.execute(noted.replace("target = %L", "table_name = %L"))
    op.execute(_UNDO)
    op.execute("DROP FUNCTION undo_legacy_rows(integer, integer)")


def downgrade() -> None:
    op.execute(_TRIGGERS.format(statement="'DROP TRIGGER note_migrated ON %I'"))
    op.execute("DROP FUNCTION note_migrated")
    op.execute("DROP FUNCTION undo_legacy_run(integer, integer)")
    op.execute(_earlier("WORKED_ON"))
    op.execute(_earlier("UNDO"))
    op.execute("ALTER FUNCTION undo_legacy_run(integer, integer) SECURITY DEFINER")
    importlib.import_module("app.revisions.versions.2026_11_27_the_owner_reads_a_plain_lineage").upgrade()
    op.drop_table("migrated_row")
