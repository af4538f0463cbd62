"""What hangs on somebody is changed on the page of their record: by keyboard on a desk, by thumb on a phone."""

from uuid import UUID

import httpx
import pytest
from playwright.async_api import Dialog, Route, ViewportSize, expect
from sqlalchemy import select, update

from app.access.service import command_actor
from app.hospitals.models import Hospital
from app.patients.models import Patient, PatientPhysicianRelationship
from app.people.models import ContactPoint, PersonContactType, PersonRelationship
from app.people.roles import give_role
from app.platform import clock
from app.platform.db import Database
from app.platform.settings import Settings
from tests.browser.conftest import Open, a_new_name, seen_as
from tests.browsing import somebody
from tests.builders import a_lead, a_patient, a_person, a_physician

pytestmark = pytest.mark.long
DESK: ViewportSize = {"width": 1440, "height": 900}
LOW: ViewportSize = {"width": 1440, "height": 600}
PHONE: ViewportSize = {"width": 390, "height": 664}


@pytest.fixture(scope="module")
async def ids(settings: Settings, committed_database: Database) -> dict[str, UUID]:
    """A navigator, a patient and a lead with something of everything, a mother who is no patient, and a physician."""
    async with committed_database.session() as session:
        owner = await somebody(session, settings, "navigator", email="noor@record.example", name="Noor Brandt")
        person = await a_person(session, first_name="Ilse", last_name="Vandamme", phone="+32 2 555 01 34")
        patient = await a_patient(session, person, owner_id=owner.account_id)
        lead = await a_lead(session, person)
        other = await a_person(session, first_name="Joris", last_name="Wouters")
        await a_patient(session, other, owner_id=owner.account_id)
        mother = await a_person(session, first_name="Godelieve", last_name="Vandamme")
        doctor = await a_physician(session, await a_person(session, first_name="Greta", last_name="Holmqvist"))
        session.add(Hospital(name="Ziekenhuis Noorderlicht", city="Gent"))
        point = ContactPoint(
            person_id=person.person_id, kind="email", value="ilse@work.example", value_key="ilse@work.example"
        )
        relation = PersonRelationship(
            person_id=person.person_id, related_person_id=mother.person_id, relationship_type="caregiver",
            authority="informal",
        )  # fmt: skip
        link = PatientPhysicianRelationship(
            patient_id=patient.patient_id, physician_id=doctor.physician_id, relationship_type="referring"
        )
        session.add_all([point, relation, link])
        await give_role(session, command_actor(), person_id=person.person_id, type_name="caregiver", since=clock.now())
        role = (
            await session.scalars(select(PersonContactType).where(PersonContactType.person_id == person.person_id))
        ).one()
        await session.commit()
        return {
            "navigator": owner.account_id,
            "patient": patient.patient_id,
            "lead": lead.lead_id,
            "person": person.person_id,
            "mother": mother.person_id,
            "point": point.contact_point_id,
            "relation": relation.person_relationship_id,
            "link": link.patient_physician_id,
            "role": role.person_contact_type_id,
        }


