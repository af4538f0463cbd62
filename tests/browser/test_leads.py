"""Leads in a real browser: to a booked call, to a patient; a press too many; a role that sees less."""

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from playwright.async_api import expect
from sqlalchemy import func, select

from app.calls.models import CallHistory
from app.leads.models import PatientLead
from app.notes.models import Note
from app.people.models import DuplicateCandidate
from app.platform import clock
from app.platform.db import Database
from app.platform.settings import Settings
from tests.browser.conftest import Open, a_new_name, seen_as
from tests.browsing import somebody
from tests.builders import a_condition, a_lead, a_patient, a_person

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
async def ids(settings: Settings, committed_database: Database) -> dict[str, UUID]:
    """A navigator, an auditor, a patient."""
    async with committed_database.session() as session:
        me = await somebody(session, settings, "navigator", email="noor@leads.example", name="Noor Brandt")
        auditor = await somebody(session, settings, "auditor", email="amal@leads.example", name="Amal Haddad")
        ours, theirs = await a_condition(session), await a_condition(session, "ALS")
        patient = await a_patient(session, await a_person(session, first_name="Tomasz", last_name="Wojcik"))
        await session.commit()
        return {
            "navigator": me.account_id,
            "auditor": auditor.account_id,
            "patient": patient.patient_id,
            "ours": ours.medical_condition_id,
            "theirs": theirs.medical_condition_id,
        }


