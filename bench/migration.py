"""
Measure the migration: time and rows of each phase, memory, the same export again, undo, the floor, a naive loop.

    python -m bench.legacy            BENCH_LEGACY_SIZES (10k,100k; 1M takes some minutes), CRM_PG_BIN

CPU is of all processes: on a machine that others use it says more than the seconds. The floor is COPY of the rows that
a run has written. The naive loop is what one would write first: read a row, look the e-mail up, insert person and lead
by the ORM, flush.
"""

import asyncio
import csv
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.commands.preparing import with_database
from app.conditions.models import MedicalCondition
from app.leads.models import PatientLead
from app.legacy import runner
from app.legacy.phases.p02_schema import TARGETS
from app.legacy.progress import Event, PhaseBegun, PhaseDone
from app.legacy.sample import write_sample
from app.legacy.undo import undo
from app.people.keys import email_key
from app.people.models import Person
from app.people.search import rows as search
from app.platform import schema
from app.platform.db import Database, create_engine
from app.platform.embedded import Cluster, running
from app.platform.settings import Settings
from app.setup import add_reference_data
from bench import machine
from bench.__main__ import read_size

_NAIVE_ROWS = 2_000


class _Cost(NamedTuple):
    """Seconds by the clock, and of CPU."""

    seconds: float
    python: float
    postgres: float


_NOTHING = _Cost(0, 0, 0)


class _Timed:
    """Keeps what the reading and each phase took: seconds, and CPU of Python and of PostgreSQL."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._before = self._now()
        self.reading: _Cost | None = None
        self.phases: list[tuple[PhaseDone, _Cost]] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, PhaseBegun) and event.number == 1:
            self.reading = self.lap()
        elif isinstance(event, PhaseDone):
            self.phases.append((event, self.lap()))

    def lap(self) -> _Cost:
        """What was used since the last time."""
        now = self._now()
        used = _Cost(*(after - before for after, before in zip(now, self._before, strict=True)))
        self._before = now
        return used

    def _now(self) -> _Cost:
        # The workers of the reading have ended and been waited for when it is done, so their CPU is counted here.
        own = os.times()
        python = own.user + own.system + own.children_user + own.children_system
        return _Cost(time.perf_counter(), python, machine.cpu_seconds(self._cluster.postmaster_pid))


@contextmanager
def _peak_memory(cluster: Cluster) -> Iterator[list[float]]:
    """The largest sum of MiB that Python held in all its processes; in the list afterwards."""
    most, over = [0.0], threading.Event()
    own = psutil.Process()

    def look() -> None:
        while not over.wait(0.5):
            with suppress(psutil.NoSuchProcess):
                ours = [own, *(p for p in own.children(recursive=True) if _is_python(p, cluster.postmaster_pid))]
                most[0] = max(most[0], sum(p.memory_full_info().uss for p in ours) / (1 << 20))

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    try:
        yield most
    finally:
        over.set()
        watch.join()


def _is_python(process: psutil.Process, postmaster: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.pid != postmaster and "python" in process.name()
    return False


def measure(cluster: Cluster, size: int, folder: Path, out: Console) -> float:
    """Migrate about `size` contacts into a fresh database; print the figures; microseconds per record."""
    url = fresh(cluster, f"bench_legacy_{size}")
    records = write_sample(folder / str(size), contacts=size, seed=1, dirt=0.15)
    with _peak_memory(cluster) as memory:
        timed = _Timed(cluster)
        done = runner.run(url, folder / str(size), on_event=timed)
    table = Table(
        "phase",
        "seconds",
        "CPU Python",
        "CPU PostgreSQL",
        "rows written",
        title=f"{size:,} contacts, {records:,} records",
    )

    def add(name: str, used: _Cost, rows: str = "") -> None:
        table.add_row(name, f"{used.seconds:.1f}", f"{used.python:.1f}", f"{used.postgres:.1f}", rows)

    parts = [timed.reading or _NOTHING, *(used for _, used in timed.phases)]
    add("reading", parts[0])
    for phase, used in timed.phases:
        add(f"{phase.number} {phase.name}", used, f"{phase.rows:,}")
    add("all", _Cost(*(sum(values) for values in zip(*parts, strict=True))), f"{done.rows_written:,}")
    timed.lap()
    made = asyncio.run(with_database(Settings.model_validate({"database_url": url}), url, search.fill))
    add("the people search", timed.lap(), f"{made:,}")
    slowest = _slowest_stages(url)
    floor = _copy_floor(url, folder / "floor")
    timed.lap()
    again = runner.run(url, folder / str(size))
    add("the same export again", timed.lap(), f"{again.rows_written:,}")
    taken = undo(url)
    add("undo", timed.lap(), f"{taken.removed:,}")
    out.print(table)
    out.print(f"COPY of the same rows into bare tables {floor[0]:.1f} s, their indexes {floor[1]:.1f} s")
    per_record = done.seconds / records * 1e6
    out.print(f"{per_record:.0f} µs per record; {memory[0]:.0f} MB of Python in all processes at most")
    out.print(
        "The slowest stages:", *(f"  {seconds:6.2f} s  {phase} {name}" for phase, name, seconds in slowest), sep="\n"
    )
    return per_record


def _slowest_stages(url: str) -> list[tuple[int, str, float]]:
    """Phase, name and seconds of the twenty stages that took longest."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT phase, s ->> 0, (s ->> 1)::float FROM legacy.phase, jsonb_array_elements(stages) AS s"
            " ORDER BY 3 DESC LIMIT 20"
        ).fetchall()


