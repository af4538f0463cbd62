"""
How long a backup takes to be made, verified and restored, and what is lost with the server's disk.

    python -m bench.backups [PART ...]      dump, moment: both unless named

BENCH_SIZES (100k) patients, and as many documents of 1 MiB as make it BENCH_GIB (1) in all. The parts are functions
below, each with what it does. It works in a folder of its own, which is removed. Exit code 1 when something is lost
that the archive has said it had.
"""

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg
import pyrage
from rich.console import Console
from sqlalchemy import select

from app import setup
from app.documents.models import Document
from app.documents.service import add_kept_version
from app.people.models import Person
from app.platform import grants
from app.platform.db import Database, create_engine
from app.platform.embedded import Cluster, exit_on_sigterm, running
from app.platform.embedded.locks import is_locked
from app.platform.files import Files
from app.platform.roles import APPLICATION, ARCHIVE, OWNER
from app.platform.settings import Settings
from bench import data, machine
from bench.__main__ import read_size
from bench.processes import CRM, Process, kill_postgresql, wait_for
from bench.runner import prepare

DOCUMENT_BYTES = 1024 * 1024
SECRET = "a key of the benchmark, which opens its documents"  # noqa: S105 - of made-up documents
ARCHIVE_TIMEOUT: Final = 60
"""Seconds, as docs/DEPLOYMENT.md has it."""
WRITE_SECONDS: Final = 180
WRITE_EVERY: Final = 0.1
_say = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class World:
    """A server with its patients and documents, and the environment of the commands."""

    folder: Path
    cluster: Cluster
    env: dict[str, str]

    @property
    def identity(self) -> tuple[str, str]:
        return "--identity", str(self.folder / "identity.txt")

    @property
    def backups(self) -> Path:
        return self.folder / "backups"


def main() -> None:
    exit_on_sigterm()
    names = sys.argv[1:] or list(PARTS)
    if unknown := set(names) - PARTS.keys():
        sys.exit(f"There is no part {', '.join(unknown)}: name some of {', '.join(PARTS)}.")
    patients, gib = read_size(os.environ.get("BENCH_SIZES", "100k")), float(os.environ.get("BENCH_GIB", "1"))
    _say.print(f"{5 * gib:.0f} GiB of room are needed, and some ten minutes for each part.")
    folder = Path(tempfile.mkdtemp(prefix="crm-bench-"))
    folder.chmod(0o711)  # the database runs as a user of its own
    try:
        _measure(folder, patients, int(gib * 2**30), [part for name, part in PARTS.items() if name in names])
    finally:
        shutil.rmtree(folder)


