"""What every answer carries, and requests at the edge of HTTP: odd methods, addresses, hosts and kinds of answers."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.access.request_guard import GuardedRoute
from app.main import create_app
from app.platform.settings import Settings
from tests.conftest import AsRole, BoundDatabase

NOWHERE = "01970000-0000-7000-8000-000000000000"
PROBLEM = "application/problem+json"


def _routes() -> list[APIRoute]:
    app: FastAPI = create_app(Settings())
    return [route for route in app.routes if isinstance(route, APIRoute)]


ROUTES = _routes()
GETS = [route for route in ROUTES if isinstance(route, GuardedRoute) and "GET" in (route.methods or ())]


def _filled(route: APIRoute, value: str) -> str:
    path = route.path
    for name in route.param_convertors:
        path = path.replace(f"{{{name}}}", value).replace(f"{{{name}:path}}", value)
    return path


@pytest.fixture
async def secure(bound: BoundDatabase, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app whose users come by https and by one name."""
    changed = settings.model_copy(update={"base_url": "https://crm.example.org", "allowed_hosts": ("crm.example.org",)})
    transport = httpx.ASGITransport(app=create_app(changed, bound), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://crm.example.org") as made:
        yield made


def _unsafe(answer: httpx.Response) -> list[str]:
    headers = answer.headers
    policy = headers.get("content-security-policy", "")
    expected = {
        "content security policy": "default-src 'none'" in policy or "default-src 'self'" in policy,
        "no frames": "frame-ancestors 'none'" in policy and headers.get("x-frame-options") == "DENY",
        "no unsafe sources": "unsafe" not in policy and "*" not in policy,
        "nosniff": headers.get("x-content-type-options") == "nosniff",
        "referrer": headers.get("referrer-policy") in {"no-referrer", "same-origin"},
        "opener": headers.get("cross-origin-opener-policy") == "same-origin",
        "not stored": headers.get("cache-control") == "no-store",
        "request id": len(headers.get("x-request-id", "")) >= 8,
    }
    return [name for name, holds in expected.items() if not holds]


async def test_every_route_answers_with_safe_headers(secure: httpx.AsyncClient, as_role: AsRole) -> None:
    headers, wrong = await as_role("navigator"), []
    for route in ROUTES:
        for method in route.methods or ():
            for sent in ({}, headers):
                answer = await secure.request(method, _filled(route, NOWHERE), headers=sent)
                missing = _unsafe(answer)
                if answer.headers.get("strict-transport-security") != "max-age=31536000; includeSubDomains":
                    missing.append("HSTS")
                if missing or answer.status_code >= 500:
                    wrong.append((method, route.path, answer.status_code, missing))
    assert wrong == []


async def test_without_https_nobody_is_told_to_come_by_it(client: httpx.AsyncClient) -> None:
    assert "strict-transport-security" not in (await client.get("/health")).headers


@pytest.mark.parametrize("host", ["evil.example", "", "crm.example.org.evil.example", "crm.example.org@evil.example"])
async def test_an_unknown_host_is_refused(secure: httpx.AsyncClient, host: str) -> None:
    answer = await secure.get("/sign-in", headers={"Host": host})
    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)
    assert answer.json()["code"] == "unknown_host"
    assert not host or host not in answer.text


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
async def test_a_probe_by_address_is_answered(secure: httpx.AsyncClient, path: str) -> None:
    assert (await secure.get(path, headers={"Host": "10.0.0.7:8000"})).status_code == 200


@pytest.mark.parametrize("host", ["crm.example.org", "CRM.example.org", "crm.example.org:8443"])
async def test_our_own_host_is_served_in_every_spelling(secure: httpx.AsyncClient, host: str) -> None:
    assert (await secure.get("/sign-in", headers={"Host": host})).status_code == 200


