"""
Failovers rehearsed: two PostgreSQL under Patroni, etcd and HAProxy, all on loopback, and the CRM under writes.

    make failover            FAILOVERS (3; 50 is the long form, half an hour), CRM_PG_BIN, FAILOVER_PATRONI (a venv)

Each time the machine of the primary "loses its power": kill -9 of Patroni and of every process of PostgreSQL. Two CRMs
are written to meanwhile, one that knows both servers and one behind HAProxy, each by two clients: one sends requests
with an Idempotency-Key until they are answered, one sends each of its requests once, without a key. What was
acknowledged is kept in a ledger. Exit code 1 when something acknowledged is lost, or anything is there twice.

A tool that is not there is named NOT RUN; with CI=true that is a failure. What was started here is ended here.
"""

import json
import os
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from rich.console import Console

from app.platform.embedded import EmbeddedError, exit_on_sigterm, find_binaries
from app.platform.embedded.account import Account, server_account
from app.platform.embedded.binaries import binaries_for
from bench.ledger import Client, first_condition, judge, new_patient, service_key, writing
from bench.processes import NotThereError, free_port, processes_of_postgresql, wait_for
from bench.server import serving

TTL_SECONDS: Final = 20
"""Until the cluster gives up a primary that is silent: the least that Patroni takes."""

say = Console(highlight=False)


@dataclass
class Node:
    """A PostgreSQL with its Patroni."""

    name: str
    home: Path
    command: list[str]
    env: dict[str, str]
    account: Account
    port: int
    api_port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        switch = self.account.uid != os.geteuid()
        with (self.home / "patroni.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                self.command,
                env=self.env,
                cwd=self.home,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=self.account.uid if switch else None,
                group=self.account.gid if switch else None,
                extra_groups=[] if switch else None,
            )

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api_port}{path}", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """Patroni first, so that it starts nothing again; then all of PostgreSQL."""
        pids = processes_of_postgresql(self.home / "data")
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in processes_of_postgresql(self.home / "data"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@dataclass
class Cluster:
    nodes: list[Node]
    password: str
    proxy_port: int

    def url(self, *places: int) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in places)
        several = "?target_session_attrs=read-write" if len(places) > 1 else ""
        return f"postgresql://postgres:{self.password}@{hosts}/crm{several}"

    def primary(self) -> Node | None:
        return next((node for node in self.nodes if node.answers("/primary")), None)

    def is_whole(self) -> bool:
        """Whether there is a primary, and a standby that has all that the primary acknowledges."""
        return self.primary() is not None and any(node.answers("/sync") for node in self.nodes)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """The cluster, whole. NotThereError names a tool that is missing."""
    etcd, haproxy = _tool("etcd"), _tool("haproxy")
    account = server_account(folder / "none")
    python, packages = _patroni(account, copies=folder)
    programs = binaries_for(account, find_binaries(_given_programs()), copies=folder)
    password = secrets.token_hex(16)
    with ExitStack() as ends:
        client_port, peer_port = free_port(), free_port()
        ends.enter_context(
            _running(
                folder / "etcd.log",
                etcd,
                *("--data-dir", str(folder / "etcd"), "--name", "one"),
                *(f"--{kind}-client-urls=http://127.0.0.1:{client_port}" for kind in ("listen", "advertise")),
                f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
                f"--initial-advertise-peer-urls=http://127.0.0.1:{peer_port}",
                f"--initial-cluster=one=http://127.0.0.1:{peer_port}",
            )
        )
        nodes = []
        for name in ("one", "two"):
            home = folder / name
            home.mkdir()
            node = Node(name, home, [python, "-m", "patroni", str(home / "patroni.yml")], {}, account, *_two_ports())
            node.env = {"PATH": os.environ["PATH"], "PYTHONPATH": packages, "HOME": str(home), "TZ": "UTC"}
            settings = _patroni_settings(node, programs, etcd_port=client_port, password=password)
            # JSON is YAML.
            (home / "patroni.yml").write_text(json.dumps(settings))
            for path in (home, home / "patroni.yml"):
                os.chown(path, account.uid, account.gid)
                path.chmod(0o700 if path == home else 0o600)
            nodes.append(node)
        found = Cluster(nodes, password, free_port())
        for node in nodes:
            ends.callback(node.stop)
            node.start()
        (folder / "haproxy.cfg").write_text(_haproxy_settings(found))
        wait_for("a primary with its standby", found.is_whole)
        ends.enter_context(_running(folder / "haproxy.log", haproxy, "-db", "-f", str(folder / "haproxy.cfg")))
        primary = found.primary()
        assert primary is not None  # noqa: S101 - the cluster is whole
        with psycopg.connect(found.url(primary.port).replace("/crm", "/postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE crm")
        yield found


def _two_ports() -> tuple[int, int]:
    return free_port(), free_port()


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NotThereError(f"{name} is not on the PATH (Debian: etcd-server, haproxy)")
    return found


def _given_programs() -> Path | None:
    return Path(os.environ["CRM_PG_BIN"]) if os.environ.get("CRM_PG_BIN") else None


def _patroni(account: Account, *, copies: Path) -> tuple[str, str]:
    """A Python that the account may run, and where it finds Patroni's packages: in a copy that it reaches."""
    place = Path(os.environ.get("FAILOVER_PATRONI", ".venv-failover")).resolve()
    packages = next(iter(place.glob("lib/python3*/site-packages")), None)
    if packages is None:
        raise NotThereError(f"Patroni is not in {place} (make failover installs it)")
    copied = Path(shutil.copytree(packages, copies / "patroni"))
    code = f"import sys; sys.path.insert(0, {str(copied)!r}); import patroni, psycopg"
    said = []
    for python in (place / "bin/python", Path("/usr/bin/python3"), Path("/usr/local/bin/python3")):
        try:
            tried = account.run(python, "-c", code)
        except OSError as error:
            said.append(f"{python}: {error.strerror}")
            continue
        if tried.returncode == 0:
            return str(python), str(copied)
        said.append(f"{python}: {tried.stderr.strip().splitlines()[-1]}")
    raise NotThereError(f"no Python that the user {account.name} may run starts Patroni ({'; '.join(said)})")


