"""A side effect that is heard of makes the task to report it, whichever way it was entered."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.patients.models import Patient
from app.platform import clock
from app.tasks.models import Task
from app.tasks.rules import SIDE_EFFECT
from tests.browsing import signed_in, somebody
from tests.builders import a_lead, a_patient, a_person
from tests.conftest import AsRole


@pytest.fixture
async def patient(session: AsyncSession) -> Patient:
    patient = await a_patient(session, await a_person(session))
    await session.commit()
    return patient


def call_with(patient: Patient, **more: Any) -> dict[str, Any]:
    return {"patient_id": str(patient.patient_id), "call_date": clock.now().isoformat(), "outcome": "reached", **more}


async def sent(client: httpx.AsyncClient, headers: dict[str, str], method: str, path: str, **body: Any) -> Any:
    answer = await client.request(method, f"/api/v1{path}", json=body, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def tasks(session: AsyncSession) -> list[Task]:
    return list(await session.scalars(select(Task).order_by(Task.created_at)))


async def test_a_call_of_the_api_makes_the_task_of_the_one_who_heard_it(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, patient: Patient
) -> None:
    navigator = await as_role("navigator")

    call = await sent(client, navigator, "POST", "/call-history", **call_with(patient, adverse_event_heard=True))

    (task,) = await tasks(session)
    assert (task.rule, str(task.call_id), task.patient_id) == (SIDE_EFFECT, call["call_id"], patient.patient_id)
    assert task.owner_id is not None
    assert task.due_at is not None
    assert timedelta(hours=23, minutes=58) < task.due_at - clock.now() <= timedelta(hours=24)
    event = (await session.scalars(select(AuditEvent).where(AuditEvent.action == "create_call"))).one()
    assert (event.record_type, str(event.record_id)) == ("call_history", call["call_id"])


async def test_one_that_is_said_later_makes_it_once(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, patient: Patient
) -> None:
    navigator = await as_role("navigator")
    call = await sent(client, navigator, "POST", "/call-history", **call_with(patient, adverse_event_heard=False))
    place = f"/call-history/{call['call_id']}"
    assert await tasks(session) == []

    for heard in (True, True, False, True):
        await sent(client, navigator, "PUT", place, adverse_event_heard=heard)

    (task,) = await tasks(session)
    assert task.rule == SIDE_EFFECT


async def test_a_note_of_the_api_makes_it_with_what_was_said(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, patient: Patient
) -> None:
    navigator, about = await as_role("navigator"), {"patient_id": str(patient.patient_id)}

    quiet = await sent(client, navigator, "POST", "/notes", **about, text="Nothing new.", adverse_event_heard=False)
    await sent(client, navigator, "PUT", f"/notes/{quiet['note_id']}", is_pinned=True)
    assert await tasks(session) == []
    await sent(client, navigator, "PUT", f"/notes/{quiet['note_id']}", adverse_event_heard=True)
    await sent(client, navigator, "POST", "/notes", **about, text="A rash, since Monday.", adverse_event_heard=True)

    made = await tasks(session)
    assert [(task.rule, task.details, task.patient_id) for task in made] == [
        (SIDE_EFFECT, "Nothing new.", patient.patient_id),
        (SIDE_EFFECT, "A rash, since Monday.", patient.patient_id),
    ]


@pytest.mark.parametrize("whose", ["the owner", "nobody"])
async def test_what_a_machine_has_entered_is_of_the_owner_of_the_record_else_stands_on_everybodys_today(
    client: httpx.AsyncClient, session: AsyncSession, settings: Any, as_role: AsRole, whose: str
) -> None:
    machine = await as_role("integration")
    who = await somebody(session, settings, "navigator")
    owner_id: UUID | None = who.account_id if whose == "the owner" else None
    lead = await a_lead(session, owner_id=owner_id)
    await session.commit()
    about = {"lead_id": str(lead.lead_id), "call_date": clock.now().isoformat(), "outcome": "reached"}

    await sent(client, machine, "POST", "/call-history", **about, adverse_event_heard=True)

    (task,) = await tasks(session)
    assert task.owner_id == owner_id
    await signed_in(client, session, who.account_id)
    today = (await client.get("/today", headers={"accept": "text/html"})).text
    assert f"/tasks/{task.task_id}" in today
    assert ("Nobody's yet" in today.replace("&#39;", "'")) is (whose == "nobody")
