"""Taking a backup: the database by pg_dump, then the documents of the same moment, then the manifest."""

import hashlib
import subprocess
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import Connection

from app.backups import age, database
from app.backups.database import KeptDocument
from app.backups.errors import BackupStoreFailed, DatabaseFailed, DocumentStoreFailed
from app.backups.manifest import Manifest, StoredFile, name_at, write_manifest
from app.backups.programs import find_programs, last_words, program_environment
from app.backups.streams import Parts, Watched, as_file, pumped
from app.platform import clock
from app.platform.errors import Conflict
from app.platform.file_store import FileStore, NoSuchFile, StoreFailed
from app.platform.sealed_files import sealed_size

FILE_BYTES = 1024 * 1024 * 1024
"""A longer stream goes on in a further file: S3 takes 10,000 pieces of 5 MiB."""
_READ_BYTES = 256 * 1024


@dataclass
class _Documents:
    """What became of the documents while they were read."""

    count: int = 0
    size_bytes: int = 0
    damaged: list[UUID] = field(default_factory=list)
    absent: list[UUID] = field(default_factory=list)


@dataclass(frozen=True)
class Made:
    """A backup that is there; `lacking` are the ids of document versions whose file was missing or damaged."""

    manifest: Manifest
    lacking: list[UUID]


def create(
    url: str, *, documents: FileStore, backups: FileStore, public_keys: tuple[str, ...], pg_bin: Path | None
) -> Made:
    """
    Take a backup of the database at this address and of its documents.

    What it has put is removed where it fails; killed, it leaves files without a manifest, which are no backup.
    SettingsError, DatabaseFailed, DocumentStoreFailed, BackupStoreFailed, Conflict.
    """
    keys = age.recipients(public_keys)
    with database.one_moment(url) as connection:
        taken_at = clock.now()
        snapshot = database.export_snapshot(connection)
        name, revision = name_at(taken_at), database.revision(connection)
        if revision is None:
            raise Conflict("The database is empty: there is nothing to back up.", code="nothing_to_back_up")
        with whole_or_nothing(backups, "backup") as put:
            _refuse_same_name(backups, name)
            kept = database.kept_documents(connection)
            rows = database.count_rows(connection)
            dump = put_encrypted(backups, put, f"{name}.database", keys, _dump(url, connection, snapshot, pg_bin))
            seen = _Documents()
            tar = pumped(_tar_writer(documents, kept, seen))
            files = put_encrypted(backups, put, f"{name}.documents", keys, tar)
            missing = _still_kept(url, seen.absent)
            manifest = Manifest(
                name=name,
                taken_at=taken_at,
                program_version=version("mytomorrows-crm"),
                schema_revision=revision,
                postgresql_version=database.server_version(connection),
                recipients=list(public_keys),
                database=dump,
                documents=files,
                rows=rows,
                document_count=seen.count,
                document_bytes=seen.size_bytes,
                document_keys=dict(sorted(Counter(document.key_version for document in kept).items())),
                missing_documents=len(missing),
                damaged_documents=len(seen.damaged),
                erased_documents=len(seen.absent) - len(missing),
            )
            put.append(f"{name}.json")
            write_manifest(backups, manifest)
    return Made(manifest, [*missing, *seen.damaged])


@contextmanager
def whole_or_nothing(backups: FileStore, what: str) -> Iterator[list[str]]:
    """The names of the files that the block puts: where it fails they are removed again. BackupStoreFailed."""
    put: list[str] = []
    try:
        yield put
    except BaseException as error:
        for file in reversed(put):
            with suppress(StoreFailed):
                backups.delete(file)
        if isinstance(error, StoreFailed):
            raise BackupStoreFailed(
                f"The {what} cannot be written ({error}); what was written of it is removed. "
                "Look whether the place of CRM_BACKUPS is there, may be written and has room, and run it again."
            ) from None
        raise


def _refuse_same_name(backups: FileStore, name: str) -> None:
    with suppress(NoSuchFile):
        backups.size(f"{name}.json")
        raise Conflict("Another backup of this second is there: run it again.", code="backup_exists")


