"""The workspace in a real browser: somebody is found by a mistyped name, by keyboard, and their call is logged."""

import re
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

import pytest
from playwright.async_api import expect
from sqlalchemy import select, update

from app.calls.models import CallHistory
from app.journeys.eap.models import EapGate
from app.journeys.trial.models import ClinicalTrialJourney
from app.patients.models import Patient
from app.people.models import DuplicateCandidate, Person, SuggestedChange
from app.people.suggestions import value_hash
from app.platform import clock
from app.platform.db import Database
from app.platform.settings import Settings
from app.tasks.models import Task
from tests.browser.conftest import Open, a_new_name, seen_as
from tests.browsing import somebody
from tests.builders import a_call, a_document, a_lead, a_patient, a_person, a_trial, a_trial_journey, an_eap_journey

pytestmark = pytest.mark.long

LONG = "Wolfeschlegelsteinhausenbergerdorff-Bartholomew"


@pytest.fixture(scope="module")
async def ids(settings: Settings, committed_database: Database) -> dict[str, UUID]:
    """A navigator, an auditor, a data steward, and the patients of a list: their names are long or in other scripts."""
    async with committed_database.session() as session:
        owner = await somebody(session, settings, "navigator", email="noor@patients.example", name="Noor Brandt")
        auditor = await somebody(session, settings, "auditor", email="amal@patients.example", name="Amal Haddad")
        steward = await somebody(session, settings, "data_steward", email="jan@patients.example", name="Jan Peeters")
        names = [("Олена", "Коваленко"), ("فاطمة", "الإدريسي"), ("美咲", "佐藤"), (LONG, LONG), ("Ng", None)]
        for first, last in names:
            person = await a_person(
                session, first_name=first, last_name=last, email=f"{'x' * 50}{first[:1]}@ex.example"
            )
            await a_patient(session, person, owner_id=owner.account_id, first_contact_date=date(1989, 1, 1))
        person = await a_person(session, first_name="Ines", last_name="Carvalho", time_zone="Europe/Lisbon")
        patient = await a_patient(session, person, owner_id=owner.account_id)
        trial = await a_trial(session)
        journey = await a_trial_journey(session, patient, clinical_trial_id=trial.clinical_trial_id)
        lead = await a_lead(session, person)
        # On three clocks, at an hour at which they show two days: the longest text.
        at = (clock.now() + timedelta(days=1)).replace(hour=23, minute=30)
        await a_call(session, patient, booking_date=at, booking_time_zone="America/New_York", status="scheduled")
        due = clock.now() + timedelta(days=1)
        task = Task(title="Ask the site", due_at=due, due_by=due, person_id=person.person_id)
        session.add(task)
        document = await a_document(session, person, patient_id=patient.patient_id, expires_on=date(2026, 1, 1))
        late = await a_call(session, patient, booking_date=clock.now() - timedelta(days=1), status="scheduled")
        rosa = await a_person(session, first_name="Rosa", last_name="Moreno", phone="+31 20 123 4567")
        moved = await a_patient(session, rosa, owner_id=owner.account_id)
        await a_trial_journey(session, moved, clinical_trial_id=trial.clinical_trial_id)
        suggestion = {
            "person_id": rosa.person_id, "table_name": "person", "record_id": rosa.person_id, "field": "phone",
            "ours": "+31 20 123 4567", "ours_version": 1, "theirs": "+31 20 765 4321", "source": "contact_form",
        }  # fmt: skip
        session.add(SuggestedChange(**suggestion, value_hash=value_hash("+31 20 765 4321")))
        # A value that is longer than its column is wide.
        address = "ines.carvalho.duarte@neurology.hospital.example"
        suggestion |= {"person_id": person.person_id, "record_id": person.person_id, "field": "email", "ours": None}
        session.add(SuggestedChange(**suggestion | {"theirs": address}, value_hash=value_hash(address)))
        one, other = sorted((rosa.person_id, person.person_id))
        pair = DuplicateCandidate(person_id=one, other_person_id=other, reasons=["phone"])
        session.add(pair)
        await session.commit()
        return {
            "pair": pair.duplicate_candidate_id,
            "person": rosa.person_id,
            "rosa": moved.patient_id,
            "navigator": owner.account_id,
            "auditor": auditor.account_id,
            "data_steward": steward.account_id,
            "patient": patient.patient_id,
            "journey": journey.ct_journey_id,
            "trial": trial.clinical_trial_id,
            "lead": lead.lead_id,
            "call": late.call_id,
            "task": task.task_id,
            "document": document.document_id,
        }


