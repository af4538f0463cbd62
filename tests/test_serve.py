"""`crm serve` as an operator meets it: one server for one port, and whatever ends beneath it is started again."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from app.commands.listening import bound, listen
from app.platform.settings import Settings, SettingsError
from tests.conftest import passable_folder
from tests.serving import CRM, environment, free_port, serving

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with passable_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def env(folder: Path) -> dict[str, str]:
    return environment(CRM_DATA_DIR=str(folder / "data"))


@dataclass(frozen=True)
class Served:
    process: subprocess.Popen[bytes]
    url: str
    log: Path

    @property
    def port(self) -> str:
        return self.url.rpartition(":")[2]

    def processes(self, name: str) -> dict[int, psutil.Process]:
        """Those that serve (`spawn_main`), or the one that works on what is due (`worker`), by process id."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):
                if any(name in part for part in child.cmdline()[1:]):
                    found[child.pid] = child
        return found


@pytest.fixture(scope="module")
def served(folder: Path, env: dict[str, str]) -> Iterator[Served]:
    """A server of two processes on an embedded database."""
    log = folder / "serve.log"
    with serving(log, env={**env, "CRM_WORKERS": "2"}) as (process, url):
        yield Served(process, url, log)


def wait_for(what: str, is_true: Callable[[], bool], *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


# What ends is started again


class Visitor(threading.Thread):
    """Asks again and again, each time by a new connection; counts the answers and the connections that broke."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.is_over, self.answered, self.failed = url, False, 0, 0

    def run(self) -> None:
        while not self.is_over:
            try:
                self.answered += httpx.get(f"{self.url}/health/ready", timeout=60).status_code == 200
            except httpx.TransportError:
                self.failed += 1
            time.sleep(0.02)

    def end(self) -> None:
        self.is_over = True
        self.join()


def _kill_one_that_serves(served: Served) -> None:
    wait_for("both", lambda: len(served.processes("spawn_main")) == 2)
    before = served.processes("spawn_main")
    before[min(before)].kill()
    wait_for("a new one", lambda: len(served.processes("spawn_main").keys() - before.keys()) == 1)


def test_a_killed_server_process_is_replaced_without_requests(served: Served) -> None:
    _kill_one_that_serves(served)
    assert _is_ready(served.url)
    assert served.process.poll() is None
    # One that dies within some seconds of its start is not replaced for ever: let these seconds pass for the next test.
    time.sleep(6)


def test_a_killed_server_process_is_replaced_with_requests_under_way(served: Served) -> None:
    visitor = Visitor(served.url)
    visitor.start()
    wait_for("answers", lambda: visitor.answered > 20)
    _kill_one_that_serves(served)
    answered = visitor.answered
    wait_for("answers again", lambda: visitor.answered > answered + 20)
    visitor.end()
    # The one whose answer was under way; those who came meanwhile were served.
    assert visitor.failed <= 1
    assert served.process.poll() is None


def test_a_killed_worker_beside_the_server_is_replaced(served: Served) -> None:
    wait_for("the worker", lambda: len(served.processes("worker")) == 1)
    (killed,) = served.processes("worker").values()
    killed.kill()
    wait_for("another one", lambda: served.processes("worker").keys() - {killed.pid} != set())


def test_an_embedded_postgresql_that_dies_is_started_again_and_the_log_says_so(served: Served, folder: Path) -> None:
    page = f"{served.url}/sign-in"
    assert httpx.get(page).status_code == 200
    home = folder / "data/postgres"
    if (named := folder / "data/postgres.path").exists():
        home = Path(named.read_text())
    psutil.Process(int((home / "data/postmaster.pid").read_text().split()[0])).kill()
    wait_for("it to be noticed", lambda: "The embedded PostgreSQL runs again" in served.log.read_text())
    wait_for("the database", lambda: _is_ready(served.url))
    # Each process finds out by itself that its connections are dead, once.
    wait_for("twenty answers in a row", lambda: all(httpx.get(page).status_code == 200 for _ in range(20)))
    assert served.process.poll() is None
    told = served.log.read_text()
    assert "The embedded PostgreSQL has ended" in told
    assert "Traceback" not in told
    for line in told.splitlines():
        assert "library_message" not in line or "library=" in line, line


# One server for one port


def test_a_second_server_on_the_port_is_refused_and_the_first_goes_on(served: Served, env: dict[str, str]) -> None:
    second = {**env, "PORT": served.port, "CRM_HOST": "0.0.0.0"}  # noqa: S104 - what is tried
    done = subprocess.run([CRM, "serve"], env=second, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert served.port in done.stderr
    assert "Serving" not in done.stderr
    assert "Traceback" not in done.stderr
    # Ready again, too: its worker and its connections were killed by the tests before this one.
    wait_for("the first", lambda: _is_ready(served.url))


def test_an_address_that_cannot_be_bound_is_told_in_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"^Port {port} of 127\.0\.0\.1 .* PORT"), bound(Settings(port=port)):
            pass
    for host in ("192.0.2.1", "nowhere.invalid"):
        settings = Settings(port=free_port(), host=host)
        with pytest.raises(SettingsError, match=rf"of {host} .* CRM_HOST"), bound(settings):
            pass


def test_of_two_servers_that_start_at_once_the_kernel_lets_one_listen() -> None:
    settings = Settings(port=free_port())
    with bound(settings) as one, bound(settings) as other:
        listen(one, settings)
        with pytest.raises(SettingsError, match=str(settings.port)):
            listen(other, settings)


def test_a_port_that_is_let_go_of_within_seconds_is_waited_for() -> None:
    settings = Settings(port=free_port())
    with bound(settings) as earlier:
        listen(earlier, settings)
        threading.Timer(0.5, earlier.close).start()
        with bound(settings) as later:
            listen(later, settings)
