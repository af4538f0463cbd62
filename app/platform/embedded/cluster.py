"""Attach to the PostgreSQL of a data folder, or start it; the last user stops it."""

import hashlib
import os
import re
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.parse import quote

from app.platform.embedded.account import server_account
from app.platform.embedded.binaries import binaries_for, find_binaries
from app.platform.embedded.errors import EmbeddedError
from app.platform.embedded.locks import Membership, exclusive
from app.platform.embedded.server import Server
from app.platform.roles import OWNER

# Where root keeps the databases of data folders that the server's user cannot enter.
ELSEWHERE = Path("/var/lib/mytomorrows-crm")
_SHELL_CHARACTERS = re.compile(r'["$`\\]')
_LOOK_EVERY_SECONDS = 1
_PASSABLE = 0o711
_PRIVATE = 0o700
_EXIT_OF_SIGTERM = 128 + signal.SIGTERM


@dataclass(frozen=True)
class Cluster:
    """A running PostgreSQL: its addresses and files."""

    data_dir: Path
    bin_dir: Path
    socket_dir: Path
    log: Path
    postmaster_pid: int
    passwords: Mapping[str, str] = field(repr=False)

    def url(self, database: str = "crm", *, role: str = OWNER) -> str:
        """
        A libpq URL, understood by psql, psycopg and asyncpg.

        The roles are those of platform/roles.py, each with a password of its own; the owner owns the database `crm`
        and may create others. `postgres` is the superuser, for checks such as amcheck.
        """
        login = f"{role}:{self.passwords[role]}"
        return f"postgresql://{login}@/{quote(database, safe='')}?host={quote(str(self.socket_dir), safe='/')}"


@contextmanager
def running(data_dir: Path, *, pg_bin: Path | None = None, durable: bool = True) -> Iterator[Cluster]:
    """
    A PostgreSQL on `data_dir`, made at the first call: the one that runs already, or one started now.

    Any number of processes may be inside at once; the last to leave stops the server. One that is killed
    leaves it running, and the next finds it. Leaving means the end of the `with` block, so SIGTERM must
    become an exception: see `exit_on_sigterm`.

    `durable=False` is for tests: faster, and lost when the machine crashes. It matters only where the server
    is started. Root chooses a `data_dir` that others can pass (0711), or the database lies in ELSEWHERE.

    EmbeddedError when it cannot run here.
    """
    data_dir = data_dir.resolve()
    programs = find_binaries(pg_bin)
    with _explained(data_dir):
        _make_folder(data_dir)
        start_lock = data_dir / "postgres.lock"
        with exclusive(start_lock):
            server = _server(data_dir, programs)
        membership = Membership(server.home / "users.lock")
    try:
        with _explained(data_dir), exclusive(start_lock):
            server.ensure_running(durable=durable)
            cluster = _cluster(data_dir, programs, server)
        yield cluster
    finally:
        with exclusive(start_lock):
            if membership.leave():
                server.stop()


def running_already(data_dir: Path, *, pg_bin: Path | None = None) -> Cluster | None:
    """The PostgreSQL of `data_dir` if it runs; nothing is made or started, and it is not kept. EmbeddedError."""
    data_dir = data_dir.resolve()
    if not (data_dir / "postgres").is_dir() and not (data_dir / "postgres.path").exists():
        return None
    with _explained(data_dir):
        server = _server(data_dir, find_binaries(pg_bin))
        return _cluster(data_dir, server.bin_dir, server) if server.listens() else None


@contextmanager
def kept_running(cluster: Cluster, *, tell: Callable[[str], None]) -> Iterator[None]:
    """
    Inside `running`: a server that dies is started again within seconds, under the same address.

    `tell` hears of it in sentences, from another thread. A start that fails is tried again for as long as we are here.
    """
    server = _server(cluster.data_dir, cluster.bin_dir)
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(_LOOK_EVERY_SECONDS):
            if server.listens():
                continue
            tell("The embedded PostgreSQL has ended; it is started again.")
            try:
                with _explained(cluster.data_dir), exclusive(cluster.data_dir / "postgres.lock"):
                    server.ensure_running(durable=True)
            except EmbeddedError as error:
                tell(f"The embedded PostgreSQL could not be started again: {error}")
            else:
                tell("The embedded PostgreSQL runs again.")

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()


def refuse_in_production(environment: str) -> None:
    """EmbeddedError when CRM_ENV is production: data of real people needs a database that is looked after."""
    if environment == "production":
        raise EmbeddedError("CRM_ENV is production, which needs a PostgreSQL of its own: set CRM_DATABASE_URL.")


def exit_on_sigterm() -> None:
    """
    Let SIGTERM end this process by SystemExit (143), so that `running` is left and the server stopped.

    Call it in the main thread before entering `running`. An HTTP server that handles SIGTERM itself and then
    returns does as well; its handler replaces this one while it serves.
    """
    signal.signal(signal.SIGTERM, _exit)


def _exit(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(_EXIT_OF_SIGTERM)


@contextmanager
def _explained(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EmbeddedError(
            f"PostgreSQL cannot use {data_dir}: {error}; set CRM_DATA_DIR to a folder of yours that has room."
        ) from error


def _cluster(data_dir: Path, programs: Path, server: Server) -> Cluster:
    socket_dir, pid = server.socket_dir(), server.postmaster_pid()
    if socket_dir is None or pid is None:
        raise EmbeddedError(f"PostgreSQL has ended right after its start; {server.log} says why.")
    return Cluster(data_dir, programs, socket_dir, server.log, pid, server.passwords())


def _server(data_dir: Path, programs: Path) -> Server:
    home = _home(data_dir)
    account = server_account(home / "data")
    if not account.reaches(home):
        raise EmbeddedError(f"The user {account.name} can no longer enter {home}; let it pass (chmod o+x) again.")
    return Server(home, account, binaries_for(account, programs, copies=_place_for_copies(home)))


def _place_for_copies(home: Path) -> Path:
    """Where programs are copied to when they must be: in `home`, unless a shell would read its path differently."""
    if not _SHELL_CHARACTERS.search(str(home)):
        return home
    # initdb asks its own folder's `postgres` for its version through a shell, between double quotes.
    _make_folder(ELSEWHERE)
    place = ELSEWHERE / f"programs-{hashlib.sha256(str(home).encode()).hexdigest()[:16]}"
    _make_folder(place)
    return place


def _home(data_dir: Path) -> Path:
    """
    The folder of the database: `postgres` in the data folder, unless the server's user cannot enter that.

    Then it lies below ELSEWHERE, and `postgres.path` in the data folder names it. Anyone who deletes the data
    folder deletes that folder as well.
    """
    record = data_dir / "postgres.path"
    if record.exists():
        home = Path(record.read_text())
        if not home.is_dir():
            raise EmbeddedError(f"The database of {data_dir} is gone from {home}; delete {record} to begin anew.")
        return home
    home = data_dir / "postgres"
    if _make_folder(home) and not server_account(home / "data").reaches(home):
        home.rmdir()
        _make_folder(ELSEWHERE)
        home = Path(tempfile.mkdtemp(dir=ELSEWHERE))
        home.chmod(_PASSABLE)
        record.write_text(str(home))
    return home


def _make_folder(folder: Path) -> bool:
    """
    Make the folder where there is none, and tell whether it was made; one that exists keeps its permissions.

    Root lets others pass through (not look inside), as the server runs as another user.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    folder.chmod(_PASSABLE if os.geteuid() == 0 else _PRIVATE)
    return True
