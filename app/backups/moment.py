"""
Bringing the server back as it was at a moment, into an empty folder: a base, and the log from it on.

A server of the same version works through the log in the folder, on a socket of its own that nobody else reaches. It
asks for each segment as it needs it. Where anything fails the folder and the store of documents are empty again.
"""

import os
import re
import select
import shutil
import tarfile
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from app.backups import age, database, wal
from app.backups.base import BaseManifest
from app.backups.errors import (
    BackupDamaged,
    BackupStoreFailed,
    DocumentStoreFailed,
    NotAsItWas,
    NotEmpty,
    OutOfReach,
    ServerFailed,
)
from app.backups.keeping import Base
from app.backups.restore import SAMPLE, Restored, faults_of_documents
from app.backups.streams import Watched, as_file
from app.backups.verify import checked
from app.platform.crypto import MasterKeys
from app.platform.embedded import find_binaries
from app.platform.embedded.account import Account, server_account
from app.platform.embedded.binaries import binaries_for
from app.platform.file_store import FileStore, NoSuchFile, StoreFailed

_NOT_REACHED: Final = "recovery ended before configured recovery target was reached"
_LAST_WRITES_SECONDS: Final = 10
_HISTORY: Final = re.compile(r"^([0-9A-F]{8})\.history$")


def base_for(found: list[Base], until: datetime | None) -> Base:
    """The newest base that leads to the moment; None is the newest moment. OutOfReach, BackupDamaged."""
    if not found:
        raise OutOfReach("There is no base: `crm backup create --base` makes one. No moment can be reached.")
    base = next((one for one in found if until is None or one.manifest.taken_at <= until), None)
    if base is None:
        earliest = found[-1].manifest.taken_at.isoformat()
        raise OutOfReach(f"No base is as old as that: the earliest moment that can be reached is {earliest}.")
    name = base.manifest.name
    if base.damage:
        raise BackupDamaged(f"{name} is not whole: {base.damage}. Name a moment for which there is an earlier base.")
    if base.chain.missing <= base.manifest.last_segment:
        raise BackupDamaged(
            f"Segment {base.chain.missing} of the log is missing, which {name} needs: "
            "name a moment before it, for which there is an earlier base."
        )
    if until is not None and until > base.reached:
        raise OutOfReach(
            f"The archive does not reach that moment: the newest that can be reached is {base.reached.isoformat()}."
        )
    if until is None and base.fault:
        raise BackupDamaged(f"The log has a hole: {base.fault}. Name a moment before it with --until.")
    return base


def recover(
    base: Base,
    until: datetime | None,
    data: Path,
    *,
    backups: FileStore,
    log: FileStore,
    copies: FileStore,
    documents: FileStore,
    identities: list[Any],
    keys: MasterKeys,
    pg_bin: Path | None,
) -> Restored:
    """
    The server's files in `data` as they were, and the documents of that moment, counted and proved.

    NotAsItWas leaves them there; every other error leaves nothing. NotEmpty, BackupDamaged, BackupStoreFailed,
    WrongIdentity, DocumentStoreFailed, OutOfReach, ServerFailed.
    """
    _refuse_what_is_not_empty(data, documents)
    account = server_account(data)
    was_there = data.exists()
    put: list[str] = []
    work = Path(tempfile.mkdtemp(prefix="crm-recovery-"))
    try:
        work.chmod(0o711)
        programs = binaries_for(account, find_binaries(pg_bin), copies=work)
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        _unpack(base.manifest, data, backups, identities)
        _give(data, account)
        with _recovered(base, until, data, work, account, programs, log, identities) as url:
            with database.one_moment(url) as connection:
                rows, kept = database.count_rows(connection), database.kept_documents(connection)
            lacking = 0
            for document in kept:
                lacking += not _bring_copy(document.stored_as, put, copies, documents, identities)
    except BaseException:
        for name in put:
            with suppress(StoreFailed):
                documents.delete(name)
        if data.exists():
            _empty(data)
            if not was_there:
                data.rmdir()
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    faults = [f"{lacking} documents have no copy"] if lacking else []
    faults += faults_of_documents(kept, documents, keys, may_differ=lacking)
    if faults:
        raise NotAsItWas(f"The moment is restored, but not as it was: {'; '.join(faults)}.")
    return Restored(sum(rows.values()), len(kept), min(SAMPLE, len(kept)))


