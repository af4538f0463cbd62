"""HEAD answers as GET does, without the body; every other method that is not there is 405 and says which are."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.routing import BaseRoute, Mount, Route

from app.access.policy import Role
from app.access.request_guard import GuardedRoute
from app.audit.models import AuditEvent
from app.main import create_app
from app.platform.settings import Settings
from tests.browsing import as_user
from tests.canaries import World, a_world
from tests.conftest import AsRole

NOWHERE = "01970000-0000-7000-8000-000000000000"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
HUMAN = tuple(role.value for role in Role if role is not Role.INTEGRATION)
OF_ONE_REQUEST = {"x-request-id", "date", "set-cookie", "content-security-policy", "content-length"}
"""Nonces, tokens and instants differ between two requests, and with them a page's length."""


def _routes() -> list[BaseRoute]:
    return list(create_app(Settings()).routes)


ADDRESSES = sorted(
    {
        route.path.replace(":path", "").format(**dict.fromkeys(route.param_convertors, NOWHERE))
        for route in _routes()
        if isinstance(route, Route)
    }
)
STATIC = "/static/img/logo.svg"


def _methods(address: str) -> set[str]:
    """
    The methods of all routes of an address, HEAD wherever GET is. A fixed address of the API is no parameter's value:
    `match` in `/persons/match` is nobody's id.
    """
    routes = [route for route in _routes() if isinstance(route, Route) and route.path_regex.match(address)]
    is_fixed = address.startswith("/api/") and any(route.path == address for route in routes)
    found = {method for route in routes if not is_fixed or route.path == address for method in route.methods or ()}
    return found | {"HEAD"} if "GET" in found else found


def test_there_are_pages_routes_and_files_to_look_at() -> None:
    assert len(ADDRESSES) > 100
    assert any(isinstance(route, Mount) for route in _routes())


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_what_is_not_there_is_405_with_the_methods_that_are(client: httpx.AsyncClient, accept: str) -> None:
    wrong: list[tuple[Any, ...]] = []
    for address in [*ADDRESSES, STATIC]:
        there = {"GET", "HEAD"} if address == STATIC else _methods(address)
        for method in {*METHODS, "HEAD"} - there:
            answer = await client.request(method, address, headers={"Accept": accept})
            named = {name.strip() for name in answer.headers.get("allow", "").split(",")}
            as_page = accept == "text/html" and not address.startswith("/api/")
            kind = "text/html; charset=utf-8" if as_page else "application/problem+json"
            if (answer.status_code, named, answer.headers["content-type"]) != (405, there, kind):
                wrong.append((method, address, answer.status_code, sorted(named), answer.headers["content-type"]))
            if method == "HEAD" and answer.content:
                wrong.append((method, address, "a body"))
    assert wrong == []


def _alike(head: httpx.Response, get: httpx.Response) -> bool:
    def told(answer: httpx.Response) -> dict[str, str]:
        return {name: value for name, value in answer.headers.items() if name not in OF_ONE_REQUEST}

    return (head.status_code, told(head), head.content) == (get.status_code, told(get), b"")


async def test_head_of_the_api_is_get_without_the_body_and_as_much_on_record(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    world: World = await a_world(session)
    await session.commit()
    headers = await as_role("data_steward")
    wrong: list[tuple[Any, ...]] = []

    seen = 0

    async def new_events() -> list[tuple[Any, ...]]:
        nonlocal seen
        found = list(await session.scalars(select(AuditEvent).order_by(AuditEvent.audit_event_id).offset(seen)))
        seen += len(found)
        return [(e.action, e.outcome, e.code, e.actor_id, e.record_id, tuple(e.person_ids or ())) for e in found]

    await new_events()

    for route in _routes():
        if not isinstance(route, GuardedRoute) or "GET" not in (route.methods or ()):
            continue
        for who in (headers, {}):
            address = world.address(route)
            get = await client.get(address, headers=who)
            of_get = await new_events()
            head = await client.head(address, headers=who)
            of_head = await new_events()
            if not _alike(head, get) or head.headers.get("content-length") != get.headers.get("content-length"):
                wrong.append((address, head.status_code, get.status_code, head.content[:50]))
            if of_get != of_head:
                wrong.append((address, of_get, of_head))
    assert wrong == []


async def test_head_of_a_page_is_get_without_the_body(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    for path in ("/", "/sign-in", "/audit", "/users"):
        assert _alike(await client.head(path), await client.get(path)), path
    await as_user(client, session, settings, *HUMAN)
    for path in ("/", "/audit", "/users", "/api-keys", "/break-glass", "/nowhere", f"/users/{NOWHERE}", STATIC):
        head, get = await client.head(path), await client.get(path)
        assert _alike(head, get), (path, head.status_code, get.status_code, head.headers, get.headers)
    assert (await client.head("/health")).status_code == 200
