"""
What the CRM withstands, for some minutes and all on loopback: `make soak`.

    python -m bench.soak [PART ...]      SOAK_SECONDS (300; more of them, more of each), SOAK_RESULT (bench-soak.json)

`crm serve` and `crm worker` run on the embedded PostgreSQL. Clients write meanwhile and keep a ledger of what was
acknowledged; in the end nothing of it may be gone, and nothing there twice. The parts are functions below, each with
what it does. A tool that is not there is named NOT RUN; with CI=true that is a failure. Exit code 1 when a part is not
as promised. What was started here is ended here.
"""

import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import psycopg
from rich.console import Console

from app import setup
from app.platform.embedded import Cluster, EmbeddedError, exit_on_sigterm, kept_running, running
from app.platform.roles import APPLICATION
from bench import machine
from bench.fault_proxy import FaultProxy, in_a_thread
from bench.ledger import Client, first_condition, judge, new_note, new_patient, service_key, status_of, writing
from bench.processes import CRM, NotThereError, Process, free_port, kill_postgresql, wait_for
from bench.runner import prepare

POOL: Final = 8
"""CRM_POOL_SIZE of the application here: small, so that it is soon used up."""
REPLAYS: Final = 10_000
"""At most: fewer where they do not come to an end in their share of the time."""
SLOW_CLIENTS: Final = 1_000
SOCKET: Final = ".s.PGSQL.5432"
PDF: Final = b"%PDF-1.4\n1 0 obj <</Type /Catalog>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF\n"
FAKETIME: Final = "libfaketimeMT.so.1"

say = Console(highlight=False, width=160)


class Figure(NamedTuple):
    """What a part has found: the promise, the figure, and whether it is as promised."""

    promise: str
    told: str
    is_well: bool


@dataclass
class Crm:
    """The application and its worker on a database, reached through proxies that are told when to spoil what passes."""

    folder: Path
    cluster: Cluster
    app: Process
    worker: Process
    port: int
    to_app: FaultProxy
    to_database: FaultProxy
    key: str = ""
    patient: str = ""
    condition: str = ""
    documents: list[str] = field(default_factory=list)
    # Each request has a connection of its own: one that is kept would tell of an application of before.
    client: httpx.Client = field(
        default_factory=lambda: httpx.Client(timeout=30, limits=httpx.Limits(max_keepalive_connections=0))
    )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url_through_proxy(self) -> str:
        return f"http://127.0.0.1:{self.to_app.listens}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    @property
    def owner(self) -> str:
        return self.cluster.url()

    def get(self, path: str) -> int:
        return status_of(lambda: self.client.get(f"{self.url}{path}", headers=self.headers))

    def add_note(self, text: str, *, keyed: str | None = None) -> httpx.Response:
        headers = {**self.headers, **({"Idempotency-Key": keyed} if keyed else {})}
        body = {"patient_id": self.patient, "text": text}
        return self.client.post(f"{self.url}/api/v1/notes", json=body, headers=headers)

    def add_document(self) -> int:
        """The status; a document that was acknowledged is noted, and scanned by the worker some time later."""
        form = {"patient_id": self.patient, "kind": "letter", "title": "Soak"}

        def send() -> httpx.Response:
            files = {"file": ("letter.pdf", PDF)}
            answer = self.client.post(f"{self.url}/api/v1/documents", data=form, files=files, headers=self.headers)
            if answer.status_code == 201:
                self.documents.append(answer.json()["document_id"])
            return answer

        return status_of(send)

    def is_ready(self) -> bool:
        return self.get("/health/ready") == 200

    def has_worker(self) -> bool:
        with suppress(httpx.TransportError, ValueError, KeyError):
            return bool(self.client.get(f"{self.url}/health/ready").json()["checks"]["worker"] == "ok")
        return False

    def takes_writes(self) -> bool:
        return status_of(lambda: self.add_note("taken again")) == 201

    def clients(self, name: str) -> list[Client]:
        """Two that write notes with keys, and one that adds patients by one statement each, without keys."""
        notes, patients = new_note(self.patient), new_patient(self.condition)
        through = self.url_through_proxy
        return [
            *(Client(f"{name}-keyed{number}", through, self.key, True, notes) for number in range(2)),
            Client(f"{name}-once", through, self.key, False, patients),
        ]