def _copy_floor(url: str, file: Path) -> tuple[float, float]:
    """Seconds that COPY takes for the rows of the run in bare tables, and the building of the tables' indexes."""
    copied = built = 0.0
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA floor")
        connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '256MB'")
        for table in TARGETS:
            with (
                file.open("wb") as written,
                connection.cursor().copy(f"COPY (SELECT * FROM {table}) TO STDOUT") as copy,
            ):
                for block in copy:
                    written.write(block)
            connection.execute(f"CREATE TABLE floor.{table} (LIKE public.{table})")
            began = time.perf_counter()
            with file.open("rb") as read, connection.cursor().copy(f"COPY floor.{table} FROM STDIN") as copy:
                while block := read.read(1 << 18):
                    copy.write(block)
            copied += time.perf_counter() - began
            began = time.perf_counter()
            for (made,) in connection.execute(
                "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass", (f"public.{table}",)
            ).fetchall():
                connection.execute(made.replace(f" ON public.{table} ", f" ON floor.{table} "))
            built += time.perf_counter() - began
        connection.execute("DROP SCHEMA floor CASCADE")
    file.unlink()
    return copied, built


def fresh(cluster: Cluster, name: str) -> str:
    """The address of an empty database at the newest revision."""
    engine = schema.sync_engine(cluster.url())
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    url = cluster.url(name)
    schema.upgrade(url)
    return url


async def naive(url: str, contacts: Path) -> float:
    """Records per second of the loop one would write first, over the first contacts."""
    database = Database(create_engine(Settings.model_validate({"database_url": url}), url))
    await add_reference_data(database)
    began, count = time.perf_counter(), 0
    async with database.unit_of_work() as session:
        condition = await session.scalar(select(MedicalCondition).limit(1))
        with contacts.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                if count >= _NAIVE_ROWS:
                    break
                await _naive_row(session, row, condition)
                count += 1
    await database.close()
    return count / (time.perf_counter() - began)


async def _naive_row(session: AsyncSession, row: dict[str, str], condition: MedicalCondition | None) -> None:
    key = email_key(row["emailaddress1"] or "")
    person = await session.scalar(select(Person).where(Person.email_key == key)) if key else None
    first, last = row["firstname"] or "Unknown", row["lastname"] or "Unknown"
    if person is None:
        person = Person(first_name=first[:100], last_name=last[:100], email=key, email_key=key)
        session.add(person)
        await session.flush()
    if condition is not None:
        session.add(
            PatientLead(
                person_id=person.person_id, medical_condition_id=condition.medical_condition_id, source="import"
            )
        )
        await session.flush()


def main() -> None:
    """Measure each size, then the naive loop."""
    out = Console(width=120)
    sizes = [read_size(size.strip()) for size in os.environ.get("BENCH_LEGACY_SIZES", "10k,100k").split(",")]
    with (
        tempfile.TemporaryDirectory(prefix="crm-bench-") as kept,
        running(Path(kept) / "data", durable=False) as cluster,
    ):
        Path(kept).chmod(0o711)
        costs = [measure(cluster, size, Path(kept), out) for size in sizes]
        out.print(f"cost per record, largest to smallest size: {costs[-1] / costs[0]:.2f}")
        speed = asyncio.run(naive(fresh(cluster, "bench_legacy_naive"), Path(kept) / str(sizes[0]) / "contact.csv"))
        out.print(f"naive ORM loop: {speed:.0f} contacts/s")
    sys.stdout.flush()
