"""
`undo_legacy_run` itself refuses where people have worked on the run's rows, and sees work that it had to wait for.

It first locks the rows it would take away, in the order in which requests lock (docs/decisions/0005), so that what is
checked is what is removed. `legacy_rows_worked_on` lists what stands in the way.

Revision: 0012_undo_checks.
"""

import importlib
from collections.abc import Sequence

from alembic import op

revision: str = "0012_undo_checks"
down_revision: str | None = "0011_flat_lists"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

WORKED_ON = """
    CREATE FUNCTION legacy_rows_worked_on(undone_run integer, first_phase integer)
    RETURNS TABLE (record_type text, record_id text, why text)
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
    DECLARE
        target record;
        referring record;
    BEGIN
        FOR target IN SELECT * FROM legacy_targets() LOOP
            IF EXISTS (
                SELECT FROM pg_attribute WHERE attrelid = target.name::regclass AND attname = 'version' AND attnum > 0
            ) THEN
                RETURN QUERY EXECUTE format(
                    'SELECT %L, t.%I::text, ''was edited'' FROM %I AS t WHERE t.version > 1 AND t.%I IN ('
                    'SELECT target_id FROM legacy.lineage WHERE run_id = $1 AND phase >= $2 AND target = %L) ORDER BY 2',
                    target.name, target.key, target.name, target.key, target.name) USING undone_run, first_phase;
            END IF;
            FOR referring IN
                SELECT r.relname::text AS name, a.attname AS "column", t.key
                FROM pg_constraint AS c
                JOIN pg_class AS r ON r.oid = c.conrelid
                JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
                JOIN pg_attribute AS k ON k.attrelid = c.confrelid AND k.attnum = c.confkey[1]
                LEFT JOIN legacy_targets() AS t ON t.name = r.relname
                WHERE c.contype = 'f' AND c.confrelid = target.name::regclass AND c.conparentid = 0
                    AND k.attname = target.key AND r.relnamespace = 'public'::regnamespace
            LOOP
                RETURN QUERY EXECUTE format(
                    'SELECT DISTINCT %L, x.%I::text, %L FROM %I AS x JOIN legacy.lineage AS w ON w.target_id = x.%I '
                    'WHERE w.run_id = $1 AND w.phase >= $2 AND w.target = %L',
                    target.name, referring.column, 'has a row in ' || referring.name, referring.name, referring.column,
                    target.name)
                    -- A row that the run wrote itself goes with it.
                    || CASE WHEN referring.key IS NULL THEN '' ELSE format(
                        ' AND NOT EXISTS (SELECT FROM legacy.lineage AS o WHERE o.run_id = $1 AND o.target = %L '
                        'AND o.target_id = x.%I)', referring.name, referring.key) END
                    || ' ORDER BY 2' USING undone_run, first_phase;
            END LOOP;
        END LOOP;
    END
    $body$
"""

TARGETS = """
    -- The tables a run writes into, in an order in which rows can be taken away; locks are taken in lock_order.
    CREATE FUNCTION legacy_targets() RETURNS TABLE (name text, key text, lock_order integer)
    LANGUAGE sql IMMUTABLE AS $body$
        VALUES
            ('eap_journey', 'eap_journey_id', 5),
            ('clinical_trial_journey', 'ct_journey_id', 6),
            ('clinical_trial', 'clinical_trial_id', 13),
            ('call_history', 'call_id', 11),
            ('patient_physician_relationship', 'patient_physician_id', 12),
            ('suggested_change', 'suggested_change_id', 10),
            ('duplicate_candidate', 'duplicate_candidate_id', 9),
            ('patient_lead', 'lead_id', 2),
            ('patient', 'patient_id', 3),
            ('physician', 'physician_id', 4),
            ('hospital', 'hospital_id', 14),
            ('specialization', 'specialization_id', 15),
            ('person_contact_type', 'person_contact_type_id', 8),
            ('contact_point', 'contact_point_id', 7),
            ('person', 'person_id', 1),
            ('medical_condition', 'medical_condition_id', 16),
            ('contact_type', 'contact_type_id', 17)
    $body$
"""

UNDO = """
    CREATE OR REPLACE FUNCTION undo_legacy_run(undone_run integer, first_phase integer) RETURNS bigint
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
    DECLARE
        target record;
        removed bigint;
        total bigint := 0;
    BEGIN
        -- Whoever is at work on one of these rows is waited for; whoever comes later waits, and finds it gone.
        FOR target IN SELECT * FROM legacy_targets() ORDER BY lock_order LOOP
            EXECUTE format(
                'SELECT FROM %I WHERE %I IN (SELECT target_id FROM legacy.lineage '
                'WHERE run_id = $1 AND phase >= $2 AND target = %L) ORDER BY %I FOR UPDATE',
                target.name, target.key, target.name, target.key) USING undone_run, first_phase;
        END LOOP;
        IF EXISTS (SELECT FROM legacy_rows_worked_on(undone_run, first_phase)) THEN
            RAISE EXCEPTION 'people have worked on rows of run %', undone_run USING ERRCODE = 'restrict_violation';
        END IF;
        -- Not as a SET clause of the function: that takes a superuser, whom the application is not.
        PERFORM set_config('crm.insert_only_exception', 'on', true);
        FOR target IN SELECT * FROM legacy_targets() LOOP
            EXECUTE format(
                'DELETE FROM %I AS t USING (SELECT DISTINCT target_id FROM legacy.lineage '
                'WHERE run_id = $1 AND phase >= $2 AND target = %L) AS w WHERE t.%I = w.target_id',
                target.name, target.name, target.key) USING undone_run, first_phase;
            GET DIAGNOSTICS removed = ROW_COUNT;
            total := total + removed;
        END LOOP;
        PERFORM set_config('crm.insert_only_exception', 'off', true);
        INSERT INTO audit_event (action, record_type, outcome, purpose)
        VALUES ('undo_legacy_run', 'legacy_run', 'done', format('run %s from phase %s', undone_run, first_phase));
        RETURN total;
    END
    $body$
"""


def upgrade() -> None:
    op.execute(TARGETS)
    op.execute(WORKED_ON)
    op.execute(UNDO)


def downgrade() -> None:
    earlier = importlib.import_module("app.revisions.versions.2026_11_24_legacy_runs_can_be_undone")
    op.execute("DROP FUNCTION undo_legacy_run")
    op.execute(earlier.UNDO)
    op.execute("DROP FUNCTION legacy_rows_worked_on")
    op.execute("DROP FUNCTION legacy_targets")
