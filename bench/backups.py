"""
How long a backup takes to be made, verified and restored: `python -m bench.backups`.

BENCH_SIZES (100k) patients, and as many documents of 1 MiB as make it BENCH_GIB (1) in all. It works in a folder of its
own, which is removed, and needs three times that room.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
import pyrage
from rich.console import Console
from sqlalchemy import select

from app import setup
from app.documents.models import Document
from app.documents.service import add_kept_version
from app.people.models import Person
from app.platform.db import Database, create_engine
from app.platform.embedded import exit_on_sigterm, running
from app.platform.files import Files
from app.platform.roles import APPLICATION, OWNER
from app.platform.settings import Settings
from bench import data
from bench.__main__ import read_size
from bench.runner import prepare

CRM = Path(sys.executable).parent / "crm"
DOCUMENT_BYTES = 1024 * 1024
SECRET = "a key of the benchmark, which opens its documents"  # noqa: S105 - of made-up documents
_say = Console(stderr=True, highlight=False)


def main() -> None:
    exit_on_sigterm()
    patients, gib = read_size(os.environ.get("BENCH_SIZES", "100k")), float(os.environ.get("BENCH_GIB", "1"))
    _say.print(f"{3 * gib:.0f} GiB of room are needed, and some ten minutes.")
    folder = Path(tempfile.mkdtemp(prefix="crm-bench-"))
    folder.chmod(0o711)  # the database runs as a user of its own
    try:
        _measure(folder, patients, int(gib * 2**30))
    finally:
        shutil.rmtree(folder)


def _measure(folder: Path, patients: int, bytes_in_all: int) -> None:
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
        print(f"{patients} patients, {size[0] / 2**20:.0f} MiB of database, {documents} documents of 1 MiB")
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE restored OWNER {OWNER}")
        env = {
            **os.environ,
            "CRM_DATABASE_URL": cluster.url(role=APPLICATION),
            "CRM_OWNER_DATABASE_URL": owner,
            "CRM_DOCUMENTS": str(folder / "documents"),
            "CRM_SECRET_KEY": SECRET,
            "CRM_BACKUPS": str(folder / "backups"),
            "CRM_BACKUP_RECIPIENTS": str(private.to_public()),
        }
        elsewhere = env | {
            "CRM_DATABASE_URL": cluster.url("restored", role=APPLICATION),
            "CRM_OWNER_DATABASE_URL": cluster.url("restored"),
            "CRM_DOCUMENTS": str(folder / "restored"),
        }
        identity = ("--identity", str(folder / "identity.txt"))
        _time(env, "create")
        _time(env, "verify", "newest")
        _time(env, "verify", "newest", *identity)
        _time(elsewhere, "restore", "newest", *identity)
        print(f"the backup has {sum(path.stat().st_size for path in (folder / 'backups').iterdir()) / 2**20:.0f} MiB")


def _time(env: dict[str, Any], *arguments: str) -> None:
    begun = time.perf_counter()
    command = subprocess.Popen([CRM, "backup", *arguments], env=env)  # noqa: S603 - our own program
    _, status, used = os.wait4(command.pid, 0)
    seconds = time.perf_counter() - begun
    if status != 0:
        raise SystemExit(f"crm backup {arguments[0]} ended with {os.waitstatus_to_exitcode(status)}")
    # The processor's time is its own and that of pg_dump or pg_restore; the server's comes on top.
    print(
        f"{' '.join(arguments[:3])}: {seconds:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of a processor, "
        f"{used.ru_maxrss / 1024:.0f} MiB of memory, load {os.getloadavg()[0]:.1f}",
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
