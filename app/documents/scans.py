"""
The scan of what was added: a command of the organisation's own gets the path of the file as its last argument.

Its exit code is the answer: 0 nothing found, 1 something harmful. Anything else, or nothing in time, is no answer; then
it is asked again. Nobody reads a file before it has passed.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import joinedload

from app.documents.models import DocumentVersion
from app.platform import clock
from app.platform.crypto import Unreadable
from app.platform.db import Database
from app.platform.file_store import StoreFailed
from app.platform.files import Files
from app.platform.settings import Settings

log = structlog.get_logger()

BATCH = 20
_LONGEST_PAUSE = timedelta(hours=1)
_FOLDER = "crm-scan-"
_LEFT_BEHIND_SECONDS = 3600.0


@dataclass(frozen=True)
class _Claimed:
    version_id: UUID
    tries: int
    stored_as: str
    key_version: int
    wrapped_key: bytes


async def scan_waiting(database: Database, settings: Settings, files: Files) -> int:
    """
    Scan up to 20 files that wait for it; how many have got an answer.

    Several processes may do this at once: one claims a file, and it is nobody else's for longer than a scan may take.
    Without CRM_SCAN_COMMAND what waits goes on waiting: it was added when there was one.
    """
    if not settings.scan_command:
        return 0
    _remove_what_was_left_behind()
    answered = 0
    for _ in range(BATCH):
        claimed = await _claim(database, settings)
        if claimed is None:
            break
        answered += await _scan_claimed(database, settings, files, claimed)
    return answered


async def _claim(database: Database, settings: Settings) -> _Claimed | None:
    """The file that has been due for longest, with this try already counted: the scanner may take the process along."""
    now = clock.now()
    due = (
        select(DocumentVersion)
        .where(DocumentVersion.scan_status == "waiting", DocumentVersion.scan_due_at <= now)
        .order_by(DocumentVersion.scan_due_at)
        .limit(1)
        .with_for_update(skip_locked=True, of=DocumentVersion)
        .options(joinedload(DocumentVersion.key))
    )
    async with database.unit_of_work() as session:
        version = await session.scalar(due)
        if version is None:
            return None
        version.scan_tries += 1
        pause = min(timedelta(minutes=2 ** min(version.scan_tries - 1, 10)), _LONGEST_PAUSE)
        version.scan_due_at = now + pause + timedelta(seconds=settings.scan_timeout_seconds)
        if version.key is None:
            # It was erased before it was scanned.
            version.scan_status, version.scan_due_at = "refused", None
            return None
        key = version.key
        return _Claimed(
            version.document_version_id, version.scan_tries, version.stored_as, key.key_version, key.wrapped_key
        )


async def _scan_claimed(database: Database, settings: Settings, files: Files, claimed: _Claimed) -> bool:
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER))
    try:
        path = folder / "document"
        parts = files.read(claimed.stored_as, claimed.key_version, claimed.wrapped_key)
        await asyncio.to_thread(_write, path, parts)
        status = await _answer(settings, path)
    except (StoreFailed, Unreadable, OSError) as error:
        log.error("document_not_scanned", error=type(error).__name__, count=claimed.tries)  # noqa: TRY400 - by kind
        return False
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if status is None:
        log.warning("document_not_scanned", count=claimed.tries)
        return False
    if status == "refused":
        log.warning("document_quarantined", count=claimed.tries)
    async with database.unit_of_work() as session:
        await session.execute(
            update(DocumentVersion)
            .where(DocumentVersion.document_version_id == claimed.version_id, DocumentVersion.scan_status == "waiting")
            .values(scan_status=status, scanned_at=clock.now(), scan_due_at=None)
        )
    return True


def _write(path: Path, parts: Iterator[bytes]) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for part in parts:
            file.write(part)


async def _answer(settings: Settings, path: Path) -> str | None:
    """`passed`, `refused`, or None where the command gives no answer."""
    process = await asyncio.create_subprocess_exec(
        *settings.scan_command,
        str(path),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        # What the scanner reads is from outside: it gets none of our secrets.
        env={name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(settings.scan_timeout_seconds):
            code = await process.wait()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            await process.wait()
    return {0: "passed", 1: "refused"}.get(code)


def _remove_what_was_left_behind() -> None:
    """The plain files of a process that was killed while a scan ran."""
    for folder in Path(tempfile.gettempdir()).glob(_FOLDER + "*"):
        with contextlib.suppress(OSError):
            about = folder.lstat()
            if about.st_uid == os.getuid() and time.time() - about.st_mtime > _LEFT_BEHIND_SECONDS:
                shutil.rmtree(folder)
