"""
A real PostgreSQL for every run: one cluster, one database made by the revisions, each test rolled back.

Tests log in as the application does, so that each of them shows that its role may do what it needs; what the owner
does, the revisions, is done as the owner.

The app's own commits and rollbacks are the real ones: its sessions join the test's outer transaction by savepoints.
Races need real commits: `committed_database` is a database of its own that is thrown away.
"""

import asyncio
import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import psycopg
import pytest
import structlog
import uvloop
from argon2 import PasswordHasher
from fastapi import FastAPI
from psycopg import sql
from sqlalchemy import event, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app import main
from app.access.accounts import passwords
from app.access.policy import Role, permissions_of
from app.access.service import command_actor, create_api_key, open_account
from app.main import create_app
from app.models import metadata
from app.platform import clock, grants, schema
from app.platform.actor import Actor
from app.platform.db import Database, create_engine
from app.platform.embedded import Cluster, running
from app.platform.fast_path import Row, Rows, Statement
from app.platform.roles import APPLICATION
from app.platform.settings import Settings
from app.setup import add_reference_data
from app.web.render import build_environment
from tests.both_paths import BothPaths, both_paths
from tests.builders import FILES
from tests.serving import environment

# Speed is for `make bench`; on a busy machine anything may take long once.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop that the server takes as well; a request takes a tenth less time by it."""
    return {"uvloop": uvloop.new_event_loop}


COSTLY = passwords.HASHER
"""Passwords as they are hashed outside of tests."""

_describe = main._describe
_descriptions: dict[tuple[tuple[str, ...], ...], dict[str, object]] = {}


def described_once(app: FastAPI) -> dict[str, object]:
    """The description of an application's routes, which is the same for all of a run: each takes a second to make."""
    routes = tuple((getattr(route, "path", ""), *sorted(getattr(route, "methods", None) or ())) for route in app.routes)
    if routes not in _descriptions:
        _descriptions[routes] = _describe(app)
    return _descriptions[routes]


main._describe = described_once


def no_time_yet() -> datetime:
    raise AssertionError("a test asks what time it is while it is only read: minutes, or midnight, lie before it runs")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """A table of cases that is made from the time of day is another one when its test runs."""
    now, clock.now = clock.now, no_time_yet
    try:
        return (yield)
    finally:
        clock.now = now


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files marked `long` are begun first, so that no core is idle at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """What has been imported stays: the collector need not walk through it again (a tenth of a second each time)."""
    gc.collect()
    gc.freeze()


