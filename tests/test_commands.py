"""The commands as a user runs them: real processes, a data folder of their own, stdout for the result alone."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import passable_folder

ROOT = Path(__file__).parent.parent
CRM = Path(sys.executable).parent / "crm"
KEY = re.compile(r"crm_[a-z2-7]{12}_[A-Za-z0-9_-]{43}\n")


def _environment(data_dir: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    return {**kept, "CRM_DATA_DIR": str(data_dir), **more}


def _crm(data_dir: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CRM, *arguments], env=_environment(data_dir, **more), capture_output=True, text=True, check=False, timeout=60
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _serving(data_dir: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with (data_dir.parent / "serve.log").open("ab") as log:
        server = subprocess.Popen(
            [CRM, "serve", *arguments],
            env=_environment(data_dir, PORT=str(port)),
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                if httpx.get(f"{url}/health/ready", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                assert server.poll() is None, (data_dir.parent / "serve.log").read_text()
            assert time.monotonic() < deadline, "the server did not become ready"
            time.sleep(0.1)
        yield server, url
    finally:
        if server.poll() is None:
            server.terminate()
            server.wait(20)


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    with passable_folder() as folder:
        yield folder / "data"


def test_serves_makes_keys_beside_it_survives_a_kill_and_stops_its_database(data_dir: Path) -> None:
    with _serving(data_dir) as (server, url):
        made = _crm(data_dir, "api-key", "create", "--role", "data_steward", "--name", "x")
        assert KEY.fullmatch(made.stdout), made
        headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
        answer = httpx.post(f"{url}/api/v1/medical-conditions", json={"name": "Kept"}, headers=headers)
        assert answer.status_code == 201, answer.text
        server.send_signal(signal.SIGKILL)
        server.wait(10)

    with _serving(data_dir) as (server, url):
        place = f"{url}{answer.headers['location']}"
        assert httpx.get(place, headers=headers).json()["name"] == "Kept"
        server.terminate()
        assert server.wait(20) in {0, 128 + signal.SIGTERM, -signal.SIGTERM}
    assert not list(data_dir.rglob("postmaster.pid"))


def test_a_wrong_command_says_what_to_do(data_dir: Path) -> None:
    role = _crm(data_dir, "api-key", "create", "--role", "king", "--name", "x")
    assert role.returncode == 2
    assert role.stdout == ""
    assert "navigator" in role.stderr

    production = _crm(data_dir, "serve", CRM_ENV="production")
    assert production.returncode == 2
    assert "CRM_DATABASE_URL" in production.stderr
    assert "CRM_SECRET_KEY" in production.stderr

    port = _crm(data_dir, "serve", PORT="http")
    assert port.returncode == 2
    assert "PORT" in port.stderr

    nowhere = _crm(
        data_dir,
        "api-key",
        "create",
        "--role",
        "admin",
        "--name",
        "x",
        CRM_DATABASE_URL="postgresql://u:secret@127.0.0.1:9/x",
    )
    assert nowhere.returncode == 3
    assert "secret" not in nowhere.stderr
    assert "Traceback" not in nowhere.stderr


def test_schema_command_prints_the_file(data_dir: Path) -> None:
    printed = _crm(data_dir, "db", "schema")
    assert printed.stdout == (ROOT / "schema.sql").read_text()
