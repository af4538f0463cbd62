"""Reading a backup whole: its files by their checksums, and with an identity what is in them."""

import hashlib
import re
import subprocess
import tarfile
import threading
from collections import deque
from contextlib import closing
from pathlib import Path
from typing import Any

from app.backups import age
from app.backups.errors import BackupDamaged, BackupStoreFailed
from app.backups.manifest import Manifest, StoredFile
from app.backups.programs import find_programs, last_words
from app.backups.streams import Parts, as_file, feed
from app.platform.file_store import FileStore, NoSuchFile, StoreFailed

_COPY = re.compile(rb"^COPY (\S+) \(.*\) FROM stdin;$")


def checked(store: FileStore, files: list[StoredFile]) -> Parts:
    """
    The files one after the other as they lie in the store. BackupDamaged, BackupStoreFailed.

    Each is compared with the manifest before its last part is followed by anything.
    """
    for file in files:
        seen, size = hashlib.sha256(), 0
        try:
            for part in store.open(file.name):
                seen.update(part)
                size += len(part)
                yield part
        except NoSuchFile:
            raise BackupDamaged(f"{file.name} is missing: the backup is not whole. Take another one.") from None
        except StoreFailed as error:
            raise BackupStoreFailed(
                f"{file.name} cannot be read ({error}): look at CRM_BACKUPS, run it again."
            ) from None
        if (size, seen.hexdigest()) != (file.size_bytes, file.sha256):
            raise BackupDamaged(f"{file.name} is damaged: it is not what its manifest says. Take another backup.")


def verify_files(store: FileStore, manifest: Manifest) -> None:
    """Read every file and compare sizes and checksums. BackupDamaged, BackupStoreFailed."""
    deque(checked(store, manifest.files), maxlen=0)


def verify_content(store: FileStore, manifest: Manifest, identities: list[Any], *, pg_bin: Path | None) -> None:
    """
    Decrypt everything, and let pg_restore read the whole dump: the rows of each table and the documents are counted.

    Nothing is written anywhere. BackupDamaged, WrongIdentity, BackupStoreFailed, SettingsError.
    """
    rows = _rows_of_dump(store, manifest, identities, pg_bin)
    if different := sorted(
        name for name in manifest.rows.keys() | rows.keys() if manifest.rows.get(name) != rows.get(name, 0)
    ):
        raise BackupDamaged(f"The dump has other rows than its manifest says, in {', '.join(different[:5])}.")
    with closing(age.decrypted(checked(store, manifest.documents), identities, what="documents")) as plain:
        count = size = 0
        try:
            with tarfile.open(fileobj=as_file(plain), mode="r|") as tar:
                for member in tar:
                    count, size = count + 1, size + member.size
        except tarfile.TarError:
            raise BackupDamaged("The documents of the backup cannot be read. Take another one.") from None
        deque(plain, maxlen=0)  # to its end, where the last checksum is
    if (count, size) != (manifest.document_count, manifest.document_bytes):
        raise BackupDamaged(f"The backup has {count} documents, its manifest says {manifest.document_count}.")


def _rows_of_dump(store: FileStore, manifest: Manifest, identities: list[Any], pg_bin: Path | None) -> dict[str, int]:
    """The rows of each table, counted in the statements that pg_restore makes of the dump."""
    program = find_programs(pg_bin, major=manifest.postgresql_version // 10_000) / "pg_restore"
    rows: dict[str, int] = {}
    with (
        closing(age.decrypted(checked(store, manifest.database), identities, what="database")) as plain,
        subprocess.Popen(  # noqa: S603 - our own program and arguments
            [program, "--file=-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
    ):
        failed: list[Exception] = []

        def pass_on() -> None:
            try:
                feed(plain, process.stdin)
            except Exception as error:  # noqa: BLE001 - raised below
                failed.append(error)
                process.kill()

        thread = threading.Thread(target=pass_on)
        thread.start()
        try:
            assert process.stdout is not None  # noqa: S101 - they are pipes
            assert process.stderr is not None  # noqa: S101
            table: str | None = None
            for line in process.stdout:
                if table is None:
                    if begun := _COPY.match(line.rstrip(b"\n")):
                        table = begun[1].decode()
                        rows[table] = 0
                elif line == b"\\.\n":
                    table = None
                else:
                    rows[table] += 1
            said = process.stderr.read()
            process.wait()
        finally:
            process.kill()
            thread.join()
    if failed:
        raise failed[0]
    if process.returncode != 0:
        raise BackupDamaged(f"pg_restore cannot read the dump of the backup ({last_words(said)}). Take another one.")
    return rows