def _refuse_what_is_not_empty(data: Path, documents: FileStore) -> None:
    """NotEmpty, DocumentStoreFailed."""
    if data.exists() and any(data.iterdir()):
        raise NotEmpty(f"{data} has files. A moment is restored into an empty folder: name another one.")
    try:
        if next(documents.names(), None) is not None:
            raise NotEmpty(
                "The store of documents has files. A moment is restored into an empty one: "
                "name another place in CRM_DOCUMENTS."
            )
    except StoreFailed as error:
        raise DocumentStoreFailed(f"The store of documents does not answer ({error}): look at CRM_DOCUMENTS.") from None


def _empty(folder: Path) -> None:
    """What is left of a server that was killed still changes its files for a moment."""
    until = time.monotonic() + _LAST_WRITES_SECONDS
    while left := list(folder.iterdir()):
        for path in left:
            try:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)


def _unpack(base: BaseManifest, data: Path, backups: FileStore, identities: list[Any]) -> None:
    with closing(age.decrypted(checked(backups, base.files), identities, what="base")) as plain:
        watched = Watched(plain)
        try:
            with tarfile.open(fileobj=as_file(watched), mode="r|") as tar:
                tar.extractall(data, filter="data")
        except (tarfile.TarError, OSError) as error:
            if watched.failed:
                raise watched.failed from None
            if isinstance(error, OSError) and error.strerror:
                raise ServerFailed(f"The base cannot be unpacked into {data}: {error.strerror}.") from None
            raise BackupDamaged("The files of the base cannot be read. Take another one.") from None
        deque(watched, maxlen=0)  # to its end, where the last checksum is


def _give(folder: Path, account: Account) -> None:
    """To the account that the server runs as."""
    folder.chmod(0o700)
    if account.uid != os.geteuid():
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)


@contextmanager
def _recovered(
    base: Base,
    until: datetime | None,
    data: Path,
    work: Path,
    account: Account,
    programs: Path,
    log: FileStore,
    identities: list[Any],
) -> Iterator[str]:
    """A server on `data` that has worked through the log, for as long as the block runs: its address."""
    own = work / "server"
    own.mkdir()
    (own / "postgresql.conf").write_text("")
    (own / "pg_hba.conf").write_text("local all all trust\n")
    for name in ("ask", "answer"):
        os.mkfifo(own / name)
    (own / "given").mkdir()
    _give(own, account)
    (data / "recovery.signal").touch()
    _give(data, account)
    feeder = _Feeder(base, own, log, identities, account)
    with feeder:
        try:
            done = _start(data, own, account, programs, until)
            # Nothing was committed after that moment in what there is: then the end of the log is as it was then.
            if not done and until is not None and _NOT_REACHED in _said(own) and not feeder.failed:
                if base.fault:
                    raise BackupDamaged(f"The log does not lead to that moment: {base.fault}.")
                done = _start(data, own, account, programs, None)
            if feeder.failed:
                raise feeder.failed
            if not done:
                lines = [line.strip() for line in _said(own).splitlines() if "FATAL" in line or "PANIC" in line]
                raise ServerFailed(
                    f"The server did not recover ({lines[0] if lines else 'no reason given'}). Nothing is left of it."
                )
            yield f"postgresql://{base.manifest.superuser}@/{base.manifest.database}?host={own}"
        finally:
            # Also where this process is ended while the server starts.
            account.run(programs / "pg_ctl", "stop", "-w", "-m", "fast", "-D", data)


