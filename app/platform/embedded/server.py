"""
One PostgreSQL server on one data folder: made, started, found again, stopped.

The server inherits the lock on `server.lock` and each of its processes keeps it. So the lock tells, without
any process id, whether something of it still lives: its parent, or children that outlived a killed parent.
"""

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.platform.embedded import configuration
from app.platform.embedded.account import Account
from app.platform.embedded.errors import EmbeddedError
from app.platform.embedded.locks import WAIT_SECONDS, is_locked, open_ours
from app.platform.roles import OPERATOR, OWNER, ROLES

_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PREFIX = "crm-pg-"
_SOCKET_PATH_LIMIT = 103  # bytes; macOS, Linux has 107
_POLL_SECONDS = 0.01
_KILL_SECONDS = 10
# Time for the last checkpoint. PostgreSQL 18 never ends when told to while it recovers from a crashed process.
_STOP_SECONDS = 30
_LOG_BYTES = 10 * 1024 * 1024
_LOG_LINES_SHOWN = 8
_STATUS_LINE = 7  # of postmaster.pid, counted from 0, the last
_PROCESSES = Path("/proc")
# On macOS C.UTF-8 is no locale of the system; what sorts and compares is PostgreSQL's own C.UTF-8 on both.
_SYSTEM_LOCALE = "C.UTF-8" if sys.platform == "linux" else "C"
# Each line is a statement. A database of before had one role, `crm`, to which everything belongs.
_MAKE_ROLES = (
    "DO 'BEGIN IF to_regrole(''crm'') IS NOT NULL THEN ALTER ROLE crm RENAME TO crm_owner; END IF; END'",
    *(f"DO 'BEGIN IF to_regrole(''{role}'') IS NULL THEN CREATE ROLE {role} LOGIN; END IF; END'" for role in ROLES),
    f"ALTER ROLE {OWNER} CREATEDB",
    f"GRANT {OPERATOR} TO {OWNER}",
)
_MAKE_DATABASE = f"CREATE DATABASE crm OWNER {OWNER}"


