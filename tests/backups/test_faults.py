"""What goes wrong with a backup, made to go wrong: each is one sentence, and nothing half done is left."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pyrage
import pytest

from app.backups import create as creating
from app.backups import programs
from app.backups.manifest import name_at
from app.platform import clock
from app.platform.settings import SettingsError
from tests.backups.conftest import CONTENTS, Place, content_of
from tests.printed import ROOT


def sentence(ended: subprocess.CompletedProcess[str]) -> str:
    return " ".join(ended.stderr.split())


def listed(place: Place) -> dict[str, dict[str, object]]:
    return {backup["name"]: backup for backup in json.loads(place.crm("list", "--json").stdout)}


def is_untouched(place: Place) -> bool:
    """Whether neither a table nor a file is there."""
    return content_of(place) == {} and place.files() == []


def damage(path: Path, at: int = -1) -> None:
    """Change one byte, by default one in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if at < 0 else at] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("what", ["database", "documents"])
def test_one_changed_byte_is_found_and_nothing_is_restored(origin: Place, empty: Place, what: str) -> None:
    name = origin.create()
    damage(origin.backups / f"{name}.{what}.001.age")

    plain = origin.crm("verify", name)
    whole = origin.crm("verify", name, "--identity", str(origin.identity))
    restored = empty.crm("restore", name, "--identity", str(empty.identity))

    assert (plain.returncode, whole.returncode, restored.returncode) == (1, 1, 1)
    assert f"{name}.{what}.001.age is damaged" in sentence(plain)
    assert "damaged" in sentence(whole)
    assert "damaged" in sentence(restored)
    assert is_untouched(empty)


def test_other_content_than_the_manifest_tells_is_not_committed(origin: Place, empty: Place) -> None:
    """Encrypted to the right key, and yet not what was backed up: its checksum is compared before the last piece."""
    name = origin.create()
    path = origin.backups / f"{name}.database.001.age"
    identity = pyrage.x25519.Identity.from_str(origin.identity.read_text().splitlines()[1])
    path.write_bytes(pyrage.encrypt(pyrage.decrypt(path.read_bytes(), [identity]), [identity.to_public()]))
    restored = empty.crm("restore", name, "--identity", str(empty.identity))
    assert restored.returncode == 1
    assert "is damaged: it is not what its manifest says" in sentence(restored)
    assert is_untouched(empty)


def test_a_file_that_is_missing_or_cut_is_listed_and_named(origin: Place) -> None:
    name = origin.create()
    path = origin.backups / f"{name}.documents.001.age"
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert listed(origin)[name]["faults"] == [f"{path.name} has another size"]
    path.unlink()
    assert listed(origin)[name]["faults"] == [f"{path.name} is missing"]
    assert f"{path.name} is missing" in sentence(origin.crm("verify", name))


def test_a_damaged_manifest_is_named(origin: Place) -> None:
    name = origin.create()
    path = origin.backups / f"{name}.json"
    path.write_bytes(path.read_bytes()[:-20])
    assert listed(origin)[name]["faults"] == ["manifest damaged"]
    assert "manifest of" in sentence(origin.crm("verify", name))
    path.unlink()
    assert listed(origin)[name]["faults"] == ["interrupted: no manifest"]
    assert origin.crm("verify", name).returncode == 1


def test_another_identity_opens_nothing(origin: Place, empty: Place, tmp_path: Path) -> None:
    name = origin.create()
    other = tmp_path / "other.txt"
    other.write_text(origin.crm("key").stdout)
    for place, command in ((origin, "verify"), (empty, "restore")):
        ended = place.crm(command, name, "--identity", str(other))
        assert ended.returncode == 1
        assert "This identity does not open the backup" in sentence(ended)
    assert is_untouched(empty)
    other.write_text("no key at all\n")
    ended = origin.crm("verify", name, "--identity", str(other))
    assert "The identity file has no private key of age" in sentence(ended)
    assert ended.returncode == 1


def test_nothing_is_laid_over_what_is_there(origin: Place, empty: Place) -> None:
    name = origin.create()
    before = content_of(origin)
    ended = origin.crm("restore", name, "--identity", str(origin.identity))
    assert ended.returncode == 1
    assert "tables, views and sequences. A backup is restored into an empty one" in sentence(ended)
    assert content_of(origin) == before
    (empty.documents / "aa").mkdir(parents=True)
    (empty.documents / "aa" / "aa11").write_bytes(b"somebody's")
    ended = empty.crm("restore", name, "--identity", str(empty.identity))
    assert ended.returncode == 1
    assert "The store of documents has files" in sentence(ended)
    assert content_of(empty) == {}


def test_a_newer_schema_is_not_restored_by_an_older_program(origin: Place, empty: Place) -> None:
    name = origin.create()
    path = origin.backups / f"{name}.json"
    manifest = json.loads(path.read_text())
    manifest |= {"schema_revision": "9999_of_tomorrow", "program_version": "7.0"}
    path.write_text(json.dumps(manifest))
    ended = empty.crm("restore", name, "--identity", str(empty.identity))
    assert ended.returncode == 1
    assert "9999_of_tomorrow, which this version does not know: it was made by version 7.0" in sentence(ended)
    assert is_untouched(empty)


