"""Any moment back: a base, the log and the documents of a real server, whose disk is then gone."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from subprocess import CompletedProcess

import psycopg
import pytest

from app.documents.models import Document
from app.documents.service import add_kept_version
from app.models import metadata
from app.platform import grants, schema
from app.platform.db import Database, create_engine
from app.platform.files import Files
from app.platform.settings import Settings
from tests import builders
from tests.backups.conftest import KEY, Keys
from tests.conftest import passable_folder
from tests.serving import CRM, crm_here, environment
from tests.two_servers import Node, make_node, one_server


@dataclass
class Drill:
    """A server with its archive, and what was written when."""

    node: Node
    folder: Path
    env: dict[str, str]
    identity: Path
    moment: datetime
    base: str

    def crm(self, *arguments: str, **settings: str) -> CompletedProcess[str]:
        return crm_here("backup", *arguments, env={**self.env, **settings})

    def restore(self, data: Path, *arguments: str, **settings: str) -> CompletedProcess[str]:
        there = {"CRM_DOCUMENTS": str(data.parent / "documents"), **settings}
        return self.crm("restore", "--data", str(data), "--identity", str(self.identity), *arguments, **there)

    @property
    def log(self) -> Path:
        return self.folder / "backups" / "wal"

    def segments(self) -> list[Path]:
        return sorted(self.log.glob("*.age"))


def sentence(ended: CompletedProcess[str]) -> str:
    return " ".join(ended.stderr.split())


def wait_until(holds: object, what: str) -> None:
    deadline = time.monotonic() + 180
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def write(url: str, documents: Path, name: str) -> None:
    files = Files(Settings.model_validate({"documents": str(documents), "secret_key": KEY}))

    async def work() -> None:
        database = Database(create_engine(Settings.model_validate({"database_url": url}), url))
        async with database.unit_of_work() as session:
            person = await builders.a_person(session, first_name=name, last_name="Drill")
            document = Document(person_id=person.person_id, title=f"Letter of {name}", kind="letter")
            session.add(document)
            await session.flush()
            kept = files.put("application/pdf", BytesIO(f"%PDF of {name}".encode()))
            await add_kept_version(session, document, kept, number=1, by=None)
        await database.close()

    asyncio.run(work())


@pytest.fixture(scope="module")
def drill(keys: Keys) -> Iterator[Drill]:
    """A base, then A, a moment, then B; everything in the archive, which was killed once in between."""
    with passable_folder() as folder, one_server(folder) as node:
        of = {
            role: f"postgresql://crm_{role}@{node.place}/crm"
            for role in ("owner", "operator", "application", "archive")
        }
        logins = [f"{url}?password=x" for url in of.values()]
        grants.set_up(node.url, metadata, logins=logins)
        schema.upgrade(of["owner"])
        env = environment(
            CRM_DATABASE_URL=of["application"],
            CRM_OWNER_DATABASE_URL=of["owner"],
            CRM_OPERATOR_DATABASE_URL=of["operator"],
            CRM_ARCHIVE_DATABASE_URL=of["archive"],
            CRM_DOCUMENTS=str(folder / "documents"),
            CRM_SECRET_KEY=KEY,
            CRM_DATA_DIR=str(folder / "crm"),
            CRM_BACKUPS=str(folder / "backups"),
            CRM_BACKUP_RECIPIENTS=keys.recipient,
        )
        made = Drill(node, folder, env, keys.identity, datetime.now(UTC), "")
        archive = start_archive(made)
        try:
            created = made.crm("create", "--base")
            assert created.returncode == 0, created.stderr + (folder / "archive.log").read_text()
            made.base = created.stdout.strip()
            write(of["owner"], folder / "documents", "Anna")
            made.moment = node.ask("SELECT clock_timestamp()")  # type: ignore[assignment]
            os.kill(archive.pid, signal.SIGKILL)
            archive.wait()
            write(of["owner"], folder / "documents", "Berta")
            archive = start_archive(made)
            after = node.ask("SELECT clock_timestamp()")

            def is_reached() -> bool:
                # As archive_timeout does each minute.
                node.do("SELECT pg_switch_wal()")
                told = [json.loads(path.read_text())["reached"] for path in made.log.glob("*.json")]
                return any(datetime.fromisoformat(at) > after for at in told)  # type: ignore[operator]

            wait_until(is_reached, (folder / "archive.log").read_text())
        finally:
            archive.terminate()
            archive.wait(30)
        yield made


def start_archive(drill: Drill) -> subprocess.Popen[bytes]:
    with (drill.folder / "archive.log").open("ab") as said:
        return subprocess.Popen([CRM, "backup", "archive"], env=drill.env, stdout=said, stderr=said)


@pytest.fixture
def place() -> Iterator[Path]:
    with passable_folder() as folder:
        yield folder


def who_is_there(drill: Drill, place: Path, data: Path) -> set[str]:
    """The persons of a restored server, which is started as it is."""
    node = make_node(place, "restored")
    shutil.move(data, node.data)
    node.start()
    try:
        with psycopg.connect(node.url) as connection:
            return {name for (name,) in connection.execute("SELECT first_name FROM person")}
    finally:
        node.stop()


def test_a_moment_comes_back_with_its_documents_and_nothing_of_later(drill: Drill, place: Path) -> None:
    done = drill.restore(place / "data", "--until", drill.moment.isoformat())
    assert done.returncode == 0, done.stderr
    assert "the keys of all 1 documents open, and 1 of them were read" in sentence(done)
    assert who_is_there(drill, place, place / "data") == {"Anna"}


def test_the_newest_moment_has_everything(drill: Drill, place: Path) -> None:
    done = drill.restore(place / "data")
    assert done.returncode == 0, done.stderr
    assert "the keys of all 2 documents open" in sentence(done)
    assert who_is_there(drill, place, place / "data") == {"Anna", "Berta"}


def test_the_account_of_the_archive_replicates_and_reads_no_table(drill: Drill) -> None:
    with psycopg.connect(drill.env["CRM_ARCHIVE_DATABASE_URL"], autocommit=True) as connection:
        may = connection.execute(
            "SELECT rolreplication, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles"
            " WHERE rolname = current_user"
        ).fetchone()
        assert may == (True, False, False, False, False)
        for statement in ("SELECT 1 FROM person", "DELETE FROM audit_event", "SET ROLE crm_owner", "CREATE TABLE x ()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_no_segment_is_there_twice(drill: Drill) -> None:
    segments = [path.name.partition(".")[0] for path in drill.segments()]
    assert len(segments) == len(set(segments)) > 1


def test_what_can_be_reached_is_listed_and_verified(drill: Drill) -> None:
    (told,) = json.loads(drill.crm("list", "--json").stdout)
    assert (told["name"], told["faults"]) == (drill.base, [])
    assert datetime.fromisoformat(told["until"]) > drill.moment
    assert "any moment until" in drill.crm("list").stdout
    done = drill.crm("verify", drill.base)
    assert (done.returncode, "every file is as its manifest says" in sentence(done)) == (0, True), done.stderr


def refused(drill: Drill, place: Path, words: str, *arguments: str, **settings: str) -> None:
    """One sentence, and neither a file of the server nor a document."""
    done = drill.restore(place / "data", *arguments, **settings)
    assert done.returncode in {1, 3}, done.stderr
    assert words in sentence(done)
    assert not (place / "data").exists()
    assert not [path for path in (place / "documents").rglob("*") if path.is_file()]


def test_a_moment_out_of_reach_is_refused(drill: Drill, place: Path) -> None:
    early, late = (drill.moment + timedelta(days=days) for days in (-1, 1))
    refused(drill, place, "the earliest moment that can be reached is", "--until", early.isoformat())
    refused(drill, place, "the newest that can be reached is", "--until", late.isoformat())
    refused(drill, place, "--until needs a moment with its offset", "--until", "2026-11-28T14:03:00")


def test_a_folder_with_files_is_left_as_it_is(drill: Drill, place: Path) -> None:
    (place / "data").mkdir()
    (place / "data" / "mine").write_text("mine")
    done = drill.restore(place / "data")
    assert (done.returncode, "has files" in sentence(done)) == (1, True)
    assert [path.name for path in (place / "data").iterdir()] == ["mine"]


@pytest.mark.parametrize("at", ["its server", "the restore"])
def test_killed_while_it_recovers_it_leaves_nothing(drill: Drill, place: Path, at: str) -> None:
    """The server by SIGKILL, the restore by SIGTERM, as who stops a container does."""
    data = place / "data"
    command = [str(CRM), "backup", "restore", "--data", str(data), "--identity", str(drill.identity)]
    env = {**drill.env, "CRM_DOCUMENTS": str(place / "documents")}
    status = data / "postmaster.pid"
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as restore:

        def is_recovering() -> bool:
            assert restore.poll() is None, restore.communicate()
            return len(status.read_text().splitlines()) > 1 if status.exists() else False

        try:
            wait_until(is_recovering, "the server was not seen")
            server = int(status.read_text().splitlines()[0])
            os.kill(server, signal.SIGKILL) if at == "its server" else restore.terminate()
            done = CompletedProcess(command, 0, *restore.communicate(timeout=120))
        finally:
            restore.kill()
    if at == "its server":
        assert (restore.returncode, "The server did not recover" in sentence(done)) == (3, True), done.stderr
    else:
        assert restore.returncode == 128 + signal.SIGTERM, done.stderr
    assert not data.exists()
    assert not [path for path in (place / "documents").rglob("*") if path.is_file()]
    wait_until(lambda: not Path(f"/proc/{server}").exists(), "the server goes on")


@pytest.fixture
def other_store(drill: Drill, place: Path) -> Drill:
    """The same with a copy of the store, to be damaged."""
    shutil.copytree(drill.folder / "backups", place / "backups")
    return Drill(
        drill.node,
        place,
        {**drill.env, "CRM_BACKUPS": str(place / "backups")},
        drill.identity,
        drill.moment,
        drill.base,
    )


def test_a_changed_or_missing_segment_is_named(other_store: Drill, place: Path) -> None:
    last = other_store.segments()[-1]
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes(bytes(content))
    segment = last.name[17:41]
    done = other_store.crm("verify", other_store.base)
    assert (done.returncode, f"segment {segment} of the log is damaged" in sentence(done)) == (1, True)
    refused(other_store, place, f"The segment {segment} of the log is damaged")
    # That one is the last alone shows because the archive has said how far it is.
    last.unlink()
    done = other_store.crm("verify", other_store.base)
    assert (done.returncode, f"segment {segment} of the log is missing" in sentence(done)) == (1, True)
    (told,) = json.loads(other_store.crm("list", "--json").stdout)
    assert told["faults"] == [f"segment {segment} of the log is missing"]
    refused(other_store, place, f"segment {segment} of the log is missing")
    needed = json.loads((place / "backups" / f"{other_store.base}.json").read_text())["first_segment"]
    next(path for path in other_store.segments() if needed in path.name).unlink()
    refused(other_store, place, f"Segment {needed} of the log is missing, which {other_store.base} needs")


def test_another_identity_opens_nothing(drill: Drill, place: Path, tmp_path: Path) -> None:
    other = drill.crm("key")
    (tmp_path / "other.txt").write_text(other.stdout)
    done = drill.crm(
        "restore", "--data", str(place / "data"), "--identity", str(tmp_path / "other.txt"),
        CRM_DOCUMENTS=str(place / "documents"),
    )  # fmt: skip
    assert (done.returncode, "does not open the backup" in sentence(done)) == (1, True)
    assert not (place / "data").exists()


def test_a_store_that_is_gone_is_waited_for_and_a_slot_that_is_gone_is_said(drill: Drill, place: Path) -> None:
    """At the end of the file: the archive begins anew with another base."""

    def told() -> str:
        return " ".join((drill.folder / "archive.log").read_text().split())

    store, aside = drill.folder / "backups" / "wal", place / "wal"
    before = len(drill.segments())
    shutil.move(store, aside)
    store.write_text("no folder")
    archive = start_archive(drill)
    try:
        drill.node.do("SELECT pg_switch_wal()")
        wait_until(lambda: "does not take the log" in told(), "the store is away")
        assert archive.poll() is None
        store.unlink()
        shutil.move(aside, store)
        drill.node.do("SELECT pg_logical_emit_message(false, 'test', 'something'), pg_switch_wal()")
        wait_until(lambda: len(drill.segments()) > before, "it goes on")
    finally:
        archive.terminate()
        archive.wait(30)
    drill.node.do("SELECT pg_drop_replication_slot('crm_archive')")
    archive = start_archive(drill)
    try:
        wait_until(lambda: "The database keeps no log for the archive" in told(), "the slot is gone")
        assert archive.poll() is None
        made = drill.crm("create", "--base")
        assert made.returncode == 0, made.stderr
        assert "keeps its log for the archive from here on" in sentence(made)
    finally:
        archive.terminate()
        archive.wait(30)
