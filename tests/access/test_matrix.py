"""
Every route with every role and with forged credentials, generated from the app and compared with the policy.

A new route is in the matrix by itself; a role that gains or loses a right changes the policy, not this file.
"""

import httpx
import pytest
from fastapi import FastAPI

from app.access.policy import GRANTS, NAMED_ONLY, Role
from app.access.request_guard import GuardedRoute
from app.main import create_app
from app.platform.settings import Settings
from tests.conftest import AsRole

NOWHERE = "01970000-0000-7000-8000-000000000000"


def _routes() -> list[GuardedRoute]:
    app: FastAPI = create_app(Settings())
    return [route for route in app.routes if isinstance(route, GuardedRoute)]


def _address(route: GuardedRoute) -> tuple[str, str]:
    path = route.path
    for name in route.param_convertors:
        path = path.replace(f"{{{name}}}", NOWHERE)
    return next(iter(route.methods or ())), path


ROUTES = _routes()


@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.value)
async def test_each_route_opens_for_the_roles_of_the_policy_and_for_no_other(
    client: httpx.AsyncClient, as_role: AsRole, role: Role
) -> None:
    headers, named = await as_role(role.value), await as_role(role.value, by_name=True)
    wrong = []
    for route, key in [(route, key) for route in ROUTES for key in (headers, named)]:
        method, path = _address(route)
        answer = await client.request(method, path, headers=key)
        may = route.permission in (GRANTS[role] if key is named else GRANTS[role] - NAMED_ONLY)
        opened = answer.status_code not in {401, 403}
        if opened != may or answer.status_code >= 500:
            wrong.append((method, route.path, answer.status_code, answer.text[:200]))
    assert wrong == []


FORGED = {
    "none": None,
    "empty": "Bearer ",
    "of no one": "Bearer crm_aaaaaaaaaaaa_" + "A" * 43,
    "an unsigned token": "Bearer eyJhbGciOiJub25lIn0.eyJyb2xlIjoiYWRtaW4ifQ.",
    "basic": "Basic YWRtaW46YWRtaW4=",
    "sql": "Bearer crm_' OR 1=1 --_" + "A" * 43,
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
async def test_a_forged_credential_opens_no_route(client: httpx.AsyncClient, forged: str | None) -> None:
    wrong = []
    for route in ROUTES:
        method, path = _address(route)
        answer = await client.request(method, path, headers={} if forged is None else {"Authorization": forged})
        if answer.status_code != 401 or answer.json()["code"] != "not_authenticated":
            wrong.append((method, route.path, answer.status_code))
    assert wrong == []


async def test_the_right_secret_with_another_prefix_opens_nothing(client: httpx.AsyncClient, as_role: AsRole) -> None:
    key = (await as_role("admin"))["Authorization"].removeprefix("Bearer crm_")
    other = (await as_role("navigator"))["Authorization"].removeprefix("Bearer crm_")
    crossed = f"Bearer crm_{key[:12]}_{other[13:]}"
    assert (await client.get("/api/v1/medical-conditions", headers={"Authorization": crossed})).status_code == 401