def _dump(url: str, connection: Connection, snapshot: str, pg_bin: Path | None) -> Parts:
    """The database in the custom format of pg_dump. DatabaseFailed at its end."""
    programs = find_programs(pg_bin, major=database.server_version(connection) // 10_000)
    environment, address = program_environment(url)
    command: list[str | Path] = [
        programs / "pg_dump", "--format=custom", "--no-password", f"--snapshot={snapshot}",
        # Every pg_restore reads it, and a fifth is larger in a third of the time that it takes by default.
        "--compress=gzip:1", "--lock-wait-timeout=60s", f"--dbname={address}",
    ]  # fmt: skip
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdout is not None  # noqa: S101 - they are pipes
        assert process.stderr is not None  # noqa: S101
        try:
            while part := process.stdout.read(_READ_BYTES):
                yield part
            # It says a line or two at most, which the pipe holds.
            said = process.stderr.read()
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise DatabaseFailed(f"pg_dump did not finish ({last_words(said)}). No backup was made; run it again.")


def _tar_writer(documents: FileStore, kept: list[KeptDocument], seen: _Documents) -> Callable[[BinaryIO], None]:
    """Writes the files of these documents into a tar, encrypted as they lie in the store."""

    def write(file: BinaryIO) -> None:
        with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for document in kept:
                member = tarfile.TarInfo(document.stored_as)
                try:
                    member.size, member.mode = documents.size(document.stored_as), 0o600
                    parts = documents.open(document.stored_as)
                    # Its head is written once it is known to be there.
                    first = next(parts, b"")
                    tar.addfile(member, as_file(chain([first], parts)))
                except NoSuchFile:
                    seen.absent.append(document.version_id)
                    continue
                except BrokenPipeError:
                    raise
                except (StoreFailed, OSError) as error:
                    raise DocumentStoreFailed(
                        f"The documents cannot be read ({error}). No backup was made: look at CRM_DOCUMENTS, "
                        "and run it again."
                    ) from None
                seen.count += 1
                seen.size_bytes += member.size
                if member.size != sealed_size(document.size_bytes):
                    seen.damaged.append(document.version_id)

    return write


def _still_kept(url: str, version_ids: list[UUID]) -> list[UUID]:
    """Those that have not been erased meanwhile: the worker removes the files of those that have."""
    if not version_ids:
        return []
    with database.one_moment(url) as connection:
        kept = {document.version_id for document in database.kept_documents(connection)}
    return [version_id for version_id in version_ids if version_id in kept]


def put_encrypted(backups: FileStore, put: list[str], name: str, keys: list[Any], plain: Parts) -> list[StoredFile]:
    """The files in which the encrypted stream lies now; their names are in `put` before they are there."""
    files: list[StoredFile] = []
    with closing(plain), closing(age.encrypted(plain, keys)) as stream:
        watched = Watched(stream)
        rest = next(watched, None)
        while rest is not None:
            file = _Cut(watched, rest)
            stored_as = f"{name}.{len(files) + 1:03}.age"
            put.append(stored_as)
            try:
                backups.put(stored_as, file.parts())
            except StoreFailed:
                if watched.failed:
                    raise watched.failed from None
                raise
            files.append(StoredFile(name=stored_as, size_bytes=file.size_bytes, sha256=file.seen.hexdigest()))
            rest = file.rest
    return files


class _Cut:
    """As much of a stream as a file takes; `rest` is the part that the next one begins with."""

    def __init__(self, stream: Iterator[bytes], first: bytes) -> None:
        self.size_bytes, self.seen = 0, hashlib.sha256()
        self.rest: bytes | None = first
        self._stream = stream

    def parts(self) -> Iterator[bytes]:
        while self.rest is not None and self.size_bytes < FILE_BYTES:
            self.size_bytes += len(self.rest)
            self.seen.update(self.rest)
            yield self.rest
            self.rest = next(self._stream, None)
