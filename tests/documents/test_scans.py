"""Files wait for their scan: the command answers by its exit code, gets a path alone, and has only so long for it."""

import stat
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.documents.models import DocumentVersion
from app.documents.scans import scan_waiting
from app.documents.service import erase_contents
from app.platform import clock
from app.platform.files import Files
from app.platform.settings import Settings
from tests import builders
from tests.conftest import BoundDatabase


def scanner(folder: Path, script: str) -> str:
    path = folder / "scan it"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(stat.S_IRWXU)
    return str(path)


@pytest.fixture
async def waiting(session: AsyncSession) -> DocumentVersion:
    await builders.a_document(session, await builders.a_person(session))
    await session.execute(update(DocumentVersion).values(scan_status="waiting", scan_due_at=clock.now()))
    await session.commit()
    return (await session.scalars(select(DocumentVersion))).one()


async def status(session: AsyncSession) -> str:
    return (await session.scalars(select(DocumentVersion.scan_status))).one()


@pytest.fixture(autouse=True)
def plain_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's plain files lie while they are scanned, and nobody else's."""
    folder = tmp_path / "plain"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('grep -q "The tests. own" "$1" && exit 0; exit 2', "passed"),
        ("exit 1", "refused"),
        ("exit 2", "waiting"),
        ("kill -9 $$", "waiting"),
        ("sleep 30 & sleep 30", "waiting"),
    ],
)
async def test_the_exit_code_is_the_answer(
    bound: BoundDatabase,
    session: AsyncSession,
    settings: Settings,
    waiting: DocumentVersion,
    tmp_path: Path,
    plain_files: Path,
    script: str,
    expected: str,
) -> None:
    command = (scanner(tmp_path, script),)
    # One that answers has as long as a busy machine needs.
    seconds = 2.0 if "sleep" in script else 60.0
    scanning = settings.model_copy(update={"scan_command": command, "scan_timeout_seconds": seconds})
    answered = await scan_waiting(bound, scanning, Files(scanning))
    assert await status(session) == expected
    assert answered == (expected != "waiting")
    assert left_in(plain_files) == []
    if expected == "waiting":
        assert await scan_waiting(bound, scanning, Files(scanning)) == 0, "it is not due yet"
        good = scanning.model_copy(update={"scan_command": ("true",)})
        with time_machine.travel(clock.now() + timedelta(minutes=3)):
            await scan_waiting(bound, good, Files(good))
        assert await status(session) == "passed"


async def test_the_command_gets_a_path_and_none_of_our_secrets(
    bound: BoundDatabase,
    session: AsyncSession,
    settings: Settings,
    waiting: DocumentVersion,
    tmp_path: Path,
    plain_files: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CRM_SECRET_KEY", "a secret of ours")
    told = tmp_path / "told"
    command = scanner(tmp_path, f'(printf "%s|" "$@"; env) > "{told}"')
    scanning = settings.model_copy(update={"scan_command": (command, "--option", "; touch x")})
    await scan_waiting(bound, scanning, Files(scanning))
    option, other, path, environ = told.read_text().split("|", 3)
    assert (option, other) == ("--option", "; touch x")
    assert path.startswith(f"{plain_files}/crm-scan-")
    assert "secret" not in environ
    assert await status(session) == "passed"


async def test_a_command_that_is_not_there_is_no_answer(
    bound: BoundDatabase, session: AsyncSession, settings: Settings, waiting: DocumentVersion
) -> None:
    scanning = settings.model_copy(update={"scan_command": ("/nowhere/scan",)})
    assert await scan_waiting(bound, scanning, Files(scanning)) == 0
    assert await status(session) == "waiting"


async def test_an_erased_one_is_not_scanned(
    bound: BoundDatabase, session: AsyncSession, settings: Settings, waiting: DocumentVersion
) -> None:
    await erase_contents(session, document_id=waiting.document_id)
    await session.commit()
    scanning = settings.model_copy(update={"scan_command": ("true",)})
    assert await scan_waiting(bound, scanning, Files(scanning)) == 0
    assert await status(session) == "refused"