@contextmanager
def _running(log: Path, *command: str) -> Iterator[None]:
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)  # noqa: S603
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _patroni_settings(node: Node, programs: Path, *, etcd_port: int, password: str) -> dict[str, Any]:
    api = f"127.0.0.1:{node.api_port}"
    place = f"127.0.0.1:{node.port}"
    login = {"username": "postgres", "password": password}
    parameters = {"max_connections": 100, "shared_buffers": "128MB", "max_wal_size": "1GB", "jit": "off"}
    return {
        "scope": "crm",
        "name": node.name,
        "restapi": {"listen": api, "connect_address": api},
        "etcd3": {"hosts": f"127.0.0.1:{etcd_port}"},
        "bootstrap": {
            "dcs": {
                "ttl": TTL_SECONDS,
                "loop_wait": 2,
                "retry_timeout": 5,
                "synchronous_mode": True,
                "postgresql": {"use_pg_rewind": True, "parameters": parameters},
            },
            "initdb": [
                {"encoding": "UTF8"},
                {"locale-provider": "builtin"},
                {"builtin-locale": "C.UTF-8"},
                {"locale": "C.UTF-8"},
                "data-checksums",
            ],
        },
        "postgresql": {
            "listen": place,
            "connect_address": place,
            "data_dir": str(node.home / "data"),
            "bin_dir": str(programs),
            "pgpass": str(node.home / "pgpass"),
            "authentication": {"superuser": login, "replication": login, "rewind": login},
            "parameters": {"unix_socket_directories": str(node.home)},
            "pg_hba": [
                "host all all 127.0.0.1/32 scram-sha-256",
                "host replication all 127.0.0.1/32 scram-sha-256",
            ],
        },
    }


