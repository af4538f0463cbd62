"""Reasons in headers: described where they count, and taken in one spelling by every path."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.reasons import DESCRIBED_REASON
from app.access.request_guard import GuardedRoute
from app.main import create_app
from app.platform.settings import Settings
from tests.both_paths import BothPaths
from tests.canaries import World, a_world, guarded_routes
from tests.conftest import AsRole

WRONG = ["", "   ", "a%00b", "%0aa", "%ff", "100%", "%4", "caf\xe9", "x" * 501, "%C3%A9" * 501, "x%E2%80%A8y"]
RIGHT = ["she moved", "caf%C3%A9", "caf%c3%a9: 100%25", "x" * 500, "%F0%9F%98%80" * 500]
CASE_DETAIL = {
    "get_call",
    "list_calls",
    "update_call",
    "list_patient_timeline",
    "get_eap_journey",
    "move_clinical_trial_journey",
    "update_eap_gate",
    "list_call_history_history",
    "list_eap_journey_history",
}


def _described(header: str) -> dict[str, dict[str, Any]]:
    """The header's parameter by the operation id of the operations that name it."""
    found = {}
    for operations in create_app(Settings()).openapi()["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "header" and parameter["name"] == header:
                    assert operation["operationId"] not in found, "described twice"
                    found[operation["operationId"]] = parameter
    return found


def test_reason_of_a_change_is_described_on_every_operation_that_changes_something() -> None:
    described = _described("X-Change-Reason")
    unsafe = {route.name for route in guarded_routes() if "GET" not in (route.methods or ())}
    assert described.keys() == unsafe
    assert all(not parameter["required"] and parameter["description"] for parameter in described.values())


def test_reason_of_a_look_is_described_on_operations_that_show_case_detail() -> None:
    described = _described("X-Access-Reason")
    assert described.keys() >= CASE_DETAIL
    # Nothing of a case is in them, or they answer what was just entered.
    assert not described.keys() & {
        "list_hospitals",
        "list_hospital_history",
        "create_call",
    }


def test_further_parameters_of_an_operation_are_kept() -> None:
    operation = create_app(Settings()).openapi()["paths"]["/api/v1/eap-journeys/{eap_journey_id}/transitions"]["post"]
    names = {(parameter["in"], parameter["name"]) for parameter in operation["parameters"]}
    assert names == {
        ("path", "eap_journey_id"),
        ("header", "Idempotency-Key"),
        ("header", "X-Access-Reason"),
        ("header", "X-Change-Reason"),
    }


@pytest.mark.parametrize("reason", RIGHT)
async def test_what_the_description_allows_is_taken(client: httpx.AsyncClient, as_role: AsRole, reason: str) -> None:
    assert re.search(DESCRIBED_REASON["pattern"], reason)
    assert len(reason) <= DESCRIBED_REASON["maxLength"]
    headers = await as_role("navigator") | {"X-Access-Reason": reason, "X-Change-Reason": reason}
    assert (await client.get("/api/v1/patients", headers=headers)).status_code == 200


@pytest.mark.parametrize("reason", ["100%", "%4", "caf\xe9", "x" * 501, "%C3%A9" * 501, "a\tb"])
def test_what_is_no_encoded_line_is_outside_the_description(reason: str) -> None:
    assert not re.search(DESCRIBED_REASON["pattern"], reason)


FAST: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "/api/v1/patients", None),
    ("GET", "/api/v1/patients/{patient_id}", None),
    ("POST", "/api/v1/patients", {"person_id": "{person_id}", "medical_condition_id": str(uuid4())}),
    ("POST", "/api/v1/call-history", {"patient_id": "{patient_id}", "call_date": "2026-03-14T09:30:00Z"}),
]


@pytest.mark.parametrize("header", ["X-Access-Reason", "X-Change-Reason"])
@pytest.mark.parametrize(("method", "path", "body"), FAST, ids=lambda value: str(value)[:40])
async def test_both_paths_refuse_a_malformed_reason_alike(
    paths: BothPaths,
    session: AsyncSession,
    as_role: AsRole,
    header: str,
    method: str,
    path: str,
    body: dict[str, Any] | None,
) -> None:
    world: World = await a_world(session)
    await session.commit()
    headers = await as_role("navigator")
    await paths.greet(headers)
    url = path.replace("{patient_id}", str(world.ids["patient_id"]))
    sent = body and {name: str(world.ids.get(value[1:-1], value)) for name, value in body.items()}
    for reason in WRONG:
        given = httpx.Headers({**headers, header: reason}, encoding="latin-1")
        by_fast, by_ordinary = [
            await path.request(method, url, json=sent, headers=given) for path in (paths.fast, paths.ordinary)
        ]
        for answer in (by_fast, by_ordinary):
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), (reason, answer.text)
            assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [(header, "reason")]
        ordinary_event, fast_event = await paths.events(2)
        assert fast_event == ordinary_event
        assert fast_event["outcome"] == "invalid"


def test_every_fast_path_is_tried_here() -> None:
    fast = {
        (next(iter(route.methods or ())), route.path)
        for route in guarded_routes()
        if isinstance(route, GuardedRoute) and route.fast_path is not None
    }
    assert fast == {(method, path) for method, path, _ in FAST}
