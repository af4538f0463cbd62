"""
Runs: which phase is next, one transaction a phase, resume, dry run. The only caller of phases.

A phase commits together with its ledger rows, so a run killed anywhere stands at the end of its last whole phase and is
resumed from there; ids are derived from legacy keys, so the outcome is the same as without the kill. One run at a time
(advisory lock). The working tables are not crash-safe: where the server lost them the run is taken back and decided anew.
"""

import importlib.metadata
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
import psycopg
from psycopg import sql

from app.legacy import checks, corrections, ledger, repeated, result, staging
from app.legacy.contract import TABLES
from app.legacy.errors import FatalExport, LegacyError, NotReady
from app.legacy.locks import alone, who
from app.legacy.mapping import read_mapping
from app.legacy.phases import (
    p01_prepare,
    p02_schema,
    p03_conditions,
    p04_people,
    p05_leads,
    p06_patients,
    p07_calls,
    p08_physicians,
    p09_journeys,
    p10_validate,
)
from app.legacy.phases.context import Context
from app.legacy.progress import STAGES, OnEvent, PhaseBegun, PhaseDone, Planned, StageDone, ignore
from app.legacy.sources import Export, open_export
from app.legacy.undo import take_back
from app.platform.advisory_locks import Lock

Connection = psycopg.Connection[Any]

PHASES: Final[tuple[tuple[str, Callable[[Context], None]], ...]] = (
    ("preparation", p01_prepare.run),
    ("schema", p02_schema.run),
    ("conditions", p03_conditions.run),
    ("persons", p04_people.run),
    ("leads", p05_leads.run),
    ("patients", p06_patients.run),
    ("call history", p07_calls.run),
    ("physicians", p08_physicians.run),
    ("journeys", p09_journeys.run),
    ("validation", p10_validate.run),
)
_OPEN: Final = ("running", "stopped", "failed")


@dataclass(frozen=True)
class Done:
    """What a run came to: its number, whether all ten phases are done, how many rows of ours it wrote."""

    run_id: int
    finished: bool
    rows_written: int
    seconds: float


@dataclass(frozen=True)
class _Job:
    """One run at work: where, what it reads, and what is asked of it."""

    url: str
    connection: Connection
    run_id: int
    export: Export
    until: int | None
    result_to: Path | None
    on_event: OnEvent
    inspect: Callable[[Connection, int], None] | None = None


def run(
    url: str,
    source: Path,
    *,
    mapping: Path | None = None,
    until: int | None = None,
    result_to: Path | None = None,
    dry_run: bool = False,
    on_event: OnEvent = ignore,
    inspect: Callable[[Connection, int], None] | None = None,
) -> Done:
    """
    Migrate an export: all phases, or those up to `until`.

    A dry run does everything and takes it back; `inspect` sees the database before that (or after a real run). Raises
    FatalExport before anything is written, AnotherRun while one is at work, NotReady while one is unfinished.
    """
    if result_to:
        result.make_folder(result_to)
    export = open_export(source, read_mapping(mapping) if mapping else None)
    with alone(url) as connection:
        _refuse_old_schema(connection)
        ledger.create_ledger(connection)
        ledger.refuse_closed(connection)
        refuse_unfinished(connection)
        run_id = _begin(connection, export, source, mapping)
        job = _Job(url, connection, run_id, export, until, result_to, on_event, inspect)
        if not dry_run:
            return _go_on(job)
        try:
            return _dry(job)
        finally:
            _forget(connection, run_id)


def resume(url: str, *, until: int | None = None, result_to: Path | None = None, on_event: OnEvent = ignore) -> Done:
    """Go on with the run that is unfinished. Raises NotReady when there is none, or its files are not what they were."""
    if result_to:
        result.make_folder(result_to)
    with alone(url) as connection:
        row = _unfinished(connection)
        run_id, source, mapping, files = row
        export = open_export(Path(source), read_mapping(Path(mapping)) if mapping else None)
        if not _is_same(export, files):
            raise NotReady(
                f"the files in {source} are not those that run {run_id} began with; put them back, or undo it"
            )
        ledger.create_ledger(connection)
        return _go_on(_Job(url, connection, run_id, export, until, result_to, on_event))


