"""Logging a call by the fast path leaves the rows of the ordinary one and answers alike."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.audit.models import AuditEvent
from app.calls import fast_path
from app.calls.models import CallHistory
from app.calls.schemas import CallRead
from app.people.models import Person
from tests.both_paths import BothPaths, kept_headers, shape, without_made
from tests.conftest import AsRole

URL = "/api/v1/call-history"


@pytest.fixture
async def navigator(as_role: AsRole, paths: BothPaths) -> dict[str, str]:
    headers = await as_role("navigator")
    await paths.greet(headers)
    return headers


@pytest.fixture
async def patient(paths: BothPaths, navigator: dict[str, str]) -> dict[str, Any]:
    conditions = await paths.ordinary.get("/api/v1/medical-conditions", params={"limit": 1}, headers=navigator)
    body = {
        "person": {"first_name": "Noor", "last_name": "Haan", "email": "noor@example.org", "phone": "06 12345678"},
        "medical_condition_id": conditions.json()["items"][0]["medical_condition_id"],
    }
    found: dict[str, Any] = (await paths.ordinary.post("/api/v1/patients", json=body, headers=navigator)).json()
    return found


BODIES: list[dict[str, Any]] = [
    {"call_date": "2026-04-01T11:30:00.123456+02:00", "outcome": "information_given", "adverse_event_heard": False},
    {
        "booking_date": "2031-04-01T11:30:00+02:00",
        "booking_time_zone": "Europe/Amsterdam",
        "notes": "two\nlines",
        "status": "cancelled",
        "contact_reason": "They asked.",
    },
    {"booking_date": "2026-04-01T09:30:00Z", "no_show": True, "direction": "inbound", "channel": "video"},
    {"call_date": "2026-04-01T09:30:00Z", "status": "cancelled", "reminder_date": "2026-03-31T09:30:00Z"},
    {"call_date": "2026-04-01T09:30:00Z", "outcome": "Żółć", "call_duration_minutes": 0, "pn_id": None},
]


@pytest.mark.parametrize("whose", ["navigator", "machine"])
@pytest.mark.parametrize("said", BODIES)
async def test_call_leaves_the_rows_of_the_ordinary_path_and_answers_alike(
    paths: BothPaths,
    navigator: dict[str, str],
    patient: dict[str, Any],
    session: AsyncSession,
    said: dict[str, Any],
    whose: str,
) -> None:
    if whose == "navigator":
        behind_the_key = Person(first_name="Anna", last_name="Pot")
        session.add(behind_the_key)
        await session.flush()
        await session.execute(update(UserAccount).values(person_id=behind_the_key.person_id))
        await session.commit()
    body = {"patient_id": patient["patient_id"], **said}

    by_fast, sent = await paths.sent("POST", URL, json=body, headers=navigator)
    by_ordinary = await paths.ordinary.post(URL, json=body, headers=navigator)

    assert sent == [fast_path.CREATE_CALL]
    assert (by_fast.status_code, by_ordinary.status_code) == (201, 201)
    CallRead.model_validate_json(by_fast.content, strict=True)
    assert shape(by_fast.json()) == shape(by_ordinary.json())
    assert list(by_fast.json()) == list(by_ordinary.json())
    assert kept_headers(by_fast) == kept_headers(by_ordinary)
    assert by_fast.headers["location"] == f"{URL}/{by_fast.json()['call_id']}"
    for name in ("occurs_at", "pn_id", "person_id", "patient_id", "created_by", "updated_by"):
        assert by_fast.json()[name] == by_ordinary.json()[name], name
    assert (by_fast.json()["pn"] is not None) == (whose == "navigator" and "pn_id" not in said)
    second, first = await paths.newest(CallHistory, 2)
    assert without_made(first) == without_made(second)
    ordinary_event, fast_event = (row["person_ids"] for row in await paths.newest(AuditEvent, 2))
    assert fast_event == ordinary_event
    second_event, first_event = (without_made(row) for row in await paths.newest(AuditEvent, 2))
    assert first_event == second_event
    read = await paths.ordinary.get(by_fast.headers["location"], headers=navigator)
    # What is said of a booking is said once, to who makes it.
    assert {**read.json(), "warnings": []} == by_fast.json()


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
async def test_what_is_not_plain_is_answered_as_by_the_ordinary_path(
    paths: BothPaths,
    navigator: dict[str, str],
    patient: dict[str, Any],
    session: AsyncSession,
    said: dict[str, Any],
    status: int,
) -> None:
    body = {"patient_id": patient["patient_id"], "call_date": "2026-04-01T09:30:00Z", **said}

    by_fast = await paths.fast.post(URL, json=body, headers=navigator)
    by_ordinary = await paths.ordinary.post(URL, json=body, headers=navigator)

    assert by_fast.status_code == status, by_fast.text
    assert by_fast.json() | {"request_id": ""} == by_ordinary.json() | {"request_id": ""}
    assert (await session.scalars(select(CallHistory))).all() == []
    ordinary_event, fast_event = await paths.events(2)
    assert fast_event == ordinary_event


async def test_deleted_patient_gets_no_call(
    paths: BothPaths, navigator: dict[str, str], patient: dict[str, Any]
) -> None:
    await paths.ordinary.delete(f"/api/v1/patients/{patient['patient_id']}", headers=navigator)
    body = {"patient_id": patient["patient_id"], "call_date": "2026-04-01T09:30:00Z"}

    assert (await paths.fast.post(URL, json=body, headers=navigator)).status_code == 404


def test_statement_asks_who_and_leaves_an_event() -> None:
    assert fast_path.CREATE_CALL.sql.startswith(("WITH credentials AS", "WITH key_account AS"))
    assert fast_path.CREATE_CALL.sql.count("INSERT INTO audit_event") == 1
