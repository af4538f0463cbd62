"""One run at one size: fill, serve, take turns, measure."""

import asyncio
import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

import psycopg
from sqlalchemy import make_url

from app import setup
from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.platform.db import Database, create_engine
from app.platform.embedded import find_binaries, running
from app.platform.settings import Settings
from bench import data, machine, pgbench
from bench.operations import SEARCHED, Operation, operations
from bench.recorded import Sent, statements_of
from bench.server import Server, serving

CONNECTIONS = 16
WARM_UP_SECONDS = 1.0
TARGETS = ("pgbench", "crm", "ordinary")
"""PostgreSQL alone; the CRM; the CRM with its fast paths switched off, where it has one."""


@dataclass(frozen=True)
class Plan:
    """How much is measured: slices of `seconds`, `rounds` of each; figures are medians of the rounds."""

    sizes: tuple[int, ...]
    seconds: float
    rounds: int


@dataclass(frozen=True)
class Place:
    """A PostgreSQL to measure on. `postmaster` is None when it runs elsewhere: then its CPU is not known."""

    url: Callable[[str], str]
    programs: Path
    postmaster: int | None


@contextmanager
def postgres(settings: Settings) -> Iterator[Place]:
    """The configured PostgreSQL, or the embedded one of the data folder."""
    programs = find_binaries(settings.pg_bin)
    if settings.database_url is not None:
        configured = make_url(settings.database_url.get_secret_value())

        def named(database: str) -> str:
            return configured.set(database=database).render_as_string(hide_password=False)

        yield Place(named, programs, None)
        return
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with running(settings.data_dir, pg_bin=settings.pg_bin) as cluster:
        yield Place(cluster.url, programs, cluster.postmaster_pid)


@contextmanager
def filled(place: Place, size: int, tell: Callable[[str], None]) -> Iterator[tuple[str, str, dict[str, float]]]:
    """A database with `size` patients, dropped at the end: its address, a navigator's key, the seconds it took."""
    name = f"bench_{size}"
    with psycopg.connect(place.url("postgres"), autocommit=True) as connection:
        data.drop_database(connection, name)
        data.create_database(connection, name)
    url = place.url(name)
    try:
        setup.move_to_head(url)
        key = asyncio.run(prepare(url))
        with psycopg.connect(url) as connection:
            seconds = data.fill(connection, patients=size, tell=tell)
        yield url, key, seconds
    finally:
        with psycopg.connect(place.url("postgres"), autocommit=True) as connection:
            data.drop_database(connection, name)


async def prepare(url: str) -> str:
    """Add the reference data; a navigator's key."""
    database = Database(create_engine(Settings.model_validate({"database_url": url}), url))
    await setup.add_reference_data(database)
    async with database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name="Benchmark")
    await database.close()
    return key


def measure(place: Place, size: int, plan: Plan, tell: Callable[[str], None]) -> dict[str, Any]:
    """Everything of one size: seconds of the filling, memory of the workers, and the medians of each operation."""
    with filled(place, size, tell) as (url, key, fill_seconds):
        searches = [f"/api/v1/patients?{urlencode({'q': typed})}" for typed in SEARCHED]
        recorded: dict[str, list[list[Sent]]] = {"search": asyncio.run(statements_of(url, key=key, targets=searches))}
        with psycopg.connect(url) as connection:
            asked = operations(connection, key=key, size=size, recorded=recorded)
        with serving(url, fast_paths=True) as crm, serving(url, fast_paths=False) as ordinary:
            servers = {"crm": crm, "ordinary": ordinary}
            slices: dict[tuple[str, str], list[dict[str, Any]]] = {}
            for number in range(plan.rounds + 1):
                for operation in asked:
                    for target in TARGETS[: 3 if operation.has_fast_path else 2]:
                        seconds = plan.seconds if number else WARM_UP_SECONDS
                        found = _slice(place, url, servers, operation, target, size, seconds, seed=number + 1)
                        if number:
                            slices.setdefault((operation.name, target), []).append(found)
                tell(f"{size:,} patients: " + (f"round {number} of {plan.rounds}" if number else "warm"))
            memory = {name: round(machine.worker_mib(server.pid), 1) for name, server in servers.items()}
    result: dict[str, dict[str, Any]] = {}
    for (operation_name, target), rounds in slices.items():
        result.setdefault(operation_name, {})[target] = _medians(rounds)
    return {"patients": size, "fill_seconds": fill_seconds, "worker_mib": memory, "operations": result}


def _slice(
    place: Place,
    url: str,
    servers: dict[str, Server],
    operation: Operation,
    target: str,
    size: int,
    seconds: float,
    *,
    seed: int,
) -> dict[str, Any]:
    server = servers.get(target)

    def work() -> dict[str, Any]:
        if server is None:
            program = place.programs / "pgbench"
            return pgbench.run(program, url, operation.scripts, seconds=seconds, clients=CONNECTIONS)
        return load(server, operation, size, seconds, seed=seed + (50 if target == "ordinary" else 0))

    pids = {"app": server.pid if server else None, "postgres": place.postmaster}
    found, cpu = machine.cpu_of(pids, work)
    # Backends of clients that have left hand their CPU over when the postmaster notices.
    time.sleep(0.05)
    for name, used in cpu.items():
        found[f"{name}_cpu_us"] = None if used is None else used / found["requests"] * 1e6
    return dict(found)


def load(
    server: Server, operation: Operation, size: int, seconds: float, *, seed: int, connections: int = CONNECTIONS
) -> dict[str, Any]:
    """What the load generator found; RuntimeError when it was answered otherwise than expected."""
    job = {
        "host": server.host,
        "port": server.port,
        "connections": connections,
        "seconds": seconds,
        "seed": seed,
        "range": [1, data.living(size)],
        "choices": list(operation.choices),
        "template": base64.b64encode(operation.template.encode()).decode(),
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"], input=json.dumps(job), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the load generator failed on {operation.name}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    if set(found["statuses"]) != {operation.expected}:
        raise RuntimeError(f"{operation.name} was answered with {found['statuses']}, not {operation.expected} alone")
    return found


_FIGURES = ("per_second", "p50_ms", "p99_ms", "app_cpu_us", "postgres_cpu_us", "generator_cpu_us")


def _medians(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"requests": sum(part["requests"] for part in rounds)}
    for name in _FIGURES:
        values = [part[name] for part in rounds if part.get(name) is not None]
        found[name] = round(median(values), 3) if values else None
    found["per_second_rounds"] = [round(part["per_second"]) for part in rounds]
    return found
