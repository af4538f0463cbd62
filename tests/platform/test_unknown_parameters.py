"""A parameter that an address does not know is named, at every route and at every list of the pages."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import GRANTS, Role
from app.access.request_guard import GuardedRoute
from app.audit.models import AuditEvent
from app.platform.settings import Settings
from tests import builders
from tests.both_paths import BothPaths
from tests.browsing import as_user
from tests.canaries import guarded_routes
from tests.conftest import AsRole

ROUTES = guarded_routes()


def _address(route: GuardedRoute) -> str:
    return route.path.format(**dict.fromkeys(route.param_convertors, uuid4()))


async def test_every_route_of_the_api_names_it_and_does_nothing(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    wrong = []
    by_role = {role: await as_role(role.value, by_name=True) for role in Role}
    for route in ROUTES:
        role = next(role for role in Role if route.permission in GRANTS[role])
        method = next(iter(route.methods or ()))
        sent: dict[str, Any] = {"json": {}} if method in {"POST", "PUT"} else {}
        if route.takes_upload:
            sent = {"files": {"file": builders.PDF}}
        answer = await client.request(method, _address(route), params={"persn_id": "x"}, headers=by_role[role], **sent)
        told = [(error["field"], error["code"]) for error in answer.json()["errors"]]
        event = await session.scalar(
            select(AuditEvent.code).where(AuditEvent.action == route.name).order_by(AuditEvent.audit_event_id.desc())
        )
        if answer.status_code != 422 or told != [("persn_id", "unknown_parameter")] or event != "invalid":
            wrong.append((method, route.path, answer.status_code, told, event))
    assert wrong == []


async def test_fast_path_leaves_it_to_the_ordinary_path(
    paths: BothPaths, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    patient = await builders.a_patient(session)
    await paths.greet(navigator)
    new = {
        "person": {"first_name": "Ada", "last_name": "Vireo", "email": "ada@vireo.org"},
        "medical_condition_id": str(patient.medical_condition_id),
    }
    for method, place, body in [
        ("GET", "patients", None),
        ("GET", f"patients/{patient.patient_id}", None),
        ("POST", "patients", new),
        ("POST", "call-history", {"patient_id": str(patient.patient_id), "call_date": "2026-05-04T09:00:00Z"}),
    ]:
        request: dict[str, Any] = {"params": {"limt": "1"}, "headers": navigator, "json": body}
        fast, statements = await paths.sent(method, f"/api/v1/{place}", **request)
        ordinary = await paths.ordinary.request(method, f"/api/v1/{place}", **request)
        assert (fast.status_code, statements) == (422, []), place
        assert fast.json()["errors"] == ordinary.json()["errors"]
        assert fast.json()["errors"][0]["field"] == "limt"


async def test_reason_of_a_deletion_in_the_address_deletes_nothing(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    patient = await builders.a_patient(session)
    place, navigator = f"/api/v1/patients/{patient.patient_id}", await as_role("navigator")
    answer = await client.delete(place, params={"reason": "entered twice"}, headers=navigator)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "reason")
    assert (await client.get(place, headers=navigator)).status_code == 200


async def test_answer_says_which_parameters_there_are_and_names_no_text_that_is_no_name(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    answer = await client.get("/api/v1/leads/x/events", params={"ada@vireo.org": "1", "page": "2"}, headers=navigator)
    assert [(error["field"], error["message"]) for error in answer.json()["errors"]] == [
        ("*", "There is no such parameter. There are: cursor, limit."),
        ("page", "There is no parameter page. There are: cursor, limit."),
    ]


@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("auditor", "/audit"),
        ("auditor", "/audit/export"),
        ("auditor", "/audit/persons/{record_id}"),
        ("auditor", "/break-glass"),
        ("auditor", "/history/{path}/{record_id}"),
        ("admin", "/users"),
        ("admin", "/api-keys"),
    ],
)
async def test_lists_of_pages_name_it(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, role: str, path: str
) -> None:
    person = await builders.a_person(session)
    await session.commit()
    await as_user(client, session, settings, role)
    answer = await client.get(path.format(path="persons", record_id=person.person_id), params={"persn_id": "x"})
    assert answer.status_code == 422
    assert "persn_id" in answer.text