@contextmanager
def started(folder: Path, *, documents: Path | None = None) -> Iterator[Crm]:
    """The application with its worker on a database of its own in this folder."""
    with ExitStack() as ends:
        cluster = ends.enter_context(running(folder / "data"))
        ends.enter_context(kept_running(cluster, tell=lambda _: None))
        setup.move_to_head(cluster.url())
        asyncio.run(prepare(cluster.url()))
        sockets = folder / "sockets"
        sockets.mkdir()
        port, chance = free_port(), random.Random(11)
        to_database = FaultProxy(sockets / SOCKET, cluster.socket_dir / SOCKET, chance)
        to_app = FaultProxy(free_port(), port, chance)
        ends.enter_context(in_a_thread(to_database, to_app))
        env = {
            "CRM_DATABASE_URL": cluster.url(role=APPLICATION).replace(str(cluster.socket_dir), str(sockets)),
            "CRM_DATA_DIR": str(folder / "app"),
            "CRM_DOCUMENTS": str(documents or folder / "documents"),
            "CRM_SECRET_KEY": "a key of the soak, which opens its documents",
            "CRM_SCAN_COMMAND": "/bin/sh -c 'sleep 0.3'",
            "CRM_SCAN_TIMEOUT": "5",
            "CRM_POOL_SIZE": str(POOL),
            "CRM_LOG_FORMAT": "json",
            "PORT": str(port),
        }
        (folder / "app").mkdir()
        log = folder / "crm.log"
        crm = Crm(
            folder,
            cluster,
            Process((CRM, "serve"), log, env),
            Process((CRM, "worker"), log, env),
            port,
            to_app,
            to_database,
        )
        ends.callback(crm.client.close)
        for process in (crm.app, crm.worker):
            ends.callback(process.stop)
            process.start()
        wait_for("the application", crm.is_ready)
        wait_for("the worker", crm.has_worker)
        crm.key = service_key(env["CRM_DATABASE_URL"], "soak")
        crm.condition = first_condition(crm.url, crm.key)
        write = new_patient(crm.condition)
        made = crm.client.post(f"{crm.url}{write.path}", json=write.body("Soak"), headers=crm.headers)
        crm.patient = made.raise_for_status().json()["patient_id"]
        yield crm


# The parts


def kills(crm: Crm, seconds: float) -> Figure:
    """Kill -9 of the application, the worker and PostgreSQL in turn, while documents are added too."""
    clients = crm.clients("kills")
    gaps: dict[str, list[float]] = {"app": [], "worker": [], "PostgreSQL": []}
    with writing(clients) as end:
        wait_for("the first writes", lambda: all(client.acknowledged for client in clients))
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline or not all(gaps.values()):
            name = min(gaps, key=lambda one: len(gaps[one]))
            crm.add_document()
            time.sleep(crm.to_app.chance.uniform(0, 1.5))
            killed = time.monotonic()
            if name == "PostgreSQL":
                # As `crm serve` does with a database that comes along, `started` has it started again.
                kill_postgresql(crm.cluster.log.parent / "data")
            else:
                process = crm.app if name == "app" else crm.worker
                process.kill()
                process.start()
            wait_for(
                f"a write by each client after a kill of {name}",
                lambda since=killed: all(client.first_after(since) for client in clients),  # type: ignore[misc]
                every=0.05,
            )
            gaps[name].append(max((client.first_after(killed) or 0) - killed for client in clients))
        end()
    verdict = judge(crm.owner, clients)
    told = ", ".join(f"{name} {len(found)} times ({statistics.median(found):.1f} s)" for name, found in gaps.items())
    return Figure(
        "what was acknowledged survives kill -9 of the application, the worker and PostgreSQL; a key has one effect",
        f"{told}, in brackets until every client is acknowledged again (median); {verdict}",
        verdict.is_well,
    )


