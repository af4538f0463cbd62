"""
Taking back what a run wrote: refused, with a list, where people have worked on it since.

The rows are those of the lineage; the database function `undo_legacy_run` removes them, in one transaction with the ledger
rows of the phases that are undone.
"""

from typing import Any

import psycopg
from psycopg import sql

from app.legacy import ledger
from app.legacy.errors import NotReady, WorkedOn
from app.legacy.locks import alone
from app.legacy.phases import p02_schema

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
            worked = worked_on(connection, wanted, to + 1)
            if worked:
                raise WorkedOn(worked)
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


def worked_on(connection: Connection, run_id: int, first_phase: int = 1) -> list[tuple[str, str, str]]:
    """The migrated records that people have changed or added to since: table, id, what was done."""
    found: list[tuple[str, str, str]] = []
    written = "(SELECT DISTINCT target_id FROM legacy.lineage WHERE run_id = %(run)s AND phase >= %(phase)s AND target = {target})"
    values = {"run": run_id, "phase": first_phase}
    columns = connection.execute(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'version'"
    ).fetchall()
    edited = {table for (table,) in columns}
    for table, key in p02_schema.TARGETS.items():
        if table in edited:
            query = sql.SQL(
                "SELECT t.{key}::text FROM public.{table} AS t JOIN " + written + " AS w ON w.target_id = t.{key}"
                " WHERE t.version > 1 ORDER BY 1"
            ).format(key=sql.Identifier(key), table=sql.Identifier(table), target=sql.Literal(table))
            found += [(table, key_, "was edited") for (key_,) in connection.execute(query, values)]
    references = connection.execute(
        """
        SELECT c.conrelid::regclass::text, a.attname, r.relname, k.attname
        FROM pg_constraint AS c
        JOIN pg_class AS r ON r.oid = c.confrelid
        JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        JOIN pg_attribute AS k ON k.attrelid = c.confrelid AND k.attnum = c.confkey[1]
        WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND c.conparentid = 0
        """
    ).fetchall()
    for table, column, target, key in references:
        if target not in p02_schema.TARGETS:
            continue
        ours = ""
        if table in p02_schema.TARGETS:
            ours = (
                " AND NOT EXISTS (SELECT FROM legacy.lineage AS o WHERE o.run_id = %(run)s AND o.target = {table_text}"
                " AND o.target_id = x.{table_key})"
            )
        query = sql.SQL(
            "SELECT DISTINCT x.{column}::text FROM public.{table} AS x JOIN "
            + written
            + " AS w ON w.target_id = x.{column}"
            " WHERE true" + ours + " ORDER BY 1"
        ).format(
            column=sql.Identifier(column),
            table=sql.Identifier(table),
            target=sql.Literal(target),
            table_text=sql.Literal(table),
            table_key=sql.Identifier(p02_schema.TARGETS.get(table, "")) if table in p02_schema.TARGETS else sql.SQL(""),
        )
        if key == p02_schema.TARGETS[target]:
            found += [(target, key_, f"has a row in {table}") for (key_,) in connection.execute(query, values)]
    return found


def take_back(connection: Connection, run_id: int, first_phase: int) -> int:
    """Remove what the phases from `first_phase` on wrote, and their ledger rows; return the number of rows removed."""
    connection.execute("SET LOCAL statement_timeout = 0")
    (removed,) = connection.execute("SELECT undo_legacy_run(%s, %s)", (run_id, first_phase)).fetchone() or (0,)
    for table in ("outcome", "warning", "reject", "lineage", "phase"):
        connection.execute(
            sql.SQL("DELETE FROM legacy.{} WHERE run_id = %s AND phase >= %s").format(sql.Identifier(table)),
            (run_id, first_phase),
        )
    late = 8  # rejects are written by phases 1 and 8
    if first_phase == 1:
        for table in ("reject", "record_count"):
            connection.execute(
                sql.SQL("DELETE FROM legacy.{} WHERE run_id = %s").format(sql.Identifier(table)), (run_id,)
            )
    elif first_phase <= late:
        connection.execute("DELETE FROM legacy.reject WHERE run_id = %s AND unit = 'physician'", (run_id,))
    for table in ("seen", "check_result"):
        connection.execute(sql.SQL("DELETE FROM legacy.{} WHERE run_id = %s").format(sql.Identifier(table)), (run_id,))
    return int(removed)
