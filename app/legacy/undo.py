"""
Taking back what a run wrote: refused, with a list, where people have worked on it since.

The rows are those that the database has noted as the run's own (`migrated_row`); its function `undo_legacy_run` locks,
checks and removes them, and keeps them in row_history, in one transaction with the ledger rows of the undone phases.
"""

from typing import Any

import psycopg
from psycopg import sql

from app.legacy import ledger
from app.legacy.errors import NotReady, WorkedOn
from app.legacy.locks import alone

Connection = psycopg.Connection[Any]


def undo(url: str, *, run_id: int | None = None, to: int = 0) -> tuple[int, int]:
    """
    Take back what a run wrote, from the phase after `to` on; return the run and the number of rows taken away.

    The newest run is undone, or the newest that wrote something: finished runs that changed nothing are undone with it.
    Raises NotReady for an earlier run than that, WorkedOn, with a list, where people have worked on its rows since.
    """
    with alone(url) as connection:
        if not ledger.has_ledger(connection):
            raise NotReady("no migration was ever run here")
        idle, wanted = _to_undo(connection, run_id)
        with connection.transaction():
            for empty in idle:
                take_back(connection, empty, 1)
                _set_status(connection, empty, "undone")
            removed = take_back(connection, wanted, to + 1)
            _set_status(connection, wanted, "stopped" if to else "undone")
        return wanted, removed


def _to_undo(connection: Connection, run_id: int | None) -> tuple[list[int], int]:
    """The finished runs that wrote nothing, newest first, and the run before them: the one to undo."""
    runs = connection.execute(
        """
        SELECT r.run_id, r.status = 'finished' AND NOT EXISTS (
                   SELECT FROM legacy.phase AS p WHERE p.run_id = r.run_id AND p.rows_written > 0) AS is_idle
        FROM legacy.run AS r WHERE r.status <> 'undone' ORDER BY r.run_id DESC
        """
    ).fetchall()
    if not runs:
        raise NotReady("there is no run to undo")
    idle: list[int] = []
    for number, is_idle in runs:
        if number == run_id or not is_idle:
            if run_id not in {None, number}:
                raise NotReady(f"run {number} came later: undo that first")
            return idle, number
        idle.append(number)
    if run_id is not None:
        raise NotReady(f"there is no run {run_id} to undo")
    return idle[:-1], idle[-1]


def _set_status(connection: Connection, run_id: int, status: str) -> None:
    connection.execute(
        "UPDATE legacy.run SET status = %s, finished_at = clock_timestamp() WHERE run_id = %s", (status, run_id)
    )


def take_back(connection: Connection, run_id: int, first_phase: int) -> int:
    """
    Remove what the phases from `first_phase` on wrote, and their ledger rows; the number of rows removed.

    Raises WorkedOn, with a list, where people have worked on these rows since; NotReady where the database has not noted which
    they are. Needs a transaction.
    """
    connection.execute("SET LOCAL statement_timeout = 0")
    phases = (run_id, first_phase)
    is_noted = """
        SELECT NOT EXISTS (
            SELECT FROM legacy.phase AS p WHERE p.run_id = %s AND p.phase >= %s AND p.rows_written > 0
                AND NOT EXISTS (SELECT FROM migrated_row AS m WHERE m.run_id = p.run_id AND m.phase = p.phase))
    """
    if connection.execute(is_noted, phases).fetchone() != (True,):
        raise NotReady(f"run {run_id} was written by an earlier version, which did not note its rows: restore a backup")
    try:
        with connection.transaction():
            (removed,) = connection.execute("SELECT undo_legacy_run(%s, %s)", phases).fetchone() or (0,)
    except psycopg.errors.RestrictViolation as refused:
        found = connection.execute("SELECT record_type, record_id, why FROM legacy_rows_worked_on(%s, %s)", phases)
        raise WorkedOn(found.fetchall()) from refused
    for table in ("outcome", "warning", "reject", "lineage", "phase"):
        connection.execute(
            sql.SQL("DELETE FROM legacy.{} WHERE run_id = %s AND phase >= %s").format(sql.Identifier(table)),
            (run_id, first_phase),
        )
    late = 8  # rejects are written by phases 1 and 8
    if first_phase == 1:
        for table in ("reject", "record_count", "correction_use"):
            connection.execute(
                sql.SQL("DELETE FROM legacy.{} WHERE run_id = %s").format(sql.Identifier(table)), (run_id,)
            )
    elif first_phase <= late:
        connection.execute("DELETE FROM legacy.reject WHERE run_id = %s AND unit = 'physician'", (run_id,))
    for table in ("seen", "check_result"):
        connection.execute(sql.SQL("DELETE FROM legacy.{} WHERE run_id = %s").format(sql.Identifier(table)), (run_id,))
    return int(removed)