def cuts(crm: Crm, seconds: float) -> Figure:
    """Connections that are cut, stalled and dribbled, between client and application and before the database."""
    clients = crm.clients("cuts")
    crm.to_app.spoils, crm.to_database.spoils = 0.03, 0.01
    try:
        with writing(clients):
            time.sleep(seconds)
            crm.to_app.spoils = crm.to_database.spoils = 0
            since = time.monotonic()
            wait_for("a write by each client", lambda: all(client.first_after(since) for client in clients))
            again = max((client.first_after(since) or 0) - since for client in clients)
    finally:
        crm.to_app.spoils = crm.to_database.spoils = 0
    verdict = judge(crm.owner, clients)
    faults = crm.to_app.faults + crm.to_database.faults
    told = ", ".join(f"{count} {name}" for name, count in sorted(faults.items()))
    longest = max(client.longest for client in clients)
    return Figure(
        "connections that are cut or stall, before the application and before the database, lose and double nothing",
        f"{faults.total()} faults ({told}): {verdict}; the longest answer took {longest:.1f} s, writes by all "
        f"{again:.1f} s after the last fault",
        verdict.is_well,
    )


def replays(crm: Crm, seconds: float) -> Figure:
    """The same requests with the same keys, again and again, eight at a time; one key with another request."""
    first = {key: crm.add_note(key, keyed=key) for key in (f"replay-{number}" for number in range(100))}
    wrong: Counter[str] = Counter()
    times = 0
    with httpx.Client(base_url=crm.url, headers=crm.headers, timeout=30) as client:

        def again(number: int) -> None:
            nonlocal times
            if time.monotonic() > begun + seconds:
                return
            times += 1
            key = f"replay-{number % len(first)}"
            body = {"patient_id": crm.patient, "text": key}
            answer = client.post("/api/v1/notes", json=body, headers={"Idempotency-Key": key})
            if answer.content != first[key].content or answer.headers.get("idempotency-replayed") != "true":
                wrong[f"answered {answer.status_code}"] += 1

        begun = time.monotonic()
        with ThreadPoolExecutor(8) as several:
            list(several.map(again, range(REPLAYS)))
        took = time.monotonic() - begun
    others = Counter(crm.add_note("another text", keyed=key).status_code for key in first)
    with psycopg.connect(crm.owner) as connection:
        question = "SELECT count(*), count(DISTINCT text) FROM note WHERE text LIKE 'replay-%' OR text = 'another text'"
        there = connection.execute(question).fetchone()
    return Figure(
        "a key has one effect, however often it comes; with another request it is refused",
        f"{times:,} replays of {len(first)} requests in {took:.0f} s: {sum(wrong.values())} other answers, "
        f"{(there or (0, 0))[0] - len(first)} second effects; with another request {dict(others)}",
        not wrong and there == (len(first), len(first)) and set(others) == {422},
    )


def pool(crm: Crm, _seconds: float) -> Figure:
    """Ten times as many requests as connections while a table is locked; then a database that has none left."""
    found: Counter[int] = Counter()
    slowest = live = 0.0
    lives: Counter[int] = Counter()
    ends = threading.Event()

    def look() -> None:
        nonlocal live
        while not ends.is_set():
            begun = time.monotonic()
            lives[crm.get("/health/live")] += 1
            live = max(live, time.monotonic() - begun)
            time.sleep(0.1)

    def ask(number: int) -> None:
        nonlocal slowest
        begun = time.monotonic()
        found[status_of(lambda: crm.add_note(f"pool-{number}"))] += 1
        slowest = max(slowest, time.monotonic() - begun)

    looking = threading.Thread(target=look)
    looking.start()
    many = 10 * POOL
    try:
        with ThreadPoolExecutor(many) as several, psycopg.connect(crm.owner) as connection:
            connection.execute("LOCK TABLE note IN ACCESS EXCLUSIVE MODE")
            asked = [several.submit(ask, number) for number in range(many)]
            time.sleep(8)
            connection.rollback()
            freed = time.monotonic()
            wait_for("a write", crm.takes_writes, every=0.05)
            again = time.monotonic() - freed
            for one in asked:
                one.result()
        refused, after = _without_connections(crm)
    finally:
        ends.set()
        looking.join()
    return Figure(
        "with no connection left requests get 503 and do not hang, and the process is alive; it goes on by itself",
        f"{many} requests at once on a pool of {POOL}: {dict(sorted(found.items()))}, the slowest {slowest:.1f} s, "
        f"a write {again:.1f} s after; no connection left in the database: {refused}, a write {after:.1f} s after; "
        f"/health/live {dict(lives)}, the slowest {live:.1f} s",
        set(found) <= {201, 503} and set(lives) == {200} and refused == {503: 5} and slowest < 15,
    )


