"""Lists in a real browser, by keyboard; and the pages of physicians, hospitals, conditions, trials and programmes."""

import asyncio
from uuid import UUID

import pytest
from playwright.async_api import Route, expect
from sqlalchemy import func, select, update

from app.hospitals.models import Hospital, Specialization
from app.leads.models import PatientLead
from app.patients.models import PatientPhysicianRelationship
from app.people.models import Person
from app.platform.db import Database
from app.platform.settings import Settings
from tests.browser.conftest import EVERY_WIDTH, Open, seen_as
from tests.browser.test_patients import LONG
from tests.browsing import somebody
from tests.builders import a_lead, a_patient, a_person, a_physician, a_programme, a_trial, a_trial_journey

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
async def ids(settings: Settings, committed_database: Database) -> dict[str, UUID]:
    """A navigator, a data steward, a programme manager, and one thing of each kind with long names."""
    async with committed_database.session() as session:
        accounts = {
            role: (await somebody(session, settings, role, email=f"{role}@lists.example", name=role.title())).account_id
            for role in ("navigator", "data_steward", "programme_manager", "auditor")
        }
        hospital = Hospital(name=f"Hospital {LONG} {LONG}", city="Groningen", country="NL", address="x" * 200)
        specialization = Specialization(name=f"Specialisation {LONG}", description="Of nerves. " * 20)
        session.add_all([hospital, specialization])
        await session.flush()
        person = await a_person(session, first_name=LONG, last_name=LONG)
        doctor = await a_physician(session, person, hospital_id=hospital.hospital_id, job_title="Head of surgery")
        patient = await a_patient(session, await a_person(session, first_name="美咲", last_name="佐藤"))
        session.add(
            PatientPhysicianRelationship(
                patient_id=patient.patient_id, physician_id=doctor.physician_id, relationship_type="treating"
            )
        )
        trial, programme = await a_trial(session, title=f"A study of {LONG} " * 4), await a_programme(session)
        await a_trial_journey(session, patient, clinical_trial_id=trial.clinical_trial_id)
        await session.commit()
        return {
            **accounts,
            "physician": doctor.physician_id,
            "hospital": hospital.hospital_id,
            "condition": patient.medical_condition_id,
            "specialization": specialization.specialization_id,
            "trial": trial.clinical_trial_id,
            "programme": programme.eap_program_id,
            "patient": patient.patient_id,
        }


@pytest.mark.parametrize("role", ["navigator", "data_steward", "programme_manager", "auditor"])
async def test_pages_of_things_have_no_finding_and_never_scroll_sideways(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID], role: str
) -> None:
    seen = await seen_as(open_page, crm, committed_database, ids[role])
    found: list[str] = []
    pages = [
        "/physicians",
        "/hospitals",
        "/specializations",
        "/conditions",
        "/trials",
        "/programmes",
        "/hospitals?country=BV",
    ]
    pages += [
        f"/physicians/{ids['physician']}", f"/hospitals/{ids['hospital']}", f"/conditions/{ids['condition']}",
        f"/specializations/{ids['specialization']}",
        f"/trials/{ids['trial']}", f"/programmes/{ids['programme']}",
    ]  # fmt: skip
    if role in {"navigator", "data_steward"}:
        pages += [f"/physicians/{ids['physician']}/edit", f"/hospitals/{ids['hospital']}/edit", "/hospitals/new"]
    if role == "data_steward":
        pages += [f"/conditions/{ids['condition']}/edit", "/conditions/new"]
        pages += [f"/specializations/{ids['specialization']}/edit", "/specializations/new"]
    if role == "programme_manager":
        pages += [
            f"/trials/{ids['trial']}/edit",
            f"/programmes/{ids['programme']}/edit",
            "/trials/new",
            "/programmes/new",
        ]
    for path in pages:
        await seen.page.goto(crm + path)
        await expect(seen.page.get_by_role("heading", level=1)).to_be_visible()
        found += [f"{path}: {finding}" for finding in await seen.findings()]
    assert found == []
    assert [said for said in seen.console if "was preloaded using link preload" not in said] == []


