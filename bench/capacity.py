"""
Measure what the data weighs and whether what is asked of it stays as cheap: the figures of docs/CAPACITY.md.

    python -m bench.capacity

BENCH_CAPACITY_SIZES (100k,1M people, all patients), BENCH_CAPACITY_EVENTS (10 audit events a person, over the twelve
months before), BENCH_CAPACITY_RESULT (bench-capacity.json). Says first how much disk and about how much time it takes,
and stops when the disk has less. What is counted are the blocks of 8 KiB that PostgreSQL touches and the bytes that it
writes ahead: neither depends on what else the machine does. CRM_DATABASE_URL or CRM_DATA_DIR say where; the databases
bench_… are made and dropped.
"""

import asyncio
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psycopg
import structlog
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.main import create_app
from app.platform.db import Database, create_engine
from app.platform.settings import Settings
from bench import data, machine
from bench.__main__ import read_size
from bench.runner import filled, postgres

MONTHS = 12
ROUNDS = 7
BYTES_PER_PERSON = 6_500
BYTES_PER_EVENT = 650
"""As measured at a million people: tables, indexes, and a third more while they are made."""
PEOPLE_PER_SECOND = 1_500
EVENTS_PER_SECOND = 15_000
"""As on two cores that others used at the same time."""

_MONTH = """
    CREATE TABLE {name} PARTITION OF audit_event FOR VALUES FROM ({begins}) TO ({ends});
    INSERT INTO {name} (audit_event_id, at, actor_id, action, record_type, record_id, person_ids, outcome, request_id)
    SELECT uuidv7(at - now()), at, actor_id, 'get_patient', 'patient',
           ('018e0000-0000-7002-8000-' || lpad(to_hex(seen), 12, '0'))::uuid,
           ARRAY[('018e0000-0000-7001-8000-' || lpad(to_hex(seen), 12, '0'))::uuid], 'done', lpad(to_hex(n), 24, '0')
    FROM (SELECT n, {begins}::timestamptz + ({ends}::timestamptz - {begins}::timestamptz) * (n / {events}::float) AS at,
                 1 + floor(random() * {people})::bigint AS seen, (%(owners)s::uuid[])[1 + n %% {owners}] AS actor_id
          FROM generate_series(0, {events} - 1) AS n) AS made
"""
"""A month that is over, with its events in the order of time."""
_SIZES = """
    SELECT coalesce(parent.relname, c.relname), sum(pg_table_size(c.oid))::bigint, sum(pg_indexes_size(c.oid))::bigint
    FROM pg_class AS c
    LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid LEFT JOIN pg_class AS parent ON parent.oid = i.inhparent
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
    GROUP BY 1 ORDER BY sum(pg_total_relation_size(c.oid)) DESC
"""


def main() -> None:
    sizes = [read_size(one.strip()) for one in os.environ.get("BENCH_CAPACITY_SIZES", "100k,1M").split(",")]
    events = int(os.environ.get("BENCH_CAPACITY_EVENTS", "10"))
    settings = Settings.from_environment()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console, say, started = Console(width=120), Console(stderr=True, highlight=False), time.monotonic()

    def tell(what: str) -> None:
        say.print(f"[{time.monotonic() - started:6.1f} s] {what}", markup=False)

    largest = max(sizes)
    disk = largest * (BYTES_PER_PERSON + events * BYTES_PER_EVENT)
    seconds = sum(size / PEOPLE_PER_SECOND + size * events / EVENTS_PER_SECOND for size in sizes)
    tell(f"takes {disk / 2**30:.0f} GiB of disk and about {seconds / 60:.0f} minutes")
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.data_dir).free
    if settings.database_url is None and free < disk:
        sys.exit(f"{settings.data_dir} has {free / 2**30:.0f} GiB: too little. BENCH_CAPACITY_SIZES asks for fewer.")
    found = {}
    with postgres(settings) as place:
        for size in sizes:
            with filled(place, size, tell) as (url, key, filling):
                found[size] = {"fill_seconds": filling, **measure(url, key, size, events, tell)}
    _print(console, found)
    written = Path(os.environ.get("BENCH_CAPACITY_RESULT", "bench-capacity.json"))
    written.write_text(
        json.dumps({"machine": machine.description(), "events": events, "sizes": found}, indent=2) + "\n"
    )
    tell(f"all figures: {written}")


