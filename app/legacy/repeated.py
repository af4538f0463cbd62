"""
A run of the very export that the run before has read: nothing of it can come out otherwise, so nothing is read again.

The ledger says of this run what it said of that one, and every check is made anew. What was written, told or suggested then
is not said twice.
"""

from typing import Any, Final

import psycopg

from app.legacy.phases import p10_validate
from app.legacy.phases.context import Context

Connection = psycopg.Connection[Any]

_SAID_AGAIN: Final = (
    ("outcome", 'phase, "table", record, unit, outcome, reason', "true"),
    ("warning", 'phase, "table", record, code', "true"),
    ("reject", 'phase, "table", record, unit, line, reason, raw, digest', "true"),
    ("record_count", '"table", records', "true"),
    ("correction_use", "correction_id, state", "true"),
    # What is missing is listed each time; what else is listed tells of a change, and there is none.
    ("notice", 'phase, code, "table", source_id, target, target_id, field', "code = 'RECORD_MISSING'"),
)


def run_before(connection: Connection, run_id: int) -> int | None:
    """
    The run before this one, where it has read the same bytes and would decide the same; None for anything else.

    The same program, database and corrections, and no mapping file, of which the ledger knows the name alone.
    """
    row = connection.execute(
        """
        SELECT b.run_id FROM legacy.run AS r
        JOIN legacy.run AS b ON b.run_id = (SELECT max(run_id) FROM legacy.run
                                            WHERE run_id < r.run_id AND status <> 'undone')
        WHERE r.run_id = %s AND b.status = 'finished' AND NOT r.is_first AND r.mapping IS NULL AND b.mapping IS NULL
            AND (r.files, r.versions, r.epoch) = (b.files, b.versions, b.epoch)
            AND NOT EXISTS (SELECT FROM legacy.correction AS c
                            WHERE c.made_at > b.started_at OR c.withdrawn_at > b.started_at)
        """,
        (run_id,),
    ).fetchone()
    return int(row[0]) if row else None


def say_again(context: Context, before: int) -> None:
    """Enter into the ledger what that run came to, and check everything. Needs a transaction."""
    connection, run_id = context.connection, context.run_id
    for table, columns, which in _SAID_AGAIN:
        connection.execute(
            f"INSERT INTO legacy.{table} (run_id, {columns}) SELECT %s, {columns} FROM legacy.{table}"
            f" WHERE run_id = %s AND {which}",
            (run_id, before),
        )
    connection.execute(
        "INSERT INTO legacy.phase (run_id, phase, name, started_at, seconds)"
        " SELECT %s, phase, name, clock_timestamp(), 0 FROM legacy.phase WHERE run_id = %s",
        (run_id, before),
    )
    connection.execute("UPDATE legacy.w_alive SET run_id = %s", (run_id,))
    p10_validate.check(context)
    connection.execute(
        "UPDATE legacy.run SET message = %s WHERE run_id = %s",
        (f"the same export as that of run {before}: nothing was read again", run_id),
    )
