"""
Taking back what a run wrote: refused, with a list, where people have worked on it since.

The rows are those that the database has noted as the run's own (`migrated_row`); its function `undo_legacy_run` locks,
checks and removes them, and keeps them in row_history, in one transaction with the ledger rows of the undone phases.
"""

from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from app.legacy import ledger
from app.legacy.errors import NotReady, WorkedOn
from app.legacy.locks import alone, who
from app.legacy.phases.p02_schema import TARGETS

Connection = psycopg.Connection[Any]
_SHOWN: Final = 20
_NO_FIELDS: Final = {
    "version",
    "updated_at",
    "updated_by",
    "family_key",
    "given_key",
    "email_key",
    "phone_e164",
    "phone_valid",
}


class Undone(NamedTuple):
    """The run that was undone, how many rows were taken away or put back, how many stay: people have worked on them."""

    run_id: int
    removed: int
    kept: int


def undo(url: str, *, run_id: int | None = None, to: int = 0, rest: bool = False) -> Undone:
    """
    Take back what a run wrote, from the phase after `to` on.

    The newest run is undone, or the newest that wrote something: finished runs that changed nothing are undone with it.
    Raises NotReady for an earlier run than that, WorkedOn, with a list, where people have worked on its rows since;
    with `rest` these rows stay, with all that belongs to their people.
    """
    with alone(url) as connection:
        if not ledger.has_ledger(connection):
            raise NotReady("no migration was ever run here")
        ledger.create_ledger(connection)
        ledger.refuse_closed(connection)
        idle, wanted = _to_undo(connection, run_id)
        kept = 0
        try:
            with connection.transaction():
                for empty in idle:
                    take_back(connection, empty, 1)
                    _set_status(connection, empty, "undone")
                if rest:
                    connection.execute("SET LOCAL statement_timeout = 0")
                    (kept,) = connection.execute("SELECT keep_legacy_rows_worked_on(%s)", (wanted,)).fetchone() or (0,)
                removed = take_back(connection, wanted, to + 1)
                _set_status(connection, wanted, "stopped" if to else "undone")
        except WorkedOn as refused:
            connection.execute(
                "INSERT INTO public.audit_event (action, record_type, outcome, purpose)"
                " VALUES ('undo_legacy_run', 'legacy_run', 'refused', %s)",
                (f"run {wanted}: {len(refused.records)} records worked on, shown to {who()}",),
            )
            raise
        return Undone(wanted, removed, kept)


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
    Remove what the phases from `first_phase` on wrote, and their ledger rows; the number of rows removed or put back.

    Raises WorkedOn, with a list, where people have worked on these rows since; NotReady where the database has not noted which
    they are. Needs a transaction.
    """
    connection.execute("SET LOCAL statement_timeout = 0")
    phases = (run_id, first_phase)
    is_noted = """
        SELECT NOT EXISTS (
            SELECT FROM legacy.phase AS p WHERE p.run_id = %s AND p.phase >= %s AND p.rows_written > 0
                AND NOT EXISTS (SELECT FROM migrated_row AS m WHERE abs(m.run_id) = p.run_id AND m.phase = p.phase)
                AND NOT EXISTS (SELECT FROM legacy.notice AS n WHERE n.run_id = p.run_id AND n.phase = p.phase))
    """
    if connection.execute(is_noted, phases).fetchone() != (True,):
        raise NotReady(f"run {run_id} was written by an earlier version, which did not note its rows: restore a backup")
    try:
        with connection.transaction():
            (removed,) = connection.execute("SELECT undo_legacy_run(%s, %s)", phases).fetchone() or (0,)
    except psycopg.errors.RestrictViolation as refused:
        found = connection.execute("SELECT record_type, record_id, why FROM legacy_rows_worked_on(%s, %s)", phases)
        records = found.fetchall()
        raise WorkedOn(records, _described(connection, records[:_SHOWN])) from refused
    # What was kept leads back to its record still, by which a later export finds it.
    kept = "EXISTS (SELECT FROM migrated_row AS k WHERE k.run_id = -%s AND k.record_id = {})"
    connection.execute(
        f"DELETE FROM legacy.lineage AS l WHERE l.run_id = %s AND l.phase >= %s AND NOT {kept.format('l.target_id')}",
        (*phases, run_id),
    )
    connection.execute(
        "DELETE FROM legacy.seen AS s WHERE s.run_id = %s AND NOT EXISTS (SELECT FROM legacy.lineage AS l"
        f" WHERE l.run_id = s.run_id AND (l.source, l.source_id) = (s.source, s.source_id) AND {kept.format('l.target_id')})",
        (run_id, run_id),
    )
    connection.execute("DELETE FROM legacy.check_result WHERE run_id = %s", (run_id,))
    connection.execute(
        "DELETE FROM legacy.told WHERE run_id = %s AND (%s <= 4 OR field <> 'do_not_contact_channels')", phases
    )
    for table in ("outcome", "warning", "reject", "notice", "phase"):
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
    return int(removed)


def _described(connection: Connection, records: list[tuple[str, str, str]]) -> list[str]:
    """What was worked on, with the names of the people and of the fields, in order of the names."""
    return sorted(_line(connection, *record) for record in records)


def _line(connection: Connection, table: str, key: str, why: str) -> str:
    found = connection.execute(
        sql.SQL("SELECT to_jsonb(t) FROM public.{} AS t WHERE {} = %s").format(
            sql.Identifier(table), sql.Identifier(TARGETS[table])
        ),
        (key,),
    ).fetchone()
    row: dict[str, Any] = found[0] if found else {}
    person = connection.execute(
        "SELECT concat_ws(' ', first_name, last_name) || ' (' || reference || ')' FROM person WHERE person_id ="
        " coalesce(%s::uuid, (SELECT person_id FROM patient WHERE patient_id = %s::uuid))",
        (row.get("person_id"), row.get("patient_id")),
    ).fetchone()
    who_or_what = person[0] if person else str(row.get("name") or row.get("type_name") or row.get("trial_id") or "")
    if why == "was edited":
        (fields,) = connection.execute(
            """
            SELECT string_agg(e.key, ', ' ORDER BY e.key) FROM (
                SELECT h.row FROM row_history AS h WHERE h.table_name = %s AND h.record_id = %s
                AND coalesce(h.reason, '') NOT LIKE 'undone: run %%' ORDER BY h.version, h.replaced_at DESC LIMIT 1
            ) AS first CROSS JOIN LATERAL jsonb_each(first.row) AS e
            WHERE e.value IS DISTINCT FROM %s::jsonb -> e.key AND e.key <> ALL (%s)
            """,
            (table, key, Jsonb(row), list(_NO_FIELDS)),
        ).fetchone() or (None,)
        # Nothing differs where somebody has put the earlier value back.
        why = f"{fields} edited" if fields else why
    return f"{who_or_what}, {table}: {why}"