async def test_a_method_that_is_not_there_is_405_with_those_that_are(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    headers = await as_role("navigator")
    wrong: list[tuple[Any, ...]] = []
    for address in sorted({_filled(route, NOWHERE) for route in ROUTES if isinstance(route, GuardedRoute)}):
        routes = [route for route in ROUTES if route.path_regex.match(address)]
        # `/persons/match` is no address of `/persons/{person_id}`.
        fixed = [route for route in routes if route.path == address]
        methods = {method for route in fixed or routes for method in route.methods or ()}
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
            if method in methods:
                continue
            answer = await client.request(method, address, headers=headers)
            allowed = {name.strip() for name in answer.headers.get("allow", "").split(",")}
            if answer.status_code != 405 or not methods <= allowed or method in allowed:
                wrong.append((method, address, answer.status_code, sorted(allowed), sorted(methods)))
            elif answer.json()["code"] != "method_not_allowed":
                wrong.append((method, address, answer.text))
    assert wrong == []


async def test_routes_without_a_guard_name_their_methods_too(client: httpx.AsyncClient) -> None:
    for address in ("/health", "/health/live", "/health/ready", "/openapi.json"):
        answer = await client.post(address)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, HEAD", address


async def test_an_address_has_one_spelling(client: httpx.AsyncClient, as_role: AsRole) -> None:
    headers, wrong = await as_role("navigator"), []
    for route in ROUTES:
        path = _filled(route, NOWHERE)
        if path.endswith("/"):
            continue
        for other in (f"{path}/", f"/{path}"):
            answer = await client.request(next(iter(route.methods or ())), f"http://test{other}", headers=headers)
            if answer.status_code != 404 or "location" in answer.headers:
                wrong.append((other, answer.status_code))
    assert wrong == []


ODD_PLACES = [
    "%00",
    "..%2f..%2fetc%2fpasswd",
    "%ed%a0%80",
    "%ff",
    "%0d%0aSet-Cookie:a=b",
    "'%20OR%201=1--",
    "x" * 20_000,
]


@pytest.mark.parametrize("place", ODD_PLACES, ids=lambda place: place[:20])
async def test_odd_addresses_are_problems(client: httpx.AsyncClient, as_role: AsRole, place: str) -> None:
    headers = await as_role("navigator")
    wrong: list[tuple[Any, ...]] = []
    for route in GETS:
        if not route.param_convertors:
            continue
        answer = await client.get(httpx.URL(f"http://test{_filled(route, place)}"), headers=headers)
        if answer.status_code not in {403, 404, 422} or answer.headers["content-type"] != PROBLEM:
            wrong.append((route.path, answer.status_code, answer.text[:200]))
        if "etc" in answer.text or "xxxx" in answer.text or "Set-Cookie" in answer.text:
            wrong.append((route.path, "repeats the address", answer.text[:200]))
    assert wrong == []


async def test_a_long_query_is_a_problem(client: httpx.AsyncClient, as_role: AsRole) -> None:
    headers = await as_role("navigator")
    for query in (
        {"q": "x" * 60_000},
        {f"f{number}": "x" for number in range(2_000)},
        {"q": "a\x00b"},
        {"cursor": "x" * 60_000},
    ):
        answer = await client.get("/api/v1/patients", params=query, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
        assert "xxxx" not in answer.text


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*;q=0", "not a type", "x" * 5_000])
async def test_the_api_speaks_json_whatever_is_accepted(
    client: httpx.AsyncClient, as_role: AsRole, accept: str
) -> None:
    headers = {**await as_role("navigator"), "Accept": accept}
    found = await client.get("/api/v1/medical-conditions?limit=1", headers=headers)
    assert (found.status_code, found.headers["content-type"]) == (200, "application/json")
    for address in (f"/api/v1/patients/{NOWHERE}", "/api/v1/nothing", "/api/v1/patients/"):
        refused = await client.get(address, headers=headers)
        assert (refused.status_code, refused.headers["content-type"]) == (404, PROBLEM), address


def _body(**changed: Any) -> dict[str, Any]:
    return {"name": "A condition of the edges", **changed}


async def test_headers_given_twice_or_odd_do_no_harm(client: httpx.AsyncClient, as_role: AsRole) -> None:
    key = (await as_role("data_steward"))["Authorization"]
    twice = await client.get(
        "/api/v1/medical-conditions", headers=[("Authorization", "Bearer x"), ("Authorization", key)]
    )
    assert twice.status_code in {200, 401}
    for header in ("If-Match", "Idempotency-Key", "X-Request-ID", "Content-Length"):
        answer = await client.put(
            f"/api/v1/medical-conditions/{NOWHERE}", json=_body(), headers={"Authorization": key, header: "\x7f" * 300}
        )
        assert 400 <= answer.status_code < 500, header
        assert "\x7f" not in answer.text