def _is_same(export: Export, files: list[list[Any]]) -> bool:
    """Whether the files of an export are those that a run has noted."""
    return [list(fact) for fact in export.fingerprint()] == files


def keep_corrections(url: str, file: Path) -> tuple[Path, Path | None]:
    """
    Keep the corrections of a file for the records they mean; return source and mapping of the newest run, to run again.

    Raises FatalExport where the file or the export cannot be read, NotReady where a record is not there.
    """
    asked = corrections.read_corrections(file)
    with alone(url) as connection:
        if not ledger.has_ledger(connection):
            raise NotReady("no migration was ever run here")
        ledger.create_ledger(connection)
        ledger.refuse_closed(connection)
        refuse_unfinished(connection)
        row = connection.execute(
            "SELECT run_id, source, mapping, files FROM legacy.run WHERE status = 'finished' ORDER BY run_id DESC LIMIT 1"
        ).fetchone()
        if row is None:
            raise NotReady("there is no finished run to correct")
        run_id, source, mapping, files = row
        export = open_export(Path(source), read_mapping(Path(mapping)) if mapping else None)
        with connection.transaction():
            corrections.keep_corrections(
                connection, asked, export, numbers_of=run_id, is_same=_is_same(export, files), by=who()
            )
        return Path(source), Path(mapping) if mapping else None


def refuse_unfinished(connection: Connection) -> None:
    """Raise NotReady where a run is not at its end."""
    unfinished = connection.execute("SELECT run_id FROM legacy.run WHERE status = ANY (%s)", (list(_OPEN),)).fetchone()
    if unfinished:
        raise NotReady(f"run {unfinished[0]} is not finished: `crm legacy resume` or `crm legacy undo` first")


def _go_on(job: _Job) -> Done:
    """Do the phases that are not done yet, each in a transaction of its own."""
    started = time.perf_counter()
    connection, run_id = job.connection, job.run_id
    try:
        if job.until is None and (before := _run_to_say_again(connection, run_id)) is not None:
            return _say_again(job, before, started)
        _mend_working_tables(connection, run_id)
        _do_phases(job)
        finished = job.until is None or job.until >= len(PHASES)
        _end(connection, run_id, "finished" if finished else "stopped")
        if finished and job.result_to:
            result.write_result(connection, run_id, job.result_to)
        if job.inspect:
            job.inspect(connection, run_id)
        if finished:
            drop_working_rows(connection)
    except KeyboardInterrupt:
        _end(connection, run_id, "stopped", "interrupted")
        raise
    except (LegacyError, psycopg.Error, OSError) as error:
        if not connection.closed:
            connection.rollback()
            # A file that turns out to be unreadable ends the run before anything was written: there is nothing to resume.
            status = "undone" if isinstance(error, FatalExport) else "failed"
            # The first line alone: behind it the database names values, and an undo names people.
            _end(connection, run_id, status, f"{type(error).__name__}: {error}".partition("\n")[0][:2000])
        raise
    (written,) = connection.execute(
        "SELECT coalesce(sum(rows_written), 0)::bigint FROM legacy.phase WHERE run_id = %s", (run_id,)
    ).fetchone() or (0,)
    return Done(run_id, finished, int(written), time.perf_counter() - started)


def _do_phases(job: _Job) -> None:
    """Do the phases that are not done yet, up to the one that is asked for."""
    connection, run_id = job.connection, job.run_id
    done = {row[0] for row in connection.execute("SELECT phase FROM legacy.phase WHERE run_id = %s", (run_id,))}
    connection.execute("UPDATE legacy.run SET status = 'running', message = NULL WHERE run_id = %s", (run_id,))
    stages = _plan(job, [n for n in range(1, len(PHASES) + 1) if n not in done and n <= (job.until or len(PHASES))])
    if 1 not in done:
        _stage(job)
    context = _context(job)
    for number, (name, phase) in enumerate(PHASES, start=1):
        if number in done or (job.until is not None and number > job.until):
            continue
        job.on_event(PhaseBegun(number, name, stages[number]))
        began = time.perf_counter()
        with connection.transaction():
            _do(context, number, name, phase)
        job.on_event(PhaseDone(number, name, time.perf_counter() - began, context.written))


