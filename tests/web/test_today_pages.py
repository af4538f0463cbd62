"""Today, tasks on records, and what came of a call, by plain HTTP as without JavaScript."""

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.calls.models import CallHistory
from app.notes.models import Note
from app.platform import clock
from app.platform.settings import Settings
from app.tasks.models import Task
from tests.browsing import ORIGIN, as_user, signed_in, somebody, token_in
from tests.builders import a_call, a_lead, a_patient, a_person, a_trial_journey, an_eap_journey
from tests.web.test_facts import text_of


@pytest.mark.parametrize("is_mine", [True, False])
async def test_today_shows_my_calls_those_without_an_outcome_tasks_and_new_leads(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, *, is_mine: bool
) -> None:
    me = await somebody(session, settings, "navigator")
    colleague = await a_person(session, first_name="Noor", last_name="Brandt")
    link = update(UserAccount).where(UserAccount.user_account_id == me.account_id)
    await session.execute(link.values(person_id=colleague.person_id))
    other = await somebody(session, settings, "navigator", email="other@crm.example")
    now = clock.now()
    patient = await a_patient(session, await a_person(session, first_name="Inês", last_name="Carvalho"))
    await a_call(
        session, patient, booking_date=now - timedelta(minutes=5), status="scheduled", pn_id=colleague.person_id,
        booking_time_zone="Asia/Tokyo",
    )  # fmt: skip
    late = await a_patient(session, await a_person(session, first_name="Emre", last_name="Weber"))
    await a_call(session, late, booking_date=now - timedelta(days=1), status="scheduled", pn_id=colleague.person_id)
    about = {"person_id": patient.person_id, "patient_id": patient.patient_id, "owner_id": me.account_id}
    for title, due_by in (("Ask the site", now - timedelta(days=1)), ("Not yet due", now + timedelta(days=9))):
        session.add(Task(title=title, due_at=due_by, due_by=due_by, **about))
    await a_lead(session, await a_person(session, first_name="Femke", last_name="Bakker"))
    await session.commit()
    await signed_in(client, session, me.account_id if is_mine else other.account_id)

    answer = await client.get("/today")

    assert answer.status_code == 200
    assert "Femke Bakker" in answer.text
    for mine in ("Inês Carvalho", "Tokyo", "Emre Weber", "Its outcome is missing.", "Ask the site"):
        assert (mine in answer.text) is is_mine, mine
    assert "Not yet due" not in answer.text
    assert "None" not in answer.text


