"""
Runs, phases, and what became of every record: the tables of the schema `legacy` that outlive a run.

An outcome is one row per record and unit, a warning one per record and code, a lineage row says which record a row of
ours (or some of its fields) came from. All are written in the transaction of the phase they tell of.
"""

from typing import Any, Final

import psycopg

from app.legacy.errors import Closed

Connection = psycopg.Connection[Any]

TABLES: Final = (
    """
    CREATE TABLE IF NOT EXISTS legacy.run (
        run_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        finished_at timestamptz,
        status text NOT NULL DEFAULT 'running'
            CHECK (status IN ('running', 'stopped', 'failed', 'finished', 'undone')),
        source text NOT NULL,
        mapping text,
        shape text NOT NULL,
        exported_at timestamptz NOT NULL,
        time_zone text NOT NULL,
        files jsonb NOT NULL,
        versions jsonb NOT NULL,
        started_by text NOT NULL,
        epoch text NOT NULL,
        is_first boolean NOT NULL,
        unread jsonb NOT NULL DEFAULT '{}',
        message text
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS legacy.phase (
        run_id integer NOT NULL REFERENCES legacy.run,
        phase smallint NOT NULL,
        name text NOT NULL,
        started_at timestamptz NOT NULL,
        finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        seconds double precision NOT NULL,
        rows_written bigint NOT NULL DEFAULT 0,
        stages jsonb NOT NULL DEFAULT '[]',
        PRIMARY KEY (run_id, phase)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS legacy.record_count (
        run_id integer NOT NULL REFERENCES legacy.run,
        "table" text NOT NULL,
        records bigint NOT NULL,
        PRIMARY KEY (run_id, "table")
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS legacy.outcome (
        run_id integer NOT NULL,
        phase smallint NOT NULL,
        "table" text NOT NULL,
        record integer NOT NULL,
        unit text NOT NULL,
        outcome text NOT NULL,
        reason text
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS legacy.warning (
        run_id integer NOT NULL,
        phase smallint NOT NULL,
        "table" text NOT NULL,
        record integer NOT NULL,
        code text NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS legacy.reject (
        run_id integer NOT NULL,
        phase smallint NOT NULL,
        "table" text NOT NULL,
        record integer NOT NULL,
        unit text NOT NULL,
        line integer,
        reason text NOT NULL,
        raw text
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS legacy.lineage (
        run_id integer NOT NULL,
        phase smallint NOT NULL,
        target text NOT NULL,
        target_id uuid NOT NULL,
        source text NOT NULL,
        source_id uuid,
        fields text[]
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS legacy.seen (
        run_id integer NOT NULL,
        source text NOT NULL,
        source_id uuid NOT NULL,
        digest uuid NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS legacy.told (
        run_id integer NOT NULL,
        target_id uuid NOT NULL,
        field text NOT NULL,
        said jsonb
    )
    """,
    "CREATE INDEX IF NOT EXISTS told_of_row ON legacy.told (target_id, field, run_id DESC)",
    """
    CREATE TABLE IF NOT EXISTS legacy.notice (
        run_id integer NOT NULL,
        phase smallint NOT NULL,
        code text NOT NULL,
        "table" text NOT NULL,
        source_id uuid,
        target text,
        target_id uuid,
        field text
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS legacy.check_result (
        run_id integer NOT NULL,
        position smallint NOT NULL,
        name text NOT NULL,
        expected bigint,
        found bigint NOT NULL,
        checked_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS legacy.correction (
        correction_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        "table" text NOT NULL,
        record integer NOT NULL,
        "column" text NOT NULL,
        value text NOT NULL,
        made_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS legacy.correction_use (
        run_id integer NOT NULL,
        correction_id integer NOT NULL REFERENCES legacy.correction,
        state text NOT NULL CHECK (state IN ('applied', 'stale', 'absent')),
        PRIMARY KEY (correction_id, run_id)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS legacy.closing (
        closing_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        run_id integer NOT NULL REFERENCES legacy.run,
        signed_by text NOT NULL,
        closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        closed_by text NOT NULL,
        reopened_at timestamptz,
        reopened_by text,
        reason text
    )
    """,
)

# Where an earlier version has made a table it lacks these. A correction of that time has no hash: it is never applied.
LATER: Final = (
    'ALTER TABLE legacy.correction DROP CONSTRAINT IF EXISTS "correction_table_record_column_key"',
    """
    ALTER TABLE legacy.correction
        ADD COLUMN IF NOT EXISTS source_id uuid, ADD COLUMN IF NOT EXISTS digest uuid, ADD COLUMN IF NOT EXISTS files text,
        ADD COLUMN IF NOT EXISTS made_by text, ADD COLUMN IF NOT EXISTS withdrawn_at timestamptz
    """,
    """
    CREATE UNIQUE INDEX IF NOT EXISTS correction_of_record ON legacy.correction
        ("table", digest, "column", coalesce(files, ''), (CASE WHEN files IS NULL THEN 0 ELSE record END))
    """,
    """
    ALTER TABLE legacy.reject
        ADD COLUMN IF NOT EXISTS digest uuid, ADD COLUMN IF NOT EXISTS phase smallint NOT NULL DEFAULT 1
    """,
)

DERIVED_ID: Final = """
    CREATE OR REPLACE FUNCTION legacy.derived_id(epoch text, kind text, key text) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
        overlay(overlay(epoch || substr(md5(kind || ':' || key), 1, 20) PLACING '7' FROM 13 FOR 1)
                PLACING '8' FROM 17 FOR 1)::uuid
"""
"""
A UUIDv7 that the same legacy key gives again: its time is the first export's, its random part a hash of the key.

So a run that was killed and resumed writes the same ids as one that was not, and a second run finds what is there.
"""


def create_ledger(connection: Connection) -> None:
    """Make the schema `legacy` and its lasting tables where they are not there yet."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS legacy")
    for statement in (*TABLES, *LATER):
        connection.execute(statement)
    connection.execute(DERIVED_ID)
    # A number is given once, also where the schema was dropped: what the database has noted of a run goes by it.
    connection.execute(
        "SELECT setval(pg_get_serial_sequence('legacy.run', 'run_id'), m.last) FROM (SELECT max(run_id) AS last"
        " FROM migrated_row) AS m WHERE m.last IS NOT NULL AND NOT EXISTS (SELECT FROM legacy.run)"
    )


def has_ledger(connection: Connection) -> bool:
    """Whether any migration was ever begun in this database."""
    row = connection.execute("SELECT to_regclass('legacy.run') IS NOT NULL").fetchone()
    return bool(row and row[0])


def closing(connection: Connection) -> Closed | None:
    """The refusal that the closing of the migration makes, where it is closed and not opened again."""
    there = connection.execute("SELECT to_regclass('legacy.closing') IS NOT NULL").fetchone()
    row = (
        connection.execute(
            "SELECT run_id, signed_by, closed_at FROM legacy.closing WHERE reopened_at IS NULL"
        ).fetchone()
        if there == (True,)
        else None
    )
    return Closed(*row) if row else None


def refuse_closed(connection: Connection) -> None:
    """Raise Closed where the migration has been closed and not opened again."""
    closed = closing(connection)
    if closed:
        raise closed
