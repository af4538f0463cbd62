"""Logging a call by the hot road leaves the rows of the ordinary one and answers alike."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.audit.models import AuditEvent
from app.calls import hot
from app.calls.models import CallHistory
from app.calls.schemas import CallRead
from app.people.models import Person
from app.platform.settings import Settings
from tests.conftest import AsRole, BoundDatabase
from tests.two_roads import TwoRoads, kept_headers, shape, two_roads, without_made

URL = "/api/v1/call-history"


@pytest.fixture
async def roads(
    client: httpx.AsyncClient, bound: BoundDatabase, settings: Settings, session: AsyncSession
) -> AsyncIterator[TwoRoads]:
    async with two_roads(client, bound, settings, session) as made:
        yield made


@pytest.fixture
async def navigator(as_role: AsRole, roads: TwoRoads) -> dict[str, str]:
    headers = await as_role("navigator")
    await roads.greet(headers)
    return headers


@pytest.fixture
async def patient(roads: TwoRoads, navigator: dict[str, str]) -> dict[str, Any]:
    conditions = await roads.ordinary.get("/api/v1/medical-conditions", params={"limit": 1}, headers=navigator)
    body = {
        "person": {"first_name": "Noor", "last_name": "Haan", "email": "noor@example.org", "phone": "06 12345678"},
        "medical_condition_id": conditions.json()["items"][0]["medical_condition_id"],
    }
    found: dict[str, Any] = (await roads.ordinary.post("/api/v1/patients", json=body, headers=navigator)).json()
    return found


BODIES: list[dict[str, Any]] = [
    {"call_date": "2026-04-01T11:30:00.123456+02:00", "outcome": "information_given", "adverse_event_heard": False},
    {"booking_date": "2031-04-01T09:30:00Z", "booking_time_zone": "Europe/Amsterdam", "notes": "two\nlines"},
    {"booking_date": "2026-04-01T09:30:00Z", "no_show": True, "direction": "inbound", "channel": "video"},
    {"call_date": "2026-04-01T09:30:00Z", "status": "cancelled", "reminder_date": "2026-03-31T09:30:00Z"},
    {"call_date": "2026-04-01T09:30:00Z", "outcome": "Żółć", "call_duration_minutes": 0, "pn_id": None},
]


@pytest.mark.parametrize("whose", ["navigator", "machine"])
@pytest.mark.parametrize("said", BODIES)
async def test_call_leaves_the_rows_of_the_ordinary_road_and_answers_alike(
    roads: TwoRoads,
    navigator: dict[str, str],
    patient: dict[str, Any],
    session: AsyncSession,
    said: dict[str, Any],
    whose: str,
) -> None:
    if whose == "navigator":
        behind_the_key = Person(first_name="Anna", last_name="Pot", name_key="anna pot")
        session.add(behind_the_key)
        await session.flush()
        await session.execute(update(UserAccount).values(person_id=behind_the_key.person_id))
        await session.commit()
    body = {"patient_id": patient["patient_id"], **said}

    by_hot, sent = await roads.sent("POST", URL, json=body, headers=navigator)
    by_ordinary = await roads.ordinary.post(URL, json=body, headers=navigator)

    assert sent == [hot.CREATE_CALL]
    assert (by_hot.status_code, by_ordinary.status_code) == (201, 201)
    CallRead.model_validate_json(by_hot.content, strict=True)
    assert shape(by_hot.json()) == shape(by_ordinary.json())
    assert list(by_hot.json()) == list(by_ordinary.json())
    assert kept_headers(by_hot) == kept_headers(by_ordinary)
    assert by_hot.headers["location"] == f"{URL}/{by_hot.json()['call_id']}"
    for name in ("occurs_at", "pn_id", "person_id", "patient_id", "created_by", "updated_by"):
        assert by_hot.json()[name] == by_ordinary.json()[name], name
    assert (by_hot.json()["pn"] is not None) == (whose == "navigator" and "pn_id" not in said)
    second, first = await roads.newest(CallHistory, 2)
    assert without_made(first) == without_made(second)
    ordinary_event, hot_event = (row["person_ids"] for row in await roads.newest(AuditEvent, 2))
    assert hot_event == ordinary_event
    second_event, first_event = (without_made(row) for row in await roads.newest(AuditEvent, 2))
    assert first_event == second_event
    read = await roads.ordinary.get(by_hot.headers["location"], headers=navigator)
    assert read.content == by_hot.content


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"patient_id": str(uuid4())}, 404),
        ({"pn_id": str(uuid4())}, 422),
        ({"call_date": None}, 422),
        ({"outcome": "x", "status": "cancelled"}, 422),
        ({"no_show": True, "status": "completed"}, 422),
        ({"call_duration_minutes": -1}, 422),
        ({"unknown": 1}, 422),
        ({"lead_id": str(uuid4())}, 404),
    ],
)
async def test_what_is_not_plain_is_answered_as_by_the_ordinary_road(
    roads: TwoRoads,
    navigator: dict[str, str],
    patient: dict[str, Any],
    session: AsyncSession,
    said: dict[str, Any],
    status: int,
) -> None:
    body = {"patient_id": patient["patient_id"], "call_date": "2026-04-01T09:30:00Z", **said}

    by_hot = await roads.hot.post(URL, json=body, headers=navigator)
    by_ordinary = await roads.ordinary.post(URL, json=body, headers=navigator)

    assert by_hot.status_code == status, by_hot.text
    assert by_hot.json() | {"request_id": ""} == by_ordinary.json() | {"request_id": ""}
    assert (await session.scalars(select(CallHistory))).all() == []
    ordinary_event, hot_event = await roads.events(2)
    assert hot_event == ordinary_event


async def test_deleted_patient_gets_no_call(
    roads: TwoRoads, navigator: dict[str, str], patient: dict[str, Any]
) -> None:
    await roads.ordinary.delete(f"/api/v1/patients/{patient['patient_id']}", headers=navigator)
    body = {"patient_id": patient["patient_id"], "call_date": "2026-04-01T09:30:00Z"}

    assert (await roads.hot.post(URL, json=body, headers=navigator)).status_code == 404


def test_statement_asks_who_and_leaves_an_event() -> None:
    assert hot.CREATE_CALL.sql.startswith("WITH who AS")
    assert hot.CREATE_CALL.sql.count("INSERT INTO audit_event") == 1