@pytest.fixture(scope="module")
async def leads(settings: Settings, committed_database: Database) -> UUID:
    """A navigator with sixty leads of a country that nobody else has; their account."""
    async with committed_database.session() as session:
        who = await somebody(session, settings, "navigator", email="leads@lists.example", name="Noor Brandt")
        await somebody(session, settings, "navigator", email="karim@lists.example", name="Karim Osei")
        for number in range(60):
            person = await a_person(session, first_name=f"Lead{number}", last_name="Visser", country="NU")
            await a_lead(session, person)
        await session.commit()
        return who.account_id


async def _owned(database: Database) -> int:
    async with database.session() as session:
        query = select(func.count(PatientLead.lead_id)).where(PatientLead.owner_id.is_not(None), Person.country == "NU")
        return int(await session.scalar(query.join(Person, Person.person_id == PatientLead.person_id)) or 0)


async def test_twenty_leads_are_assigned_with_four_actions_and_undone_with_one(
    open_page: Open, crm: str, committed_database: Database, leads: UUID
) -> None:
    async with committed_database.session() as session:
        # Run once more, it begins anew: what is assigned to the same person again has no undo.
        people = select(Person.person_id).where(Person.country == "NU")
        await session.execute(update(PatientLead).where(PatientLead.person_id.in_(people)).values(owner_id=None))
        await session.commit()
    seen = await seen_as(open_page, crm, committed_database, leads)
    page = seen.page
    # As it is for most: pages change with a transition.
    await page.emulate_media(reduced_motion="no-preference")
    await page.goto(f"{crm}/leads?country=NU")
    boxes = page.locator("#list-rows .list-pick")
    await expect(boxes).to_have_count(50)

    await boxes.nth(0).click(force=True)
    await boxes.nth(19).click(modifiers=["Shift"])
    await expect(page.get_by_text("20 selected")).to_be_visible()
    await page.get_by_label("Assign to").fill("karim")
    await page.get_by_role("option", name="Karim Osei").click()
    await page.get_by_role("button", name="Assign").click()

    await expect(page.get_by_text("Assigned 20 leads.")).to_be_visible()
    assert await _owned(committed_database) == 20
    assert page.url == f"{crm}/leads?country=NU"
    await page.keyboard.press("z")
    await expect(page.get_by_text("Undone for 20 leads.")).to_be_visible()
    # A way back that was taken is not offered once more.
    await expect(page.get_by_text("Assigned 20 leads.")).to_have_count(0)
    assert await _owned(committed_database) == 0


async def test_what_is_done_with_many_is_said_in_place_of_its_button_and_sent_once(
    open_page: Open, crm: str, committed_database: Database, leads: UUID
) -> None:
    seen = await seen_as(open_page, crm, committed_database, leads)
    page = seen.page
    answered, sent = asyncio.Event(), 0

    async def hold(route: Route) -> None:
        nonlocal sent
        sent += 1
        await answered.wait()
        await route.continue_()

    await page.route("**/leads/bulk", hold)
    await page.goto(f"{crm}/leads?country=NU")
    for place in range(3):
        await page.locator("#list-rows .list-pick").nth(place).click(force=True)
    await page.get_by_label("Assign to").fill("noor")
    # Other files of a run have a navigator of that name too.
    await page.get_by_role("option", name="Noor Brandt").first.click()
    assign, move = page.locator("#bulk [value=assign]"), page.locator("#bulk [value=move]")
    await assign.click()

    await expect(assign).to_have_text("Assigning 3 …")
    await expect(assign).to_have_attribute("aria-busy", "true")
    # Where it was said how many are selected, which is read aloud.
    await expect(page.locator("[data-picked][aria-live=polite]")).to_have_text("Assigning 3 …")
    await assign.click()
    await move.click()
    answered.set()
    await expect(page.get_by_text("Assigned 3 leads.")).to_be_visible()
    assert sent == 1