async def test_of_many_calls_of_a_day_the_next_ones_are_shown_and_the_others_counted(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await somebody(session, settings, "navigator")
    colleague = await a_person(session, first_name="Noor", last_name="Brandt")
    link = update(UserAccount).where(UserAccount.user_account_id == me.account_id)
    await session.execute(link.values(person_id=colleague.person_id))
    first = clock.now() - timedelta(minutes=10)
    for number in range(22):
        patient = await a_patient(session, await a_person(session, first_name="Called", last_name=f"Number{number:02}"))
        at = first + timedelta(seconds=number)
        await a_call(session, patient, booking_date=at, status="scheduled", pn_id=colleague.person_id)
    await session.commit()
    await signed_in(client, session, me.account_id)

    shown = (await client.get("/today")).text

    in_order = list(dict.fromkeys(re.findall(r"Called (Number\d\d)", shown)))
    assert in_order == [f"Number{number:02}" for number in range(20)]
    assert 'Calls today <span class="soft">22</span>' in shown


async def test_a_call_of_just_now_that_lacks_an_answer_is_asked_about_at_once_and_a_booking_of_just_now_is_not(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await somebody(session, settings, "navigator")
    colleague = await a_person(session, first_name="Noor", last_name="Brandt")
    link = update(UserAccount).where(UserAccount.user_account_id == me.account_id)
    await session.execute(link.values(person_id=colleague.person_id))
    at = clock.now() - timedelta(minutes=3)
    spoken = {"call_date": at, "status": "completed", "outcome": "reached"}
    for first, said in (("Asked", spoken), ("Booked", {"booking_date": at, "status": "scheduled"})):
        patient = await a_patient(session, await a_person(session, first_name=first, last_name="Visser"))
        await a_call(session, patient, pn_id=colleague.person_id, **said)
    await session.commit()
    await signed_in(client, session, me.account_id)

    text = (await client.get("/today")).text

    section = text.partition("<h2>Without an outcome")[2].partition("</section>")[0]
    assert "Asked Visser" in section
    assert "Was a side effect or worsening mentioned?" in section
    assert "Booked Visser" not in section
    assert "Booked Visser" in text


async def test_ones_own_journeys_that_are_late_in_their_stage_are_listed(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await somebody(session, settings, "navigator", email="noor@crm.example", name="Noor Brandt")
    for first, owner, days in (("Late", me.account_id, 9), ("Soon", me.account_id, 3), ("Other", None, 90)):
        patient = await a_patient(session, await a_person(session, first_name=first), owner_id=owner)
        await a_trial_journey(session, patient, status_changed_at=clock.now() - timedelta(days=days))
    await session.commit()
    await signed_in(client, session, me.account_id)

    page = (await client.get("/today")).text

    assert "7 days are usual" in page
    assert [first in page for first in ("Late", "Soon ", "Other ")] == [True, False, False]


async def test_late_journeys_are_in_one_order_and_more_than_are_shown_are_counted_as_more(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "navigator")
    now = clock.now()
    for number in range(9):
        person = await a_person(session, first_name=f"Late{number}", last_name="Visser")
        patient = await a_patient(session, person, owner_id=who.account_id)
        await a_trial_journey(session, patient, status_changed_at=now - timedelta(days=20 + number))
        await an_eap_journey(session, patient, status_changed_at=now - timedelta(days=40 + number))
    await session.commit()
    await signed_in(client, session, who.account_id)
    text = (await client.get("/today")).text
    section = text.partition("Longer in a stage than usual")[2].partition("</section>")[0]
    assert "18+" in section
    assert "The rest follows when these are done." in section
    assert re.findall(r"Late(\d) Visser", section) == [str(number) for number in range(8, 0, -1)]


async def test_what_came_of_a_call_is_said_and_a_wrong_form_comes_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    call = await a_call(
        session, await a_patient(session), booking_date=clock.now() - timedelta(hours=2), status="scheduled"
    )
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    place = f"/calls/{call.call_id}/outcome"
    typed = {"csrf_token": token, "outcome": "reached", "adverse_event_heard": "true", "notes": "A rash, since Monday."}

    form = await client.get(place)
    wrong = await client.post(place, data=typed | {"call_duration_minutes": "long"}, headers=ORIGIN)
    saved = await client.post(place, data=typed | {"call_duration_minutes": "12"}, headers=ORIGIN)

    assert form.status_code == 200
    assert wrong.status_code == 422
    assert "A rash, since Monday." in wrong.text
    assert saved.status_code == 303
    stored = await session.get(CallHistory, call.call_id, populate_existing=True)
    assert stored is not None
    assert (stored.status, stored.outcome, stored.adverse_event_heard) == ("completed", "reached", True)
    assert (stored.call_duration_minutes, stored.notes) == (12, "A rash, since Monday.")

    seen = re.search(r'name="seen_version" value="(\d+)"', form.text)
    assert seen
    late = await client.post(
        place, data=typed | {"notes": "Mine, typed meanwhile.", "seen_version": seen[1]}, headers=ORIGIN
    )
    assert late.status_code == 412
    # Both are there to be looked at, and nothing was written over.
    assert "Mine, typed meanwhile." in late.text
    assert "A rash, since Monday." in late.text
    await session.refresh(stored)
    assert stored.notes == "A rash, since Monday."


@pytest.mark.parametrize("about", ["patients", "leads"])
async def test_a_task_is_made_on_a_record_done_once_and_opened_again(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, about: str
) -> None:
    person = await a_person(session)
    record_id = (
        (await a_patient(session, person)).patient_id
        if about == "patients"
        else (await a_lead(session, person)).lead_id
    )
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    here = f"/{about}/{record_id}"

    async def send(place: str, **typed: str) -> httpx.Response:
        return await client.post(
            place, data={"csrf_token": token, **typed}, headers={**ORIGIN, "referer": f"http://test{here}"}
        )

    form = await client.get(f"{here}/tasks/new")
    empty = await send(f"{here}/tasks", title=" ", details="For the site.")
    made = await send(f"{here}/tasks", title="Ask the site", due_on="2026-12-01")
    task = (await session.scalars(select(Task))).one()
    listed = await client.get(here)
    done, again = await send(f"/tasks/{task.task_id}/done"), await send(f"/tasks/{task.task_id}/done")
    afterwards = await client.get(here)
    reopened = await send(f"/tasks/{task.task_id}/open")

    assert form.status_code == 200
    assert empty.status_code == 422
    assert "For the site." in empty.text
    assert [answer.status_code for answer in (made, done, again, reopened)] == [303] * 4
    assert done.headers["location"] == here
    assert "Ask the site" in listed.text
    assert "Task done: Ask the site" in afterwards.text
    await session.refresh(task)
    assert (task.status, task.person_id) == ("open", person.person_id)


@pytest.mark.parametrize("about", ["patients", "leads"])
async def test_a_note_is_written_from_the_record_and_an_empty_one_comes_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, about: str
) -> None:
    patient = await a_patient(session)
    lead = await a_lead(session, await a_person(session, last_name="Other"))
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    here = f"/{about}/{patient.patient_id if about == 'patients' else lead.lead_id}"
    typed = {"csrf_token": token, "text": "Uses oxygen at night; leave pauses.", "is_pinned": "true"}

    record = await client.get(here)
    empty = await client.post(f"{here}/notes", data=typed | {"text": " "}, headers=ORIGIN)
    saved = await client.post(f"{here}/notes", data=typed | {"adverse_event_heard": "true"}, headers=ORIGIN)
    afterwards = await client.get(here)

    assert "Write a note" in record.text
    assert empty.status_code == 422
    assert saved.status_code == 303
    # Above the timeline, and in it.
    assert afterwards.text.count("Uses oxygen at night; leave pauses.") == 2
    assert "Side effect or worsening mentioned</" in afterwards.text
    note = (await session.scalars(select(Note))).one()
    assert (note.is_pinned, note.adverse_event_heard) == (True, True)


async def test_calls_and_tasks_are_listed_with_what_is_still_to_be_said(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session, await a_person(session, first_name="Emre", last_name="Weber"))
    now = clock.now()
    late = await a_call(
        session, patient, booking_date=now - timedelta(days=1), status="scheduled", notes="About travel."
    )
    done = await a_patient(session, await a_person(session, first_name="Noah", last_name="Ramirez"))
    await a_call(
        session, done, call_date=now - timedelta(days=2), status="completed", outcome="reached",
        adverse_event_heard=False,
    )  # fmt: skip
    about = {"person_id": patient.person_id, "patient_id": patient.patient_id}
    session.add(Task(title="Ask the site", due_at=now, due_by=now, **about))
    await session.commit()
    await as_user(client, session, settings, "navigator")

    everyone, lacking = await client.get("/calls"), await client.get("/calls", params={"unresolved": "true"})
    nobodys, mine = (
        await client.get("/tasks", params={"owner": "nobody", "status": "open"}),
        await client.get("/tasks", params={"owner": "me"}),
    )

    for name in ("Emre Weber", "Noah Ramirez", "About travel.", f"/calls/{late.call_id}/outcome"):
        assert name in everyone.text, name
    assert "Emre Weber" in lacking.text
    assert "Noah Ramirez" not in lacking.text
    assert "Ask the site" in nobodys.text
    assert "Ask the site" not in mine.text
    assert "No task fits" in mine.text
    assert token_in(nobodys)


async def test_calls_of_today_that_are_past_are_said_where_no_other_is_booked(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = await somebody(session, settings, "navigator")
    colleague = await a_person(session, first_name="Noor", last_name="Brandt")
    link = update(UserAccount).where(UserAccount.user_account_id == me.account_id)
    await session.execute(link.values(person_id=colleague.person_id))
    noon = clock.now().replace(hour=15, minute=0)
    for hours in (26, 3, 2):
        patient = await a_patient(session, await a_person(session))
        at = noon - timedelta(hours=hours)
        await a_call(session, patient, booking_date=at, status="scheduled", pn_id=colleague.person_id)
    await session.commit()
    monkeypatch.setattr(clock, "now", lambda: noon)
    await signed_in(client, session, me.account_id)

    shown = text_of(await client.get("/today"))

    assert "No further call is booked for today. 2 calls of today are past and have no outcome yet." in shown
    assert "No call is booked for today" not in shown