def _plan(job: _Job, phases: Sequence[int]) -> dict[int, int]:
    """Tell what is before the run; by the phase about how many stages it has, as the newest run of its kind had them."""
    counted = job.connection.execute(
        "SELECT DISTINCT ON (p.phase) p.phase, jsonb_array_length(p.stages) FROM legacy.phase AS p"
        " JOIN legacy.run AS r USING (run_id) JOIN legacy.run AS ours ON ours.run_id = %s"
        " WHERE r.run_id <> ours.run_id AND r.is_first = ours.is_first AND jsonb_array_length(p.stages) > 0"
        " ORDER BY p.phase, p.run_id DESC",
        (job.run_id,),
    ).fetchall()
    is_read = 1 in phases
    records = sum(source.estimated_records() for source in job.export.sources.values()) if is_read else 0
    job.on_event(Planned(records, phases))
    return STAGES | dict(counted)


def _run_to_say_again(connection: Connection, run_id: int) -> int | None:
    """The run before, where this one would only come to the same and what it decided on is still there."""
    before = repeated.run_before(connection, run_id)
    begun = connection.execute("SELECT EXISTS (SELECT FROM legacy.phase WHERE run_id = %s)", (run_id,)).fetchone()
    return before if before and begun == (False,) and _has_working_tables(connection, before) else None


def _say_again(job: _Job, before: int, started: float) -> Done:
    connection, run_id = job.connection, job.run_id
    context = _context(job)
    context.phase = len(PHASES)
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")
        repeated.say_again(context, before)
        connection.execute(
            "UPDATE legacy.run SET status = 'finished', finished_at = clock_timestamp() WHERE run_id = %s", (run_id,)
        )
    if job.result_to:
        result.write_result(connection, run_id, job.result_to)
    if job.inspect:
        job.inspect(connection, run_id)
    return Done(run_id, finished=True, rows_written=0, seconds=time.perf_counter() - started)


def _dry(job: _Job) -> Done:
    """Do everything in one transaction, and take it back."""
    started = time.perf_counter()
    stages = _plan(job, range(1, len(PHASES) + 1))
    _stage(job)
    context = _context(job)
    context.is_dry = True
    written = 0
    with job.connection.transaction(force_rollback=True):
        for number, (name, phase) in enumerate(PHASES, start=1):
            job.on_event(PhaseBegun(number, name, stages[number]))
            began = time.perf_counter()
            _do(context, number, name, phase)
            written += context.written
            job.on_event(PhaseDone(number, name, time.perf_counter() - began, context.written))
        if job.result_to:
            result.write_result(job.connection, job.run_id, job.result_to)
        if job.inspect:
            job.inspect(job.connection, job.run_id)
    return Done(job.run_id, finished=True, rows_written=written, seconds=time.perf_counter() - started)


def _do(context: Context, number: int, name: str, phase: Callable[[Context], None]) -> None:
    """Carry out one phase inside the transaction that is open, and enter it into the ledger."""
    context.phase, context.written = number, 0
    context.stages.clear()
    began = time.perf_counter()
    # Whose the rows are that are added from here to the end of the transaction.
    context.connection.execute("SELECT set_config('crm.run', %s, true)", (f"{context.run_id} {number}",))
    context.connection.execute("SET LOCAL jit = off")
    context.connection.execute("SET LOCAL statement_timeout = 0")
    context.connection.execute("SET LOCAL work_mem = '160MB'")
    context.connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
    phase(context)
    context.connection.execute(
        "INSERT INTO legacy.phase (run_id, phase, name, started_at, seconds, rows_written, stages)"
        " VALUES (%s, %s, %s, now(), %s, %s, %s)",
        (
            context.run_id,
            number,
            name,
            time.perf_counter() - began,
            context.written,
            orjson.dumps([(n, round(s, 4), rows) for n, s, rows in context.stages]).decode(),
        ),
    )