async def test_rows_are_selected_by_keys_and_more_are_put_below_with_focus_on_the_first_of_them(
    open_page: Open, crm: str, committed_database: Database, leads: UUID
) -> None:
    seen = await seen_as(open_page, crm, committed_database, leads)
    page = seen.page
    await page.goto(f"{crm}/leads?country=NU")
    for key in ("j", "x", "j", "j", "Shift+X"):
        await page.keyboard.press(key)
    await expect(page.get_by_text("3 selected")).to_be_visible()
    await page.keyboard.press("a")
    await expect(page.get_by_label("Assign to")).to_be_focused()

    await page.get_by_role("button", name="Clear the selection").press("Enter")
    await page.get_by_role("link", name="Load more").press("Enter")
    rows = page.locator("#list-rows .row-link")
    await expect(rows).to_have_count(60)
    await expect(rows.nth(50)).to_be_focused()
    await expect(page.locator("#list-foot")).to_contain_text("60 leads")
    assert page.url == f"{crm}/leads?country=NU"
    assert [said for said in seen.console if "was preloaded using link preload" not in said] == []


async def test_a_view_is_saved_by_a_key_and_stands_in_the_sidebar(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID], leads: UUID
) -> None:
    seen = await seen_as(open_page, crm, committed_database, ids["data_steward"])
    page = seen.page
    await page.goto(f"{crm}/leads?country=NU")
    await page.keyboard.press("s")
    await expect(page.get_by_label("Name of the view")).to_be_focused()
    await page.keyboard.type("Leads of Niue")
    await page.get_by_label("Pin to my sidebar").check()
    assert await seen.findings() == []
    await page.keyboard.press("Enter")

    await expect(page.get_by_text("The view Leads of Niue is saved.")).to_be_visible()
    await page.goto(f"{crm}/calls")
    await page.locator(".sidebar").get_by_role("link", name="Leads of Niue").click()
    await expect(page.locator(".filter-chip")).to_contain_text("Niue")
    await expect(page.get_by_role("navigation", name="Views of leads").get_by_text("Leads of Niue")).to_have_attribute(
        "aria-current", "page"
    )
    await page.get_by_role("link", name="Edit view").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("View Leads of Niue")
    view = page.url.rpartition("/")[2]
    await page.goto(f"{crm}/views/{view}")
    assert await seen.findings() == []
    assert [said for said in seen.console if "was preloaded using link preload" not in said] == []


async def test_a_filtered_list_is_taken_out_as_a_file(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID], leads: UUID
) -> None:
    seen = await seen_as(open_page, crm, committed_database, ids["data_steward"])
    page = seen.page
    await page.goto(f"{crm}/leads?country=NU")
    await page.get_by_role("button", name="Export").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Export leads")
    assert await seen.findings() == []
    await page.get_by_label("Why do you need this file?").fill("The monthly meeting.")
    async with page.expect_download() as file:
        await page.get_by_role("button", name="Export leads").click()
    made = await file.value
    assert made.suggested_filename.endswith(".csv")
    written = (await made.path()).read_text(encoding="utf-8-sig")
    assert len(written.splitlines()) == 61
    await expect(page.get_by_text("The file comes to the downloads of your browser.")).to_be_visible()
    # The page stays: it can be taken out again.
    await expect(page.get_by_role("button", name="Export leads")).not_to_have_attribute("aria-busy", "true")


async def test_why_a_list_is_not_taken_out_is_told_inside_the_page_behind_the_columns(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID], leads: UUID
) -> None:
    seen = await seen_as(open_page, crm, committed_database, ids["auditor"])
    page = seen.page
    outside = {}
    for width in EVERY_WIDTH:
        await page.set_viewport_size({"width": width, "height": 844})
        await page.goto(f"{crm}/leads")
        menus = page.locator(".list-tools summary")
        assert [text.strip() for text in await menus.all_inner_texts()][-2:] == ["Columns", "Export"]
        await menus.last.click()
        told = await page.get_by_text("needs a right that your role does not have").bounding_box()
        assert told is not None
        if told["x"] < 0 or told["x"] + told["width"] > width:
            outside[width] = told
    assert outside == {}


