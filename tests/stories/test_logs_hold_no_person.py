"""
No log holds a person: canaries go through every route in every field, right and wrong, against a real server; then
everything that the application and PostgreSQL have logged is searched for them, and what metrics, traces and the
database's list of connections have told meanwhile.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from app.access.policy import Role, permissions_of
from app.access.service import command_actor, create_api_key, open_account
from app.platform import clock
from app.platform.db import Database, create_engine
from app.platform.embedded import Cluster
from app.platform.roles import APPLICATION
from app.platform.settings import Settings
from tests.canaries import HEALTH, PERSONAL, H, P, World, a_world, guarded_routes
from tests.collector import a_collector
from tests.serving import environment, serving

pytestmark = pytest.mark.long

SENT = f"{P} {H} <b>' OR 1=1 --"
"""Typed into every text; PostgreSQL's own messages would quote it whole."""
ROLES = ("navigator", "data_steward", "auditor", "integration")
"""Of the role that may most, and of those that see people masked or do what it may not."""
CANARIES = (*PERSONAL, *HEALTH, "OR 1=1", "canary.example")


async def _prepared(url: str, settings: Settings) -> tuple[World, dict[str, str]]:
    """The world of canaries in a database of its own, and a key of everybody's rights put together."""
    database = Database(create_engine(settings, url))
    keys = {}
    async with database.session() as session:
        world = await a_world(session)
        for role in Role:
            account = await open_account(session, command_actor(), display_name=f"Test {role}", role=role)
            keys[role.value] = await create_api_key(
                session,
                command_actor(),
                account_id=account.user_account_id,
                name="test",
                scopes=sorted(permissions_of(frozenset({role.value}))),
                expires_at=clock.now() + timedelta(hours=1),
            )
        await session.commit()
    await database.close()
    return world, keys


def _sample(shape: dict[str, Any], components: dict[str, Any], world: World, name: str = "") -> Any:
    """A body that the description allows, its texts canaries, its ids those of the world."""
    while "$ref" in shape or (several := {"anyOf", "oneOf", "allOf"} & set(shape)):
        shape = components[shape["$ref"].rsplit("/", 1)[1]] if "$ref" in shape else shape[several.pop()][0]
    if "enum" in shape or "const" in shape:
        return shape["const"] if "const" in shape else shape["enum"][0]
    kind = str(shape.get("type"))
    if kind == "object":
        return {field: _sample(s, components, world, field) for field, s in shape.get("properties", {}).items()}
    if kind == "array":
        return [_sample(shape["items"], components, world, name)]
    plain = {
        "integer": 1,
        "number": 1,
        "boolean": False,
        "uuid": str(world.ids.get(name, world.person_id)),
        "date": "1931-07-13",
        "date-time": "1987-03-17T04:05:00Z",
        "email": f"{P}.new@canary.example",
    }
    return plain.get(shape.get("format", kind), SENT[: shape.get("maxLength", 200)])


def _wrong(body: Any) -> Any:
    """The same body with a text of canaries wherever something else was wanted, and a field too many."""
    if isinstance(body, dict):
        return {
            name: SENT if not isinstance(value, (dict, list)) else _wrong(value) for name, value in body.items()
        } | {SENT: SENT}
    return [_wrong(item) for item in body] if isinstance(body, list) else SENT