async def test_a_caller_is_found_by_a_mistyped_name_and_the_call_is_logged_by_keyboard(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    seen = await seen_as(open_page, crm, committed_database, ids["navigator"])
    page, said = seen.page, f"Wants to go on with the trial, as {a_new_name()}."
    await page.goto(f"{crm}/patients")
    await page.keyboard.press("/")
    await page.keyboard.type("carvallo")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("These names are similar")).to_be_visible()
    assert "carvallo" not in page.url
    await page.get_by_role("heading", level=1).click()
    await page.keyboard.press("j")
    await expect(page.locator(".row-link:focus")).to_have_text("Ines Carvalho")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Ines Carvalho")
    await expect(page.get_by_text("in Lisbon").first).to_be_visible()

    await page.get_by_role("link", name="Log a call").press("Enter")
    await page.get_by_label("Reached").press("Space")
    panel = page.get_by_role("region", name="Call with Ines")
    await panel.get_by_label("No", exact=True).press("Space")
    await page.get_by_label("Notes").fill(said)
    await page.get_by_role("button", name="Save the call").press("Enter")
    await expect(page.get_by_text("The call is logged.")).to_be_visible()
    await expect(page.get_by_text(said)).to_be_visible()
    async with committed_database.session() as session:
        stored = (await session.scalars(select(CallHistory).where(CallHistory.notes == said))).one()
    assert (stored.status, stored.outcome, stored.adverse_event_heard) == ("completed", "reached", False)


