"""
`crm backup archive`: the log of the database goes on into the store, segment by segment, with the documents.

pg_receivewal writes finished segments into the spool. Of each, first the documents are copied that are there by then (a
document's file is there before its row), then the segment is put, and only then it is removed from the spool. So a
segment in the store has its documents in the store, and one that is killed between any two steps does them again.
"""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg
import structlog

from app.backups import age, wal
from app.backups.base import Cluster, Server, connected
from app.backups.errors import ArchiveBroken, ArchiveRuns, DocumentStoreFailed
from app.backups.programs import ARCHIVE, find_programs, last_words, program_environment
from app.backups.streams import Watched
from app.platform.embedded.locks import open_ours, try_lock
from app.platform.errors import AppError
from app.platform.file_store import FileStore, NoSuchFile, StoreFailed
from app.platform.logs import describe_error

log = structlog.get_logger()
_LOOK_EVERY_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 5.0
_NO_SLOT: Final = (
    "The database keeps no log for the archive, or has given it up: what was written since is in no archive. "
    "Run `crm backup create --base`: with it the archive begins anew."
)


@dataclass
class Archiver:
    """One spool and where it goes. `run` ends when `ends` is set."""

    url: str
    spool: Path
    log: FileStore
    documents: FileStore
    copies: FileStore
    keys: list[Any]
    """To which everything is encrypted."""
    pg_bin: Path | None
    tell: Callable[[str], object]
    """Takes the sentence of what goes wrong, which is too long for the log."""
    ends: threading.Event = field(default_factory=threading.Event)
    _copied: set[str] | None = None
    _marks: list[tuple[datetime, int]] = field(default_factory=list)
    _position: int = 0

    def run(self) -> None:
        """Until the end. What goes wrong is said once, and tried again. ArchiveRuns, SettingsError."""
        self.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            trouble = ""
            while not self.ends.is_set():
                try:
                    with connected(self.url) as server:
                        self._follow(server, goes_on=bool(trouble))
                    trouble = ""
                except (AppError, StoreFailed, psycopg.Error, OSError) as error:
                    said = error.error_detail if isinstance(error, AppError) else f"{type(error).__name__}: {error}"
                    if isinstance(error, StoreFailed):
                        said = f"The store of backups does not take the log ({error}); it is tried again."
                    if said != trouble:
                        log.warning("archive_waits", **describe_error(error))
                        self.tell(said)
                    trouble = said
                    self.ends.wait(_PAUSE_SECONDS)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        held = open_ours(self.spool / "archive.lock", 0)
        if not try_lock(held):
            raise ArchiveRuns(f"Another archive uses {self.spool}: one is enough.")
        try:
            yield
        finally:
            os.close(held)

    def _follow(self, server: Server, *, goes_on: bool) -> None:
        """While nothing fails: receive, and ship what is finished."""
        about = server.cluster
        self.ship(about)
        if not server.slot_is_kept:
            # The server no longer has what would follow upon these.
            for rest in self.spool.glob("*.partial"):
                rest.unlink()
            raise ArchiveBroken(_NO_SLOT)
        with self._receiving(about.version) as receiver:
            if goes_on:
                log.info("archive_goes_on")
            said = b""
            while not self.ends.is_set():
                self.ship(about)
                self._mark(server, about)
                assert receiver.stderr is not None  # noqa: S101 - it is a pipe
                # It is read, or the program would wait once the pipe is full.
                said = receiver.stderr.read() or said
                if receiver.poll() is not None:
                    if not server.slot_is_kept:
                        raise ArchiveBroken(_NO_SLOT)
                    said = receiver.stderr.read() or said
                    raise OSError(f"pg_receivewal has ended ({last_words(said)})")
                self.ends.wait(_LOOK_EVERY_SECONDS)

    @contextmanager
    def _receiving(self, server_version: int) -> Iterator[subprocess.Popen[bytes]]:
        programs = find_programs(self.pg_bin, major=server_version // 10_000, programs=ARCHIVE)
        environment, address = program_environment(self.url)
        command: list[str | Path] = [
            programs / "pg_receivewal", f"--directory={self.spool}", f"--slot={wal.SLOT}", "--no-loop",
            # It says each segment: so it ends by itself, by the broken pipe, where we were killed.
            "--verbose", "--no-password", f"--dbname={address}",
        ]  # fmt: skip
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, bufsize=0) as process:  # noqa: S603
            assert process.stderr is not None  # noqa: S101 - it is a pipe
            os.set_blocking(process.stderr.fileno(), False)
            try:
                yield process
            finally:
                process.terminate()

    def ship(self, about: Cluster) -> None:
        """Everything that is finished in the spool. StoreFailed, DocumentStoreFailed, ArchiveBroken."""
        finished = sorted(path for path in self.spool.iterdir() if wal.SEGMENT.match(path.name))
        if not finished:
            return
        there = {one.segment: one for one in wal.stored_segments(self.log) if one.system == about.system}
        self._copy_documents()
        for path in finished:
            content = path.read_bytes()
            known = there.get(path.name)
            if known is None:
                found, sealed = wal.seal(about.system, path.name, content, self.keys)
                self.log.put(found.name, iter([sealed]))
            elif known.content != wal.checksum(content):
                raise ArchiveBroken(
                    f"Segment {path.name} of the log is in the archive with other content: another server of the same "
                    "files writes to this place too. End that one, or give this one a place of its own."
                )
            path.unlink()
            self._position = wal.end_of(path.name, about.segment_bytes)
            log.info("segment_archived", segment=path.name)

    def _mark(self, server: Server, about: Cluster) -> None:
        """Say how far the archive is: to the newest moment whose place of the log has been put."""
        at, position = server.position
        # Those of one segment are done together, so its last one is enough.
        of_segments = [mark[1] // about.segment_bytes for mark in self._marks[-1:]]
        if position // about.segment_bytes in of_segments:
            self._marks.pop()
        self._marks.append((at, position))
        done = [mark for mark in self._marks if mark[1] <= self._position]
        if not done:
            return
        self._marks = self._marks[len(done) :]
        segment = wal.segment_at(about.timeline, self._position - 1, about.segment_bytes)
        reach = wal.Reach(system_identifier=about.system, timeline=about.timeline, segment=segment, reached=done[-1][0])
        wal.write_reach(self.log, reach)

    def _copy_documents(self) -> None:
        """Those that are not copied yet."""
        if self._copied is None:
            self._copied = {name.removesuffix(".age") for name, _ in self.copies.names() if name.endswith(".age")}
        try:
            there = [name for name, _ in self.documents.names() if name.isalnum()]
        except StoreFailed as error:
            raise DocumentStoreFailed(f"The documents cannot be read ({error}): look at CRM_DOCUMENTS.") from None
        if self._copied and not there:
            raise DocumentStoreFailed(
                f"The store of documents is empty, and {len(self._copied)} documents are in the archive: look at "
                "CRM_DOCUMENTS, and that its disk is mounted. Where each of them was removed on purpose, remove the "
                "folder `documents` beside the bases, and the archive goes on."
            )
        for name in there:
            if name in self._copied:
                continue
            plain = Watched(self.documents.open(name))
            try:
                self.copies.put(wal.copy_name(name), age.encrypted(plain, self.keys))
            except NoSuchFile:
                continue  # it has been removed meanwhile
            except StoreFailed:
                if plain.failed:
                    raise DocumentStoreFailed(
                        f"The documents cannot be read ({plain.failed}): look at CRM_DOCUMENTS."
                    ) from None
                raise
            self._copied.add(name)