def _haproxy_settings(found: Cluster) -> str:
    servers = "\n".join(
        f"    server {node.name} 127.0.0.1:{node.port} check port {node.api_port}" for node in found.nodes
    )
    return f"""
defaults
    mode tcp
    timeout connect 2s
    timeout client 1h
    timeout server 1h
listen primary
    bind 127.0.0.1:{found.proxy_port}
    option httpchk GET /primary
    http-check expect status 200
    default-server inter 500ms fastinter 200ms fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
"""


def fail_over(found: Cluster, clients: list[Client]) -> tuple[float, list[float]]:
    """One failover: seconds until the standby is the primary, and from then until each client is acknowledged again."""
    wait_for("the standby that has everything", found.is_whole)
    old = found.primary()
    assert old is not None  # noqa: S101 - the cluster is whole
    other = next(node for node in found.nodes if node is not old)
    killed = time.monotonic()
    old.kill()
    wait_for("the promotion", lambda: _takes_writes(found.url(other.port)), every=0.05)
    promoted = time.monotonic()
    wait_for("a write by each client", lambda: all(client.first_after(promoted) for client in clients), every=0.05)
    again = [(client.first_after(promoted) or 0) - promoted for client in clients]
    old.start()
    return promoted - killed, again


def _takes_writes(url: str) -> bool:
    with suppress(psycopg.Error), psycopg.connect(url, connect_timeout=2) as connection:
        return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
    return False


def rehearse(times: int) -> bool:
    """Whether nothing was lost and nothing doubled."""
    with ExitStack() as ends:
        folder = Path(tempfile.mkdtemp(prefix="crm-failover-"))
        folder.chmod(0o711)
        ends.callback(shutil.rmtree, folder, ignore_errors=True)
        found = ends.enter_context(cluster(folder))
        hosts = found.url(*(node.port for node in found.nodes))
        urls = {"hosts": hosts, "proxy": found.url(found.proxy_port)}
        clients = []
        for way, url in urls.items():
            server = ends.enter_context(serving(url, fast_paths=True))
            key = service_key(url, way)
            base_url = f"http://{server.host}:{server.port}"
            write = new_patient(first_condition(base_url, key))
            clients += [Client(f"{way}-{kind}", base_url, key, kind == "keyed", write) for kind in ("keyed", "once")]
        end_clients = ends.enter_context(writing(clients))
        wait_for("the first writes", lambda: all(client.acknowledged for client in clients))
        promotions, gaps = [], []
        for number in range(1, times + 1):
            promotion, again = fail_over(found, clients)
            promotions.append(promotion)
            gaps.append(again)
            told = ", ".join(f"{client.name} {gap:.2f} s" for client, gap in zip(clients, again, strict=True))
            say.print(f"{number}: promoted after {promotion:.1f} s; acknowledged again after {told}")
        wait_for("the cluster as it was", found.is_whole)
        end_clients()
        primary = found.primary()
        assert primary is not None  # noqa: S101 - the cluster is whole
        verdict = judge(found.url(primary.port), clients)
        say.print(f"{len(gaps)} failovers: {verdict}")
        for place, client in enumerate(clients):
            seconds = [again[place] for again in gaps]
            say.print(
                f"  {client.name}: writes again {statistics.median(seconds):.2f} s after the promotion (median), "
                f"{max(seconds):.2f} s at most; answers {dict(sorted(client.answers.items()))} (0: none)"
            )
        say.print(f"  promotion {statistics.median(promotions):.1f} s after the kill (median; ttl {TTL_SECONDS} s)")
        return verdict.is_well


def main() -> None:
    exit_on_sigterm()
    try:
        is_well = rehearse(int(os.environ.get("FAILOVERS", "3")))
    except (NotThereError, EmbeddedError) as missing:
        say.print(f"NOT RUN: {missing}")
        sys.exit(1 if os.environ.get("CI") == "true" else 0)
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