def _without_connections(crm: Crm) -> tuple[dict[int, int], float]:
    """What is answered while others hold every connection of the database, and how soon a write is taken after."""
    held: list[psycopg.Connection[Any]] = []
    end_those = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
    watching = psycopg.connect(crm.cluster.url(role="postgres"), autocommit=True)
    try:
        # Each round takes what the application has given up and what it has taken meanwhile.
        for _ in range(20):
            with suppress(psycopg.OperationalError):
                while True:
                    held.append(psycopg.connect(crm.owner, autocommit=True))
            if watching.execute(end_those, [APPLICATION]).rowcount == 0:
                break
            time.sleep(0.05)
        refused = Counter(status_of(lambda: crm.add_note("none left")) for _ in range(5))
    finally:
        for connection in (*held, watching):
            connection.close()
    freed = time.monotonic()
    wait_for("a write", crm.takes_writes, every=0.05)
    return dict(refused), time.monotonic() - freed


def clock(crm: Crm, seconds: float) -> Figure:
    """The clock of the application and the worker jumps, by libfaketime; that of the database does not."""
    library = next((path for path in Path("/usr/lib").glob(f"**/faketime/{FAKETIME}")), None)
    if library is None:
        raise NotThereError(f"{FAKETIME} is not here (Debian: libfaketime)")
    now = crm.folder / "now"
    now.write_text("+0\n")
    env = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(now),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    chance, found, wrong = crm.to_app.chance, Counter[int](), list[str]()
    before = crm.app.env, crm.worker.env

    def move(by: int) -> None:
        now.write_text(f"{by:+d}\n")

    try:
        for process in (crm.app, crm.worker):
            process.stop()
            process.env = {**process.env, **env}
            process.start()
        wait_for("the application with a clock of ours", crm.is_ready)
        crm.add_note("clock", keyed="clock")
        deadline = time.monotonic() + seconds
        jumps = 0
        while time.monotonic() < deadline or jumps < 20:
            jumps += 1
            far = chance.choice((60, 3_600, 86_400, 3 * 86_400, 3_650 * 86_400))
            move(chance.choice((-1, 1)) * far)
            if crm.get("/health/live") != 200:
                wrong.append("not alive")
            text = f"clock-{jumps}"
            for again in (False, True):
                status = status_of(lambda sent=text: crm.add_note(sent, keyed=sent))  # type: ignore[misc]
                found[status] += 1
                # In ten years the key has expired; ten years ago it was there already.
                if status != 201 and not (status == 401 and far > 365 * 86_400):
                    wrong.append(f"{status} by {far} s{' again' if again else ''}")
            move(0)
            if status_of(lambda sent=text: crm.add_note(sent, keyed=sent)) != 201:  # type: ignore[misc]
                wrong.append(f"not as before after {far} s")
        replayed = crm.add_note("clock", keyed="clock").headers.get("idempotency-replayed") == "true"
        wait_for("the worker", crm.has_worker)
    finally:
        for process, known in zip((crm.app, crm.worker), before, strict=True):
            process.stop()
            process.env = known
            process.start()
        wait_for("the application", crm.is_ready)
    with psycopg.connect(crm.owner) as connection:
        question = "SELECT count(*), count(DISTINCT text) FROM note WHERE text LIKE 'clock%%'"
        there = connection.execute(question.replace("%%", "%")).fetchone() or (0, 0)
    return Figure(
        "a clock that jumps, by a minute to ten years, changes nothing but what has an end, and harms nothing for long",
        f"{jumps} jumps: {dict(sorted(found.items()))}, {len(wrong)} otherwise {sorted(set(wrong))[:5]}, "
        f"{there[0] - there[1]} keys with a second effect",
        not wrong and replayed and there[0] == there[1] == jumps + 1,
    )


