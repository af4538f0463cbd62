"""Two real servers: what was acknowledged is on the next primary, and writes go on there without a restart."""

import asyncio
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from sqlalchemy import text

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.main import create_app
from app.platform import schema
from app.platform.database_hosts import Connector, in_one_spelling
from app.platform.db import Database, create_engine
from app.platform.settings import Settings, SettingsError
from app.setup import add_reference_data
from tests.builders import a_condition
from tests.conftest import passable_folder
from tests.serving import CRM, environment
from tests.two_servers import SUPERUSER, Node, primary_and_standby

pytestmark = pytest.mark.long

AT_ONCE = 6
"""Requests that run together, so that both pools hold several connections."""


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node]]:
    with passable_folder() as folder, primary_and_standby(folder) as pair:
        schema.upgrade(pair[0].url)
        yield pair


def address(*nodes: Node) -> str:
    places = ",".join(node.place for node in nodes)
    given = f"postgresql://{SUPERUSER}@{places}/crm?target_session_attrs=read-write"
    found = Settings.from_environment({"CRM_DATABASE_URL": given}).database_url
    assert found is not None
    return found.get_secret_value()


class Visitor:
    """A client of the application, and the ways into the database: by a session, by a fast statement."""

    def __init__(self, client: httpx.AsyncClient, condition_id: UUID) -> None:
        self.client, self.condition_id = client, condition_id

    async def by_fast_statement(self, name: str, **headers: str) -> httpx.Response:
        """Add a patient of this name by one statement."""
        person = {"first_name": name, "last_name": "Example", "email": f"{name}@example.org"}
        body = {"person": person, "medical_condition_id": str(self.condition_id)}
        return await self.client.post("/api/v1/patients", json=body, headers=headers)

    async def by_session(self, name: str) -> httpx.Response:
        """Add a patient of this name; the name is the request's key, and a request with a key takes a session."""
        return await self.by_fast_statement(name, **{"Idempotency-Key": name})

    async def at_once(self, way: Callable[[str], Awaitable[httpx.Response]], *names: str) -> list[int]:
        return [answer.status_code for answer in await asyncio.gather(*map(way, names))]


@asynccontextmanager
async def visited(settings: Settings, url: str) -> AsyncIterator[tuple[Visitor, Database]]:
    """The application on a database of its own, both pools filled."""
    database = Database(create_engine(settings, url))
    await add_reference_data(database)
    async with database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name="failover")
        condition = await a_condition(session)
    transport = httpx.ASGITransport(app=create_app(settings, database), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        visitor = Visitor(client, condition.medical_condition_id)
        # A key's first request takes a session. Sessions come last: a fast statement keeps the connection it takes.
        assert (await visitor.by_session("first")).status_code == 201
        for way in (visitor.by_fast_statement, visitor.by_session):
            names = [f"before-{way.__name__.replace('_', '')}-{number}" for number in range(AT_ONCE)]
            assert set(await visitor.at_once(way, *names)) == {201}
        yield visitor, database
    await database.close()


async def until_created(way: Callable[[str], Awaitable[httpx.Response]], name: str) -> httpx.Response:
    """Ask again as a client does who is told to; an answer that is neither 201 nor 503 ends it."""
    for _ in range(300):
        answer = await way(name)
        if answer.status_code == 503:
            assert answer.headers["retry-after"]
            await asyncio.sleep(0.1)
            continue
        assert answer.status_code == 201, answer.text
        return answer
    raise AssertionError("no write is taken")


async def test_after_the_primary_is_killed_nothing_is_lost_or_doubled_and_writes_go_on(
    nodes: tuple[Node, Node], settings: Settings
) -> None:
    primary, standby = nodes
    async with visited(settings, address(primary, standby)) as (visitor, _database):
        first = await visitor.by_session("acknowledged")
        assert first.status_code == 201

        primary.kill()
        refused = await visitor.at_once(visitor.by_session, *(f"between-{number}" for number in range(AT_ONCE)))
        refused += await visitor.at_once(visitor.by_fast_statement, "after")
        assert set(refused) == {503}
        standby.promote()

        again = await until_created(visitor.by_session, "acknowledged")
        assert again.content == first.content
        assert again.headers["idempotency-replayed"] == "true"
        for number in range(AT_ONCE):
            await until_created(visitor.by_session, f"between-{number}")
        await until_created(visitor.by_fast_statement, "after")
        for way in (visitor.by_session, visitor.by_fast_statement):
            names = [f"after-{way.__name__.replace('_', '')}-{number}" for number in range(AT_ONCE)]
            assert set(await visitor.at_once(way, *names)) == {201}

    asked = 'SELECT array_agg(first_name ORDER BY first_name COLLATE "C") FROM person JOIN patient USING (person_id)'
    assert standby.ask(asked) == sorted(
        [
            "acknowledged",
            "after",
            "first",
            *(f"between-{number}" for number in range(AT_ONCE)),
            *(
                f"{when}-{way}-{number}"
                for when in ("before", "after")
                for way in ("bysession", "byfaststatement")
                for number in range(AT_ONCE)
            ),
        ]
    )


@pytest.mark.parametrize("noticed_by", ["by_session", "by_fast_statement"])
async def test_one_answer_tells_both_pools_that_the_primary_takes_no_writes_any_more(
    nodes: tuple[Node, Node], settings: Settings, noticed_by: str
) -> None:
    primary, standby = nodes
    async with visited(settings, address(primary, standby)) as (visitor, _database):
        standby.promote()
        # Its connections stay, as they do behind a proxy that looks at new ones only.
        primary.do("ALTER SYSTEM SET default_transaction_read_only = on")
        primary.do("SELECT pg_reload_conf()")
        await _is_read_only_everywhere(primary)

        told = await getattr(visitor, noticed_by)("told")
        assert told.status_code == 503
        assert told.headers["retry-after"]

        for way in (visitor.by_session, visitor.by_fast_statement):
            names = [f"later-{way.__name__.replace('_', '')}-{number}" for number in range(AT_ONCE)]
            assert set(await visitor.at_once(way, *names)) == {201}
    assert standby.ask("SELECT count(*) FROM patient JOIN person USING (person_id) WHERE first_name ~ '^later'") == 12


async def _is_read_only_everywhere(node: Node) -> None:
    """Each backend reads the settings when it is idle: a moment after the signal."""
    for _ in range(300):
        if node.ask("SHOW default_transaction_read_only") == "on":
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)