async def _walk(url: str, world: World, keys: dict[str, str]) -> dict[int, int]:
    """Everything sent once by each role of ROLES, and everything wrong once by the first: how often each status."""
    counted: dict[int, int] = {}
    limits = httpx.Timeout(30)
    async with httpx.AsyncClient(base_url=url, timeout=limits) as client:
        description = (await client.get("/openapi.json")).json()
        components = description["components"]["schemas"]

        async def send(method: str, path: str, headers: dict[str, str], **request: Any) -> None:
            try:
                answer = await client.request(method, path, headers=headers, **request)
            except httpx.ReadError:
                # Who may not bring a file is refused before it is read, and the connection may end first.
                assert "files" in request, path
                return
            counted[answer.status_code] = counted.get(answer.status_code, 0) + 1

        for route in guarded_routes():
            method = next(iter(route.methods or ()))
            path = world.address(route)
            operation = description["paths"][route.path][method.lower()]
            for role in ROLES:
                headers = {
                    "Authorization": f"Bearer {keys[role]}",
                    "X-Access-Reason": P,
                    "X-Change-Reason": P,
                    "User-Agent": P,
                }
                if "multipart/form-data" in operation.get("requestBody", {}).get("content", {}):
                    form = {"data": {"title": P, "person_id": str(world.person_id)}}
                    await send(
                        method, path, headers, **form, files={"file": (f"{P}.pdf", b"%PDF-1.7 " + SENT.encode())}
                    )
                    await send(method, path, headers, **form)
                elif "requestBody" in operation:
                    shape = operation["requestBody"]["content"]["application/json"]["schema"]
                    body = _sample(shape, components, world)
                    await send(method, path, headers, json=body)
                    if role == ROLES[0]:
                        await send(method, path, headers, json=body)
                        await send(method, path, headers, json=_wrong(body))
                        await send(method, path, headers | {"Content-Type": "application/json"}, content=f'{{"{SENT}')
                elif method == "GET":
                    await send(method, path, headers)
                    if role == ROLES[0]:
                        asked = [parameter["name"] for parameter in operation.get("parameters", ())]
                        await send(method, path, headers, params=dict.fromkeys(asked, SENT))
                        await send(method, path, headers, params={SENT: SENT})
                        await send(method, path, headers, params={"q": P, "cursor": P})
            await send(method, f"{route.path.split('{')[0].rstrip('/')}/{SENT}", {"Authorization": f"Bearer {P}"})
        await send("GET", f"/{SENT}", {})
        await send("GET", "/sign-in", {"Cookie": f"crm_session={P}"})
        await send("POST", "/sign-in", {"Origin": url}, data={"email": f"{P}@canary.example", "password": SENT})
    return counted


async def _watch_names(url: str, named: set[str]) -> None:
    """What connections are called, as often as can be looked, until it is cancelled."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while True:
            rows = await connection.execute(
                "SELECT DISTINCT application_name FROM pg_stat_activity WHERE usename = 'crm_application'"
            )
            named.update(name for (name,) in await rows.fetchall())
            await asyncio.sleep(0.002)


async def test_no_log_holds_what_was_sent_or_shown(
    cluster: Cluster, another_database: Callable[[str], str], settings: Settings, tmp_path: Path
) -> None:
    another_database("log_canaries")
    url = cluster.url("log_canaries", role=APPLICATION)
    world, keys = await _prepared(url, settings)
    database_log_before = cluster.log.stat().st_size
    log = tmp_path / "server.log"
    settings_here = {"CRM_DATABASE_URL": url, "CRM_LOG_FORMAT": "json", "CRM_CASELOAD": "assigned"}
    with (
        a_collector() as collector,
        serving(
            log, env=environment(**settings_here, CRM_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="50")
        ) as (server, base),
    ):
        named: set[str] = set()
        watch = asyncio.create_task(_watch_names(cluster.url("log_canaries"), named))
        counted = await _walk(base, world, keys)
        watch.cancel()
        async with httpx.AsyncClient(base_url=base) as client:
            scraped = await client.get("/api/v1/metrics", headers={"Authorization": f"Bearer {keys['admin']}"})
        server.terminate()
        await asyncio.to_thread(server.wait, 60)
    said = log.read_text(errors="replace")
    with cluster.log.open("rb") as file:
        file.seek(database_log_before)
        database_said = file.read().decode(errors="replace")

    assert sum(counted.values()) > 600, counted
    assert {200, 401, 403, 404, 422} <= set(counted), counted
    # The file of the world's document lies in another store, which is told as 503.
    assert {status for status in counted if status >= 500} <= {503}, counted
    assert said.count('"event": "request"') >= sum(counted.values()) - 5, "every request has its line"
    assert "crm GET /api/v1/patients" in named, "transactions say by their templates what they do"
    assert [name for name in named for canary in (*CANARIES, str(world.person_id)) if canary in name] == []
    assert scraped.status_code == 200, scraped.text
    assert "/api/v1/patients/{patient_id}" in scraped.text
    ids = [str(value) for value in world.ids.values() if isinstance(value, UUID)]
    assert ids
    assert [canary for canary in (*CANARIES, *ids) if canary in scraped.text] == []
    spans = collector.spans()
    assert len([span for span in spans if span.kind == Span.SPAN_KIND_SERVER]) >= sum(counted.values()) - 5
    assert "GET /api/v1/patients/{patient_id}" in {span.name for span in spans}
    assert len([span for span in spans if span.kind == Span.SPAN_KIND_CLIENT]) > 600
    exported = collector.said()
    assert [canary for canary in (*CANARIES, *ids, "127.0.0.1") if canary in exported] == []
    leaks = [canary for canary in CANARIES if canary in said or canary in database_said]
    assert leaks == [], [line for line in (said + database_said).splitlines() if any(c in line for c in leaks)][:5]
