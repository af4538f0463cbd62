"""
Never a 500: every parameter of every address with extreme values, cursors that nobody was given, bodies of nonsense,
and a database whose connections die. Generated from the routes, by the ordinary and the fast paths.
"""

import asyncio
import base64
import itertools
import json
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import orjson
import pytest
from asyncpg.exceptions import InternalClientError, ProtocolError
from fastapi.routing import APIRoute
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.bodies import MAX_BODY_BYTES
from app.access.models import RoleGrant
from app.access.policy import Role
from app.access.request_guard import GuardedRoute
from app.access.service import command_actor, create_api_key, create_service_key, open_account
from app.main import create_app
from app.platform.db import Database
from app.platform.errors import Unavailable
from app.platform.paging import PageQuery
from app.platform.problems import MOST_FIELDS, translate
from app.platform.settings import Settings
from app.web.page_guard import PageRoute
from tests.browsing import as_user
from tests.builders import a_patient
from tests.canaries import World, a_world
from tests.conftest import AsRole, BoundDatabase

ROUTES = [route for route in create_app(Settings()).routes if isinstance(route, APIRoute)]
API = [route for route in ROUTES if isinstance(route, GuardedRoute)]
GETS = [route for route in API if "GET" in (route.methods or ())]
PAGES = [route for route in ROUTES if isinstance(route, PageRoute) and "GET" in (route.methods or ())]
ROLES = [role.value for role in Role if role not in {Role.ADMIN, Role.INTEGRATION}]

SENT_TO_EACH = 3
START = "2030-01-01T09:00:00Z"
NOWHERE = "01970000-0000-7000-8000-000000000000"
OF_PAGES = {
    "account",
    "person_id",
    "record_id",
    "from_at",
    "to_at",
    "as_of",
    "cursor",
    "next",
    "q",
    "after",
    "kind",
    "state",
}

INSTANTS = (
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999999-23:59",
    "9999-12-31T23:59:59+23:59",
    "1753-01-01T00:00:00Z",
    "1753-01-01T00:00:00+23:59",
    "0001-01-01T00:00:00+23:59",
    "0000-00-00T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "9999-12-31T23:59",
    "0001-01-01T00:00",
    "9999-12-31",
    "0001-01-01",
)
IDS = (
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
    "{00000000-0000-0000-0000-000000000000}",
    "urn:uuid:00000000-0000-0000-0000-000000000000",
    "00000000000000000000000000000000",
)
NUMBERS = ("0", "-1", "-0", "1e400", "9" * 20, "9" * 5_000, "2147483648", "9223372036854775808", "٣", "NaN")
TEXTS = ("\x00", "a\x00b", "\ufeff", "\u0301" * 50, "%", "\\", "_" * 200, "x" * 5_000, "😀" * 300, "|", "a|b", "'\"--")
RAW = ("%ED%A0%80", "%FF%FE", "%C3", "%", "%u0041", "a%0d%0ab", "")
EXTREMES = [*map(quote, (*INSTANTS, *IDS, *NUMBERS, *TEXTS)), *RAW]

PLACES: tuple[Any, ...] = (
    "9999-12-31T23:59:59.999999-23:59",
    "0001-01-01T00:00:00+23:59",
    "0001-01-01T00:00:00",
    "9999-12-31T23:59:59.999999",
    "0001-01-01",
    "9999-12-31",
    "2024-W01-1",
    "\ud800",
    "a\u0000",
    "",
    "x" * 1_000,
    0,
    -(2**63),
    2**31,
    2**63,
    2**64 - 1,
    1.5,
    True,
    None,
    [],
    {},
)
KEYS: tuple[Any, ...] = (IDS[0], IDS[1], 2**63, "x", None)


def _cursors(query: type[PageQuery]) -> Iterator[str]:
    fingerprint = query().fingerprint()
    for values in (*itertools.product(PLACES, KEYS), *((place, place, key) for place in PLACES for key in KEYS[:2])):
        document = json.dumps([fingerprint, *values]).encode()
        yield _encoded(document)
    for document in (b"", b"[]", b"{}", b"1", b"null", b"[" * 2_000, b"\xff" * 50, json.dumps([fingerprint]).encode()):
        yield _encoded(document)
    yield from ("=", "====", "a", "é" * 100, "%00", "-_" * 900)


def _single_cursors(query: type[PageQuery]) -> Iterator[str]:
    """Of lists in the order of one column: also versions of which there is none before, and none at all."""
    fingerprint = query().fingerprint()
    for place in (*PLACES, 1, -1, 2, *KEYS):
        yield _encoded(json.dumps([fingerprint, place]).encode())


