"""
What a navigator does in a day, each story whole: by keyboard, and with `make test-browser` by mouse as well.

Each has people of its own, so that a story may be told twice in one database.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

import pytest
from playwright.async_api import Locator, Page, expect
from sqlalchemy import func, select

from app.access.accounts import sessions
from app.access.accounts.sessions import Origin
from app.access.models import UserAccount
from app.calls.models import CallHistory
from app.leads.models import PatientLead
from app.notes.models import Note
from app.patients.models import Patient
from app.people.models import Person, SuggestedChange
from app.people.suggestions import value_hash
from app.platform import clock
from app.platform.db import Database
from app.platform.settings import Settings
from app.tasks.models import Task
from tests.browser.conftest import WHOLE, Open, a_new_name
from tests.browsing import somebody
from tests.builders import a_call, a_lead, a_patient, a_person

pytestmark = pytest.mark.long

By = Literal["keyboard", "mouse"]
HANDS: tuple[By, ...] = ("keyboard", "mouse") if WHOLE else ("keyboard",)
BY_MOUSE: tuple[By, ...] = ("mouse",) if WHOLE else ()
"""Of the stories that another file tells by keyboard."""


@dataclass
class Day:
    """A navigator before their open page: presses what is pressed by this hand, and has a family name of their own."""

    page: Page
    base: str
    by: By
    name: str
    account_id: UUID

    async def go(self, path: str) -> None:
        await self.page.goto(self.base + path)

    async def press(self, place: Locator) -> None:
        """Press a link, a button or a box."""
        if self.by == "mouse":
            await place.click()
        else:
            is_box = await place.evaluate("one => one.matches('[type=radio], [type=checkbox]')")
            await place.press("Space" if is_box else "Enter")

    async def key(self, key: str, place: Locator) -> None:
        """A step that has a key, and a place to click."""
        if self.by == "mouse":
            await place.click()
        else:
            await self.page.keyboard.press(key)


Begin = Callable[..., Awaitable[Day]]


@pytest.fixture
def begin(open_page: Open, crm: str, committed_database: Database, settings: Settings) -> Begin:
    """Opens the day of a new colleague."""

    async def begun(by: By, role: str = "navigator") -> Day:
        name = a_new_name()
        async with committed_database.session() as session:
            who = await somebody(session, settings, role, email=f"{name}@stories.example", name=f"Noor {name}")
            me = await a_person(session, first_name="Noor", last_name=name)
            (await session.get_one(UserAccount, who.account_id)).person_id = me.person_id
            await session.commit()
        seen = await open_page(crm, "/health")
        async with committed_database.unit_of_work() as session:
            _, reference = await sessions.open_session(
                session, account_id=who.account_id, stage="open", origin=Origin("127.0.0.1", "A test"), now=clock.now()
            )
        await seen.page.context.add_cookies([{"name": "crm_session", "value": reference, "url": crm}])
        # As it is for most: pages change with a transition.
        await seen.page.emulate_media(reduced_motion="no-preference")
        return Day(seen.page, crm, by, name, who.account_id)

    return begun


async def _lead(database: Database, day: Day, first: str) -> UUID:
    async with database.session() as session:
        person = await a_person(session, first_name=first, last_name=day.name, time_zone="Europe/Lisbon")
        lead = await a_lead(session, person)
        await session.commit()
        return lead.lead_id


async def _patient(database: Database, day: Day, first: str, **more: str) -> UUID:
    async with database.session() as session:
        person = await a_person(session, first_name=first, last_name=day.name, **more)
        patient = await a_patient(session, person, owner_id=day.account_id)
        await session.commit()
        return patient.patient_id


@pytest.mark.parametrize("by", BY_MOUSE)
async def test_a_caller_is_found_by_a_mistyped_name_and_their_call_is_logged(
    begin: Begin, committed_database: Database, by: By
) -> None:
    day = await begin(by)
    patient_id = await _patient(committed_database, day, "Ines")
    page = day.page
    await day.go("/today")
    await day.key("/", page.get_by_role("searchbox"))
    await page.keyboard.type(f"inse {day.name.lower()}")
    await page.get_by_role("option", name=f"Ines {day.name}").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Ines {day.name}")
    await day.key("c", page.get_by_role("link", name="Log a call"))
    panel = page.get_by_role("region", name="Call with Ines")
    await panel.get_by_text("Reached", exact=True).click()
    await panel.get_by_text("Yes", exact=True).click()
    await panel.get_by_label("Notes").fill("Dizzy since Monday.")
    await day.press(panel.get_by_role("button", name="Save the call"))
    await expect(page.get_by_text("The call is logged")).to_be_visible()
    async with committed_database.session() as session:
        stored = (await session.scalars(select(CallHistory).where(CallHistory.patient_id == patient_id))).one()
    assert (stored.outcome, stored.adverse_event_heard) == ("reached", True)


@pytest.mark.parametrize("by", HANDS)
async def test_a_lead_is_taken_from_the_inbox_to_a_booked_call_in_six_actions(
    begin: Begin, committed_database: Database, by: By
) -> None:
    day = await begin(by)
    lead_id = await _lead(committed_database, day, "Bento")
    page = day.page
    await day.go("/leads")
    await day.press(page.get_by_role("link", name=f"Bento {day.name}"))
    await day.press(page.get_by_role("button", name="Take this lead"))
    await expect(page.get_by_role("button", name="Take this lead")).to_have_count(0)
    await day.key("b", page.get_by_role("link", name="Book", exact=True))
    await page.get_by_label("When").fill("2031-06-03 14:30")
    await day.press(page.get_by_role("button", name="Book the call"))
    await expect(page.get_by_text("Booked for")).to_be_visible()
    async with committed_database.session() as session:
        lead = await session.get_one(PatientLead, lead_id)
        call = (await session.scalars(select(CallHistory).where(CallHistory.lead_id == lead_id))).one()
    assert lead.owner_id == day.account_id
    assert (call.booking_time_zone, call.status) == ("Europe/Lisbon", "scheduled")


@pytest.mark.parametrize("by", HANDS)
async def test_a_lead_is_converted_with_what_will_happen_seen_first_in_three_actions(
    begin: Begin, committed_database: Database, by: By
) -> None:
    day = await begin(by)
    lead_id = await _lead(committed_database, day, "Clara")
    page = day.page
    await day.go(f"/leads/{lead_id}")
    await day.key("v", page.get_by_role("link", name="Convert"))
    await expect(page.get_by_text("What will happen")).to_be_visible()
    await day.press(page.get_by_role("button", name=f"Convert Clara {day.name}"))
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Clara {day.name}")
    async with committed_database.session() as session:
        lead = await session.get_one(PatientLead, lead_id)
    assert lead.status == "converted"
    assert f"/patients/{lead.converted_to_patient_id}" in page.url


@pytest.mark.parametrize("by", BY_MOUSE)
async def test_a_wrong_phone_is_put_right_from_a_suggestion(begin: Begin, committed_database: Database, by: By) -> None:
    day = await begin(by)
    patient_id = await _patient(committed_database, day, "Rosa", phone="+31 20 123 4567")
    async with committed_database.session() as session:
        person_id = (await session.get_one(Patient, patient_id)).person_id
        suggested = {
            "person_id": person_id, "table_name": "person", "record_id": person_id, "field": "phone",
            "ours": "+31 20 123 4567", "ours_version": 1, "theirs": "+31 20 765 4321", "source": "contact_form",
        }  # fmt: skip
        session.add(SuggestedChange(**suggested, value_hash=value_hash("+31 20 765 4321")))
        await session.commit()
    await day.go(f"/patients/{patient_id}")
    await day.press(day.page.get_by_role("button", name="Accept for phone"))
    await expect(day.page.get_by_role("link", name="change phone")).to_contain_text("+31 20 765 4321")


@pytest.mark.parametrize("by", BY_MOUSE)
async def test_two_people_edit_one_patient_and_both_values_are_shown(
    begin: Begin, committed_database: Database, by: By
) -> None:
    first, second = await begin(by), await begin(by)
    patient_id = await _patient(committed_database, first, "Ines")
    for day in (first, second):
        await day.go(f"/patients/{patient_id}")
        await day.press(day.page.get_by_role("link", name="change last name"))
    for day, name in ((first, "Duarte"), (second, "Carvalho")):
        await day.page.get_by_label("Last name").fill(name)
        await day.press(day.page.locator("form[data-fact-form] button[type=submit]").first)
        await expect(day.page.get_by_text("Duarte").first).to_be_visible()
    await expect(second.page.get_by_role("alert")).to_contain_text("It is now Duarte")
    await second.press(second.page.get_by_role("button", name="Save mine"))
    await expect(second.page.get_by_role("heading", level=1)).to_have_text("Ines Carvalho")


@pytest.mark.parametrize("by", HANDS)
async def test_a_line_that_drops_in_the_middle_of_a_note_loses_nothing(
    begin: Begin, committed_database: Database, by: By
) -> None:
    day = await begin(by)
    patient_id = await _patient(committed_database, day, "Nuno")
    page, words = day.page, f"Moves to Porto in spring, says {day.name}."
    await day.go(f"/patients/{patient_id}")
    await page.context.set_offline(True)
    await page.get_by_label("Note", exact=True).fill(words)
    await page.locator(".composer").get_by_label("No", exact=True).check()
    add = page.get_by_role("button", name="Add note")
    await day.press(add)
    await expect(page.get_by_text("What you typed is still here")).to_be_visible()
    await expect(page.get_by_label("Note", exact=True)).to_have_value(words)
    await page.context.set_offline(False)
    await expect(page.get_by_text("The CRM can be reached again")).to_be_visible()
    await day.press(add)
    await expect(
        page.get_by_label("Timeline").or_(page.locator(".record-story")).get_by_text(words).first
    ).to_be_visible()
    async with committed_database.session() as session:
        assert await session.scalar(select(func.count(Note.note_id)).where(Note.text == words)) == 1


@pytest.mark.parametrize("by", HANDS)
async def test_a_double_press_of_a_button_that_writes_writes_once(
    begin: Begin, committed_database: Database, by: By
) -> None:
    day = await begin(by)
    patient_id = await _patient(committed_database, day, "Dora")
    lead_id = await _lead(committed_database, day, "Dora")
    page = day.page

    async def twice(button: Locator) -> None:
        if by == "mouse":
            await button.dblclick()
        else:
            await button.focus()
            await page.keyboard.press("Enter")
            await page.keyboard.press("Enter")

    await day.go(f"/patients/{patient_id}/tasks/new")
    await page.locator("[name=title]").fill(f"Ask {day.name}")
    await page.get_by_label("Due on").fill("2031-03-03")
    await twice(page.locator("main form button[type=submit]").first)
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Dora {day.name}")

    await page.get_by_label("Note", exact=True).fill(f"Said to {day.name}")
    await page.locator(".composer").get_by_label("No", exact=True).check()
    await twice(page.get_by_role("button", name="Add note"))
    await expect(page.locator(".record-story").get_by_text(f"Said to {day.name}").first).to_be_visible()

    await day.go(f"/patients/{patient_id}/calls/new")
    await page.get_by_text("Reached", exact=True).click()
    await page.get_by_label("No", exact=True).check()
    await page.get_by_label("Notes").fill("Once")
    await twice(page.get_by_role("button", name="Save the call"))
    await expect(page.get_by_text("The call is logged")).to_be_visible()

    await day.go(f"/patients/{patient_id}/bookings/new")
    await page.get_by_label("When").fill("2031-06-03 14:30")
    await twice(page.get_by_role("button", name="Book the call"))
    await expect(page.get_by_text("Booked for")).to_be_visible()

    await day.go(f"/leads/{lead_id}/convert")
    await twice(page.get_by_role("button", name=f"Convert Dora {day.name}"))
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Dora {day.name}")
    async with committed_database.session() as session:
        for query in (
            select(func.count(Task.task_id)).where(Task.title == f"Ask {day.name}"),
            select(func.count(Note.note_id)).where(Note.text == f"Said to {day.name}"),
            select(func.count(CallHistory.call_id)).where(
                CallHistory.patient_id == patient_id, CallHistory.status == "completed"
            ),
            select(func.count(CallHistory.call_id)).where(
                CallHistory.patient_id == patient_id, CallHistory.status == "scheduled"
            ),
            select(func.count(Patient.patient_id))
            .join(Person)
            .join(PatientLead, PatientLead.person_id == Person.person_id)
            .where(PatientLead.lead_id == lead_id),
        ):
            assert await session.scalar(query) == 1, str(query)


@pytest.mark.parametrize("by", BY_MOUSE)
async def test_yesterdays_call_without_an_outcome_is_found_and_closed(
    begin: Begin, committed_database: Database, by: By
) -> None:
    day = await begin(by)
    patient_id = await _patient(committed_database, day, "Ana")
    async with committed_database.session() as session:
        patient = await session.get_one(Patient, patient_id)
        me = (await session.get_one(UserAccount, day.account_id)).person_id
        at = clock.now() - timedelta(days=1)
        await a_call(session, patient, pn_id=me, booking_date=at, status="scheduled")
        await session.commit()
    page = day.page
    await day.go("/calls/agenda")
    late = page.get_by_role("region", name="Without an outcome")
    await day.press(late.get_by_role("link", name=f"Ana {day.name}"))
    await page.get_by_text("Reached", exact=True).click()
    await page.get_by_label("No", exact=True).check()
    await day.press(page.get_by_role("button", name="Save"))
    await expect(page.get_by_text("The outcome of the call is saved.")).to_be_visible()


@pytest.mark.parametrize("by", HANDS)
async def test_a_role_that_sees_masked_finds_the_record_and_no_name(
    begin: Begin, committed_database: Database, by: By
) -> None:
    day = await begin(by, "auditor")
    patient_id = await _patient(committed_database, day, "Xenia", phone="+31 20 123 4567")
    page = day.page
    await day.go("/patients")
    await day.press(page.locator("#list-rows .row-link").first)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Person P-")
    await day.go(f"/patients/{patient_id}")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Person P-")
    assert "Xenia" not in await page.content()
    assert "123 4567" not in await page.content()
    await expect(page.get_by_role("link", name="Log a call")).to_have_count(0)
