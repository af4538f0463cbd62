"""
A request takes one connection at a time, and none while a password is hashed.

A request that waits for a second connection while it holds a first one can wait for others that do the same: when all
do, nobody is answered. So every route is asked of an application that has one connection.
"""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.routing import Route

from app.access.accounts import links, passwords
from app.access.policy import HUMAN_ROLES, Role
from app.access.request_guard import GuardedRoute
from app.access.service import command_actor, create_service_key
from app.main import create_app
from app.platform import clock
from app.platform.db import Database, create_engine
from app.platform.settings import Settings
from app.web.page_guard import PageRoute
from tests.browsing import ORIGIN, PASSWORD, give_cookie, signed_in, somebody

ID = "00000000-0000-7000-8000-000000000000"
ALL_ROLES = tuple(role.value for role in HUMAN_ROLES)
NEW_PASSWORD = "seven ladders beside a pond"


def _asked(kind: type[Route]) -> list[tuple[str, str]]:
    """Method and address of every route of this kind."""
    return sorted(
        (method, route.path.format(**dict.fromkeys(route.param_convertors, ID)))
        for route in create_app(Settings()).routes
        if isinstance(route, kind)
        for method in (route.methods or set()) - {"HEAD"}
    )


@pytest.fixture(scope="module")
async def narrow(committed_url: str, committed_database: Database, settings: Settings) -> AsyncIterator[Database]:
    """A database with one connection, for which nobody waits long."""
    few = {"pool_size": 1, "statement_pool_size": 0, "pool_timeout_seconds": 0.3}
    made = Database(create_engine(settings.model_copy(update=few), committed_url), statement_pool_size=1)
    yield made
    await made.close()


class Watching(PasswordHasher):
    """Notes how many connections are taken while it hashes or verifies."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.engine = engine
        self.taken: list[int] = []

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.taken.append(self.engine.pool.checkedout())  # type: ignore[attr-defined]  # a pool that counts
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # noqa: A002
        self.taken.append(self.engine.pool.checkedout())  # type: ignore[attr-defined]  # a pool that counts
        return bool(super().verify(hash, password))


@pytest.fixture
def hasher(narrow: Database, monkeypatch: pytest.MonkeyPatch) -> Watching:
    made = Watching(narrow.engine)
    monkeypatch.setattr(passwords, "HASHER", made)
    return made


@pytest.fixture
def app(narrow: Database, settings: Settings) -> FastAPI:
    return create_app(settings, narrow)


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=ORIGIN) as made:
        yield made


async def test_every_page_takes_one_connection_at_a_time(
    browser: httpx.AsyncClient, committed_database: Database, settings: Settings, hasher: Watching
) -> None:
    async with committed_database.session() as session:
        who = await somebody(session, settings, *ALL_ROLES, email=f"{uuid4()}@crm.example")
    waited: list[tuple[str, str, object, int]] = []
    for method, path in _asked(PageRoute):
        async with committed_database.session() as session:
            token = await signed_in(browser, session, who.account_id)
        forms = [{"csrf_token": "stale"}, {"csrf_token": token, "email": who.email, "password": "x"}]
        for form in forms if method == "POST" else [{}]:
            answer = await browser.request(method, path, data=form or None)
            if answer.status_code in {500, 503}:
                waited.append((method, path, form, answer.status_code))
        browser.cookies.clear()
        give_cookie(browser, "crm_session", "nobody's")
        answer = await browser.request(method, path, data={"email": "x", "password": "x"} if method == "POST" else None)
        if answer.status_code in {500, 503}:
            waited.append((method, path, "not signed in", answer.status_code))
    assert waited == []
    assert set(hasher.taken) == {0}


async def test_every_json_route_takes_one_connection_at_a_time(app: FastAPI, committed_database: Database) -> None:
    async with committed_database.unit_of_work() as session:
        keys = [
            await create_service_key(session, command_actor(), role=role, name=f"One {role}")
            for role in (Role.ADMIN, Role.DATA_STEWARD)
        ]
    waited = []
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for method, path in _asked(GuardedRoute):
            for key in ("nobody's", *keys):
                headers = {
                    "Authorization": f"Bearer {key}",
                    "Idempotency-Key": str(uuid4()),
                    "Content-Type": "application/json",
                }
                content = "{}" if method in {"POST", "PUT"} else None
                answer = await client.request(method, path, content=content, headers=headers)
                if answer.status_code in {500, 503}:
                    waited.append((method, path, key, answer.status_code))
    assert waited == []


@pytest.mark.parametrize("path", ["/sign-in", "/unlock", "/account/password", "/invitation/", "/reset/"])
async def test_no_connection_is_taken_while_a_password_is_hashed(
    browser: httpx.AsyncClient, committed_database: Database, settings: Settings, hasher: Watching, path: str
) -> None:
    async with committed_database.session() as session:
        who = await somebody(session, settings, "navigator", email=f"{uuid4()}@crm.example")
        token = await signed_in(browser, session, who.account_id)
        if path.endswith("/"):
            link = await links.make_link(session, account_id=who.account_id, purpose=path.strip("/"), now=clock.now())
            path += link
            await session.commit()
    hasher.taken.clear()
    typed = PASSWORD if path in {"/sign-in", "/unlock"} else NEW_PASSWORD
    answer = await browser.post(path, data={"csrf_token": token, "email": who.email, "password": typed})
    assert answer.status_code == 303, answer.text
    assert hasher.taken, "it was hashed"
    assert set(hasher.taken) == {0}