@contextmanager
def passable_folder() -> Iterator[Path]:
    """
    A folder that goes with its content.

    As root the server runs as a user of its own, who may not enter pytest's folders: the data would lie elsewhere.
    """
    folder = Path(tempfile.mkdtemp(prefix="crm-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """What a test sets up of the logs ends with it: its stream is closed then."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Passwords in tests cost little: the cost itself has a test of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield


@pytest.fixture(scope="session", autouse=True)
def pages_as_in_production() -> None:
    """Templates and static files stay as they are while tests run: each page looked at eighty files for a change."""
    environment = build_environment(development=True)
    environment.auto_reload = False
    static: Any = environment.globals["static"]
    static._development = False  # the components have kept this very object


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server for this test run."""
    with passable_folder() as folder, running(folder / "data", durable=False) as started:
        yield started


@pytest.fixture(scope="session")
def settings(cluster: Cluster) -> Iterator[Settings]:
    yield Settings.model_validate({"database_url": cluster.url(role=APPLICATION), "data_dir": Path("unused"), **FILES})
    shutil.rmtree(FILES["documents"], ignore_errors=True)


@pytest.fixture(scope="session")
def another_database(cluster: Cluster, settings: Settings) -> Callable[[str], str]:
    """
    Make a database by this name, of the newest revision with the reference data: its address for the owner.

    The revisions run once, in `crm`. The others are copies of a copy, which nobody may be connected with.
    """
    schema.upgrade(cluster.url())

    async def fill() -> None:
        made = Database(create_engine(settings, cluster.url(role=APPLICATION)))
        await add_reference_data(made)
        await made.close()

    def copy(origin: str, name: str) -> None:
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(origin))
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
            connection.execute(made)

    def make(name: str) -> str:
        copy("newest", name)
        with psycopg.connect(cluster.url(name)) as connection:
            grants.grant(connection, metadata)  # those of the database itself are not copied
        return cluster.url(name)

    asyncio.run(fill())
    copy("crm", "newest")
    return make


@pytest.fixture(scope="session")
async def database(
    cluster: Cluster, settings: Settings, another_database: Callable[[str], str]
) -> AsyncIterator[Database]:
    """The database of the newest revision with the reference data, committed once."""
    made = Database(create_engine(settings, cluster.url(role=APPLICATION)))
    yield made
    await made.close()


class BoundPool:
    """Fast statements on the test's connection, so that they see its rows; each in a savepoint, as if alone."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.sent: list[Statement] = []

    async def one(self, statement: Statement, values: Mapping[str, Any]) -> Row | None:
        rows = await self.all(statement, values)
        return rows[0] if rows else None

    async def all(self, statement: Statement, values: Mapping[str, Any]) -> Rows:
        self.sent.append(statement)
        driver: Any = (await self.connection.get_raw_connection()).driver_connection
        async with driver.transaction():
            found: Rows = await driver.fetch(statement.sql, *statement.arguments(values))
        return found

    async def shared(self, statement: Statement, values: Mapping[str, Any]) -> Row | None:
        return await self.one(statement, {name: [values[name]] for name in statement.names})

    async def close(self) -> None:
        """Leave the connection to the test."""


class BoundDatabase(Database):
    """Sessions inside the test's transaction."""

    def __init__(self, connection: AsyncConnection, origin: Database) -> None:
        super().__init__(origin.engine)
        self.connection = connection
        self.statements: BoundPool = BoundPool(connection)

    def session(self) -> AsyncSession:
        return AsyncSession(self.connection, expire_on_commit=False, join_transaction_mode="create_savepoint")


@pytest.fixture
async def bound(database: Database) -> AsyncIterator[BoundDatabase]:
    async with database.engine.connect() as connection:
        outer = await connection.begin()
        yield BoundDatabase(connection, database)
        await outer.rollback()


@contextmanager
def statements_of(bound: BoundDatabase) -> Iterator[list[str]]:
    """The statements that sessions send while the block runs."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(bound.connection.sync_connection, "before_cursor_execute", note)
    yield sent
    event.remove(bound.connection.sync_connection, "before_cursor_execute", note)


@pytest.fixture
async def session(bound: BoundDatabase) -> AsyncIterator[AsyncSession]:
    """A session for arranging and looking; what it flushes is seen by the client's requests."""
    async with bound.session() as made:
        yield made


@pytest.fixture
def actor() -> Actor:
    """Somebody who may do everything, for tests of services and queries."""
    everything = frozenset().union(*(permissions_of(frozenset({role.value})) for role in Role))
    return Actor(account_id=None, name="test", roles=frozenset({"navigator"}), permissions=everything)


@pytest.fixture
async def client(bound: BoundDatabase, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to the app on the test's transaction."""
    app = create_app(settings, bound)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made


@pytest.fixture
async def paths(
    client: httpx.AsyncClient, bound: BoundDatabase, settings: Settings, session: AsyncSession
) -> AsyncIterator[BothPaths]:
    """The same application twice, with and without its fast paths."""
    async with both_paths(client, bound, settings, session) as made:
        yield made


AsRole = Callable[..., Awaitable[dict[str, str]]]


@pytest.fixture
def as_role(session: AsyncSession) -> AsRole:
    """Give a role by name, get the headers with a fresh key of it; `by_name` one whose scopes name all that it may."""

    async def headers(role: str, *, by_name: bool = False) -> dict[str, str]:
        who = command_actor()
        account = await open_account(session, who, display_name=f"Test {role}", role=Role(role))
        narrowed: dict[str, Any] = {}
        if by_name:
            scopes = sorted(permissions_of(frozenset({role})))
            narrowed = {"scopes": scopes, "expires_at": clock.now() + timedelta(hours=1)}
        key = await create_api_key(session, who, account_id=account.user_account_id, name="test", **narrowed)
        await session.commit()
        return {"Authorization": f"Bearer {key}"}

    return headers


@pytest.fixture
def trail_takes(cluster: Cluster, database: Database) -> Iterator[Callable[[str], None]]:
    """
    Let the audit trail take no other events than those of a condition in SQL.

    The owner does it, who must not wait for the test's transaction: name it first among the fixtures, call it first.
    """
    engine = schema.sync_engine(cluster.url())

    def change(what: str) -> None:
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL lock_timeout = '5s'"))
            connection.execute(text(f"ALTER TABLE audit_event {what}"))

    yield lambda condition: change(f"ADD CONSTRAINT taken CHECK ({condition}) NOT VALID")
    change("DROP CONSTRAINT IF EXISTS taken")
    engine.dispose()


@pytest.fixture(scope="session")
def own_database(cluster: Cluster, another_database: Callable[[str], str]) -> dict[str, str]:
    """A database for commands, which may empty it: the environment of a command that is about it."""
    name = f"commands_{os.getpid()}"
    owner = another_database(name)
    return environment(CRM_DATABASE_URL=cluster.url(name, role=APPLICATION), CRM_OWNER_DATABASE_URL=owner)


@pytest.fixture(scope="session")
def committed_owner_url(another_database: Callable[[str], str]) -> str:
    """The address of `committed_database` for its owner."""
    return another_database(f"committed_{os.getpid()}")


@pytest.fixture(scope="session")
def committed_url(cluster: Cluster, committed_owner_url: str) -> str:
    """The address of `committed_database`."""
    return cluster.url(str(make_url(committed_owner_url).database), role=APPLICATION)


@pytest.fixture(scope="session")
async def committed_database(committed_url: str, settings: Settings) -> AsyncIterator[Database]:
    """A database of its own for races and servers: what is written stays written."""
    made = Database(create_engine(settings, committed_url))
    yield made
    await made.close()
