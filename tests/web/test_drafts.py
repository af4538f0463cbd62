"""What is typed is kept while it is typed, comes back with the form, and goes when it is sent."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls import queries
from app.calls.models import CallHistory
from app.drafts.models import Draft
from app.platform import clock
from app.platform.settings import Settings
from app.tasks.models import Task
from tests.browsing import ORIGIN, as_user, signed_in, somebody
from tests.builders import a_call, a_lead, a_patient

DOCKED = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "aside#dock"}


@pytest.fixture
async def here(session: AsyncSession) -> str:
    patient = await a_patient(session)
    await session.commit()
    return f"/patients/{patient.patient_id}"


async def test_a_call_half_written_comes_back_with_its_form_and_goes_when_it_is_saved(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, here: str
) -> None:
    token = await as_user(client, session, settings, "navigator")
    typed = {"csrf_token": token, "outcome": "reached", "notes": "Oxygen at night", "began_at": "2026-11-20T09:00:00Z"}

    kept = await client.post(f"{here}/drafts/call", data=typed, headers=ORIGIN)
    again = await client.post(f"{here}/drafts/call", data=typed | {"notes": "Oxygen at night, 2 l"}, headers=ORIGIN)
    stored = (await session.scalars(select(Draft))).one()
    form = await client.get(f"{here}/calls/new")
    docked = await client.get(f"{here}/calls/new", headers=DOCKED)
    saved = await client.post(
        f"{here}/calls", data=typed | {"notes": "Oxygen at night, 2 l", "adverse_event_heard": "false"}, headers=ORIGIN
    )

    assert (kept.status_code, again.status_code, saved.status_code) == (204, 204, 303)
    assert "csrf_token" not in stored.content
    for shown in (form, docked):
        assert "Oxygen at night, 2 l</textarea>" in shown.text
        assert 'value="reached" checked' in shown.text
        assert 'value="2026-11-20T09:00:00Z"' in shown.text
    assert "<html" in form.text
    assert "<html" not in docked.text
    assert f'hx-post="{here}/calls"' in docked.text
    assert (await session.scalars(select(Draft))).all() == []
    assert (await session.scalars(select(CallHistory.notes))).one() == "Oxygen at night, 2 l"


async def test_a_note_half_written_stands_on_the_record_page_of_its_author_alone(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    lead = await a_lead(session)
    other = await somebody(session, settings, "navigator", email="other@crm.example")
    here = f"/leads/{lead.lead_id}"
    token = await as_user(client, session, settings, "navigator")
    typed = {"csrf_token": token, "text": "Asked whether oxygen rules her out", "adverse_event_heard": "true"}

    await client.post(f"{here}/drafts/note", data=typed, headers=ORIGIN)
    mine = await client.get(here)
    await client.post(f"{here}/notes", data=typed, headers=ORIGIN)
    left = (await session.scalars(select(Draft))).all()
    await client.post(f"{here}/drafts/note", data=typed | {"text": "Another one"}, headers=ORIGIN)
    await signed_in(client, session, other.account_id)
    theirs = await client.get(here)

    assert "Asked whether oxygen rules her out</textarea>" in mine.text
    assert left == []
    assert "Another one" not in theirs.text


async def test_a_draft_is_discarded_twice_with_one_effect_and_there_is_none_of_another_kind(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, here: str
) -> None:
    token = await as_user(client, session, settings, "navigator")
    await client.post(f"{here}/drafts/call", data={"csrf_token": token, "notes": "x"}, headers=ORIGIN)

    first = await client.post(f"{here}/drafts/call/discard", data={"csrf_token": token}, headers=ORIGIN)
    second = await client.post(f"{here}/drafts/call/discard", data={"csrf_token": token}, headers=ORIGIN)
    none = await client.post(f"{here}/drafts/anything", data={"csrf_token": token}, headers=ORIGIN)
    nobody = await client.post(f"/patients/{here[-36:-4]}ffff/drafts/call", data={"csrf_token": token}, headers=ORIGIN)
    too_long = await client.post(
        f"{here}/drafts/call", data={"csrf_token": token, "notes": "x" * 70_000}, headers=ORIGIN
    )

    assert (first.status_code, second.status_code, none.status_code, nobody.status_code) == (303, 303, 404, 404)
    assert too_long.status_code == 422
    assert (await session.scalars(select(Draft))).all() == []


async def test_a_task_is_made_with_the_call_or_neither(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, here: str
) -> None:
    token = await as_user(client, session, settings, "navigator")
    call = {"csrf_token": token, "outcome": "reached", "adverse_event_heard": "false"}

    wrong = await client.post(
        f"{here}/calls", data=call | {"follow_up": "x" * 5_000, "follow_up_on": "2026-13-45"}, headers=ORIGIN | DOCKED
    )
    nothing = (await session.scalars(select(CallHistory))).all()
    no_title = await client.post(f"{here}/calls", data=call | {"follow_up_on": "2027-01-04"}, headers=ORIGIN)
    none = (await session.scalars(select(Task))).all()
    right = await client.post(
        f"{here}/calls", data=call | {"follow_up": "Ask the site", "follow_up_on": "2027-01-04"}, headers=ORIGIN
    )

    assert wrong.status_code == 422
    assert 'id="field-follow_up-error"' in wrong.text
    assert 'id="field-follow_up_on-error"' in wrong.text
    assert (nothing, none, no_title.status_code) == ([], [], 303)
    assert right.status_code == 303
    task = (await session.scalars(select(Task))).one()
    assert (task.title, str(task.due_on), str(task.patient_id)) == ("Ask the site", "2027-01-04", here[-36:])


async def test_a_booking_of_about_now_is_the_call_that_is_logged_and_is_not_counted_twice(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session)
    booked = await a_call(
        session, patient, booking_date=clock.now() + timedelta(minutes=5), status="scheduled", notes="Ask for the scan."
    )
    await a_call(session, patient, booking_date=clock.now() + timedelta(days=3), status="scheduled")
    await session.commit()
    here = f"/patients/{patient.patient_id}"
    token = await as_user(client, session, settings, "navigator")
    call = {"csrf_token": token, "outcome": "reached", "adverse_event_heard": "false", "booked": str(booked.call_id)}

    form = await client.get(f"{here}/calls/new")
    saved = await client.post(f"{here}/calls", data=call | {"notes": "Wants to go on."}, headers=ORIGIN)
    second = await client.post(f"{here}/calls", data=call, headers=ORIGIN)
    unbooked = await client.post(f"{here}/calls", data=call | {"booked": ""}, headers=ORIGIN)

    assert form.text.count("The booked call of") == 1
    assert f'value="{booked.call_id}" checked' in form.text
    assert (saved.status_code, second.status_code, unbooked.status_code) == (303, 422, 303)
    assert "not open any more" in second.text
    await session.refresh(booked)
    assert (booked.status, booked.outcome, booked.notes) == (
        "completed",
        "reached",
        "Ask for the scan.\n\nWants to go on.",
    )
    assert booked.call_date is not None
    assert len((await session.scalars(select(CallHistory))).all()) == 3


async def test_of_two_who_log_one_booking_at_once_neither_writes_over_the_other(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = await a_patient(session)
    booked = await a_call(session, patient, booking_date=clock.now(), status="scheduled")
    await session.commit()
    here = f"/patients/{patient.patient_id}"
    token = await as_user(client, session, settings, "navigator")
    call = {"csrf_token": token, "outcome": "reached", "adverse_event_heard": "false", "booked": str(booked.call_id)}
    offered, call_id = queries.list_calls, booked.call_id

    async def and_a_colleague_is_quicker(*given: Any, **named: Any) -> Any:
        found = await offered(*given, **named)
        if named["query"].status == "open":
            said = {"status": "completed", "outcome": "reached", "notes": "Theirs", "version": CallHistory.version + 1}
            change = update(CallHistory).where(CallHistory.call_id == call_id).values(**said)
            await given[0].execute(change, execution_options={"synchronize_session": False})
        return found

    monkeypatch.setattr(queries, "list_calls", and_a_colleague_is_quicker)
    refused = await client.post(f"{here}/calls", data=call | {"notes": "Mine"}, headers=ORIGIN)

    assert refused.status_code == 412
    assert "Mine</textarea>" in refused.text


async def test_what_a_form_of_one_fact_says_of_another_field_is_shown(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, here: str
) -> None:
    token = await as_user(client, session, settings, "navigator")
    data = {"csrf_token": token, "phone": "06 1111 2222", "seen": "", "was": "nonsense"}

    answer = await client.post(f"{here}/facts/phone", data=data, headers=ORIGIN)

    assert answer.status_code == 422
    assert 'id="field-phone-said"' in answer.text
