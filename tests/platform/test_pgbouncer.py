"""Through PgBouncer in transaction mode, set up as deploy/pgbouncer.ini: many connections of ours on a few of it."""

import asyncio
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import text

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.main import create_app
from app.platform import schema
from app.platform.db import Database, create_engine
from app.platform.settings import Settings
from app.setup import add_reference_data
from tests.builders import a_condition
from tests.conftest import passable_folder
from tests.serving import free_port
from tests.two_servers import SUPERUSER, Node, one_server

NEEDED = (1, 21)
"""From then on PgBouncer knows a client's prepared statements on whichever connection it gives it."""
SERVER_CONNECTIONS = 3
VISITORS = 12
SETTINGS = Path(__file__).parents[2] / "deploy/pgbouncer.ini"


def _program() -> str:
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip("no pgbouncer on the PATH")
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"PgBouncer (\d+)\.(\d+)", told)
    if version is None or (int(version[1]), int(version[2])) < NEEDED:
        pytest.skip(f"{told.splitlines()[0]} knows no prepared statements in transaction mode; 1.21 does")
    return found


def _of_the_test(settings: str, node: Node, port: int) -> str:
    """The settings as they are shipped, at other addresses, for somebody who has no password."""
    for shipped, here in (
        ("host=database port=5432 dbname=crm", f"host=127.0.0.1 port={node.port} dbname=crm user={SUPERUSER}"),
        ("listen_addr = *", "listen_addr = 127.0.0.1"),
        ("listen_port = 6432", f"listen_port = {port}\nunix_socket_dir ="),
        ("auth_type = scram-sha-256\nauth_file = /etc/pgbouncer/userlist.txt", "auth_type = any"),
        ("default_pool_size = 40", f"default_pool_size = {SERVER_CONNECTIONS}"),
    ):
        assert shipped in settings
        settings = settings.replace(shipped, here)
    return settings


@pytest.fixture
def through() -> Iterator[str]:
    """An address that leads through PgBouncer to a server with our schema."""
    program = _program()
    with passable_folder() as folder, one_server(folder) as node:
        schema.upgrade(node.url)
        port = free_port()
        written = node.home / "pgbouncer.ini"
        written.write_text(_of_the_test(SETTINGS.read_text(), node, port))
        written.chmod(0o644)
        switch = node.account.uid != os.geteuid()
        with (folder / "pgbouncer.log").open("wb") as log:
            process = subprocess.Popen(
                [program, written],
                stdout=log,
                stderr=log,
                user=node.account.uid if switch else None,
                group=node.account.gid if switch else None,
                extra_groups=[] if switch else None,
            )
        try:
            yield f"postgresql://{SUPERUSER}@127.0.0.1:{port}/crm"
        finally:
            process.terminate()
            process.wait(30)


async def _until_it_listens(url: str) -> None:
    for _ in range(300):
        try:
            await (await psycopg.AsyncConnection.connect(url)).close()
        except psycopg.OperationalError:
            await asyncio.sleep(0.1)
        else:
            return
    raise AssertionError("pgbouncer does not listen")


async def test_sessions_and_fast_statements_of_many_share_a_few_connections(through: str, settings: Settings) -> None:
    await _until_it_listens(through)
    database = Database(create_engine(settings, through))
    await add_reference_data(database)
    async with database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name="bouncer")
        condition = await a_condition(session)
    transport = httpx.ASGITransport(app=create_app(settings, database), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"}
    seen: Counter[str] = Counter()

    async def visit(client: httpx.AsyncClient, number: int) -> None:
        for turn in range(4):
            name = f"visitor-{number}-{turn}"
            person = {"first_name": name, "last_name": "Example", "email": f"{name}@example.org"}
            body = {"person": person, "medical_condition_id": str(condition.medical_condition_id)}
            # With a key by a session, without one by a fast statement.
            keyed = {"Idempotency-Key": name} if turn % 2 else {}
            made = await client.post("/api/v1/patients", json=body, headers=keyed)
            seen[f"made {made.status_code}"] += 1
            read = await client.get(f"/api/v1/patients/{made.json().get('patient_id')}")
            seen[f"read {read.status_code}"] += 1
            assert read.json()["person"]["first_name"] == name

    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        await asyncio.gather(*(visit(client, number) for number in range(VISITORS)))
    assert seen == {"made 201": VISITORS * 4, "read 200": VISITORS * 4}
    async with database.session() as session:
        shown = {
            name: (await session.execute(text(f"SHOW {name}"))).scalar_one()
            for name in ("statement_timeout", "idle_in_transaction_session_timeout", "plan_cache_mode", "jit")
        }
        servers = (await session.execute(text(_OTHERS_THAN_THIS))).scalar_one()
    assert shown == {
        "statement_timeout": "5s",
        "idle_in_transaction_session_timeout": "30s",
        "plan_cache_mode": "force_generic_plan",
        "jit": "off",
    }
    assert servers <= SERVER_CONNECTIONS
    await database.close()


_OTHERS_THAN_THIS = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'crm' AND backend_type = 'client backend'"
