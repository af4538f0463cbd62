"""
Every route with every role and with forged credentials, generated from the app and compared with the policy.

A new route is in the matrix by itself; a role that gains or loses a right changes the policy, not this file.
"""

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import GRANTS, NAMED_ONLY, Role
from app.access.request_guard import GuardedRoute
from app.access.service import command_actor, create_service_key
from app.main import create_app
from app.platform.settings import Settings
from tests.builders import a_call, a_condition, a_lead, a_patient
from tests.conftest import AsRole, BoundDatabase

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
    # What a key names is permissions: a route of each shows whether it opens by name.
    one_of_each = {route.permission: route for route in ROUTES}.values()
    for route, key in [*((route, headers) for route in ROUTES), *((route, named) for route in one_of_each)]:
        method, path = _address(route)
        answer = await client.request(method, path, headers=key)
        may = route.permission in (GRANTS[role] if key is named else GRANTS[role] - NAMED_ONLY)
        opened = answer.status_code not in {401, 403}
        if opened != may or answer.status_code >= 500:
            wrong.append((method, route.path, answer.status_code, answer.text[:200]))
    assert wrong == []


def test_a_machine_creates_and_reads_and_changes_nothing() -> None:
    """
    Whatever a machine may call besides reading makes a record or asks a question; no PUT, no DELETE, no move, and
    nothing that is added to a record of somebody known.
    """
    opened = {_address(route) for route in ROUTES if route.permission in GRANTS[Role.INTEGRATION]}
    assert {(method, path) for method, path in opened if method != "GET"} == {
        ("POST", "/api/v1/persons"),
        ("POST", "/api/v1/persons/match"),
        ("POST", "/api/v1/leads"),
        ("POST", "/api/v1/patients"),
        ("POST", "/api/v1/call-history"),
    }


def test_a_permission_to_create_opens_posts_alone() -> None:
    create = [(next(iter(route.methods or ())), route.path) for route in ROUTES if route.permission.endswith(".create")]
    assert {path for _, path in create} == {
        "/api/v1/persons",
        "/api/v1/leads",
        "/api/v1/patients",
        "/api/v1/call-history",
    }
    assert {method for method, _ in create} == {"POST"}


@pytest.mark.parametrize("fast_paths", [True, False])
async def test_a_key_that_creates_does_not_change_and_one_that_changes_does_not_create(
    bound: BoundDatabase, session: AsyncSession, settings: Settings, *, fast_paths: bool
) -> None:
    condition = str((await a_condition(session)).medical_condition_id)
    patient = await a_patient(session)
    call = {"patient_id": str(patient.patient_id), "booking_date": "2030-01-01T09:00:00Z", "allow_overlap": True}
    lead = await a_lead(session)
    bodies = {
        "person": ("persons", patient.person_id, {"first_name": "A", "last_name": "B", "email": "ab@example.org"}),
        "patient": (
            "patients",
            patient.patient_id,
            {
                "person": {"first_name": "C", "last_name": "D", "email": "cd@example.org"},
                "medical_condition_id": condition,
            },
        ),
        "lead": (
            "leads",
            lead.lead_id,
            {
                "person": {"first_name": "E", "last_name": "F", "email": "ef@example.org"},
                "medical_condition_id": condition,
                "source": "landing_page",
            },
        ),
        "call": ("call-history", (await a_call(session, patient)).call_id, call | {"allow_overlap": True}),
    }
    app = create_app(settings.model_copy(update={"fast_paths": fast_paths}), bound)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    found = {}
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for name, (path, known, body) in bodies.items():
            for right in ("create", "write"):
                key = await create_service_key(
                    session, command_actor(), role=Role.NAVIGATOR, name="narrow", scopes=[f"{name}.{right}"]
                )
                await session.commit()
                headers = {"Authorization": f"Bearer {key}"}
                # The first request of a key goes the ordinary path, the second the fast one where there is one.
                answers = [await client.put(f"/api/v1/{path}/{known}", json={}, headers=headers)]
                answers += [await client.post(f"/api/v1/{path}", json=body, headers=headers) for _ in "12"]
                found[name, right] = [answer.status_code // 100 for answer in answers]
    assert found == {
        (name, right): [4, 2, 2] if right == "create" else [2, 4, 4] for name in bodies for right in ("create", "write")
    }


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
