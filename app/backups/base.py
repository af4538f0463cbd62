"""
A base: a copy of the database server's files, from which the log leads to any later moment.

Its manifest is written once the archive has the log to the copy's end: without that it could not be restored.
"""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row
from pydantic import AwareDatetime, BaseModel, ConfigDict

from app.backups import age, wal
from app.backups.create import put_encrypted, whole_or_nothing
from app.backups.errors import ArchiveBroken, BackupDamaged, BackupNotFound, BackupStoreFailed, DatabaseFailed
from app.backups.manifest import StoredFile, read_record
from app.backups.programs import ARCHIVE, find_programs, last_words, program_environment
from app.backups.streams import Parts
from app.platform.file_store import FileStore, NoSuchFile, StoreFailed

_NAME: Final = re.compile(r"^(base-\d{4}-\d\d-\d\dT\d{6}Z)\.(json|cluster\.\d{3,}\.age)$")
_START: Final = re.compile(rb"START WAL LOCATION: ([0-9A-F]+/[0-9A-F]+) ")
_READ_BYTES: Final = 256 * 1024
_LABEL_BYTES: Final = 4096
"""The label of a copy is its first file."""


class BaseManifest(BaseModel):
    """
    `taken_at` is the earliest moment that it leads to.

    The log that it needs itself is `first_segment` to `last_segment`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    name: str
    taken_at: AwareDatetime
    program_version: str
    postgresql_version: int
    system_identifier: int
    timeline: int
    segment_bytes: int
    first_segment: str
    last_segment: str
    database: str
    superuser: str
    recipients: list[str]
    files: list[StoredFile]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True)
class Cluster:
    """Which database server it is; `version` as 180006, `superuser` by whom it was made."""

    system: int
    timeline: int
    segment_bytes: int
    version: int
    database: str
    superuser: str


class Server:
    """A connection of the account that replicates; what it asks needs no right to any table."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True, connect_timeout=10, row_factory=namedtuple_row)

    def ask(self, query: str) -> Any:
        return self._connection.execute(query.encode()).fetchone()

    def do(self, statement: sql.Composed) -> None:
        self._connection.execute(statement)

    def close(self) -> None:
        self._connection.close()

    @property
    def cluster(self) -> Cluster:
        found = self.ask(
            "SELECT system_identifier AS system, (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline,"
            " (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size') AS segment_bytes,"
            " current_setting('server_version_num')::int AS version, current_database() AS database,"
            " (SELECT rolname FROM pg_roles WHERE oid = 10) AS superuser FROM pg_control_system()"
        )
        return Cluster(**found._asdict())

    @property
    def position(self) -> tuple[datetime, int]:
        """A moment, and a place of the log before which everything lies that was committed before it."""
        found = self.ask("SELECT clock_timestamp() AS at, pg_current_wal_lsn()::text AS lsn")
        return found.at, wal.lsn_of(found.lsn)

    @property
    def slot_is_kept(self) -> bool:
        """Whether the database keeps its log for the archive."""
        found = self.ask(f"SELECT wal_status, restart_lsn FROM pg_replication_slots WHERE slot_name = '{wal.SLOT}'")
        return found is not None and found.wal_status != "lost" and found.restart_lsn is not None


@contextmanager
def connected(url: str) -> Iterator[Server]:
    """DatabaseFailed where it does not answer."""
    try:
        server = Server(url)
    except psycopg.OperationalError as error:
        raise DatabaseFailed(f"The archive cannot log in to the database: {error}".splitlines()[0]) from None
    with closing(server):
        yield server