def _measure(folder: Path, patients: int, bytes_in_all: int, parts: list[Callable[[World], None]]) -> None:
    private = pyrage.x25519.Identity.generate()
    (folder / "identity.txt").write_text(f"{private}\n")
    with running(folder / "data") as cluster:
        owner = cluster.url()
        setup.move_to_head(owner)
        asyncio.run(prepare(owner))
        with psycopg.connect(owner) as connection:
            data.fill(connection, patients=patients, tell=_say.print)
            size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert size is not None  # noqa: S101 - a function has an answer
        documents = max(1, (bytes_in_all - int(size[0])) // DOCUMENT_BYTES)
        asyncio.run(_add_documents(owner, folder / "documents", documents))
        print(f"{patients} patients, {size[0] / 2**20:.0f} MiB of database, {documents} documents of 1 MiB", flush=True)
        env = {
            **os.environ,
            "CRM_DATABASE_URL": cluster.url(role=APPLICATION),
            "CRM_OWNER_DATABASE_URL": owner,
            "CRM_DATA_DIR": str(folder / "crm"),
            "CRM_DOCUMENTS": str(folder / "documents"),
            "CRM_SECRET_KEY": SECRET,
            "CRM_BACKUPS": str(folder / "backups"),
            "CRM_BACKUP_RECIPIENTS": str(private.to_public()),
        }
        for part in parts:
            part(World(folder, cluster, env))


# The parts


def dump(world: World) -> None:
    """A backup is made, verified with and without the identity, and restored into another database."""
    cluster, restored = world.cluster, world.folder / "restored"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE restored OWNER {OWNER}".encode())
    elsewhere = world.env | {
        "CRM_DATABASE_URL": cluster.url("restored", role=APPLICATION),
        "CRM_OWNER_DATABASE_URL": cluster.url("restored"),
        "CRM_DOCUMENTS": str(restored),
    }
    _time(world.env, "create")
    _time(world.env, "verify", "newest")
    _time(world.env, "verify", "newest", *world.identity)
    _time(elsewhere, "restore", "newest", *world.identity)
    print(f"the backup has {_mib(world.backups.iterdir()):.0f} MiB", flush=True)
    # A base is of the whole server.
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        data.drop_database(connection, "restored")
    shutil.rmtree(restored)
    shutil.rmtree(world.backups)


def moment(world: World) -> None:
    """
    With an archive that goes on, a base is made. Then a client writes until the server is killed, late in a segment of
    the log, and its files, the documents and the archive's spool are removed. The newest moment is brought back.
    """
    cluster, folder = world.cluster, world.folder
    home = cluster.log.parent
    env = world.env | {"CRM_ARCHIVE_DATABASE_URL": _let_archive(cluster, home)}
    archive = Process((CRM, "backup", "archive"), folder / "archive.log", env)
    archive.start()
    try:
        _time(env, "create", "--base")
        print(f"the base has {_mib(world.backups.glob('base-*')):.0f} MiB", flush=True)
        _make_log(cluster.url())
        writer = Writer(cluster.url())
        writer.start()
        time.sleep(WRITE_SECONDS)
        before = len(_segments(world))
        wait_for("the next segment", lambda: len(_segments(world)) > before)
        time.sleep(ARCHIVE_TIMEOUT * 0.9)
        assert archive.running is not None  # noqa: S101 - it was started
        used = psutil.Process(archive.running.pid)
        print(
            f"the archive took {machine.cpu_seconds(used.pid):.1f} s of a processor in "
            f"{time.time() - used.create_time():.0f} s, {used.memory_info().rss / 2**20:.0f} MiB of memory",
            flush=True,
        )
    finally:
        archive.kill()
    kill_postgresql(home / "data")
    wait_for("the end of the server", lambda: not is_locked(home / "server.lock"))
    writer.join()
    for gone in (home / "data", folder / "documents", folder / "crm"):
        shutil.rmtree(gone)
    (told,) = (world.backups / "wal").glob("*.json")
    reached = datetime.fromisoformat(json.loads(told.read_text())["reached"])

    # Where the embedded server looks for its files.
    again = folder / "again" / "postgres"
    again.mkdir(parents=True)
    shutil.copy(home / "passwords.json", again)
    _time(env | {"CRM_DOCUMENTS": str(folder / "restored")}, "restore", "--data", str(again / "data"), *world.identity)
    (base,) = world.backups.glob("base-*.json")
    first = json.loads(base.read_text())["first_segment"]
    log = [path for path in _segments(world) if path.name[17:41] >= first]
    print(f"the log has {len(log)} segments of 16 MiB, stored in {_mib(log):.0f} MiB", flush=True)
    begun = time.perf_counter()
    with running(folder / "again") as server, psycopg.connect(server.url()) as connection:
        seconds = time.perf_counter() - begun
        back = {number for (number,) in connection.execute("SELECT number FROM acknowledged")}
    lost = [at for number, at in writer.acknowledged.items() if number not in back]
    newest = max(writer.acknowledged.values())
    print(
        f"the server started in {seconds:.1f} s; of {len(writer.acknowledged)} acknowledged writes "
        f"{len(lost)} are lost, those of the last {(newest - min(lost)).total_seconds() if lost else 0:.1f} s",
        flush=True,
    )
    if lost and min(lost) < reached:
        sys.exit(f"A write is lost that was acknowledged before {reached}, which the archive had reached.")


PARTS: Final[dict[str, Callable[[World], None]]] = {"dump": dump, "moment": moment}
"""In this order: the second takes the server away."""


class Writer(threading.Thread):
    """Commits a row at a time until the server is gone, and keeps when each was acknowledged."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.acknowledged: dict[int, datetime] = {}

    def run(self) -> None:
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute("CREATE TABLE acknowledged (number bigint PRIMARY KEY)")
                while True:
                    number = len(self.acknowledged) + 1
                    connection.execute("INSERT INTO acknowledged VALUES (%s)", [number])
                    self.acknowledged[number] = datetime.now(UTC)
                    time.sleep(WRITE_EVERY)
        except psycopg.OperationalError:
            return


def _let_archive(cluster: Cluster, home: Path) -> str:
    """The account of the archive and the server's settings, as docs/DEPLOYMENT.md has them: the address."""
    with (home / "postgresql.conf").open("a") as file:
        file.write(f"archive_timeout = {ARCHIVE_TIMEOUT}\n")
    with (home / "pg_hba.conf").open("a") as file:
        file.write(f"local all,replication {ARCHIVE} scram-sha-256\n")
    password = secrets.token_hex(24)
    with psycopg.connect(cluster.url(role="postgres")) as connection:
        grants.make(connection, {ARCHIVE: password})
        connection.execute("SELECT pg_reload_conf()")
    return replace(cluster, passwords={ARCHIVE: password}).url(role=ARCHIVE)


def _make_log(owner: str) -> None:
    """Each person and each call is changed once: log that a restore has to work through."""
    with psycopg.connect(owner, autocommit=True) as connection:
        for table in ("person", "call_history"):
            connection.execute(f"UPDATE {table} SET version = version + 1".encode())


def _segments(world: World) -> list[Path]:
    return list((world.backups / "wal").glob("*.age"))


def _mib(files: Iterable[Path]) -> float:
    return sum(path.stat().st_size for path in files) / 2**20


def _time(env: dict[str, Any], *arguments: str) -> None:
    begun = time.perf_counter()
    command = subprocess.Popen([CRM, "backup", *arguments], env=env)  # noqa: S603 - our own program
    pid = memory = 0
    while pid == 0:
        # The system's own figure of the most is that of this process, where the command has begun as its copy.
        with suppress(psutil.Error):
            memory = max(memory, psutil.Process(command.pid).memory_info().rss)
        pid, status, used = os.wait4(command.pid, os.WNOHANG)
        time.sleep(0.05)
    seconds = time.perf_counter() - begun
    if status != 0:
        raise SystemExit(f"crm backup {arguments[0]} ended with {os.waitstatus_to_exitcode(status)}")
    # The processor's time is its own and that of the programs it waits for; a server's comes on top.
    print(
        f"{' '.join(one for one in arguments if '/' not in one)}: {seconds:.1f} s, "
        f"{used.ru_utime + used.ru_stime:.1f} s of a processor, "
        f"{memory / 2**20:.0f} MiB of memory, load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


async def _add_documents(owner: str, folder: Path, count: int) -> None:
    files = Files(Settings.model_validate({"documents": str(folder), "secret_key": SECRET}))
    database = Database(create_engine(Settings.model_validate({"database_url": owner}), owner))
    async with database.unit_of_work() as session:
        people = list(await session.scalars(select(Person.person_id).limit(count)))
        for number in range(count):
            document = Document(person_id=people[number % len(people)], title="Letter", kind="letter")
            session.add(document)
            await session.flush()
            kept = files.put("application/pdf", BytesIO(os.urandom(DOCUMENT_BYTES)))
            await add_kept_version(session, document, kept, number=1, by=None)
    await database.close()


if __name__ == "__main__":
    main()