def _context(job: _Job) -> Context:
    epoch, is_first = job.connection.execute(
        "SELECT epoch, is_first FROM legacy.run WHERE run_id = %s", (job.run_id,)
    ).fetchone() or ("", True)
    return Context(
        job.connection,
        job.run_id,
        job.export.frame,
        epoch,
        is_first=is_first,
        mapping=job.export.mapping,
        say=lambda stage: job.on_event(StageDone(stage)),
    )


def _stage(job: _Job) -> None:
    # No worker of a killed run is left when this lock is had: they hold it shared while they live.
    job.connection.execute("SELECT pg_advisory_lock(%s)", (Lock.LEGACY_STAGING.value,))
    job.connection.execute("SELECT pg_advisory_unlock(%s)", (Lock.LEGACY_STAGING.value,))
    staging.create_staging(job.connection)
    job.connection.execute("DROP TABLE IF EXISTS legacy.w_alive")
    job.connection.execute("CREATE UNLOGGED TABLE legacy.w_alive AS SELECT %s::integer AS run_id", (job.run_id,))
    found = corrections.load_corrections(job.connection, job.export)
    staging.stage(job.url, job.export, job.on_event, corrections=found)


def _mend_working_tables(connection: Connection, run_id: int) -> None:
    """Take a run back to its beginning where its working tables are gone: a crash, or a later run's in their place."""
    (begun,) = connection.execute("SELECT count(*) FROM legacy.phase WHERE run_id = %s", (run_id,)).fetchone() or (0,)
    if not begun:
        return
    if not _has_working_tables(connection, run_id):
        with connection.transaction():
            take_back(connection, run_id, 1)


def _has_working_tables(connection: Connection, run_id: int) -> bool:
    """Whether staging and decisions are still those of this run."""
    there = connection.execute("SELECT to_regclass('legacy.w_alive') IS NOT NULL").fetchone() == (True,)
    return there and connection.execute("SELECT run_id FROM legacy.w_alive").fetchone() == (run_id,)


def drop_working_rows(connection: Connection) -> None:
    """Drop what only the phases needed; staging, decisions and ledger stay to be looked at."""
    for name in ("w_address", "w_shared_address", "w_common_fact", "w_name_pair", "w_component", "w_point"):
        connection.execute(sql.SQL("DROP TABLE IF EXISTS legacy.{} CASCADE").format(sql.Identifier(name)))


def _begin(connection: Connection, export: Export, source: Path, mapping: Path | None) -> int:
    is_first = connection.execute("SELECT NOT EXISTS (SELECT FROM legacy.lineage)").fetchone() == (True,)
    # That of the run whose rows are here, also where the rest of it was undone: ids of the same keys come out the same.
    earlier = connection.execute(
        "SELECT epoch FROM legacy.run WHERE run_id = (SELECT min(run_id) FROM legacy.lineage)"
    ).fetchone()
    epoch = earlier[0] if earlier else f"{int(export.frame.exported_at.timestamp() * 1000):012x}"
    unread = {
        "files": export.unread_files,
        "columns": {
            table: source_.ignored_columns for table, source_ in export.sources.items() if source_.ignored_columns
        },
    }
    row = connection.execute(
        "INSERT INTO legacy.run (source, mapping, shape, exported_at, time_zone, files, versions, started_by, epoch, is_first,"
        " unread) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING run_id",
        (
            str(source.resolve()),
            str(mapping.resolve()) if mapping else None,
            export.shape,
            export.frame.exported_at,
            export.frame.time_zone,
            orjson.dumps([list(fact) for fact in export.fingerprint()]).decode(),
            orjson.dumps(versions(connection)).decode(),
            who(),
            epoch,
            is_first,
            orjson.dumps(unread).decode(),
        ),
    ).fetchone()
    return int(row[0]) if row else 0


