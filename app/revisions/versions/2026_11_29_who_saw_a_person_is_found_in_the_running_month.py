"""
A month of the audit trail that is made from now on has its index of persons from its first day, not from its end.

Who saw a person was found by reading the whole running month: 1.5 GB at its end, at a hundred million events a year. New
entries wait in a short list that a query reads too, and go into the index many at a time. Months that are there already
have it when they are over, as before: an index made now would keep their writers waiting.

Revision: 0074_running_month
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0074_running_month"
down_revision: str | None = "0073_served_programs"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_ENSURE = r"""
    CREATE OR REPLACE FUNCTION ensure_audit_partitions(months_ahead integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path TO 'public', 'pg_temp' AS $body$
    DECLARE
        first_day timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
        partition_name text;
        made integer := 0;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('ensure_audit_partitions'));
        FOR month IN 0 .. least(months_ahead, 24) LOOP
            partition_name := format('audit_event_%s', to_char(first_day + make_interval(months => month), 'YYYY_MM'));
            IF to_regclass(partition_name) IS NULL THEN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF audit_event FOR VALUES FROM (%L) TO (%L)',
                    partition_name,
                    (first_day + make_interval(months => month)) AT TIME ZONE 'UTC',
                    (first_day + make_interval(months => month + 1)) AT TIME ZONE 'UTC');
                EXECUTE format(
                    'CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %I '
                    'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', partition_name);
                {index}made := made + 1;
            END IF;
        END LOOP;
        RETURN made;
    END
    $body$
    """
_INDEX = """EXECUTE format(
                    'CREATE INDEX %I ON %I USING gin (person_ids) '
                    'WITH (fastupdate = on, gin_pending_list_limit = 256)',
                    partition_name || '_person_ids', partition_name);
                """
_CLOSE = r"""
    CREATE OR REPLACE FUNCTION close_audit_partitions() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET maintenance_work_mem = '256MB' SET search_path TO 'public', 'pg_temp' AS $body$
    DECLARE
        month record;
        closed integer := 0;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('close_audit_partitions'));
        FOR month IN
            SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'audit_event'::regclass AND c.relname ~ '^audit_event_\d{{4}}_\d\d$'
              AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month 1 day' <= now() AT TIME ZONE 'UTC'
              AND to_regclass(c.relname || '{closed_by}') IS NULL
            ORDER BY c.relname
        LOOP
            EXECUTE format('CREATE INDEX {unless}%I ON %I USING gin (person_ids)', month.name || '_person_ids', month.name);
            EXECUTE format(
                'CREATE INDEX %I ON %I (action, audit_event_id DESC)', month.name || '_action', month.name);
            closed := closed + 1;
        END LOOP;
        RETURN closed;
    END
    $body$
    """


def upgrade() -> None:
    op.execute(_ENSURE.format(index=_INDEX))
    # What tells a month that is closed is the index that is made at its end alone.
    op.execute(_CLOSE.format(closed_by="_action", unless="IF NOT EXISTS "))


def downgrade() -> None:
    # A month that was made with the index goes without that of its actions: it counts as closed.
    op.execute(_ENSURE.format(index=""))
    op.execute(_CLOSE.format(closed_by="_person_ids", unless=""))
