"""
The rows of an export as they came, as text, with file and line, and beside it what their cells mean.

One table per legacy table in the schema `legacy` (`s_contact`, …), filled by COPY. Large tables are read by worker
processes: one reads the file and hands batches on, the others work the cells out and copy them in, each through a
connection of its own. Staging is done anew when it is not complete: it is the only step that is not one transaction.
"""

import multiprocessing as mp
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from typing import Any, Final

import orjson
import psycopg

from app.legacy.contract import TABLES, Frame
from app.legacy.corrections import Corrected, Corrections
from app.legacy.errors import PhaseFailed
from app.legacy.mapping import Mapping
from app.legacy.progress import OnEvent, Staged
from app.legacy.records import COLUMNS, Reader, copy_line, digest_of, storable
from app.legacy.sources import Export
from app.legacy.sources.records import Batch, Record
from app.platform.advisory_locks import Lock

_BATCH: Final = 2_000
_WORTH_WORKERS: Final = 20_000

Connection = psycopg.Connection[Any]
_AHEAD: Final = 2
"""Batches ahead of each worker: enough to keep it busy, little enough to hold no memory."""


def create_staging(connection: Connection) -> None:
    """Make the staging tables anew, empty."""
    for table, columns in COLUMNS.items():
        body = ", ".join(f'"{name}" {kind}' for name, kind in columns)
        connection.execute(f"DROP TABLE IF EXISTS legacy.s_{table}")
        connection.execute(f"CREATE UNLOGGED TABLE legacy.s_{table} ({body})")
        # Apart, because most stages read every record's meaning and none its text.
        connection.execute(f"DROP TABLE IF EXISTS legacy.s_{table}_raw")
        connection.execute(f"CREATE UNLOGGED TABLE legacy.s_{table}_raw (record integer, line integer, raw text)")
    connection.execute("DROP TABLE IF EXISTS legacy.s_corrected")
    connection.execute(
        'CREATE UNLOGGED TABLE legacy.s_corrected (correction_id integer, "table" text, record integer, digest uuid)'
    )


def stage(
    url: str,
    export: Export,
    on_event: OnEvent,
    *,
    corrections: Corrections,
    workers: int | None = None,
) -> dict[str, int]:
    """
    Copy every record of the export into staging, corrected where somebody has; return each table's number of records.

    Raises FatalExport where a file turns out to be unreadable.
    """
    expected = sum(source.estimated_records() for source in export.sources.values())
    count = workers if workers is not None else (min(os.cpu_count() or 1, 4) if expected > _WORTH_WORKERS else 0)
    records = dict.fromkeys(TABLES, 0)
    with _sinks(url, export, corrections, count) as send:
        for table, source in export.sources.items():
            estimate = source.estimated_records()
            for batch in source.batches(_BATCH):
                records[table] += len(batch.rows)
                send(table, batch)
                on_event(Staged(table, records[table], max(estimate, records[table])))
    return records


@contextmanager
def _sinks(url: str, export: Export, corrections: Corrections, count: int) -> Iterator[Callable[[str, Batch], None]]:
    """A function that brings a batch into staging: here, or in `count` worker processes."""
    if not count:
        with psycopg.connect(url, autocommit=True) as connection:
            copier = _Copier(connection, export.frame, export.option_sets, export.mapping, corrections)
            yield copier.copy
        return
    context = mp.get_context("spawn")
    pipes: list[Pipe] = []
    processes = []
    try:
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work,
                args=(theirs, url, export.frame, export.option_sets, export.mapping, corrections),
                daemon=True,
            )
            process.start()
            theirs.close()
            pipes.append(ours)
            processes.append(process)
        in_flight = dict.fromkeys(range(count), 0)
        turn = 0

        def send(table: str, batch: Batch) -> None:
            nonlocal turn
            turn = (turn + 1) % count
            while in_flight[turn] >= _AHEAD:
                _answer(pipes[turn])
                in_flight[turn] -= 1
            pipes[turn].send((table, batch))
            in_flight[turn] += 1

        yield send
        for number, pipe in enumerate(pipes):
            while in_flight[number]:
                _answer(pipe)
                in_flight[number] -= 1
            pipe.send(None)
            process = processes[number]
            process.join()
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join(timeout=10)
            if process.is_alive():
                process.terminate()


def _answer(pipe: Pipe) -> None:
    try:
        error = pipe.recv()
    except EOFError as gone:
        raise PhaseFailed("a worker process ended unexpectedly; resume with `crm legacy resume`") from gone
    if error:
        raise PhaseFailed(f"a worker process failed: {error}")


def _work(
    pipe: Pipe,
    url: str,
    frame: Frame,
    option_sets: dict[tuple[str, str], list[dict[str, Any]]],
    mapping: Mapping,
    corrections: Corrections,
) -> None:
    """Copy batches until told to stop, or until the process that sends them is gone."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock_shared(%s)", (Lock.LEGACY_STAGING.value,))
        copier = _Copier(connection, frame, option_sets, mapping, corrections)
        while True:
            try:
                task = pipe.recv()
            except EOFError:
                return
            if task is None:
                return
            try:
                copier.copy(*task)
            except Exception as error:  # noqa: BLE001 - told to the process that waits for the answer
                pipe.send(f"{type(error).__name__}: {error}")
                return
            pipe.send(None)


class _Copier:
    """Reads batches and copies them in."""

    def __init__(
        self,
        connection: Connection,
        frame: Frame,
        option_sets: dict[tuple[str, str], list[dict[str, Any]]],
        mapping: Mapping,
        corrections: Corrections,
    ) -> None:
        self._connection = connection
        self._corrections = corrections
        connection.execute("SET synchronous_commit = off")
        self._readers = {table: Reader(table, frame, option_sets, mapping) for table in TABLES}
        self._statements = {
            table: "COPY legacy.s_{} ({}) FROM STDIN".format(table, ", ".join(f'"{name}"' for name, _ in columns))
            for table, columns in COLUMNS.items()
        }

    def copy(self, table: str, batch: Batch) -> None:
        read, corrections = self._readers[table].read, self._corrections.get(table)
        lines, raws = [], []
        for number, came in enumerate(batch.records(), start=batch.first):
            record = self._corrected(table, number, came, corrections) if corrections else came
            lines.append(copy_line(read(number, record.cells, record.raw, repaired=record.repaired)))
            raws.append(copy_line([str(number), str(record.line), storable(record.raw)]))
        with self._connection.cursor() as cursor:
            with cursor.copy(self._statements[table]) as copy:
                copy.write("".join(lines))
            with cursor.copy(f"COPY legacy.s_{table}_raw FROM STDIN") as copy:
                copy.write("".join(raws))

    def _corrected(self, table: str, number: int, came: Record, corrections: dict[str, list[Corrected]]) -> Record:
        """A record with its corrected cells in place; a malformed record has the corrected ones alone."""
        digest = digest_of(came.raw)
        applied = [one for one in corrections.get(digest, ()) if one.record in {None, number}]
        if not applied:
            return came
        fields = TABLES[table].fields
        cells = list(came.cells) if came.cells is not None else [""] * len(fields)
        for one in applied:
            cells[fields.index(one.column)] = one.value
            self._connection.execute(
                "INSERT INTO legacy.s_corrected VALUES (%s, %s, %s, %s)", (one.correction_id, table, number, digest)
            )
        raw = orjson.dumps([came.raw, {one.column: one.value for one in applied}]).decode()
        return Record(came.line, cells, raw, came.repaired)