async def test_a_lead_is_taken_from_the_inbox_to_a_booked_call_in_six_actions(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    name = a_new_name()
    async with committed_database.session() as session:
        person = await a_person(session, first_name="Beatriz", last_name=name, time_zone="Europe/Lisbon")
        lead_id = (await a_lead(session, person)).lead_id
        await session.commit()
    seen = await seen_as(open_page, crm, committed_database, ids["navigator"])
    page = seen.page
    await page.goto(f"{crm}/leads?status=new")
    await page.get_by_role("link", name=f"Beatriz {name}").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Beatriz {name}")
    await page.get_by_role("button", name="Take this lead").press("Enter")
    await expect(page.get_by_text("The lead is yours.")).to_be_visible()
    await page.get_by_role("link", name="Book", exact=True).press("Enter")
    await page.get_by_label("When", exact=True).fill("in 9 days 14:00")
    await page.get_by_role("button", name="Book the call").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Beatriz {name}")
    async with committed_database.session() as session:
        lead = await session.get_one(PatientLead, lead_id)
        call = (await session.scalars(select(CallHistory).where(CallHistory.lead_id == lead_id))).one()
    assert (lead.owner_id, call.status, call.booking_time_zone) == (ids["navigator"], "scheduled", "Europe/Lisbon")
    assert call.booking_date is not None
    assert call.booking_date - clock.now() > timedelta(days=8)


async def test_a_lead_is_converted_with_the_differences_seen_in_three_actions(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    name, phone = a_new_name(), f"+31 20 555 {uuid4().int % 9000 + 1000}"
    async with committed_database.session() as session:
        known = await a_person(session, first_name="Tomasz", last_name=name, phone=phone)
        double = await a_person(session, first_name="Tomas", last_name=name, phone=phone)
        patient_id = (await a_patient(session, known, medical_condition_id=ids["ours"])).patient_id
        lead_id = (await a_lead(session, known, medical_condition_id=ids["theirs"])).lead_id
        one, other = sorted((known.person_id, double.person_id))
        session.add(DuplicateCandidate(person_id=one, other_person_id=other, reasons=["phone"]))
        await session.commit()
    seen = await seen_as(open_page, crm, committed_database, ids["navigator"])
    page = seen.page
    await page.goto(f"{crm}/leads/{lead_id}")
    await page.get_by_role("link", name="Convert", exact=True).press("Enter")
    await expect(page.get_by_text(f"Tomasz {name} is a patient here already")).to_be_visible()
    differs = page.get_by_role("row", name="First name")
    await expect(differs).to_contain_text("Tomasz")
    await expect(differs).to_contain_text("Differs")
    await expect(page.get_by_role("row", name="Condition")).to_contain_text("The lead's becomes a suggested change.")
    assert await seen.findings() == []
    await page.get_by_role("button", name=f"Convert Tomasz {name}").press("Enter")
    await expect(page.get_by_text("The lead is converted to the patient record there was.")).to_be_visible()
    assert page.url == f"{crm}/patients/{patient_id}"
    # Back shows what has been done since, not the form that did it, and offers nothing a second time.
    await page.go_back()
    await page.wait_for_url(f"{crm}/leads/{lead_id}")
    await expect(page.locator("#content .chip", has_text="Converted").first).to_be_visible()
    await expect(page.get_by_role("link", name="Convert", exact=True)).to_have_count(0)
    await expect(page.get_by_role("button", name="Convert")).to_have_count(0)
    await page.go_forward()
    await page.wait_for_url(f"{crm}/patients/{patient_id}")


async def test_back_after_something_was_sent_leaves_what_was_typed_and_not_sent(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.goto(f"{crm}/patients/{ids['patient']}")
    note = page.locator(".composer textarea")
    await note.fill("half a sentence")
    # As a script goes, with a draft that is kept nowhere: a link asks first.
    await page.evaluate("document.querySelector('.composer').closest('form').removeAttribute('data-draft')")
    await page.evaluate(f"pages.visit('/patients/{ids['patient']}/tasks/new')")
    await page.get_by_label("What is to be done?").fill("Ask for the letter")
    await page.get_by_label("Due on").fill("tomorrow")
    await page.get_by_role("button", name="Make the task").press("Enter")
    await expect(page.locator("#flashes")).to_contain_text("on your list")
    # Not the form that was sent: it could be sent once more there.
    await page.go_back()
    await expect(note).to_have_value("half a sentence")


async def test_what_was_said_before_does_not_stand_beside_a_form_that_is_refused(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.goto(f"{crm}/patients/{ids['patient']}/tasks/new")
    await page.evaluate("showFlash('The outcome of the call is saved.', 'success', '/calls/undo')")
    await page.get_by_label("Due on").fill("some day")
    await page.get_by_label("What is to be done?").fill("Ask for the letter")
    await page.get_by_role("button", name="Make the task").press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.locator("#flashes [data-undo]")).to_have_count(0)


async def test_one_way_back_is_shown_at_most_and_none_beside_another_record(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    async with committed_database.session() as session:
        lead_id = (await a_lead(session, await a_person(session, first_name="Ada"))).lead_id
        await session.commit()
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    ways_back = page.locator("#flashes [data-undo]")
    await page.goto(f"{crm}/leads/{lead_id}")
    await page.evaluate("for (const said of ['One', 'Two', 'Three']) showFlash(said, 'success', '/leads/undo')")
    await expect(ways_back).to_have_count(1)
    await expect(page.locator("#flashes")).to_have_text(re.compile("Three"))
    await page.evaluate("for (const said of ['Four', 'Five', 'Six']) showFlash(said)")
    await expect(page.locator("#flashes > .flash")).to_have_count(2)
    await page.evaluate("showFlash('Seven', 'success', '/leads/undo')")
    # A page of the same address is no other record; the menu of the account is no part of any page.
    await page.locator(".topbar-end summary").click()
    await page.evaluate(f"pages.visit('/leads/{lead_id}?again=1')")
    await page.wait_for_url("**?again=1")
    await expect(ways_back).to_have_count(1)
    await expect(page.locator(".topbar-end details[open]")).to_have_count(0)
    await page.evaluate(f"pages.visit('/patients/{ids['patient']}')")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Tomasz Wojcik")
    await expect(page.locator("#flashes > .flash")).to_have_count(0)


async def test_a_press_too_many_and_a_line_that_drops_write_one_note(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    twice, again = (f"{said} {a_new_name()}." for said in ("Pressed twice", "Sent again"))
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.goto(f"{crm}/patients/{ids['patient']}")
    await page.get_by_label("Note", exact=True).fill(twice)
    await page.locator(".composer").get_by_label("No", exact=True).check()
    await page.get_by_role("button", name="Add note").dblclick()
    await expect(page.get_by_text("The note is saved.")).to_be_visible()

    # The note is written, and the line drops before the answer comes.
    await page.goto(f"{crm}/patients/{ids['patient']}")
    await page.get_by_label("Note", exact=True).fill(again)
    await page.locator(".composer").get_by_label("No", exact=True).check()
    lost = 0

    async def lose(route: object) -> None:
        nonlocal lost
        lost += 1
        if lost == 1:
            await route.fetch()  # type: ignore[attr-defined]
            await route.abort("connectionreset")  # type: ignore[attr-defined]
        else:
            await route.continue_()  # type: ignore[attr-defined]

    await page.route("**/notes", lose)
    await page.get_by_role("button", name="Add note").press("Enter")
    await expect(page.get_by_text("could not be reached").first).to_be_visible()
    await expect(page.get_by_label("Note", exact=True)).to_have_value(again)
    await page.get_by_role("button", name="Add note").press("Enter")
    await expect(page.locator(".record-story").get_by_text(again).first).to_be_visible()
    async with committed_database.session() as session:
        query = select(Note.text, func.count()).where(Note.text.in_((twice, again))).group_by(Note.text)
        written = {row[0]: row[1] for row in await session.execute(query)}
    assert (written, lost) == ({twice: 1, again: 1}, 2)


async def test_a_role_that_sees_less_is_told_what_is_closed_to_it(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    seen = await seen_as(open_page, crm, committed_database, ids["auditor"])
    page = seen.page
    await page.goto(f"{crm}/patients/{ids['patient']}")
    text = await page.locator("main").inner_text()
    assert "•••" in text
    assert "Wojcik" not in text
    assert "Pressed twice" not in text
    assert await page.get_by_role("link", name="Log a call").count() == 0
    assert await seen.findings() == []