def _encoded(document: bytes) -> str:
    return base64.urlsafe_b64encode(document).rstrip(b"=").decode()


def _queries(route: APIRoute) -> Iterator[type[PageQuery]]:
    for parameter in route.dependant.query_params:
        asked = parameter.field_info.annotation
        if isinstance(asked, type) and issubclass(asked, PageQuery):
            yield asked


def _names(route: APIRoute) -> Iterator[str]:
    for parameter in route.dependant.query_params:
        asked = parameter.field_info.annotation
        if isinstance(asked, type) and issubclass(asked, PageQuery):
            yield from asked.model_fields
        else:
            yield parameter.alias


@pytest.fixture
async def world(session: AsyncSession) -> World:
    return await a_world(session)


@pytest.fixture(params=[True, False], ids=["fast paths", "ordinary"])
async def api(
    bound: BoundDatabase, settings: Settings, session: AsyncSession, request: pytest.FixtureRequest
) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose key may do everything, and sees everything clear as far as its roles do."""
    account = await open_account(session, command_actor(), display_name="Everybody", role=Role.NAVIGATOR)
    for role in Role:
        if role is not Role.NAVIGATOR:
            session.add(RoleGrant(user_account_id=account.user_account_id, role=role.value))
    key = await create_api_key(session, command_actor(), account_id=account.user_account_id, name="test")
    await session.commit()
    app = create_app(settings.model_copy(update={"fast_paths": request.param}), bound)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as made:
        # The first request of a key goes the ordinary way.
        await made.get("/api/v1/medical-conditions?limit=1")
        yield made


async def _failures(client: httpx.AsyncClient, addresses: list[str]) -> list[tuple[str, int, str]]:
    wrong = []
    for address in addresses:
        answer = await client.get(address)
        if answer.status_code >= 500:
            wrong.append((address[:300], answer.status_code, answer.text[:100]))
    return wrong


def _sample(values: list[Any], *seed: str) -> list[Any]:
    """A fixed sample, another one for each place: together they are all there."""
    return random.Random("".join(seed)).sample(values, min(len(values), SENT_TO_EACH))  # noqa: S311 - no secret


def _places(routes: list[Any]) -> Iterator[str]:
    """Every route with extreme values in each part of its path, one part at a time."""
    for route in routes:
        for name in route.param_convertors:
            place = route.path.replace(f"{{{name}}}", "HERE")
            for other in route.param_convertors:
                place = place.replace(f"{{{other}}}", NOWHERE)
            for value in _sample(EXTREMES, route.path, name):
                yield place.replace("HERE", value)


async def test_extreme_values_in_the_path_are_no_failure(api: httpx.AsyncClient) -> None:
    assert await _failures(api, list(_places(GETS))) == []


async def test_extreme_values_in_the_query_are_no_failure(api: httpx.AsyncClient, world: World) -> None:
    addresses = [
        f"{world.address(route)}?{name}={value}"
        for route in GETS
        for name in _names(route)
        for value in _sample(EXTREMES, route.path, name)
    ]
    assert await _failures(api, addresses) == []


async def test_cursors_that_nobody_was_given_are_no_failure(api: httpx.AsyncClient, world: World) -> None:
    addresses = [
        f"{world.address(route)}?cursor={quote(cursor)}"
        for route in GETS
        for query in _queries(route)
        for made in (_cursors, _single_cursors)
        for cursor in _sample(list(made(query)), route.path, made.__name__)
    ]
    assert len(addresses) > SENT_TO_EACH
    assert await _failures(api, addresses) == []


async def test_pages_take_cursors_that_nobody_was_given(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    await as_user(client, session, settings, *ROLES, "admin")
    api = {route.path.removeprefix("/api/v1"): query for route in GETS for query in _queries(route)}
    lists = {path: query for path, query in api.items() if not path.endswith("/history")}
    # The pages of histories stand elsewhere than the API's.
    lists |= {f"/history{path.removesuffix('/history')}": query for path, query in api.items() if path not in lists}
    addresses = [
        f"{route.path.replace('{record_id}', str(world.by_path.get(route.path.split('/')[-2])))}?cursor={quote(cursor)}"
        for route in PAGES
        if route.path in lists
        for made in (_cursors, _single_cursors)
        for cursor in _sample(list(made(lists[route.path])), route.path, made.__name__)
    ]
    assert len(addresses) > SENT_TO_EACH * len(world.by_path)
    assert await _failures(client, addresses) == []


async def test_pages_take_extreme_values(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    await as_user(client, session, settings, *ROLES, "admin")
    typed = {name for route in (*GETS, *PAGES) for name in _names(route)} | OF_PAGES
    addresses = list(_places(PAGES))
    for route in PAGES:
        path = route.path
        for name in route.param_convertors:
            known = world.by_path.get(path.split("/")[2]) if name == "record_id" else world.ids.get(name)
            path = path.replace(f"{{{name}}}", str(known or NOWHERE))
        for name in sorted({*_names(route), *_sample(sorted(typed), route.path)}):
            addresses += [f"{path}?{name}={value}" for value in _sample(EXTREMES, route.path, name)]
    assert await _failures(client, addresses) == []


NONSENSE = {
    "unknown fields": {f"x{number}": 1 for number in range(19_000)},
    "a megabyte of unknown fields": {f"x{number}": 1 for number in range(80_000)},
    "a list of nonsense": {name: [1] * 15_000 for name in ("codes", "synonyms", "scopes", "fields")},
    "a long list of nonsense": {"synonyms": [1] * 300_000},
}


@pytest.mark.parametrize("what", NONSENSE)
async def test_a_body_of_nonsense_is_told_in_few_words(client: httpx.AsyncClient, as_role: AsRole, what: str) -> None:
    sent = orjson.dumps(NONSENSE[what])
    assert len(sent) <= MAX_BODY_BYTES
    headers = {**await as_role("data_steward"), "content-type": "application/json"}
    for path in ("medical-conditions", "persons", "hospitals", "physicians"):
        answer = await client.post(f"/api/v1/{path}", content=sent, headers=headers)
        assert answer.status_code == 422, path
        assert len(answer.json()["errors"]) <= MOST_FIELDS
        assert len(answer.content) < 20_000


@pytest.mark.parametrize("table", ["api_key", "medical_condition", "call_history"])
async def test_a_request_whose_connection_is_killed_is_503_and_the_next_is_served(
    committed_database: Database, settings: Settings, table: str
) -> None:
    """Killed while it waits: at the key, and in the work of the ordinary and of the fast path."""
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.DATA_STEWARD, name=f"killed {table}")
        machine = await create_service_key(session, command_actor(), role=Role.INTEGRATION, name=f"killed {table}")
        patient = await a_patient(session)
    transport = httpx.ASGITransport(app=create_app(settings, committed_database), raise_app_exceptions=False)
    requests: list[tuple[str, str, str, dict[str, Any] | None]] = [
        (key, "GET", f"/api/v1/patients/{patient.patient_id}", None),
        (key, "GET", "/api/v1/hospitals", None),
        (key, "POST", "/api/v1/medical-conditions", {"name": f"Killed {table} {patient.patient_id}"}),
        (machine, "POST", "/api/v1/call-history", {"patient_id": str(patient.patient_id), "booking_date": START}),
    ]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:

        async def ask(by: str, method: str, path: str, body: dict[str, Any] | None) -> int:
            answer = await client.request(method, path, json=body, headers={"Authorization": f"Bearer {by}"})
            return answer.status_code

        for by in (key, machine):
            await ask(by, "GET", "/api/v1/medical-conditions?limit=1", None)
        async with committed_database.session() as blocking:
            await blocking.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
            asked = [asyncio.create_task(ask(*request)) for request in requests]
            await asyncio.sleep(0.7)
            await blocking.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
            await asyncio.sleep(0.3)
            await blocking.rollback()
        statuses = [await task for task in asked]
        assert 503 in statuses
        assert {status for status in statuses if status >= 500} == {503}
        for _ in range(20):
            again = [await ask(*request) for request in requests]
            assert 500 not in again
        assert all(status < 500 for status in again)


@pytest.mark.parametrize("error", [InternalClientError("got result for unknown protocol state"), ProtocolError("odd")])
def test_the_driver_s_confusion_over_a_dead_connection_is_503(error: Exception) -> None:
    """It comes about when a connection is killed while its answer is read, in one request of a hundred."""
    assert isinstance(translate(error, {}), Unavailable)


async def test_a_server_whose_socket_is_not_there_is_503_and_a_file_that_is_not_there_a_fault_of_ours(
    tmp_path: Path,
) -> None:
    with pytest.raises(OSError, match="No such file") as no_server:
        await asyncpg.connect(host=str(tmp_path), user="crm", database="crm")
    with pytest.raises(FileNotFoundError) as no_file:
        (tmp_path / "icons.svg").stat()
    assert isinstance(translate(no_server.value, {}), Unavailable)
    assert translate(no_file.value, {}) is None