def disk(_crm: Crm, _seconds: float) -> Figure:
    """Database and documents on a small disk that becomes full, and has room again."""
    with ExitStack() as ends:
        folder = Path(tempfile.mkdtemp(prefix="crm-soak-disk-"))
        ends.callback(shutil.rmtree, folder, ignore_errors=True)
        mounted = subprocess.run(  # noqa: S603 - a folder of ours
            ["mount", "-t", "tmpfs", "-o", "size=400m,mode=711", "none", folder],  # noqa: S607 - as root's PATH has it
            check=False,
            capture_output=True,
        )
        if mounted.returncode != 0:
            raise NotThereError("a small disk is mounted as root alone")
        ends.callback(_umount, folder)
        crm = ends.enter_context(started(folder))
        clients = crm.clients("disk")
        end = ends.enter_context(writing(clients))
        wait_for("the first writes", lambda: all(client.acknowledged for client in clients))
        crm.add_document()
        ballast = folder / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(2**16))
        full = time.monotonic()
        wait_for("a refusal", lambda: any(client.answers[503] for client in clients))
        refused = time.monotonic() - full
        reads, uploads = Counter[int](), Counter[int]()
        while time.monotonic() - full < max(12, refused + 5):
            reads[crm.get(f"/api/v1/patients/{crm.patient}")] += 1
            uploads[crm.add_document()] += 1
            time.sleep(0.2)
        ballast.unlink()
        free = time.monotonic()
        wait_for("a write by each client", lambda: all(client.first_after(free) for client in clients))
        again = max((client.first_after(free) or 0) - free for client in clients)
        wait_for("an upload", lambda: crm.add_document() == 201)
        end()
        verdict = judge(crm.owner, clients)
    return Figure(
        "a full disk is survived: 503 for writes, and for reads, which go on record; all goes on once there is room",
        f"{verdict}; meanwhile reads {dict(reads)}, uploads {dict(uploads)}; writes by all {again:.1f} s after",
        verdict.is_well and 500 not in reads + uploads,
    )


def _umount(folder: Path) -> None:
    subprocess.run(["umount", folder], check=False)  # noqa: S603, S607 - a folder of ours, as root's PATH has it


def slow(crm: Crm, _seconds: float) -> Figure:
    """Clients that send a header now and then, through the proxy of deploy/compose."""
    haproxy = shutil.which("haproxy")
    if haproxy is None:
        raise NotThereError("haproxy is not on the PATH (Debian: haproxy)")
    port = free_port()
    shipped = Path("deploy/compose")
    settings = crm.folder / "http.cfg"
    settings.write_text((shipped / "http.cfg").read_text().replace(":8000", f"127.0.0.1:{port}"))
    limits = crm.folder / "limits.cfg"
    limits.write_text((shipped / "limits.cfg").read_text().replace("app:8000", f"127.0.0.1:{crm.port}"))
    proxy = Process((haproxy, "-db", "-f", limits, "-f", settings), crm.folder / "haproxy.log")
    proxy.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=crm.headers, timeout=30) as client:
            path = f"/api/v1/patients/{crm.patient}"
            wait_for("the proxy", lambda: status_of(lambda: client.get(path)) == 200)
            lives = asyncio.run(_slow_clients(port, client, path))
    finally:
        proxy.stop()
    kept, others = lives
    others.sort()
    return Figure(
        "clients that are slow with their headers are cut off by the proxy, and nobody else waits for them",
        f"{SLOW_CLIENTS} at once: {len(kept)} cut off, the last after {max(kept, default=0):.1f} s; "
        f"{len(others)} requests of another client meanwhile, p99 {others[int(len(others) * 0.99)] * 1000:.0f} ms",
        len(kept) == SLOW_CLIENTS,
    )