async def test_a_menu_without_room_on_either_side_is_moved_into_the_window(
    open_page: Open, crm: str, committed_database: Database, leads: UUID
) -> None:
    seen = await seen_as(open_page, crm, committed_database, leads)
    page = seen.page
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(f"{crm}/leads?country=NU")
    box = await page.evaluate(
        """() => {
            const menu = document.querySelector(".list-tools > details.menu");
            Object.assign(menu.style, {position: "fixed", left: "170px", top: "200px", width: "40px"});
            menu.querySelector(".menu-panel").style.width = "360px";
            menu.querySelector("summary").click();
            return new Promise((done) => setTimeout(() => {
                const {left, right} = menu.querySelector(".menu-panel").getBoundingClientRect();
                done([left, right]);
            }, 200));
        }"""
    )
    assert box[0] >= 0, box
    assert box[1] <= 390, box


UNDER_MESSAGES = """async () => {
    // The message that came is painted, and the page has made room for it.
    for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
    scrollTo(0, document.documentElement.scrollHeight);
    const strip = document.getElementById("flashes").getBoundingClientRect();
    if (!strip.height) return ["no message is shown"];
    const pressed = "a[href], button, input, select, textarea, summary, [tabindex='0']";
    return [...document.querySelectorAll(pressed)].filter((one) => {
        if (one.closest("#flashes") || !one.checkVisibility()) return false;
        // What a panel has scrolled out of sight is not covered.
        const panel = one.closest(".dock, .peek")?.getBoundingClientRect() ?? {top: 0, bottom: innerHeight};
        const place = one.getBoundingClientRect();
        const [top, bottom] = [Math.max(place.top, panel.top), Math.min(place.bottom, panel.bottom)];
        return place.width && bottom > top && bottom > strip.top + 1 && top < strip.bottom - 1
            && place.right > strip.left + 1 && place.left < strip.right - 1;
    }).map((one) => `${one.tagName} ${(one.innerText || one.name || one.id).trim()}`);
}"""


async def test_names_of_a_list_stay_to_be_read_beside_a_docked_panel(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.goto(f"{crm}/patients/{ids['patient']}")
    await page.keyboard.press("c")
    await expect(page.locator("#dock [data-call]")).to_be_visible()
    await page.evaluate("pages.visit('/patients?view=none')")
    name = page.locator(".list-table tbody th, .list-table tbody [data-column=name]").first
    await expect(name).to_be_visible()
    box = await name.bounding_box()
    assert box is not None
    assert box["width"] >= 160


async def test_messages_lie_over_nothing_that_can_be_pressed(
    open_page: Open, crm: str, committed_database: Database, leads: UUID
) -> None:
    seen = await seen_as(open_page, crm, committed_database, leads)
    page = seen.page
    covered = {}
    async with committed_database.session() as session:
        lead_id = await session.scalar(
            select(PatientLead.lead_id)
            .join(Person, Person.person_id == PatientLead.person_id)
            .where(Person.country == "NU")
        )
    for width in EVERY_WIDTH:
        await page.set_viewport_size({"width": width, "height": 844})
        await page.goto(f"{crm}/leads?country=NU")
        await page.locator("#list-rows .list-pick").nth(0).click(force=True)
        await page.locator("#list-rows .list-pick").nth(1).click(force=True)
        await page.get_by_label("Assign to").fill("karim")
        await page.get_by_role("option", name="Karim Osei").click()
        await page.get_by_role("button", name="Assign").click()
        await expect(page.locator("#flashes")).to_contain_text("Assigned 2 leads.")
        covered[width, "list"] = await page.evaluate(UNDER_MESSAGES)
        await page.evaluate("showFlash('It could not be done: this is told until it is dismissed.', 'danger')")
        await expect(page.locator("#flashes > .flash")).to_have_count(2)
        covered[width, "list, two"] = await page.evaluate(UNDER_MESSAGES)
        await page.goto(f"{crm}/leads/{lead_id}")
        await page.get_by_role("link", name="Log a call").click()
        await expect(page.locator("#dock").get_by_role("button", name="Save")).to_be_visible()
        await page.evaluate("showFlash('Something went wrong, and this stays until it is dismissed.', 'danger')")
        covered[width, "record and dock"] = await page.evaluate(UNDER_MESSAGES)
    assert {where: found for where, found in covered.items() if found} == {}
    assert await seen.violations() == []