def test_documents_whose_master_key_is_not_given_are_told_after_the_restore(origin: Place, empty: Place) -> None:
    name = origin.create()
    ended = empty.crm("restore", name, "--identity", str(empty.identity), CRM_SECRET_KEY="another key" * 4)
    assert ended.returncode == 1
    assert f"the keys of {len(CONTENTS)} of {len(CONTENTS)} documents do not open" in sentence(ended)
    assert len(empty.files()) == len(CONTENTS)


def test_a_document_without_its_file_is_told_and_the_rest_is_kept(origin: Place, empty: Place) -> None:
    with psycopg.connect(origin.owner) as connection:
        query = "SELECT stored_as, document_version_id FROM document_version WHERE size_bytes > 0 ORDER BY size_bytes"
        (gone, gone_id), (cut, cut_id), *_ = connection.execute(query).fetchall()
    (origin.documents / gone[:2] / gone).unlink()
    with (origin.documents / cut[:2] / cut).open("r+b") as file:
        file.truncate(10)

    made = origin.crm("create")

    name = made.stdout.strip()
    assert made.returncode == 1
    assert str(gone_id) in sentence(made)
    assert str(cut_id) in sentence(made)
    assert listed(origin)[name]["faults"] == ["1 documents had no file", "1 documents were damaged"]
    assert origin.crm("verify", name, "--identity", str(origin.identity)).returncode == 0
    assert empty.crm("restore", name, "--identity", str(empty.identity)).returncode == 0
    assert len(empty.files()) == len(CONTENTS) - 1