def versions(connection: Connection) -> dict[str, str]:
    """The versions of what decides: this program, the database and its schema, the libraries of names and phones."""
    revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    server = connection.execute("SHOW server_version").fetchone()
    return {
        "crm": importlib.metadata.version("mytomorrows-crm"),
        "revision": revision[0] if revision else "",
        "postgresql": str(server[0]) if server else "",
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ("phonenumbers", "rapidfuzz", "pycountry")},
    }


def _end(connection: Connection, run_id: int, status: str, message: str | None = None) -> None:
    connection.execute(
        "UPDATE legacy.run SET status = %s, message = %s, finished_at = clock_timestamp() WHERE run_id = %s",
        (status, message, run_id),
    )


def _forget(connection: Connection, run_id: int) -> None:
    """Remove every trace of a dry run; the schema too when nothing else is in it."""
    connection.rollback()
    for table in TABLES:
        for name in (f"s_{table}", f"s_{table}_raw"):
            connection.execute(sql.SQL("DROP TABLE IF EXISTS legacy.{}").format(sql.Identifier(name)))
    connection.execute("DROP TABLE IF EXISTS legacy.s_corrected")
    connection.execute("DELETE FROM legacy.run WHERE run_id = %s", (run_id,))
    if connection.execute("SELECT NOT EXISTS (SELECT FROM legacy.run)").fetchone() == (True,):
        connection.execute("SET client_min_messages = warning")
        connection.execute("DROP SCHEMA legacy CASCADE")


def _unfinished(connection: Connection) -> tuple[int, str, str | None, list[list[Any]]]:
    if not ledger.has_ledger(connection):
        raise NotReady("no migration was ever run here")
    row = connection.execute(
        "SELECT run_id, source, mapping, files FROM legacy.run WHERE status = ANY (%s) ORDER BY run_id DESC LIMIT 1",
        (list(_OPEN),),
    ).fetchone()
    if row is None:
        raise NotReady("there is no unfinished run")
    return row[0], row[1], row[2], row[3]


def _refuse_old_schema(connection: Connection) -> None:
    row = connection.execute("SELECT to_regprocedure('legacy_rows_worked_on(integer, integer)')").fetchone()
    if not row or row[0] is None:
        raise NotReady("the schema is older than this program: `crm db upgrade` first")


def last_run(connection: Connection) -> tuple[int, str, datetime] | None:
    """Number, status and start of the newest run, or None."""
    if not ledger.has_ledger(connection):
        return None
    row = connection.execute(
        "SELECT run_id, status, started_at FROM legacy.run ORDER BY run_id DESC LIMIT 1"
    ).fetchone()
    return (row[0], row[1], row[2]) if row else None


def verify(url: str) -> list[checks.Check]:
    """
    The equation and the checks of the newest finished run, looked at again today.

    Where its working tables are gone (a crash, a later run) the counts of faults are those the run itself has kept.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        row = (
            ledger.has_ledger(connection)
            and connection.execute(
                "SELECT run_id, exported_at FROM legacy.run WHERE status = 'finished' ORDER BY run_id DESC LIMIT 1"
            ).fetchone()
        )
        if not row:
            raise NotReady("there is no finished run to verify")
        ledger.create_ledger(connection)
        run_id, exported_at = row
        staged = _has_working_tables(connection, run_id)
        if staged:
            counted = checks.faults(connection, exported_at.isoformat())
        else:
            counted = [
                checks.Check(name, expected, found)
                for name, expected, found in connection.execute(
                    "SELECT name, expected, found FROM legacy.check_result WHERE run_id = %s ORDER BY position",
                    (run_id,),
                )
            ]
        return [
            *checks.equation(connection, run_id, staged=staged),
            *checks.still_here(connection, run_id, p02_schema.TARGETS),
            *counted,
        ]
