"""
The commands as a user runs them: stdout for the result alone.

Real processes where the process is the point, with a data folder of their own: serving, and a database that a command
starts and stops. What a command decides and says is tried in this process.
"""

import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from app.platform.embedded import running
from app.platform.roles import APPLICATION, ROLES
from tests.conftest import passable_folder
from tests.serving import CRM, crm_here, environment, serving

pytestmark = pytest.mark.long

ROOT = Path(__file__).parent.parent
KEY = re.compile(r"crm_[a-z2-7]{12}_[A-Za-z0-9_-]{43}\n")


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live", timeout=2).is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    with passable_folder() as folder:
        yield folder / "data"


def _told_to(server: int) -> str:
    """What the process and all that it has started were told: their environments and arguments."""
    family = {server}
    while True:
        children = {
            int(entry.name)
            for entry in Path("/proc").glob("[0-9]*")
            if (status := _read(entry / "status")) and int(status.split("PPid:")[1].split()[0]) in family
        }
        if children <= family:
            break
        family |= children
    assert len(family) > 2, "a process that serves and one that works"
    return "".join(_read(Path(f"/proc/{pid}/{what}")) for pid in family for what in ("environ", "cmdline"))


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def test_serves_without_the_owners_password_survives_a_kill_and_stops_its_database(data_dir: Path) -> None:
    env = environment(CRM_DATA_DIR=str(data_dir))
    with serving(data_dir.parent / "serve.log", env=env) as (server, url):
        assert (data_dir / "secret-key").stat().st_mode & 0o777 == 0o600
        made = crm_here("api-key", "create", "--role", "data_steward", "--name", "x", env=env)
        assert KEY.fullmatch(made.stdout), made
        headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
        answer = httpx.post(f"{url}/api/v1/medical-conditions", json={"name": "Kept"}, headers=headers)
        assert answer.status_code == 201, answer.text
        with running(data_dir) as cluster:
            told = _told_to(server.pid)
            assert {role for role, password in cluster.passwords.items() if password in told} == {APPLICATION}
            assert set(cluster.passwords) == {*ROLES, "postgres"}
        server.send_signal(signal.SIGKILL)
        server.wait(10)
        # Its worker goes too, or it would hold the port and answer beside its successor.
        deadline = time.monotonic() + 15
        while _answers(url):
            assert time.monotonic() < deadline, "a worker outlived its server"
            time.sleep(0.2)

    with serving(data_dir.parent / "serve.log", env=env) as (server, url):
        place = f"{url}{answer.headers['location']}"
        assert httpx.get(place, headers=headers).json()["name"] == "Kept"
        server.terminate()
        assert server.wait(20) in {0, 128 + signal.SIGTERM, -signal.SIGTERM}
    assert not list(data_dir.rglob("postmaster.pid"))


def test_a_command_starts_and_stops_its_own_database_and_names_a_revision_that_it_does_not_know(data_dir: Path) -> None:
    env = environment(CRM_DATA_DIR=str(data_dir))
    command = (CRM, "db", "upgrade", "0000_nowhere")
    moved = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert (moved.returncode, moved.stdout) == (1, "")
    assert "0000_nowhere" in moved.stderr
    assert "Traceback" not in moved.stderr
    assert not list(data_dir.rglob("postmaster.pid"))


def test_a_wrong_command_says_what_to_do(tmp_path: Path) -> None:
    def crm(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return crm_here(*arguments, env=environment(CRM_DATA_DIR=str(tmp_path), **more))

    role = crm("api-key", "create", "--role", "king", "--name", "x")
    assert (role.returncode, role.stdout) == (2, "")
    assert "navigator" in role.stderr

    production = crm("serve", CRM_ENV="production")
    assert production.returncode == 2
    assert "CRM_DATABASE_URL" in production.stderr
    assert "CRM_SECRET_KEY" in production.stderr

    port = crm("serve", PORT="http")
    assert port.returncode == 2
    assert "PORT" in port.stderr

    nowhere = crm(
        "api-key", "create", "--role", "admin", "--name", "x", CRM_DATABASE_URL="postgresql://u:secret@127.0.0.1:9/x"
    )
    assert nowhere.returncode == 3
    assert "refused" in nowhere.stderr
    assert "secret" not in nowhere.stderr
    assert "Traceback" not in nowhere.stderr

    for url in ("nonsense", "mysql://u:secret@h/x", "postgresql://u:secret@h:port/x"):
        unreadable = crm("serve", CRM_DATABASE_URL=url)
        assert unreadable.returncode == 2, unreadable
        assert "CRM_DATABASE_URL" in unreadable.stderr
        assert "secret" not in unreadable.stderr


def test_schema_command_prints_the_file(own_database: Mapping[str, str]) -> None:
    printed = crm_here("db", "schema", env=own_database)
    assert printed.stdout == (ROOT / "schema.sql").read_text()


def test_what_removes_records_is_refused_in_production(tmp_path: Path) -> None:
    production = environment(
        CRM_DATA_DIR=str(tmp_path),
        CRM_ENV="production",
        CRM_SECRET_KEY="k" * 40,
        CRM_BASE_URL="https://crm.example",
        CRM_PROXY_HOPS="0",
        # Nobody answers there: the refusal comes before the database is asked.
        CRM_DATABASE_URL="postgresql://u@127.0.0.1:9/x",
    )
    for command in (("db", "downgrade", "base"), ("db", "downgrade", "--", "-1"), ("db", "reset", "--yes")):
        refused = crm_here(*command, env=production)
        assert (refused.returncode, refused.stdout) == (1, ""), refused
        assert "refused_in_production" in refused.stderr


def test_a_downgrade_that_would_drop_the_trail_is_refused_and_a_reset_is_not(own_database: Mapping[str, str]) -> None:
    assert crm_here("api-key", "create", "--role", "admin", "--name", "x", env=own_database).returncode == 0
    refused = crm_here("db", "downgrade", "base", env=own_database)
    assert refused.returncode == 1
    assert "trail_has_events" in refused.stderr
    assert crm_here("db", "reset", "--yes", env=own_database).returncode == 0