@dataclass(frozen=True)
class Server:
    """
    The server of `home`, a folder of ours that holds

    - `data/`: PostgreSQL's own files, the server user's;
    - `postgresql.conf`, `pg_hba.conf`: ours, the server user only reads them;
    - `passwords.json`: the password of each role, for us alone;
    - `postgres.log`, and `postgres.log.1` when it has grown past 10 MiB;
    - `socket`: names the folder of the socket, which needs a short path and so lies in the temporary folder.
    """

    home: Path
    account: Account
    bin_dir: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    def socket_dir(self) -> Path | None:
        """The folder of the socket of the last start; None before the first and after a regular stop."""
        try:
            return Path((self.home / "socket").read_text())
        except FileNotFoundError:
            return None

    def postmaster_pid(self) -> int | None:
        """The process id that the server has written down, which says nothing about whether it lives."""
        lines = self._postmaster_lines()
        return int(lines[0]) if lines else None

    def ensure_running(self, *, durable: bool) -> None:
        """
        Find the server accepting connections, or start it; makes the cluster the first time.

        Only one process may do this at a time. `durable` matters only to a server that is started here.
        """
        if is_locked(self._lock_file):
            if self._becomes_ready():
                if self._passwords_file.exists():
                    return
                self.stop()  # of an earlier version, which had one role without a password
            else:
                self._end_remains()
        if not self.data.exists():
            with self._locked() as lock:
                self._make_cluster(lock, durable=durable)
        elif not self._passwords_file.exists():
            with self._locked() as lock:
                self._give_passwords(self.data, lock)
        self._start(durable=durable)

    def stop(self) -> None:
        """Stop the server, its connections cut and its data written; nothing to do when it does not run."""
        if is_locked(self._lock_file):
            # As the server's user, so that a wrong process id in its file cannot end somebody else's process.
            stop = ("stop", "--mode=fast", "--wait", f"--timeout={_STOP_SECONDS}", f"--pgdata={self.data}")
            self.account.run(self.bin_dir / "pg_ctl", *stop)
            if not self._ends_by_itself():
                self._end_remains()
        socket_dir = self.socket_dir()
        if socket_dir is not None:
            if socket_dir.is_dir():
                shutil.rmtree(socket_dir)
            (self.home / "socket").unlink()

    def passwords(self) -> dict[str, str]:
        """The password of each role."""
        found: dict[str, str] = json.loads(self._passwords_file.read_text())
        return found

    @property
    def _passwords_file(self) -> Path:
        return self.home / "passwords.json"

    @property
    def _lock_file(self) -> Path:
        return self.home / "server.lock"

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The descriptor that holds the server's lock, for the processes that inherit it; we give it up at the end."""
        lock = open_ours(self._lock_file, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock
        finally:
            os.close(lock)

    def _make_cluster(self, lock: int, *, durable: bool) -> None:
        """
        Made under another name and renamed at the end, so that a cut attempt leaves no half cluster.

        The programs inherit the lock as well: when we are killed, they go on for a while, and the next waits.
        """
        unfinished = self.home / "data.new"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        os.chown(unfinished, self.account.uid, self.account.gid)
        made = self.account.run(
            self.bin_dir / "initdb",
            "--pgdata",
            unfinished,
            "--username=postgres",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            f"--locale={_SYSTEM_LOCALE}",
            "--data-checksums",
            "--auth-local=peer",
            "--auth-host=reject",
            *([] if durable else ["--no-sync"]),
            pass_on=(lock,),
        )
        if made.returncode:
            raise EmbeddedError(f"PostgreSQL could not make its files in {self.home}: {_last_lines(made.stderr)}")
        self._give_passwords(unfinished, lock, _MAKE_DATABASE)
        unfinished.rename(self.data)

    def _give_passwords(self, data: Path, lock: int, *more: str) -> None:
        """
        Make the roles that are missing and give each a new password; then run `more` statements.

        In single-user mode: that needs no connection, so nobody ever has to be trusted.
        """
        passwords = {role: secrets.token_hex(24) for role in configuration.LOGINS}
        given = [f"ALTER ROLE {role} PASSWORD '{password}'" for role, password in passwords.items()]
        done = self.account.run(
            self.bin_dir / "postgres",
            "--single",
            "--exit_on_error=on",
            *("-D", data, "postgres"),
            text_in="".join(f"{statement};\n\n" for statement in (*_MAKE_ROLES, *given, *more)),
            pass_on=(lock,),
        )
        if done.returncode:
            raise EmbeddedError(f"PostgreSQL could not make the roles of {data}: {_last_lines(done.stderr)}")
        self._write("passwords.json", json.dumps(passwords), mode=0o600)

    def _start(self, *, durable: bool) -> None:
        """EmbeddedError with the last lines of the log when it does not come up."""
        socket_dir = self._make_socket_dir()
        settings = configuration.server_settings(self.home, socket_dir=socket_dir, durable=durable)
        self._write("postgresql.conf", settings)
        self._write("pg_hba.conf", configuration.who_may_connect())
        self._clear_left_overs(socket_dir)
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.home / "postgres.log.1")

        log = open_ours(self.log, os.O_WRONLY | os.O_APPEND)
        log_start = os.fstat(log).st_size
        try:
            with self._locked() as lock:
                # The shell leaves at once, so that the server is not our child and never our zombie.
                self.account.run(
                    *("/bin/sh", "-c", '"$@" >&2 &', "sh"),
                    *(self.bin_dir / "postgres", "-D", self.data),
                    f"--config_file={self.home / 'postgresql.conf'}",
                    stderr=log,
                    pass_on=(lock,),
                )
        finally:
            os.close(log)
        if not self._becomes_ready():
            self._end_remains()
            with self.log.open(errors="replace") as text:
                text.seek(log_start)
                raise EmbeddedError(f"PostgreSQL did not start; the end of {self.log} says: {_last_lines(text.read())}")

    def _clear_left_overs(self, socket_dir: Path) -> None:
        """
        Remove what a killed server left; its lock is free, so nothing of it lives.

        PostgreSQL would believe the process id in these files when another process has got that number since,
        as happens in containers. Where processes cannot be seen it decides alone.
        """
        if not _PROCESSES.exists():
            return
        if self._processes():
            raise EmbeddedError(f"A PostgreSQL that crm did not start runs on {self.data}; stop it.")
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        (socket_dir / f"{_SOCKET_NAME}.lock").unlink(missing_ok=True)

    def _becomes_ready(self) -> bool:
        """Wait until the server accepts connections; False when it ends instead, or nothing listens."""
        deadline = time.monotonic() + WAIT_SECONDS
        while is_locked(self._lock_file) and time.monotonic() < deadline:
            # No line yet: it has just begun. Another word than ready: it recovers, or is still stopping.
            if self._postmaster_lines()[_STATUS_LINE:] == ["ready"]:
                return self.listens()
            time.sleep(_POLL_SECONDS)
        return False

    def listens(self) -> bool:
        """Whether somebody takes connections at the socket of the last start."""
        socket_dir = self.socket_dir()
        if socket_dir is None:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(_KILL_SECONDS)
            try:
                client.connect(str(socket_dir / _SOCKET_NAME))
            except (ConnectionRefusedError, FileNotFoundError):
                return False
            except (BlockingIOError, TimeoutError):
                return True  # somebody listens, and is busy
        return True

    def _ends_by_itself(self) -> bool:
        """Whether the last process ends within some seconds."""
        deadline = time.monotonic() + _KILL_SECONDS
        while is_locked(self._lock_file):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _end_remains(self) -> None:
        """Kill what lives of a server that cannot be reached; EmbeddedError when it is out of our sight."""
        deadline = time.monotonic() + _KILL_SECONDS
        while is_locked(self._lock_file):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"A PostgreSQL runs on {self.data}, out of reach (in a container?); end it first.")
            for pid in self._processes():
                with suppress(ProcessLookupError):  # it has ended by itself
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_POLL_SECONDS)

    def _processes(self) -> list[int]:
        """
        Process ids of the server: programs named postgres that run in our data folder as the server's user.

        Empty where there is no /proc; there, children end by themselves soon after their parent.
        """
        found = []
        for entry in _PROCESSES.glob("[0-9]*"):
            try:
                is_ours = (
                    entry.stat().st_uid == self.account.uid
                    and (entry / "exe").readlink().name.startswith("postgres")
                    and (entry / "cwd").samefile(self.data)
                )
            except OSError:
                continue  # it has ended, or is none that we may look at
            if is_ours:
                found.append(int(entry.name))
        return found

    def _postmaster_lines(self) -> list[str]:
        """The lines of PostgreSQL's own postmaster.pid, stripped; empty when there is none."""
        try:
            return [line.strip() for line in (self.data / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def _make_socket_dir(self) -> Path:
        """The folder of the last start while it is there, as others know it; else a new one, mode 0700."""
        recorded = self.socket_dir()
        if recorded is not None and recorded.is_dir() and recorded.stat().st_uid == self.account.uid:
            return recorded
        parent = Path(tempfile.gettempdir())
        longest = f"{parent}/{_SOCKET_PREFIX}12345678/{_SOCKET_NAME}"
        if len(longest.encode()) > _SOCKET_PATH_LIMIT or not self.account.reaches(parent):
            parent = Path("/tmp")  # noqa: S108  # nosec B108 - mkdtemp makes a private folder in it
        socket_dir = Path(tempfile.mkdtemp(prefix=_SOCKET_PREFIX, dir=parent))
        self._write("socket", str(socket_dir))
        os.chown(socket_dir, self.account.uid, self.account.gid)
        return socket_dir

    def _write(self, name: str, text: str, *, mode: int = 0o644) -> None:
        """Replace a file in `home` as a whole; the server's user may read it unless `mode` says otherwise."""
        with tempfile.NamedTemporaryFile("w", dir=self.home, delete=False) as file:
            file.write(text)
        new = Path(file.name)
        new.chmod(mode)
        if os.geteuid() == 0:
            folder = self.home.stat()
            os.chown(new, folder.st_uid, folder.st_gid)
        new.replace(self.home / name)


def _last_lines(text: str) -> str:
    return " | ".join(line for line in text.splitlines()[-_LOG_LINES_SHOWN:] if line)
