"""
Every access is on record: for each route and role exactly one event, reads and refusals too, with ids and no values.

Without a place for the event there is no answer.
"""

from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import PERMISSIONS, Role
from app.access.request_guard import GuardedRoute
from app.people.models import ContactPoint
from tests.access.test_matrix import NOWHERE
from tests.builders import a_person
from tests.canaries import HEALTH, PERSONAL, World, a_world, guarded_routes
from tests.conftest import AsRole

ROUTES = guarded_routes()
OUTCOMES = {
    200: "done",
    201: "done",
    204: "done",
    403: "refused",
    404: "absent",
    409: "conflict",
    415: "invalid",
    422: "invalid",
}


async def _call(
    client: httpx.AsyncClient, route: GuardedRoute, world: World, headers: dict[str, str]
) -> httpx.Response:
    """The route's request: reads of what is there, empty changes, and deletions of what is not."""
    method = next(iter(route.methods or ()))
    path = world.address(route)
    if method == "DELETE":
        for name in route.param_convertors:
            path = path.replace(str(world.ids[name]), NOWHERE)
    return await client.request(method, path, headers=headers, json={} if method in {"POST", "PUT"} else None)


async def _events(session: AsyncSession) -> list[dict[str, object]]:
    rows = await session.scalars(text("SELECT to_jsonb(e) FROM audit_event e ORDER BY audit_event_id"))
    return list(rows)


@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.value)
async def test_each_route_leaves_exactly_one_event_whatever_its_answer(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, role: Role
) -> None:
    world = await a_world(session)
    headers = await as_role(role.value)
    wrong: list[tuple[object, ...]] = []
    for route in ROUTES:
        before = len(await _events(session))
        answer = await _call(client, route, world, headers)
        left = (await _events(session))[before:]
        is_read = "GET" in (route.methods or ())
        is_public = is_read and not PERMISSIONS[route.permission].personal and answer.status_code == 200
        expected = [] if is_public else [(route.name, OUTCOMES.get(answer.status_code))]
        if [(event["action"], event["outcome"]) for event in left] != expected:
            wrong.append((route.path, route.methods, answer.status_code, [(e["action"], e["outcome"]) for e in left]))
        wrong += [
            (route.path, route.methods, "names nobody", event)
            for event in left
            if None in (event["actor_id"], event["api_key_id"], event["request_id"])
        ]
    assert wrong == []
    told = str(await _events(session))
    assert [canary for canary in (*PERSONAL, *HEALTH) if canary in told] == []


async def test_every_read_of_one_person_names_the_person(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    world = await a_world(session)
    headers = await as_role("data_steward")
    silent = []
    for route in ROUTES:
        about_a_person = {"person_id", "patient_id", "lead_id", "call_id", "ct_journey_id", "eap_journey_id"}
        if "GET" not in (route.methods or ()) or not about_a_person & set(route.param_convertors):
            continue
        answer = await client.get(world.address(route), headers=headers)
        event = (await _events(session))[-1]
        if answer.status_code == 200 and str(world.person_id) not in (event["person_ids"] or []):  # type: ignore[operator]
            silent.append((route.path, event["person_ids"]))
    assert silent == []


async def test_a_request_without_a_credential_is_on_record_too(
    client: httpx.AsyncClient, session: AsyncSession
) -> None:
    world = await a_world(session)
    for route in ROUTES:
        before = len(await _events(session))
        await client.request(next(iter(route.methods or ())), world.address(route))
        left = (await _events(session))[before:]
        assert [(e["action"], e["outcome"], e["actor_id"]) for e in left] == [(route.name, "refused", None)], route.path


async def test_the_event_of_a_refusal_names_everybody_whom_the_refusal_names(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    """Whatever its kind and wherever in the problem they stand: the error says nothing of it itself."""
    people = [await a_person(session, first_name=name, last_name="Family", email=None) for name in ("Ada", "Bea")]
    for person in people:
        session.add(
            ContactPoint(
                person_id=person.person_id,
                kind="email",
                value="f@example.org",
                value_key="f@example.org",
                is_shared=True,
            )
        )
    await session.commit()
    sent = {"first_name": "Cleo", "last_name": "Family", "email": "f@example.org"}
    answer = await client.post("/api/v1/persons", json=sent, headers=await as_role("navigator"))
    assert answer.status_code == 409
    shown = {person_id for person_id in (str(person.person_id) for person in people) if person_id in answer.text}
    event = (await _events(session))[-1]
    assert shown
    assert set(event["person_ids"] or []) == shown  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ("app.casework.api.get_patient", "/api/v1/patients/{patient_id}/timeline"),
        ("app.patients.fast_path._filter", "/api/v1/patients"),
    ],
)
async def test_an_error_of_ours_leaves_an_event(
    client: httpx.AsyncClient,
    session: AsyncSession,
    as_role: AsRole,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
    path: str,
) -> None:
    world = await a_world(session)
    headers = await as_role("navigator")
    await client.get("/api/v1/medical-conditions", params={"limit": 1}, headers=headers)

    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(broken, fails)
    answer = await client.get(path.format(**world.ids), headers=headers)
    assert answer.status_code == 500
    event = (await _events(session))[-1]
    assert (event["outcome"], event["code"]) == ("failed", "internal_error")
    assert None not in (event["actor_id"], event["request_id"])


async def test_who_reads_the_accounts_is_on_record(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    world = await a_world(session)
    headers = await as_role("admin")
    for path in ("/api/v1/users", f"/api/v1/users/{world.ids['user_account_id']}", "/api/v1/api-keys"):
        before = len(await _events(session))
        assert (await client.get(path, headers=headers)).status_code == 200
        assert [event["record_type"] for event in (await _events(session))[before:]] != [], path


async def test_without_a_place_for_the_event_there_is_no_answer(
    trail_takes: Callable[[str], None], client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    trail_takes("false")
    world = await a_world(session)
    headers = await as_role("data_steward")
    answered: list[tuple[object, ...]] = []
    for route in ROUTES:
        answer = await _call(client, route, world, headers)
        is_public = "GET" in (route.methods or ()) and not PERMISSIONS[route.permission].personal
        told = [canary for canary in (*PERSONAL, *HEALTH) if canary in answer.text]
        if (answer.status_code < 400 and not is_public) or (told and not is_public):
            answered.append((route.path, answer.status_code, told))
        if answer.status_code < 500 and not is_public:
            answered.append((route.path, answer.status_code, "a refusal that is not on record"))
    assert answered == []