def measure(url: str, key: str, people: int, events: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Bytes of each table, blocks of each question, and bytes written ahead by each write."""
    with psycopg.connect(url, autocommit=True) as connection:
        seconds = _past_months(connection, people, events, tell)
        sizes = {name: [rows, indexes] for name, rows, indexes in connection.execute(_SIZES).fetchall()}
    tell(f"{people:,} people: questions")
    return {"audit_seconds": seconds, "sizes": sizes, **asyncio.run(_asked(url, key, people))}


def _past_months(
    connection: psycopg.Connection, people: int, events: int, tell: Callable[[str], None]
) -> dict[str, float]:
    owners = [
        str(row[0]) for row in connection.execute("SELECT user_account_id FROM user_account WHERE kind = 'human'")
    ]
    seconds = {"rows": 0.0, "indexes": 0.0}
    for back in range(MONTHS, 0, -1):
        row = connection.execute(
            "SELECT to_char(begins, 'YYYY_MM'), begins::date::text, (begins + interval '1 month')::date::text FROM "
            "(SELECT date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => %s) AS begins) AS one",
            [back],
        ).fetchone()
        assert row is not None  # noqa: S101 - of a benchmark
        month, begins, ends = row
        tell(f"{people:,} people: audit events of {month}")
        made = _MONTH.format(
            name=f"audit_event_{month}",
            begins=f"'{begins} 00:00+00'",
            ends=f"'{ends} 00:00+00'",
            events=people * events // MONTHS,
            people=people,
            owners=len(owners),
        )
        started = time.perf_counter()
        for statement in made.split(";"):
            connection.execute(statement.encode(), {"owners": owners})
        seconds["rows"] += time.perf_counter() - started
    started = time.perf_counter()
    connection.execute("SELECT close_audit_partitions()")
    seconds["indexes"] = time.perf_counter() - started
    connection.execute("VACUUM ANALYZE audit_event")
    return {name: round(value, 1) for name, value in seconds.items()}


async def _asked(url: str, key: str, people: int) -> dict[str, Any]:
    settings = Settings.model_validate({"database_url": url, "fast_paths": False})
    database = Database(create_engine(settings, url))
    async with database.unit_of_work() as session:
        auditor = await create_service_key(session, command_actor(), role=Role.AUDITOR, name="Capacity")
    middle = data.person_id(people // 2)
    condition = "?"
    transport = httpx.ASGITransport(app=create_app(settings, database))
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://bench/api/v1") as client,
        await psycopg.AsyncConnection.connect(url, autocommit=True) as watching,
    ):

        async def get(path: str, secret: str = key) -> None:
            (await client.get(path, headers={"Authorization": f"Bearer {secret}"})).raise_for_status()

        async def new_patient(number: int) -> None:
            body = {
                "person": {"first_name": "Zoe", "last_name": f"Weigh{number}", "email": f"weigh{number}@example.org"},
                "medical_condition_id": condition,
            }
            answer = await client.post("/patients", json=body, headers={"Authorization": f"Bearer {key}"})
            answer.raise_for_status()

        row = await (await watching.execute("SELECT medical_condition_id::text FROM patient LIMIT 1")).fetchone()
        condition = row[0] if row else condition
        questions = {
            "a patient": lambda: get(f"/patients/{data.patient_id(people // 2)}"),
            "fifty patients": lambda: get("/patients?limit=50"),
            "fifty patients of a status and condition": lambda: get(
                f"/patients?limit=50&status=paused&medical_condition_id={condition}"
            ),
            "fifty calls": lambda: get("/call-history?limit=50"),
            "fifty leads": lambda: get("/leads?limit=50"),
            "the calls of a patient": lambda: get(f"/patients/{data.patient_id(people // 2)}/calls"),
            "who saw this person": lambda: get(f"/persons/{middle}/access-report", auditor),
            "the newest audit events": lambda: get("/audit-events", auditor),
        }
        blocks = {name: await _blocks(database, watching, ask) for name, ask in questions.items()}
        before = await _written(watching)
        for number in range(100):
            await new_patient(number)
        ahead = (await _written(watching) - before) / 100
        numbers = iter(range(1000, 1000 + ROUNDS + 1))
        blocks["a new patient"] = await _blocks(database, watching, lambda: new_patient(next(numbers)))
    await database.close()
    return {"blocks": blocks, "written_ahead_per_patient": round(ahead)}


async def _blocks(database: Database, watching: Any, ask: Callable[[], Awaitable[None]]) -> int:
    """The median number of blocks that a request touches once it has been asked before."""
    await ask()
    counted = []
    for _ in range(ROUNDS):
        before = await _touched(database, watching)
        await ask()
        counted.append(await _touched(database, watching) - before)
    # What the counting itself touches.
    empty = await _touched(database, watching)
    return round(median(counted) - (await _touched(database, watching) - empty))


async def _touched(database: Database, watching: Any) -> int:
    # The pool gives the connection that was given back last: the one of the request, which has its figures still.
    async with database.engine.connect() as connection:
        await connection.execute(text("SELECT pg_stat_force_next_flush()"))
        await connection.commit()
        await connection.execute(text("SELECT 1"))
    row = await (
        await watching.execute("SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()")
    ).fetchone()
    return int(row[0])


async def _written(watching: Any) -> int:
    row = await (await watching.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")).fetchone()
    return int(row[0])


def _print(console: Console, found: dict[int, dict[str, Any]]) -> None:
    weights = Table(title="Bytes a row stands for: table + indexes", title_justify="left")
    blocks = Table(title="Blocks of 8 KiB that a question touches", title_justify="left")
    for table in (weights, blocks):
        table.add_column("")
        for people in found:
            table.add_column(f"{people:,} people", justify="right")
    names = list(next(reversed(found.values()))["sizes"])[:16]
    for name in names:
        of_each = (one["sizes"].get(name, [0, 0]) for one in found.values())
        weights.add_row(name, *(f"{rows / 2**20:,.0f} + {indexes / 2**20:,.0f} MiB" for rows, indexes in of_each))
    for name in next(iter(found.values()))["blocks"]:
        blocks.add_row(name, *(f"{one['blocks'][name]:,}" for one in found.values()))
    console.print(weights)
    console.print(blocks)
    for people, one in found.items():
        whole = sum(map(sum, one["sizes"].values()))
        console.print(
            f"{people:,} people: {whole / 2**30:.2f} GiB in all, {one['written_ahead_per_patient']:,} bytes written "
            f"ahead for a new patient"
        )


if __name__ == "__main__":
    main()
