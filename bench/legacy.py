"""
Measure the migration: seconds and rows of each phase, memory, cost per record over the sizes, and a naive loop.

    python -m bench.legacy            BENCH_LEGACY_SIZES (10k,100k; 1M takes some minutes), CRM_PG_BIN

The naive loop is what one would write first: read a row, look the e-mail up, insert person and lead by the ORM, flush.
"""

import asyncio
import csv
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.conditions.models import MedicalCondition
from app.leads.models import PatientLead
from app.legacy import runner
from app.legacy.progress import Event, PhaseBegun, PhaseDone
from app.legacy.sample import write_sample
from app.legacy.undo import undo
from app.people.keys import email_key
from app.people.models import Person
from app.platform import schema
from app.platform.db import Database, create_engine
from app.platform.embedded import Cluster, running
from app.platform.settings import Settings
from app.setup import add_reference_data
from bench.__main__ import read_size

_NAIVE_ROWS = 2_000


class _Timed:
    """Keeps what each phase took, and when the reading was done."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.reading = 0.0
        self.phases: list[PhaseDone] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, PhaseBegun) and event.number == 1:
            self.reading = time.perf_counter() - self.began
        elif isinstance(event, PhaseDone):
            self.phases.append(event)


def measure(cluster: Cluster, size: int, folder: Path, out: Console) -> float:
    """Migrate about `size` contacts into a fresh database; print the figures; microseconds per record."""
    url = fresh(cluster, f"bench_legacy_{size}")
    records = write_sample(folder / str(size), contacts=size, seed=1, dirt=0.15)
    timed = _Timed()
    done = runner.run(url, folder / str(size), on_event=timed)
    began = time.perf_counter()
    undo(url)
    undone = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table = Table("phase", "seconds", "rows written", title=f"{size:,} contacts, {records:,} records")
    table.add_row("reading", f"{timed.reading:.1f}", "")
    for phase in timed.phases:
        table.add_row(f"{phase.number} {phase.name}", f"{phase.seconds:.1f}", f"{phase.rows:,}")
    table.add_row("all", f"{done.seconds:.1f}", f"{done.rows_written:,}")
    table.add_row("undo", f"{undone:.1f}", f"{done.rows_written:,}")
    out.print(table)
    per_record = done.seconds / records * 1e6
    out.print(f"{per_record:.0f} µs per record; {memory:.0f} MB at most")
    return per_record


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


if __name__ == "__main__":
    main()
