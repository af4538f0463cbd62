"""Servers on ports of loopback, of the embedded PostgreSQL's programs: one, or a primary and its standby."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app.platform.embedded import find_binaries
from app.platform.embedded.account import Account, server_account
from app.platform.embedded.binaries import binaries_for
from tests.serving import free_port

SUPERUSER = "postgres"
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
fsync = off
full_page_writes = off
autovacuum = off
wal_level = replica
"""


@dataclass(frozen=True)
class Node:
    """One server: its programs run as the account that owns its files."""

    home: Path
    programs: Path
    account: Account
    port: int

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"postgresql://{SUPERUSER}@{self.place}/crm"

    def run(self, program: str, *arguments: str | Path) -> None:
        # A server that was started would keep our end of a pipe open.
        done = self.account.run("/bin/sh", "-c", '"$@" > "$0" 2>&1', self.log, self.programs / program, *arguments)
        assert done.returncode == 0, f"{program}: {self.log.read_text()}"

    @property
    def log(self) -> Path:
        return self.home / "program.log"

    def start(self) -> None:
        self.run("pg_ctl", "start", "-w", "-D", self.data, "-l", self.home / "server.log", "-o", f"-p {self.port}")

    def do(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def ask(self, question: str) -> object:
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(question.encode()).fetchone()
        return row[0] if row else None

    def kill(self) -> None:
        """End every process of the server at once, as a machine does that loses its power; none is left."""
        postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in (postmaster, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until_gone(postmaster)

    def promote(self) -> None:
        self.run("pg_ctl", "promote", "-w", "-D", self.data)

    def stop(self) -> None:
        self.account.run(self.programs / "pg_ctl", "stop", "-m", "immediate", "-D", self.data)


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < deadline, f"process {pid} stays"
        time.sleep(0.02)


def make_node(folder: Path, name: str) -> Node:
    """The place of a server that has no files yet."""
    home = folder / name
    home.mkdir()
    account = server_account(home / "data")
    shutil.chown(home, account.uid, account.gid)
    home.chmod(0o700)
    folder.joinpath("programs").mkdir(exist_ok=True, mode=0o755)
    programs = binaries_for(account, find_binaries(None), copies=folder / "programs")
    return Node(home, programs, account, free_port())


@contextmanager
def one_server(folder: Path) -> Iterator[Node]:
    """A server with an empty database `crm`."""
    node = make_node(folder, "one")
    options = ("-U", SUPERUSER, "-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    node.run("initdb", "-D", node.data, *options, "--auth=trust", "--no-sync")
    (node.data / "postgresql.conf").write_text(_SETTINGS)
    try:
        node.start()
        with psycopg.connect(node.url.replace("/crm", "/postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE crm")
        yield node
    finally:
        node.stop()


@contextmanager
def primary_and_standby(folder: Path) -> Iterator[tuple[Node, Node]]:
    """Both with an empty database `crm`; what the primary has acknowledged the standby has on its disk."""
    with one_server(folder) as primary:
        standby = make_node(folder, "two")
        try:
            source = f"host=127.0.0.1 port={primary.port} user={SUPERUSER}"
            options = ("-R", "-X", "stream", "-c", "fast", "--no-sync")
            standby.run("pg_basebackup", "-D", standby.data, "-d", source, *options)
            standby.start()
            # After the copy: the standby, when it is the primary, waits for nobody.
            primary.do("ALTER SYSTEM SET synchronous_standby_names = '*'")
            primary.do("SELECT pg_reload_conf()")
            yield primary, standby
        finally:
            standby.stop()