async def test_a_pair_is_decided_on_the_way_to_a_conversion_without_scrolling(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    async with committed_database.session() as session:
        one, other = [await a_person(session, first_name=name, last_name=a_new_name()) for name in ("Jan", "Johan")]
        lead = await a_lead(session, one)
        session.add(
            DuplicateCandidate(
                person_id=min(one.person_id, other.person_id), other_person_id=max(one.person_id, other.person_id),
                reasons=["phone"],
            )
        )  # fmt: skip
        await session.commit()
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.goto(f"{crm}/leads/{lead.lead_id}/convert")
    await page.locator('p a[href^="/duplicates/"]').click()
    different = page.get_by_role("button", name="Different people")
    await expect(different).to_be_in_viewport(ratio=1)
    await expect(page.get_by_role("link", name="Not sure, back to the conversion")).to_be_in_viewport(ratio=1)
    await different.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Convert the lead")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("link", name="Not sure, back to the conversion")).to_be_visible()


async def test_two_people_edit_the_same_patient_and_each_sees_what_the_other_wrote(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    async with committed_database.session() as session:
        # Run once more, it begins anew.
        of_patient = select(Patient.person_id).where(Patient.patient_id == ids["patient"]).scalar_subquery()
        await session.execute(update(Person).where(Person.person_id == of_patient).values(last_name="Carvalho"))
        await session.commit()
    first = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    second = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    for page in (first, second):
        await page.goto(f"{crm}/patients/{ids['patient']}")
        await page.get_by_label("Note", exact=True).fill("A note that is half written")
        await page.get_by_role("link", name="change last name").press("Enter")
        await expect(page.get_by_label("Last name")).to_be_focused()
    await first.get_by_label("Last name").fill("Duarte")
    await first.keyboard.press("Enter")
    await expect(first.get_by_role("heading", level=1)).to_have_text("Ines Duarte")
    await expect(first.get_by_role("link", name="change last name")).to_be_focused()

    await second.get_by_label("Last name").fill("Carvalho Duarte")
    await second.keyboard.press("Enter")
    await expect(second.get_by_role("alert")).to_contain_text("It is now Duarte")
    await second.get_by_role("button", name="Save mine").press("Enter")
    await expect(second.get_by_role("heading", level=1)).to_have_text("Ines Carvalho Duarte")

    # As it was, for the other stories; Escape leaves a field as it was.
    await second.keyboard.press("Enter")
    await second.get_by_label("Last name").fill("Nobody")
    await second.keyboard.press("Escape")
    await expect(second.get_by_label("Last name")).to_have_count(0)
    await second.get_by_role("link", name="change last name").press("Enter")
    await second.get_by_label("Last name").fill("Carvalho")
    await second.keyboard.press("Enter")
    await expect(second.get_by_role("heading", level=1)).to_have_text("Ines Carvalho")
    for page in (first, second):
        await expect(page.get_by_label("Note", exact=True)).to_have_value("A note that is half written")


async def test_a_call_is_logged_in_the_docked_panel_by_keys_while_the_line_drops(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    name = a_new_name()
    said, asked = f"Feels dizzy since the new tablets, as {name}.", f"Ask the pharmacist {name}"
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.goto(f"{crm}/patients/{ids['patient']}")
    await page.keyboard.press("c")
    panel = page.get_by_role("region", name="Call with Ines")
    await expect(panel.get_by_label("Reached")).to_be_focused()
    await page.keyboard.press("1")
    await panel.get_by_label("Yes", exact=True).press("Space")
    await page.context.set_offline(True)
    await panel.get_by_label("Notes").fill(said)
    await expect(panel.get_by_text("Not kept yet")).to_be_visible()
    await page.context.set_offline(False)
    await expect(panel.get_by_text("Kept at")).to_be_visible()

    # Closed, or the page gone: the panel comes back with what was typed.
    await page.keyboard.press("Escape")
    await expect(panel).to_have_count(0)
    await page.reload()
    await page.keyboard.press("c")
    await expect(panel.get_by_label("Notes")).to_have_value(said)
    await expect(panel.get_by_label("Reached")).to_be_checked()
    await panel.get_by_label("Task").fill(asked)
    await panel.get_by_label("Notes").press("Control+Enter")
    await expect(page.get_by_text("The call is logged, and the task is on your list.")).to_be_visible()
    await expect(page.get_by_text("Side effect or worsening mentioned", exact=True).first).to_be_visible()
    async with committed_database.session() as session:
        stored = (await session.scalars(select(CallHistory).where(CallHistory.notes == said))).one()
        of_call = (Task.title == asked) | (Task.call_id == stored.call_id)
        tasks = (await session.scalars(select(Task.title).where(of_call).order_by(Task.title))).all()
    assert (stored.outcome, stored.adverse_event_heard, stored.call_duration_minutes) == ("reached", True, 1)
    assert list(tasks) == [asked, "Report the side effect"]


async def test_a_call_that_is_refused_shows_why_and_a_draft_is_discarded_in_the_panel(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.set_viewport_size({"width": 390, "height": 700})
    here = f"{crm}/patients/{ids['patient']}"
    for place in (here, f"{here}/calls/new"):
        await page.goto(place)
        if place == here:
            await page.get_by_role("link", name="Log a call").first.press("Enter")
        form = page.locator("form[data-call]")
        await form.locator('[name="outcome"][value="reached"]').check()
        notes = form.get_by_label("Notes")
        await notes.fill(f"Asks for the leaflet, as {a_new_name()}.")
        await expect(form.get_by_text("Kept at")).to_be_visible()
        await form.get_by_role("button", name="Save the call").press("Enter")
        summary = form.get_by_role("alert")
        await expect(summary).to_be_focused()
        await expect(summary).to_be_in_viewport(ratio=1)
    await page.goto(here)
    await page.get_by_role("link", name="Log a call").first.press("Enter")
    form = page.locator("form[data-call]")
    await expect(form.get_by_text("and not saved")).to_be_visible()
    began = await form.locator("[data-began]").input_value()
    await form.get_by_role("button", name="Discard it").press("Enter")
    await expect(form.get_by_text("and not saved")).to_have_count(0)
    await expect(form.get_by_label("Notes")).to_have_value("")
    await expect(form.locator("[data-began]")).not_to_have_value(began)
    await expect(page.locator("[data-timer]")).to_have_text(re.compile("00:0[0-9]"))


async def test_a_key_in_the_first_moment_of_a_page_opens_the_panel(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    # As soon as the scripts have run, before anything that waits for its turn.
    press = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'c', bubbles: true}))"
    await page.add_init_script(f"document.addEventListener('DOMContentLoaded', () => {press})")
    await page.goto(f"{crm}/patients/{ids['patient']}")
    await expect(page.get_by_role("region", name="Call with Ines")).to_be_visible()
    assert page.url == f"{crm}/patients/{ids['patient']}"


async def test_rows_are_walked_by_keys_and_the_last_one_stays(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.goto(f"{crm}/patients")
    await expect(page.locator(".row-link").first).to_be_visible()
    # Other files write into this database as well.
    names = await page.locator(".row-link").all_text_contents()
    last = len(names) - 1
    assert last >= 5
    to_the_end = [("j", min(last, at)) for at in range(2, last + 3)]
    for key, at in (("j", 0), ("j", 1), ("ArrowDown", 2), ("k", 1), *to_the_end):
        await page.keyboard.press(key)
        await expect(page.locator(".row-link:focus")).to_have_text(names[at])


class Rosa(NamedTuple):
    name: str
    patient_id: UUID


async def _a_rosa(database: Database, ids: dict[str, UUID]) -> Rosa:
    """A patient on the way to a trial, with another phone suggested: of each test her own."""
    name = a_new_name()
    async with database.session() as session:
        person = await a_person(session, first_name="Rosa", last_name=name, phone="+31 20 123 4567")
        patient = await a_patient(session, person, owner_id=ids["navigator"])
        await a_trial_journey(session, patient, clinical_trial_id=ids["trial"])
        suggestion = {
            "person_id": person.person_id, "table_name": "person", "record_id": person.person_id, "field": "phone",
            "ours": "+31 20 123 4567", "ours_version": 1, "theirs": "+31 20 765 4321", "source": "contact_form",
        }  # fmt: skip
        session.add(SuggestedChange(**suggestion, value_hash=value_hash("+31 20 765 4321")))
        await session.commit()
        return Rosa(name, patient.patient_id)


async def test_a_decision_in_the_list_leaves_every_row_in_its_place(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    rosa = await _a_rosa(committed_database, ids)
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.goto(f"{crm}/suggestions?decision=open")
    rows = page.locator("#list-rows tr")
    before = await rows.count()
    row = rows.filter(has_text=f"Rosa {rosa.name}")
    place = await row.evaluate("(row) => row.rowIndex")
    button = row.get_by_role("button", name="Keep ours")
    where = await button.bounding_box()
    assert where
    await button.click()
    await expect(page.get_by_text(f"Phone of Rosa {rosa.name}").last).to_contain_text("ours is kept")
    # A second press where the button was decides nothing, and opens nothing.
    await page.mouse.click(where["x"] + where["width"] / 2, where["y"] + where["height"] / 2)
    await expect(page).to_have_url(f"{crm}/suggestions?decision=open")
    await expect(rows).to_have_count(before)
    await expect(page.locator("[data-decided]")).to_have_count(1)
    assert await row.evaluate("(row) => row.rowIndex") == place
    # Only the value that is not taken over is struck through.
    drawn = "(cell) => getComputedStyle(cell).textDecorationLine"
    cells = (row.locator(place) for place in ("th", "td[data-column=ours]", "td[data-column=theirs]"))
    assert [await cell.evaluate(drawn) for cell in cells] == ["none", "none", "line-through"]
    await page.locator("#flashes [data-undo]").click()
    await expect(page.get_by_text("Undone.")).to_be_visible()
    await expect(row.get_by_role("button", name="Keep ours")).to_be_visible()


async def test_back_shows_what_was_decided_in_a_row_of_a_list(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    rosa = await _a_rosa(committed_database, ids)
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.goto(f"{crm}/patients/{rosa.patient_id}")
    await expect(page.get_by_role("button", name="Accept for phone")).to_be_visible()
    await page.evaluate("pages.visit('/suggestions?decision=open')")
    row = page.locator("#list-rows tr", has_text=rosa.name).filter(has_text="+31 20 765 4321")
    await row.get_by_role("button", name="Accept").click()
    await expect(page.get_by_text("the suggested value is taken over.")).to_be_visible()
    await page.go_back()
    await page.wait_for_url(f"{crm}/patients/{rosa.patient_id}")
    await expect(page.get_by_role("link", name="change phone")).to_contain_text("+31 20 765 4321")
    await expect(page.get_by_role("button", name="Accept for phone")).to_have_count(0)


async def test_a_wrong_phone_is_put_right_from_a_suggestion_and_a_journey_is_moved_with_its_reason_in_three_actions(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    rosa = await _a_rosa(committed_database, ids)
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    for width in (768, 1024, 1440):
        await page.set_viewport_size({"width": width, "height": 900})
        await page.goto(f"{crm}/suggestions?decision=open")
        values = page.locator("td:is([data-column=ours], [data-column=theirs])")
        await expect(values.filter(has_text="+31 20 765 4321").first).to_be_visible()
        cut = "all => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)"
        assert await values.evaluate_all(cut) == []

    await page.goto(f"{crm}/patients/{rosa.patient_id}")
    await page.get_by_role("button", name="Accept for phone").press("Enter")
    await expect(page.get_by_text("Phone: the suggested value is taken over.")).to_be_visible()
    await expect(page.get_by_role("link", name="change phone")).to_contain_text("+31 20 765 4321")

    await page.get_by_role("heading", level=1).click()
    await page.keyboard.press("m")
    await expect(page.locator("[data-move] .menu-item:focus")).to_have_count(1)
    # Arrows, Home, End and a letter walk the menu; what is closed from here is no stop.
    await page.keyboard.press("End")
    await page.keyboard.press("Home")
    await page.keyboard.type("not pursued"[:1])
    await expect(page.locator(".menu-item:focus")).to_contain_text("Not pursued")
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-move] > summary")).to_be_focused()

    await page.keyboard.press("m")
    await page.locator(".menu-item:not([aria-disabled])", has_text="Not pursued").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        re.compile(f"of Rosa {rosa.name}: move from identified to not pursued")
    )
    focused = page.locator("button[name=reason_code]:focus")
    await expect(focused).to_have_count(1)
    code = await focused.get_attribute("value")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Moved to not pursued.")).to_be_visible()
    async with committed_database.session() as session:
        journey = (
            await session.scalars(
                select(ClinicalTrialJourney).where(ClinicalTrialJourney.patient_id == rosa.patient_id)
            )
        ).one()
        phone = await session.scalar(select(Person.phone).where(Person.last_name == rosa.name))
    assert (journey.status, phone) == ("not_pursued", "+31 20 765 4321")
    assert code


async def test_m_opens_the_moves_of_each_journey_in_turn(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    rosa = await _a_rosa(committed_database, ids)
    async with committed_database.session() as session:
        patient = await session.get_one(Patient, rosa.patient_id)
        await an_eap_journey(session, patient, eap_number=a_new_name())
        await session.commit()
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.goto(f"{crm}/patients/{rosa.patient_id}")
    menus = page.locator("details[data-move]")
    await expect(menus).to_have_count(2)
    for at in (0, 1, 0):
        await page.keyboard.press("m")
        await expect(menus.nth(at).locator(".menu-item:focus")).to_have_count(1)
        await expect(page.locator("details[data-move][open]")).to_have_count(1)


async def test_an_approval_is_recorded_by_keyboard_on_a_phone(
    open_page: Open, crm: str, committed_database: Database, settings: Settings
) -> None:
    number = a_new_name()
    async with committed_database.session() as session:
        manager = await somebody(session, settings, "programme_manager", email=f"{number}@patients.example")
        patient = await a_patient(session, await a_person(session, first_name="Tomas", last_name=LONG))
        journey = await an_eap_journey(session, patient, status="approvals_in_progress", eap_number=number)
        await session.commit()
    seen = await seen_as(open_page, crm, committed_database, manager.account_id)
    page, of_patient, key = seen.page, f"/patients/{patient.patient_id}", journey.eap_journey_id
    await seen.resize(390)
    await page.goto(crm + of_patient)
    await page.locator(".record-next").get_by_role("link", name="Approvals").press("Enter")
    await page.get_by_role("link", name="Add ethics").press("Enter")
    await page.get_by_label("Status").press("a")
    await page.get_by_label("Decided on").fill("soon")
    await page.get_by_label("Expires on").fill("never")
    await page.get_by_label("Expires on").press("Enter")
    await expect(page.get_by_role("link", name=re.compile("^Decided on: Give a day"))).to_be_visible()
    await expect(page.get_by_role("link", name=re.compile("^Expires on: Give a day"))).to_be_visible()
    await expect(page.get_by_label("Status")).to_have_value("approved")
    assert await seen.sideways() == 0
    await page.get_by_label("Decided on").fill("3/2/2026")
    await page.get_by_label("Expires on").fill("")
    await page.get_by_label("Reference number").fill(number)
    await page.get_by_label("Reference number").press("Enter")
    await expect(page.get_by_text("Ethics saved.")).to_be_visible()
    await expect(page.get_by_text(number).first).to_be_visible()
    async with committed_database.session() as session:
        of_journey = EapGate.eap_journey_id == journey.eap_journey_id
        gate = (await session.scalars(select(EapGate).where(of_journey))).one()
    assert (gate.gate, gate.status, gate.decided_on, gate.expires_on, gate.reference_number) == (
        "ethics", "approved", date(2026, 2, 3), None, number,
    )  # fmt: skip
    found = []
    for path in (
        of_patient,
        f"/patients/{patient.patient_id}/eap-journeys/{key}/approvals",
        f"/patients/{patient.patient_id}/eap-journeys/{key}/approvals/ethics",
    ):
        await page.goto(crm + path)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        found += [f"{path}: {finding}" for finding in await seen.findings()]
    assert found == []


@pytest.mark.parametrize("role", ["navigator", "auditor", "data_steward"])
async def test_pages_have_no_finding_and_never_scroll_sideways(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID], role: str
) -> None:
    seen = await seen_as(open_page, crm, committed_database, ids[role])
    found: list[str] = []
    here = f"/patients/{ids['patient']}"
    document = f"/documents/{ids['document']}"
    pages = [
        "/patients",
        "/patients?status=withdrawn",
        here,
        document,
        "/leads",
        f"/leads/{ids['lead']}",
        "/calls",
        "/tasks",
        "/documents",
        f"/people/{ids['person']}",
    ]
    if role != "navigator":
        pages += ["/standing-faults", "/standing-faults?record_type=task", "/doubles"]
    if role == "navigator":
        pages += ["/suggestions", "/suggestions?decision=open&owner=me", "/duplicates", f"/duplicates/{ids['pair']}"]
        pages += [
            "/today",
            "/notifications",
            "/notifications/choices",
            f"/patients/{ids['patient']}/calls/new",
            f"/patients/{ids['patient']}/bookings/new",
            f"/leads/{ids['lead']}/calls/new",
            f"/leads/{ids['lead']}/bookings/new",
            f"/patients/{ids['patient']}/clinical-trial-journeys/new",
            f"/patients/{ids['patient']}/eap-journeys/new",
            f"/patients/{ids['patient']}/documents/new",
            f"/leads/{ids['lead']}/documents/new",
            f"/patients/{ids['patient']}/tasks/new",
            f"/leads/{ids['lead']}/tasks/new",
            f"/calls/{ids['call']}/outcome",
            f"/calls/{ids['call']}/move",
            f"/calls/{ids['call']}/cancel",
            f"/patients/{ids['patient']}/facts/phone",
            f"/patients/{ids['patient']}/status?to=paused",
            f"/tasks/{ids['task']}",
            f"/patients/{ids['patient']}/facts/do_not_contact_channels",
            f"/patients/{ids['patient']}/dates/first_contact_date",
            f"/leads/{ids['lead']}/facts/email",
            f"/patients/{ids['patient']}/cases/owner_id",
            f"/leads/{ids['lead']}/cases/medical_condition_id",
            f"/patients/{ids['patient']}?about=calls",
            f"/leads/{ids['lead']}/move",
            f"/leads/{ids['lead']}/convert",
            f"/patients/{ids['patient']}/clinical-trial-journeys/{ids['journey']}/move",
            f"/patients/{ids['patient']}/clinical-trial-journeys/{ids['journey']}/move?to=not_pursued",
        ]
    for path in pages:
        await seen.page.goto(crm + path)
        await expect(seen.page.get_by_role("heading", level=1)).to_be_visible()
        found += [f"{path}: {finding}" for finding in await seen.findings()]
    assert found == []
    assert [said for said in seen.console if "was preloaded using link preload" not in said] == []
