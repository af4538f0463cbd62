"""A side effect that was heard of is on Today at once, with what was said and how to report it; a form reports it."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.main import create_app
from app.platform import clock
from app.platform.settings import Caseload, Settings
from app.tasks.models import Task
from tests.browsing import ORIGIN, as_user, signed_in, somebody
from tests.builders import a_condition, a_patient, a_person, a_task
from tests.conftest import BoundDatabase
from tests.web.test_facts import text_of

HOW = "Ask your programme manager whom to report it to"


@pytest.fixture
async def token(client: httpx.AsyncClient, session: AsyncSession, settings: Settings) -> str:
    return await as_user(client, session, settings, "navigator")


async def _report(client: httpx.AsyncClient, session: AsyncSession, token: str, where: str = "calls") -> Task:
    patient = await a_patient(session, await a_person(session, first_name="Inês", last_name="Carvalho"))
    await session.commit()
    said = "A rash, since Monday."
    if where == "callers":
        await a_condition(session)
        place, who = "/callers/new", {"first_name": "Quirina", "last_name": "Zwart", "said": said, "condition": "DMD"}
    else:
        place, who = f"/patients/{patient.patient_id}/{where}", {"outcome": "reached", "notes": said, "text": said}
    sent = {"csrf_token": token, "adverse_event_heard": "true", **who}
    saved = await client.post(place, data=sent, headers=ORIGIN)
    assert saved.status_code == 303, saved.text
    return (await session.scalars(select(Task))).one()


@pytest.mark.parametrize("where", ["calls", "notes", "callers"])
async def test_today_and_its_page_show_what_was_said_and_how_to_report_it(
    client: httpx.AsyncClient, session: AsyncSession, token: str, where: str
) -> None:
    task = await _report(client, session, token, where)

    record = f"/leads/{task.lead_id}" if task.lead_id else f"/patients/{task.patient_id}"
    for place in ("/today", record, f"/tasks/{task.task_id}"):
        shown = (await client.get(place)).text
        for expected in (HOW, "A rash, since Monday.", "Report the side effect"):
            assert expected in shown, (place, expected)
        assert f"/tasks/{task.task_id}/done" not in (shown if place in ("/today", record) else "")
    if where == "calls":
        assert task.call_id is not None
        assert f'href="/calls/{task.call_id}/outcome"' in (await client.get(f"/tasks/{task.task_id}")).text


async def test_the_organisation_says_how_it_is_reported(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, token: str
) -> None:
    task = await _report(client, session, token)
    app = client._transport.app  # type: ignore[attr-defined]
    app.state.settings = settings.model_copy(update={"side_effect_report": "Mail safety@organisation.example."})
    for place in ("/today", f"/patients/{task.patient_id}", f"/tasks/{task.task_id}"):
        shown = (await client.get(place)).text
        assert "Mail safety@organisation.example." in shown, place
        assert HOW not in shown, place


@pytest.mark.parametrize("where", ["calls", "callers"])
async def test_whom_to_ask_how_it_is_reported_is_named_and_its_time_says_that_it_is_to_be_reported_by_then(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, token: str, where: str
) -> None:
    task = await _report(client, session, token, where)
    for name in ("Kwame Osei", "Anna Berg"):
        await somebody(session, settings, "programme_manager", name=name, email=f"{name[0]}@managers.example")
    await session.commit()

    record = f"/leads/{task.lead_id}" if task.lead_id else f"/patients/{task.patient_id}"
    for place in ("/today", record, f"/tasks/{task.task_id}"):
        shown = text_of(await client.get(place))
        assert "Ask a programme manager whom to report it to: Anna Berg, Kwame Osei." in shown, place
        assert "Report by tomorrow, " in shown, place
        assert HOW not in shown, place


async def test_one_press_neither_puts_it_off_nor_closes_it(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    task = await _report(client, session, token)
    place, sent = f"/tasks/{task.task_id}", {"csrf_token": token}

    put_off = await client.post(f"{place}/snooze", data=sent | {"to": "week"}, headers=ORIGIN)
    done = await client.post(f"{place}/done", data=sent, headers=ORIGIN)
    bulk = {**sent, "id": str(task.task_id), "do": "move", "to_status": "done"}
    several = await client.post("/tasks/bulk", data=bulk, headers=ORIGIN)

    assert (put_off.status_code, done.status_code) == (422, 422)
    assert "Say why the report is put off." in put_off.text
    assert "Say when it was reported, or why it was not." in done.text
    assert "Nothing was changed." in several.text
    await session.refresh(task)
    assert (task.status, task.snoozed_until) == ("open", None)


async def test_it_is_said_before_that_one_of_the_two_is_needed(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    task = await _report(client, session, token)

    shown = (await client.get(f"/tasks/{task.task_id}")).text
    form = shown.partition("/done")[2].partition("</form>")[0]

    assert "To mark it done, fill in one of the two" in form
    assert 'name="reported_at"' in form
    assert 'name="reason"' in form
    put_off = shown.partition("/snooze")[2].partition("</form>")[0]
    assert 'name="reason"' in put_off
    assert "optional" not in put_off, "both are needed"
    assert "field-optional" not in form


async def test_it_is_put_off_with_a_reason_and_done_with_the_moment_of_the_report_and_undone(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    task = await _report(client, session, token)
    place, sent = f"/tasks/{task.task_id}", {"csrf_token": token}

    put_off = await client.post(
        f"{place}/snooze", data=sent | {"on": "2090-01-01", "reason": "The doctor is asked first."}, headers=ORIGIN
    )
    await session.refresh(task)
    assert (put_off.status_code, task.reason) == (303, "The doctor is asked first.")
    edited = await client.post(
        place, data=sent | {"title": "Report the rash", "seen": str(task.version), "owner_id": str(task.owner_id)},
        headers=ORIGIN,
    )  # fmt: skip
    assert edited.status_code == 303, edited.text
    done = await client.post(
        f"{place}/done", data=sent | {"reported_at": f"{clock.now():%Y-%m-%d %H:%M}"}, headers=ORIGIN
    )
    assert done.status_code == 303, done.text
    await session.refresh(task)
    assert (task.status, task.title) == ("done", "Report the rash")
    assert task.reported_at is not None
    assert clock.now() - task.reported_at < timedelta(minutes=2)
    assert "reported" in (await client.get(place)).text
    undone = await client.post(f"{place}/undo?since={task.version - 1}&until={task.version}", data=sent, headers=ORIGIN)
    kept = (await session.execute(select(Task.status, Task.reported_at))).one()
    assert (undone.status_code, *kept) == (303, "open", None)


async def test_a_task_about_somebody_outside_of_the_caseload_stays_on_today(
    session: AsyncSession, settings: Settings, bound: BoundDatabase
) -> None:
    me = await somebody(session, settings, "navigator")
    other = await somebody(session, settings, "navigator", email="other@crm.example")
    person = await a_person(session, first_name="Inês", last_name="Carvalho")
    patient = await a_patient(session, person, owner_id=other.account_id)
    due_by = clock.now() - timedelta(days=1)
    about = {"patient_id": patient.patient_id, "owner_id": me.account_id, "due_at": due_by, "due_by": due_by}
    await a_task(session, person, title="Ask the site", **about)
    await session.commit()
    app = create_app(settings.model_copy(update={"caseload": Caseload.ASSIGNED}), bound)
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))

    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await signed_in(client, session, me.account_id)
        today = (await client.get("/today")).text

    assert "Inês Carvalho" in today
    assert "Ask the site" not in today


async def test_somebody_elses_report_is_not_on_my_today(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, token: str
) -> None:
    task = await _report(client, session, token)
    owner = (await session.scalars(select(UserAccount.user_account_id))).one()
    assert task.owner_id == owner
    await as_user(client, session, settings, "navigator", "data_steward")
    assert "A rash, since Monday." not in (await client.get("/today")).text


async def test_its_title_is_told_in_the_language_of_each_reader(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    client.headers["accept-language"] = "nl"
    task = await _report(client, session, token)
    stored = task.title
    places = ("/today", "/tasks", f"/tasks/{task.task_id}", f"/patients/{task.patient_id}")
    dutch = [(await client.get(place)).text for place in places]
    client.headers["accept-language"] = "en"
    # As it was stored by those who read Dutch until now.
    task.title = "Bijwerking melden"
    await session.commit()
    english = [(await client.get(place)).text for place in places]

    assert stored == "Report the side effect"
    for place, page in zip(places, dutch, strict=True):
        assert "Bijwerking melden" in page, place
        # Who edits it has it as it is stored.
        assert "Report the side effect" not in page.replace('value="Report the side effect"', ""), place
    for place, page in zip(places, english, strict=True):
        assert "Report the side effect" in page, place