def _start(data: Path, own: Path, account: Account, programs: Path, target: datetime | None) -> bool:
    command = (
        f'echo "%f" > "{own}/ask" && read answer < "{own}/answer" && [ "$answer" = yes ] && mv "{own}/given/%f" "%p"'
    )
    settings = {
        "config_file": f"{own}/postgresql.conf",
        "hba_file": f"{own}/pg_hba.conf",
        "listen_addresses": "",
        "unix_socket_directories": str(own),
        "restore_command": command,
        "recovery_target_timeline": "current",
        "recovery_target_action": "promote",
        "recovery_target_time": target.isoformat() if target else "",
        "hot_standby": "off",
        "archive_mode": "off",
        "synchronous_standby_names": "",
        "shared_preload_libraries": "",
        "ssl": "off",
        "lc_messages": "C",
        "logging_collector": "off",
        "log_destination": "stderr",
        "max_connections": "20",
    }
    options = " ".join(f"-c {name}={_quoted(value)}" for name, value in settings.items())
    log = own / "log"
    if log.exists():
        log.unlink()
    account.run(
        "/bin/sh", "-c", '"$@" > /dev/null 2>&1', "sh",
        programs / "pg_ctl", "start", "-w", "-t", "60", "-D", data, "-l", log, "-o", options,
    )  # fmt: skip
    # It is called started while it still recovers; that takes as long as it takes, and the server ends where it cannot.
    status = data / "postmaster.pid"
    while status.exists():
        with suppress(FileNotFoundError):
            said = status.read_text()
            if "ready" in said:
                return True
            if not _is_there(int(said.partition("\n")[0])):
                return False  # it was killed, and could not remove the file
        time.sleep(0.1)
    return False


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _said(own: Path) -> str:
    return (own / "log").read_text(errors="replace") if (own / "log").exists() else ""


class _Feeder:
    """Gives the server each segment that it asks for. `failed` is why one could not be given that is there."""

    def __init__(self, base: Base, own: Path, log: FileStore, identities: list[Any], account: Account) -> None:
        self.failed: Exception | None = None
        self._base, self._own, self._log, self._identities = base, own, log, identities
        self._account = account
        self._there = {one.segment: one for one in base.chain.segments}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _work(self) -> None:
        # Open for both: so neither end waits for the other to be there.
        asked = os.open(self._own / "ask", os.O_RDWR)
        answer = os.open(self._own / "answer", os.O_RDWR)
        try:
            while not self._is_over.is_set():
                if select.select([asked], [], [], 0.1)[0]:
                    name = os.read(asked, 1024).decode().strip()
                    os.write(answer, b"yes\n" if self._give(name) else b"no\n")
        finally:
            os.close(asked)
            os.close(answer)

    def _give(self, name: str) -> bool:
        given = self._own / "given" / name
        if history := _HISTORY.match(name):
            # A timeline that the archive knows is not to be begun a second time.
            if not self._base.manifest.timeline < int(history[1], 16) <= self._base.last_timeline:
                return False
            given.write_text("# taken\n")
        elif name in self._there and self.failed is None:
            try:
                given.write_bytes(wal.unseal(self._log, self._there[name], self._identities))
            except Exception as error:  # noqa: BLE001 - raised by who waits for the server
                self.failed = error
                return False
        else:
            return False
        os.chown(given, self._account.uid, self._account.gid)
        return True


def _bring_copy(stored_as: str, put: list[str], copies: FileStore, documents: FileStore, identities: list[Any]) -> bool:
    """Whether there is a copy, which is a document now."""
    plain = Watched(age.decrypted(copies.open(wal.copy_name(stored_as)), identities, what=f"document {stored_as}"))
    put.append(stored_as)
    try:
        documents.put(stored_as, plain)
    except NoSuchFile:
        return False
    except StoreFailed as error:
        if isinstance(plain.failed, StoreFailed):
            raise BackupStoreFailed(f"A document cannot be read ({error}): look at CRM_BACKUPS.") from None
        raise DocumentStoreFailed(f"The store of documents does not take them ({error}).") from None
    return True
