"""Two at once, with real commits: one effect, and a coherent answer to both."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.calls.models import CallHistory
from app.calls.schemas import CallUpdate
from app.calls.service import correct_call, undo_cancellation
from app.main import create_app
from app.patients.models import Patient
from app.platform import clock
from app.platform.db import Database
from app.platform.errors import Stale
from app.platform.etags import etag
from app.platform.settings import Settings
from tests import builders

URL = "/api/v1/call-history"


@pytest.fixture
async def patient(committed_database: Database) -> Patient:
    async with committed_database.unit_of_work() as session:
        return await builders.a_patient(session)


@pytest.fixture
async def racers(committed_database: Database, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose requests have connections of their own."""
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name="races")
    app = create_app(settings, committed_database)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield client


async def calls_of(database: Database, patient: Patient) -> int:
    async with database.session() as session:
        counted = select(func.count()).where(CallHistory.patient_id == patient.patient_id)
        return (await session.execute(counted)).scalar_one()


def booking(patient: Patient, **said: Any) -> dict[str, Any]:
    return {"patient_id": str(patient.patient_id), "booking_date": clock.now().isoformat()} | said


async def test_same_key_at_once_has_one_effect_and_one_answer(
    racers: httpx.AsyncClient, committed_database: Database, patient: Patient
) -> None:
    headers, body = {"Idempotency-Key": f"race-{patient.patient_id}"}, booking(patient)

    answers = await asyncio.gather(*(racers.post(URL, json=body, headers=headers) for _ in range(5)))

    assert [answer.status_code for answer in answers] == [201] * 5
    assert len({answer.content for answer in answers}) == 1
    assert sorted(answer.headers.get("idempotency-replayed", "") for answer in answers) == [""] + ["true"] * 4
    assert await calls_of(committed_database, patient) == 1


async def test_refused_request_leaves_its_key_free(
    racers: httpx.AsyncClient, committed_database: Database, patient: Patient
) -> None:
    headers = {"Idempotency-Key": f"refused-{patient.patient_id}"}

    refused = await racers.post(URL, json=booking(patient, call_duration_minutes=-1), headers=headers)
    mended = await racers.post(URL, json=booking(patient, call_duration_minutes=1), headers=headers)

    assert (refused.status_code, mended.status_code) == (422, 201)
    assert await calls_of(committed_database, patient) == 1


async def test_calls_logged_at_once_are_all_kept(
    racers: httpx.AsyncClient, committed_database: Database, patient: Patient
) -> None:
    body = booking(patient)
    answers = await asyncio.gather(*(racers.post(URL, json=body) for _ in range(12)))
    assert [answer.status_code for answer in answers] == [201] * 12
    assert await calls_of(committed_database, patient) == 12


async def test_booking_anew_at_once_books_once(
    racers: httpx.AsyncClient, committed_database: Database, patient: Patient
) -> None:
    place = (await racers.post(URL, json=booking(patient))).headers["location"]
    anew = {"booking_date": clock.now().isoformat()}

    answers = await asyncio.gather(*(racers.post(f"{place}/reschedule", json=anew) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json().get("code", "booked") for answer in answers} == {"booked", "already_rescheduled"}
    assert await calls_of(committed_database, patient) == 2


async def test_corrections_of_one_version_at_once_make_one_change(
    racers: httpx.AsyncClient, committed_database: Database, patient: Patient
) -> None:
    made = await racers.post(URL, json=booking(patient))
    place, tag = made.headers["location"], {"If-Match": made.headers["etag"]}

    answers = await asyncio.gather(*(racers.put(place, json={"notes": f"version {n}"}, headers=tag) for n in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    assert (await racers.get(place)).json()["version"] == 2


async def test_an_undo_of_a_cancelling_and_a_correction_at_once_make_one_change(
    committed_database: Database, patient: Patient
) -> None:
    actor = command_actor()
    async with committed_database.unit_of_work() as session:
        booked = clock.now() + timedelta(days=3)
        call_id = (await builders.a_call(session, patient, status="confirmed", booking_date=booked)).call_id
    async with committed_database.unit_of_work() as session:
        await correct_call(session, actor, call_id=call_id, change=CallUpdate(status="cancelled"))

    async def undo() -> str:
        async with committed_database.unit_of_work() as session:
            return (await undo_cancellation(session, actor, call_id=call_id, since=1, until=2)).status

    async def correct() -> str:
        async with committed_database.unit_of_work() as session:
            change = CallUpdate(notes="Called back by a relative.")
            return (await correct_call(session, actor, call_id=call_id, change=change, if_match=etag(2))).status

    answers = await asyncio.gather(undo(), correct(), undo(), return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert [type(one) for one in refused] == [Stale, Stale]
    async with committed_database.session() as session:
        stored = await session.get_one(CallHistory, call_id)
        assert (stored.version, stored.status) in {(3, "confirmed"), (3, "cancelled")}