async def test_a_mother_is_found_by_name_and_related_by_keyboard_and_a_slip_is_taken_back(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    mother = f"Godelieve {a_new_name()}"
    async with committed_database.session() as session:
        await a_person(session, first_name="Godelieve", last_name=mother.split(" ")[1])
        # Run once more, it begins anew.
        await session.execute(
            update(ContactPoint).where(ContactPoint.contact_point_id == ids["point"]).values(was=None)
        )
        await session.commit()
    seen = await seen_as(open_page, crm, committed_database, ids["navigator"])
    page = seen.page
    await page.goto(f"{crm}/patients/{ids['patient']}")
    await page.get_by_role("link", name="Add a relationship").press("Enter")
    field = page.get_by_role("combobox", name="With whom")
    await expect(field).to_be_focused()
    await expect(field).to_have_attribute("aria-expanded", "false")

    await page.keyboard.type("g")
    await expect(page.get_by_text("Type two letters or more.")).to_be_visible()
    await page.keyboard.type(mother[1:])
    option = page.get_by_role("option", name=mother, exact=False).first
    await expect(option).to_have_attribute("aria-selected", "true")
    assert await field.get_attribute("aria-activedescendant") == await option.get_attribute("id")
    await page.keyboard.press("Escape")
    await expect(option).to_have_count(0)
    await expect(field).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(option).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(field).to_have_value(mother)

    await page.get_by_label("The one who acts is the").select_option("parent")
    await page.get_by_label("Notes").press("Control+Enter")
    await expect(page.get_by_text("Relationship added.")).to_be_visible()
    about = page.get_by_role("region", name="About")
    await expect(about.get_by_role("link", name=mother)).to_have_count(1)
    await expect(about.get_by_role("link", name="Change the relationship").first).to_be_visible()

    # A contact point removed by mistake comes back with Z.
    await about.get_by_role("link", name="No longer used").press("Enter")
    await page.get_by_label("What was it?").select_option("wrong")
    await page.get_by_role("button", name="Save", exact=True).press("Enter")
    await expect(page.get_by_text("Contact point removed.")).to_be_visible()
    await expect(page.get_by_text("ilse@work.example")).to_have_count(0)
    await page.get_by_role("heading", level=1).click()
    await page.keyboard.press("z")
    await expect(page.get_by_text("Undone.")).to_be_visible()
    await expect(page.get_by_text("ilse@work.example")).to_be_visible()
    assert await seen.violations() == []


async def test_a_daughter_who_is_nobody_yet_is_added_with_the_relationship(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    seen = await seen_as(open_page, crm, committed_database, ids["navigator"])
    page = seen.page
    await page.goto(f"{crm}/patients/{ids['patient']}")
    await page.get_by_role("link", name="Add a relationship").press("Enter")
    field = page.get_by_role("combobox", name="With whom")
    daughter = f"Quirina {a_new_name()}"
    await field.press_sequentially(daughter)
    await page.get_by_role("option", name=f"Add {daughter} as a new person").click()
    await expect(field).to_have_value(daughter)
    await page.get_by_label("The one who acts is the").select_option("child")
    await page.get_by_label("Notes").press("Control+Enter")
    await expect(page.get_by_text("Relationship added.")).to_be_visible()
    about = page.get_by_role("region", name="About")
    await expect(about.get_by_role("link", name=daughter).first).to_be_visible()
    assert await seen.violations() == []


async def test_the_times_of_the_next_attempt_and_of_a_task_are_shown_once_they_count(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    seen = await seen_as(open_page, crm, committed_database, ids["navigator"])
    page = seen.page
    here = f"{crm}/patients/{ids['patient']}"
    for place, docked in ((f"{here}/calls/new", False), (here, True)):
        await page.goto(place)
        if docked:
            await page.get_by_role("link", name="Log a call").press("Enter")
        form = page.locator("form[data-call]")
        box, when = form.get_by_label("Book the next call"), form.locator("#field-next_attempt")
        await form.locator('[name="outcome"][value="no_answer"]').check()
        await expect(box).not_to_be_checked()
        await expect(when).to_be_hidden()
        await box.press("Space")
        await expect(when).to_be_visible()
        await box.press("Space")
        await expect(when).to_be_hidden()
        # Of a small screen as well it is above the bar with the buttons.
        for size in (LOW, PHONE):
            await page.set_viewport_size(size)
            await box.evaluate("(box) => box.scrollIntoView({block: 'end'})")
            await box.press("Space")
            field, bar = await when.bounding_box(), await form.locator(".form-foot").bounding_box()
            assert field is not None
            assert bar is not None
            assert field["y"] + field["height"] <= bar["y"], (place, size)
            await box.press("Space")
        await page.set_viewport_size(DESK)
        # Nor does the day of a task that nobody has written stand there as if there were one.
        due = form.locator("#field-follow_up_on")
        await expect(due).to_be_hidden()
        await form.locator("#field-follow_up").fill("Ask the site")
        await expect(due).to_be_visible()


async def test_what_is_typed_is_not_lost_by_opening_another_form_without_a_question(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    seen = await seen_as(open_page, crm, committed_database, ids["navigator"])
    page = seen.page
    asked: list[str] = []
    answers = [False, True]

    async def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        await (dialog.accept() if answers.pop(0) else dialog.dismiss())

    page.on("dialog", answer)
    await page.goto(f"{crm}/patients/{ids['patient']}")
    await page.get_by_role("link", name="change Preferred name").click()
    notes = page.get_by_role("textbox", name="Preferred name")
    await notes.fill("half a name")
    relate = page.get_by_role("link", name="Add a relationship")
    await relate.press("Enter")
    await expect(notes).to_have_value("half a name")
    assert asked == ["What you typed is not saved. Leave it?"]
    await relate.press("Enter")
    await expect(page.get_by_role("combobox", name="With whom")).to_be_visible()
    # Nothing typed, nothing asked.
    await page.get_by_role("link", name="Add a physician").click()
    await expect(page.get_by_role("combobox", name="Physician")).to_be_visible()
    assert len(asked) == 2
    # What was sent and did not arrive is not saved either.
    answers.append(False)
    await page.get_by_role("link", name="change Preferred name").click()
    await notes.fill("half a name")
    await page.route("**/preferred_name", lambda route: route.abort())
    await notes.press("Enter")
    await expect(page.get_by_text("The CRM could not be reached").first).to_be_visible()
    await relate.click()
    await expect(notes).to_have_value("half a name")
    assert len(asked) == 3
    assert await seen.violations() == []


async def test_on_a_phone_a_physician_joins_the_care_team_and_leaves_it(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    name = a_new_name()
    async with committed_database.session() as session:
        patient_id = (await a_patient(session, await a_person(session, first_name="Ilse", last_name=name))).patient_id
        await a_physician(session, await a_person(session, first_name="Greta", last_name=name))
        await session.commit()
    seen = await seen_as(open_page, crm, committed_database, ids["navigator"])
    page = seen.page
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(f"{crm}/patients/{patient_id}")
    await page.get_by_role("link", name="Add a physician").click()
    await page.get_by_role("combobox", name="Physician").press_sequentially(name.lower())
    await page.get_by_role("option", name=f"Greta {name}").click()
    await page.get_by_label("Part", exact=True).select_option("treating")
    assert await seen.sideways() == 0
    await page.get_by_role("button", name="Add a physician").click()
    await expect(page.get_by_text("Physician added.")).to_be_visible()

    await page.get_by_role("link", name="Change this physician").first.click()
    await page.get_by_role("button", name="It ends today").click()
    await expect(page.get_by_text("Physician ended.")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Undone.")).to_be_visible()
    async with committed_database.session() as session:
        links = select(PatientPhysicianRelationship.end_date)
        of_patient = links.where(PatientPhysicianRelationship.patient_id == patient_id)
        assert list(await session.scalars(of_patient)) == [None]


async def test_a_caregiver_is_edited_on_a_page_of_their_own(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    async with committed_database.session() as session:
        person_id = (await a_person(session, first_name="Godelieve", last_name="Claes")).person_id
        await session.commit()
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.goto(f"{crm}/people/{person_id}")
    await page.keyboard.press("e")
    await page.keyboard.press("Enter")
    await page.get_by_label("Phone").fill("+32 2 555 01 35")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Phone is saved.")).to_be_visible()
    await page.get_by_role("link", name="Add a role").press("Enter")
    await page.get_by_label("Role", exact=True).select_option("caregiver")
    await page.get_by_role("combobox", name="Hospital").press_sequentially("xyzzy")
    await expect(page.get_by_text("Nothing is called so.")).to_be_visible()
    await page.get_by_role("combobox", name="Hospital").fill("")
    await page.get_by_role("combobox", name="Hospital").press_sequentially("zieken")
    await expect(page.get_by_role("option", name="Ziekenhuis Noorderlicht")).to_be_visible()
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Add a role").press("Enter")
    await expect(page.get_by_text("Role added.")).to_be_visible()
    async with committed_database.session() as session:
        rows = await session.scalars(
            select(PersonContactType.hospital_id).where(PersonContactType.person_id == person_id)
        )
        assert [row is not None for row in rows] == [True]


async def test_c_logs_a_call_about_the_one_whom_a_caregiver_speaks_for_and_of_several_goes_to_the_first(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    async with committed_database.session() as session:
        carer = await a_person(session, first_name="Nele", last_name=a_new_name())
        patients = [await a_patient(session, await a_person(session, first_name=first)) for first in ("Bo", "Pim")]

        def speaks_for(patient: Patient) -> PersonRelationship:
            return PersonRelationship(
                person_id=carer.person_id, related_person_id=patient.person_id, relationship_type="caregiver",
                authority="informal",
            )  # fmt: skip

        session.add(speaks_for(patients[0]))
        await session.commit()
        page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
        await page.goto(f"{crm}/people/{carer.person_id}")
        await page.keyboard.press("c")
        await page.wait_for_url(
            f"{crm}/patients/{patients[0].patient_id}/calls/new?spoke_with_person_id={carer.person_id}"
        )
        session.add(speaks_for(patients[1]))
        await session.commit()
    await page.goto(f"{crm}/people/{carer.person_id}")
    await page.keyboard.press("c")
    await expect(page.get_by_role("link", name="Log a call about").first).to_be_focused()
    assert page.url == f"{crm}/people/{carer.person_id}"


async def test_brackets_walk_through_the_records_of_the_list_one_came_from(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.goto(f"{crm}/patients?owner_id={ids['navigator']}")
    names = await page.locator("[data-rows] .row-link").all_inner_texts()
    assert len(names) == 2
    await page.locator(".row-link").first.press("Enter")
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_have_text(names[0])
    await page.keyboard.press("]")
    await expect(heading).to_have_text(names[1])
    await page.keyboard.press("]")
    await expect(heading).to_have_text(names[1])
    await page.keyboard.press("[")
    await expect(heading).to_have_text(names[0])


async def test_a_combobox_says_when_nothing_can_be_looked_up(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.goto(f"{crm}/people/{ids['mother']}/roles/new")
    field = page.get_by_role("combobox", name="Hospital")
    # A question of what was typed may still be on its way, so the answer changes in the one handler, never without one.
    answers = {"now": 500}

    async def answer(route: Route) -> None:
        if answers["now"] == httpx.codes.OK:
            await route.continue_()
        elif answers["now"]:
            await route.fulfill(status=answers["now"], body="x")
        else:
            await route.abort()

    await page.route("**/pickers/hospitals", answer)
    await field.press_sequentially("zi")
    await expect(page.get_by_text("The search did not work.")).to_be_visible()
    answers["now"] = 0
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_text("The CRM could not be reached, so nothing was looked up.")).to_be_visible()
    answers["now"] = httpx.codes.OK
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("option", name="Ziekenhuis Noorderlicht")).to_be_visible()
    await expect(field).to_have_value("zi")


async def test_the_forms_have_no_finding_and_never_scroll_sideways(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    seen = await seen_as(open_page, crm, committed_database, ids["navigator"])
    found: list[str] = []
    pages = [
        f"/patients/{ids['patient']}/contact-points/new",
        f"/patients/{ids['patient']}/contact-points/{ids['point']}/edit",
        f"/patients/{ids['patient']}/roles/new",
        f"/patients/{ids['patient']}/roles/{ids['role']}/edit",
        f"/patients/{ids['patient']}/relationships/new",
        f"/patients/{ids['patient']}/relationships/{ids['relation']}/edit",
        f"/patients/{ids['patient']}/physicians/new",
        f"/patients/{ids['patient']}/physicians/{ids['link']}/edit",
        f"/leads/{ids['lead']}/contact-points/new",
        f"/leads/{ids['lead']}/contact-points/{ids['point']}/edit",
        f"/leads/{ids['lead']}/roles/new",
        f"/leads/{ids['lead']}/roles/{ids['role']}/edit",
        f"/leads/{ids['lead']}/relationships/new",
        f"/leads/{ids['lead']}/relationships/{ids['relation']}/edit",
        f"/people/{ids['person']}/contact-points/new",
        f"/people/{ids['person']}/contact-points/{ids['point']}/edit",
        f"/people/{ids['person']}/roles/new",
        f"/people/{ids['person']}/roles/{ids['role']}/edit",
        f"/people/{ids['person']}/relationships/new",
        f"/people/{ids['person']}/relationships/{ids['relation']}/edit",
        f"/people/{ids['person']}/facts/phone",
    ]
    histories = [
        f"/patients/{ids['patient']}/history",
        f"/leads/{ids['lead']}/history",
        f"/people/{ids['person']}/history",
    ]
    for path in (*pages, *histories):
        await seen.page.goto(crm + path)
        shown = "h1" if path in histories else "[data-fact-form]"
        await expect(seen.page.locator(shown).first).to_be_visible()
        found += [f"{path}: {finding}" for finding in await seen.findings()]
    assert found == []
    assert [said for said in seen.console if "was preloaded using link preload" not in said] == []


@pytest.mark.parametrize("kind", ["patient", "lead"])
async def test_a_note_without_the_answer_comes_back_where_it_was_written(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID], kind: str
) -> None:
    seen = await seen_as(open_page, crm, committed_database, ids["navigator"])
    page, here = seen.page, f"{crm}/{kind}s/{ids[kind]}"
    await page.goto(here)
    name = await page.get_by_role("heading", level=1).inner_text()
    note = page.get_by_role("form", name="New note")
    await note.get_by_label("Note", exact=True).fill("Sleeps badly since Tuesday.")
    await note.get_by_label("Keep it above the timeline").check()
    await note.get_by_role("button", name="Add note").press("Enter")

    await expect(note.get_by_text("Say whether a side effect or worsening was mentioned.")).to_be_visible()
    await expect(note.get_by_label("Note", exact=True)).to_have_value("Sleeps badly since Tuesday.")
    await expect(note.get_by_label("Keep it above the timeline")).to_be_checked()
    await expect(note.get_by_label("Yes", exact=True)).to_be_focused()
    await expect(note.get_by_label("Yes", exact=True)).to_be_in_viewport()
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)
    assert page.url == here
    assert await seen.findings() == []

    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_text("The note is saved.")).to_be_visible()
    await expect(page.locator(".record-story").get_by_text("Sleeps badly since Tuesday.").first).to_be_visible()


@pytest.mark.parametrize("kind", ["patient", "lead"])
async def test_on_a_phone_what_is_done_most_stands_at_the_top_of_a_record(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID], kind: str
) -> None:
    seen = await seen_as(open_page, crm, committed_database, ids["navigator"])
    page = seen.page
    await seen.resize(390)
    await page.goto(f"{crm}/{kind}s/{ids[kind]}")
    bar = await page.get_by_role("navigation", name="Main, at hand").bounding_box()
    note = page.get_by_label("Note", exact=True)
    links = [page.get_by_role("link", name=name, exact=True) for name in ("Log a call", "Task", "Book")]
    for one in (*links, note):
        box = await one.bounding_box()
        assert box is not None
        assert bar is not None
        assert box["y"] + box["height"] <= bar["y"], await one.inner_text()
        assert box["height"] >= 32

    # One line until it is written into; the answer is asked then.
    await expect(page.get_by_role("button", name="Add note")).to_be_hidden()
    await note.fill("Walks again.")
    await page.get_by_role("heading", level=1).click()
    await expect(page.get_by_role("button", name="Add note")).to_be_visible()
    await expect(page.get_by_text("Side effect or worsening mentioned?")).to_be_in_viewport()