async def _slow_clients(port: int, client: httpx.Client, path: str) -> tuple[list[float], list[float]]:
    """How long each slow connection was kept, and how long the requests of another client took meanwhile."""
    kept: list[float] = []
    others: list[float] = []

    async def dribble() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        begun = time.monotonic()
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        closed = asyncio.create_task(reader.read())
        with suppress(OSError):
            while not closed.done() and time.monotonic() - begun < 60:
                writer.write(b"X-Slow: 1\r\n")
                await writer.drain()
                await asyncio.wait({closed}, timeout=1)
        if closed.done():
            with suppress(OSError):
                closed.result()
            kept.append(time.monotonic() - begun)
        writer.transport.abort()

    def ask() -> None:
        begun = time.monotonic()
        client.get(path).raise_for_status()
        others.append(time.monotonic() - begun)

    slow_ones = [asyncio.create_task(dribble()) for _ in range(SLOW_CLIENTS)]
    waiting = asyncio.gather(*slow_ones)
    while not waiting.done():
        await asyncio.to_thread(ask)
        await asyncio.sleep(0.02)
    await waiting
    return kept, others


def documents(crm: Crm, _seconds: float) -> Figure:
    """What the worker was given during all of the above: it has scanned every document that was acknowledged."""

    def waiting() -> int:
        with psycopg.connect(crm.owner) as connection:
            question = "SELECT count(*) FROM document_version WHERE scan_status <> 'passed'"
            row = connection.execute(question).fetchone()
        return int(row[0]) if row else 0

    begun = time.monotonic()
    wait_for("the scans of every document", lambda: waiting() == 0, every=1)
    took = time.monotonic() - begun
    readable = Counter(crm.get(f"/api/v1/documents/{one}/versions/1/content") for one in crm.documents)
    return Figure(
        "work of a worker that was killed is taken up again",
        f"{len(crm.documents)} documents acknowledged, all scanned {took:.0f} s after the end: {dict(readable)}",
        bool(crm.documents) and set(readable) == {200},
    )


PARTS: Final[dict[str, tuple[Callable[[Crm, float], Figure], float]]] = {
    "kills": (kills, 0.35),
    "cuts": (cuts, 0.2),
    "replays": (replays, 0.35),
    "pool": (pool, 0),
    "clock": (clock, 0.1),
    "disk": (disk, 0),
    "slow": (slow, 0),
    "documents": (documents, 0),
}
"""Each with its share of SOAK_SECONDS; those without take as long as they take."""


def soak(names: list[str], seconds: float) -> tuple[dict[str, Figure], dict[str, str]]:
    """What each part found, and which of them could not run."""
    found: dict[str, Figure] = {}
    missing: dict[str, str] = {}
    with ExitStack() as ends:
        folder = Path(tempfile.mkdtemp(prefix="crm-soak-"))
        folder.chmod(0o711)  # the database runs as a user of its own
        ends.callback(shutil.rmtree, folder, ignore_errors=True)
        crm = ends.enter_context(started(folder))
        for name in names:
            part, share = PARTS[name]
            begun = time.monotonic()
            try:
                found[name] = part(crm, share * seconds)
            except NotThereError as error:
                missing[name] = str(error)
                say.print(f"NOT RUN: {name}: {error}")
                continue
            except TimeoutError as error:
                found[name] = Figure(name, str(error), is_well=False)
            one = found[name]
            word = "ok" if one.is_well else "WRONG"
            say.print(f"{word}: {name} ({time.monotonic() - begun:.0f} s): {one.told}", markup=False, soft_wrap=True)
    return found, missing


def main() -> None:
    exit_on_sigterm()
    names = sys.argv[1:] or list(PARTS)
    try:
        found, missing = soak(names, float(os.environ.get("SOAK_SECONDS", "300")))
    except EmbeddedError as error:
        say.print(f"NOT RUN: {error}")
        sys.exit(1 if os.environ.get("CI") == "true" else 0)
    today = f"{datetime.now(UTC):%-d %B %Y}"
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    say.print(f"\nRows of docs/RELIABILITY.md (load {load}):")
    for name, one in found.items():
        say.print(f"| {one.promise} | `make soak`, {name} | {one.told} | {today} |", markup=False, soft_wrap=True)
    written = Path(os.environ.get("SOAK_RESULT", "bench-soak.json"))
    figures = {name: one._asdict() for name, one in found.items()}
    written.write_text(
        json.dumps({"machine": machine.description(), "parts": figures, "not_run": missing}, indent=2) + "\n"
    )
    if not all(one.is_well for one in found.values()) or (missing and os.environ.get("CI") == "true"):
        sys.exit(1)


if __name__ == "__main__":
    main()