def test_a_document_that_is_erased_meanwhile_is_no_fault(origin: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(origin.owner) as connection:
        row = connection.execute(
            "SELECT stored_as, document_version_id, key_version, wrapped_key"
            " FROM document_version JOIN document_key USING (document_version_id) LIMIT 1"
        ).fetchone()
    assert row is not None
    stored_as, version_id, *key = row
    dump = creating._dump

    def erase_meanwhile(*arguments: object) -> object:
        with psycopg.connect(origin.owner) as connection:
            connection.execute("DELETE FROM document_key WHERE document_version_id = %s", [version_id])
        (origin.documents / stored_as[:2] / stored_as).unlink()
        return dump(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(creating, "_dump", erase_meanwhile)
    try:
        made = origin.crm("create")
    finally:
        with psycopg.connect(origin.owner) as connection:
            connection.execute("INSERT INTO document_key VALUES (%s, %s, %s)", [version_id, *key])
    assert made.returncode == 0, made.stderr
    manifest = json.loads((origin.backups / f"{made.stdout.strip()}.json").read_text())
    assert (manifest["erased_documents"], manifest["missing_documents"]) == (1, 0)
    assert manifest["document_count"] == len(CONTENTS) - 1
    # The dump is of the moment in which the rows were counted.
    verified = origin.crm("verify", made.stdout.strip(), "--identity", str(origin.identity))
    assert verified.returncode == 0, verified.stderr


KILLED = """
import fcntl, os, signal, sys, termios, time
from app import cli
from app.backups import restore
from app.platform.file_store import FolderStore

when, put = sys.argv.pop(1), FolderStore.put

def dies_after(parts, count):
    for number, part in enumerate(parts):
        if number == count:
            os.kill(os.getpid(), signal.SIGKILL)
        yield part

def killed(store, name, parts):
    kind, _, moment = when.partition(" ")
    if f".{kind}" in name and moment == "is there":
        put(store, name, parts)
        os.kill(os.getpid(), signal.SIGKILL)
    put(store, name, dies_after(parts, 0 if moment == "begins" else 1) if f".{kind}" in name else parts)

def feeds_all_but_the_last(parts, file):
    *most, _ = parts
    file.write(b"".join(most))
    file.flush()
    while int.from_bytes(fcntl.ioctl(file, termios.FIONREAD, bytes(4)), sys.byteorder):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)

if when == "restored":
    restore.feed = feeds_all_but_the_last
elif when == "document":
    FolderStore.put = lambda store, name, parts: put(store, name, dies_after(parts, 0))
else:
    FolderStore.put = killed
cli.main()
"""
"""`crm …`, which kills itself at a moment: no handler runs and nothing is tidied up."""


def killed_at(place: Place, when: str, *arguments: str) -> None:
    """Run `crm backup …` to its own death, and wait until the programs that it has started are gone too."""
    command = [sys.executable, "-c", KILLED, when, "backup", *arguments]
    # The pipes end when the last process that has them does.
    ended = subprocess.run(command, env=place.env, capture_output=True, check=False, cwd=ROOT)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.mark.parametrize("when", ["database goes on", "documents is there", "json begins"])
def test_a_backup_that_is_killed_is_none(origin: Place, when: str) -> None:
    whole = origin.create()
    _in_another_second(whole)
    killed_at(origin, when, "create")
    (interrupted,) = [backup for name, backup in listed(origin).items() if name != whole]
    assert (interrupted["is_complete"], interrupted["faults"]) == (False, ["interrupted: no manifest"])
    assert listed(origin)[whole]["is_complete"]
    refused = origin.crm("restore", str(interrupted["name"]), "--identity", str(origin.identity))
    assert refused.returncode == 1
    assert "There is no backup" in sentence(refused)


@pytest.mark.parametrize("when", ["document", "restored"])
def test_a_restore_that_is_killed_leaves_no_database(origin: Place, empty: Place, when: str) -> None:
    name = origin.create()
    killed_at(empty, when, "restore", name, "--identity", str(empty.identity))
    assert content_of(empty) == {}
    again = empty.crm("restore", name, "--identity", str(empty.identity))
    assert "The store of documents has files" in sentence(again)
    shutil.rmtree(empty.documents)
    again = empty.crm("restore", name, "--identity", str(empty.identity))
    assert again.returncode == 0, again.stderr


def _in_another_second(name: str) -> None:
    while name_at(clock.now()) == name:
        time.sleep(0.05)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk on which the dump has room, and the documents have not."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "none", folder], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk is mounted as root alone")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_said_and_nothing_is_left_on_it(origin: Place, small: Path) -> None:
    ended = origin.crm("create", CRM_BACKUPS=str(small))
    assert ended.returncode == 3
    assert "The backup cannot be written (No space left on device)" in sentence(ended)
    assert list(small.iterdir()) == []


def test_a_place_that_cannot_be_reached_is_said(origin: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    ended = origin.crm("create", CRM_BACKUPS=str(tmp_path / "file" / "backups"))
    assert ended.returncode == 3
    assert "The backup cannot be written (Not a directory)" in sentence(ended)


def test_a_database_that_fails_in_the_middle_leaves_no_backup(origin: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump ends early: what it has written is a well-formed stream, and no backup."""

    def ends_early(_pg_bin: object, **_: object) -> Path:
        program = origin.documents.parent / "bin" / "pg_dump"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\necho PGDMP\necho 'pg_dump: error: query failed: ERROR:  secret' >&2\nexit 1\n")
        program.chmod(0o755)
        return program.parent

    monkeypatch.setattr(creating, "find_programs", ends_early)
    ended = origin.crm("create")
    assert ended.returncode == 3
    assert "pg_dump did not finish (query failed). No backup was made" in sentence(ended)
    assert "secret" not in sentence(ended)
    assert list(origin.backups.iterdir()) == []


def test_a_missing_or_wrong_setting_is_named(origin: Place, tmp_path: Path) -> None:
    private = origin.identity.read_text().splitlines()[1]
    for settings, said in (
        ({"CRM_BACKUPS": ""}, "CRM_BACKUPS is needed"),
        ({"CRM_BACKUP_RECIPIENTS": ""}, "CRM_BACKUP_RECIPIENTS is needed"),
        ({"CRM_BACKUP_RECIPIENTS": "age1nothing"}, "CRM_BACKUP_RECIPIENTS: key 1 is no public key of age"),
        ({"CRM_BACKUP_RECIPIENTS": private}, "CRM_BACKUP_RECIPIENTS has a private key"),
        ({"CRM_BACKUP_KEEP": "daily=many"}, "CRM_BACKUP_KEEP"),
        ({"CRM_BACKUP_KEEP": "yearly=1"}, "CRM_BACKUP_KEEP"),
        ({"CRM_PG_BIN": str(tmp_path)}, "No pg_dump and pg_restore of PostgreSQL 18 are found"),
    ):
        ended = origin.crm("create", **settings)
        assert ended.returncode == 2, settings
        assert said in sentence(ended)
        assert private not in ended.stderr
    assert not origin.backups.exists() or list(origin.backups.iterdir()) == []


def test_programs_of_an_earlier_postgresql_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("pg_dump", "pg_restore"):
        (tmp_path / program).write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) 17.6'\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert programs.find_programs(None, major=18) != tmp_path
    assert programs.find_programs(tmp_path, major=17) == tmp_path
    with pytest.raises(SettingsError, match="PostgreSQL 18"):
        programs.find_programs(tmp_path, major=18)
    for program in ("pg_dump", "pg_restore"):
        (tmp_path / program).write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) 18.1'\n")
    # What is installed on purpose goes before what a package of ours has.
    assert programs.find_programs(None, major=18) == tmp_path


def test_no_program_is_told_a_password_where_others_read_it() -> None:
    environment, address = programs.program_environment(
        "postgresql://crm_owner@db.example:5433/crm?password=hidden&sslmode=require"
    )
    assert environment["PGPASSWORD"] == "hidden"
    assert "hidden" not in address
    assert "db.example" in address
    assert "sslmode=require" in address