def create_base(
    url: str,
    *,
    backups: FileStore,
    log: FileStore,
    public_keys: tuple[str, ...],
    pg_bin: Path | None,
    wait_seconds: float = 600,
    tell: Callable[[str], object] = lambda _: None,
) -> BaseManifest:
    """
    Copy the files of the server, and wait until the archive has the log that belongs to them.

    Where the database keeps no log for the archive, or none any more, it does from here on. DatabaseFailed,
    BackupStoreFailed, ArchiveBroken, SettingsError.
    """
    keys = age.recipients(public_keys)
    with whole_or_nothing(backups, "base") as put:
        with connected(url) as server:
            about = server.cluster
            if not server.slot_is_kept:
                tell("The database keeps its log for the archive from here on.")
                _make_slot(server)
            named_at, _ = server.position
            name = f"base-{named_at:%Y-%m-%dT%H%M%SZ}"
            seen: list[bytes] = []
            files = put_encrypted(backups, put, f"{name}.cluster", keys, _copy(url, about.version, pg_bin, seen))
            taken_at, end = server.position
        start = _START.search(b"".join(seen))
        if start is None:
            raise DatabaseFailed("pg_basebackup did not say where the log begins. No base was made; run it again.")
        manifest = BaseManifest(
            name=name,
            taken_at=taken_at,
            program_version=version("mytomorrows-crm"),
            postgresql_version=about.version,
            system_identifier=about.system,
            timeline=about.timeline,
            segment_bytes=about.segment_bytes,
            first_segment=wal.segment_at(about.timeline, wal.lsn_of(start[1].decode()), about.segment_bytes),
            last_segment=wal.segment_at(about.timeline, end - 1, about.segment_bytes),
            database=about.database,
            superuser=about.superuser,
            recipients=list(public_keys),
            files=files,
        )
        tell(f"The files are copied. The archive has to have segment {manifest.last_segment} of the log.")
        _await_log(log, manifest, wait_seconds)
        put.append(f"{name}.json")
        backups.put(f"{name}.json", iter([manifest.model_dump_json(indent=2).encode()]))
    return manifest


def read_base(store: FileStore, name: str) -> BaseManifest:
    """BackupNotFound, BackupDamaged, BackupStoreFailed."""
    try:
        found = read_record(store, f"{name}.json", BaseManifest, what=f"The manifest of {name}")
    except NoSuchFile:
        raise BackupNotFound(f"There is no base {name} with a manifest.") from None
    except StoreFailed as error:
        raise BackupStoreFailed(f"The store of backups does not answer ({error}): look at CRM_BACKUPS.") from None
    if found.name != name or any(base_of(file.name) != name for file in found.files):
        raise BackupDamaged(f"The manifest of {name} names files that are not its own. Take another base.")
    return found


def base_of(file: str) -> str | None:
    """The name of the base that a file of the store belongs to; None for a file that is of no base."""
    found = _NAME.match(file.removesuffix(".part"))
    return found[1] if found else None


def base_names(store: FileStore) -> list[str]:
    """Of every base, the newest first, those that were interrupted too. BackupStoreFailed."""
    try:
        return sorted({name for file, _ in store.names() if (name := base_of(file))}, reverse=True)
    except StoreFailed as error:
        raise BackupStoreFailed(f"The store of backups does not answer ({error}): look at CRM_BACKUPS.") from None


def _make_slot(server: Server) -> None:
    name = sql.Literal(wal.SLOT)
    drop = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = {}"
    server.do(sql.SQL(drop).format(name))
    server.do(sql.SQL("SELECT pg_create_physical_replication_slot({}, true)").format(name))


def _copy(url: str, server_version: int, pg_bin: Path | None, seen: list[bytes]) -> Parts:
    """The files of the server as a tar; its beginning is put into `seen`. DatabaseFailed at its end."""
    programs = find_programs(pg_bin, major=server_version // 10_000, programs=ARCHIVE)
    environment, address = program_environment(url)
    command: list[str | Path] = [
        programs / "pg_basebackup", "--pgdata=-", "--format=tar", "--wal-method=none", "--checkpoint=fast",
        "--no-password", f"--dbname={address}",
    ]  # fmt: skip
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdout is not None  # noqa: S101 - they are pipes
        assert process.stderr is not None  # noqa: S101
        try:
            while part := process.stdout.read(_READ_BYTES):
                if not seen:
                    seen.append(part[:_LABEL_BYTES])
                yield part
            said = process.stderr.read()
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise DatabaseFailed(f"pg_basebackup did not finish ({last_words(said)}). No base was made; run it again.")


def _await_log(log: FileStore, manifest: BaseManifest, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        whole = wal.chain(
            wal.stored_segments(log),
            system=manifest.system_identifier,
            first=manifest.first_segment,
            segment_bytes=manifest.segment_bytes,
        )
        if whole.missing > manifest.last_segment:
            return
        if whole.fault is not None or time.monotonic() >= deadline:
            raise ArchiveBroken(
                f"The archive does not have segment {whole.missing} of the log, which the base needs. "
                "No base was made: see that `crm backup archive` runs, what it says, and that archive_timeout is set; "
                "then run it again."
            )
        time.sleep(1)