def test_worker_goes_on_with_the_next_primary(nodes: tuple[Node, Node], tmp_path: Path) -> None:
    primary, standby = nodes
    log = tmp_path / "worker.log"
    env = environment(CRM_DATABASE_URL=address(primary, standby), CRM_LOG_FORMAT="json")
    with log.open("wb") as told:
        worker = subprocess.Popen([CRM, "worker"], env=env, stdout=told, stderr=told)
    try:
        _wait_for_a_worker(primary, worker, log)
        primary.kill()
        _wait_until(lambda: "worker_begins_again" in log.read_text(), worker, log)
        standby.promote()
        standby.do("DELETE FROM procrastinate_workers")

        _wait_for_a_worker(standby, worker, log)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
    assert worker.returncode == 0, log.read_text()


def _wait_for_a_worker(node: Node, worker: subprocess.Popen[bytes], log: Path) -> None:
    def has_one() -> bool:
        with suppress(psycopg.Error):
            return bool(node.ask("SELECT count(*) FROM procrastinate_workers"))
        return False

    _wait_until(has_one, worker, log)


def _wait_until(is_true: Callable[[], bool], worker: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while not is_true():
        assert worker.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


# Where the database is


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (
            "postgresql://u%40@a:5432,b:5433/crm?target_session_attrs=read-write",
            "postgresql://u%40@/crm?target_session_attrs=read-write&host=a,b&port=5432,5433",
        ),
        (
            "postgresql://a,[::1]:5433/crm?target_session_attrs=primary",
            "postgresql:///crm?target_session_attrs=primary&host=a,%3A%3A1&port=5432,5433",
        ),
        *[
            (as_it_is, as_it_is)
            for as_it_is in (
                "postgresql://u@a:5433/crm",
                "postgresql://u@/crm?host=/run/one",
                "postgresql://u@/crm?host=/run/one,/run/two&target_session_attrs=read-write",
            )
        ],
    ],
)
def test_several_hosts_are_read_by_every_driver(given: str, read: str) -> None:
    assert in_one_spelling(given) == read
    assert in_one_spelling(read) == read
    known = Settings.from_environment({"CRM_DATABASE_URL": given, "CRM_OWNER_DATABASE_URL": given})
    assert known.database_url is not None
    assert known.owner_database_url is not None
    assert known.database_url.get_secret_value() == known.owner_database_url.get_secret_value() == read


@pytest.mark.parametrize("name", ["CRM_DATABASE_URL", "CRM_OWNER_DATABASE_URL"])
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("postgresql://u@a,b/crm", "names several hosts: add target_session_attrs=read-write"),
        ("postgresql://u@/crm?host=a,b&target_session_attrs=any", "names several hosts: add target_session_attrs="),
        ("postgresql://u@a:5432,b:x/crm?target_session_attrs=read-write", "must read postgresql://user@host:port/"),
        ("postgresql://u@a,,b/crm?target_session_attrs=read-write", "must read postgresql://user@host:port/"),
        ("postgresql://u@/crm?host=a,b,c&port=1,2&target_session_attrs=read-write", "must read postgresql://user@"),
    ],
)
def test_hosts_that_may_lead_to_a_standby_stop_the_start(name: str, given: str, told: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} {told}"):
        Settings.from_environment({name: given})


async def test_host_that_says_nothing_is_passed_over_and_asked_last_from_then_on(
    nodes: tuple[Node, Node],
) -> None:
    primary, _ = nodes
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.setblocking(False)
        places = f"127.0.0.1:{silent.getsockname()[1]},{primary.place}"
        url = in_one_spelling(f"postgresql://{SUPERUSER}@{places}/crm?target_session_attrs=read-write")
        connector = Connector(url, timeout_seconds=2, server_settings={})

        made = [await connector.connect() for _ in range(3)]

        assert [await connection.fetchval("SELECT inet_server_port()") for connection in made] == [primary.port] * 3
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()
    for connection in made:
        found: Any = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]
        assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 5
        assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
        await connection.close()


async def test_what_only_libpq_knows_is_not_asked_of_the_server(nodes: tuple[Node, Node], settings: Settings) -> None:
    primary, _ = nodes
    database = Database(create_engine(settings, f"{primary.url}?connect_timeout=3&keepalives=1&tcp_user_timeout=9000"))
    async with database.session() as session:
        assert await session.scalar(text("SELECT 1")) == 1
    await database.close()
