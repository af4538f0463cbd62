"""The shell by keyboard: search everywhere, the keys, and the new caller that nobody was found for."""

import re
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from playwright.async_api import Page, Route, expect

from app.access.accounts import sessions
from app.access.accounts.sessions import Origin
from app.platform import clock
from app.platform.db import Database
from app.platform.settings import Settings
from tests.browser.conftest import Open, Seen
from tests.browsing import somebody
from tests.builders import a_lead, a_patient, a_person

pytestmark = pytest.mark.long
SignedIn = Callable[..., Awaitable[Seen]]


@pytest.fixture(scope="module")
async def ids(settings: Settings, committed_database: Database) -> dict[str, UUID]:
    """A navigator, an auditor, a patient and somebody who asks for help."""
    async with committed_database.session() as session:
        owner = await somebody(session, settings, "navigator", email="noor@palette.example", name="Noor Brandt")
        auditor = await somebody(session, settings, "auditor", email="amal@palette.example", name="Amal Haddad")
        person = await a_person(session, first_name="Philippa", last_name="Quartermaine", time_zone="Europe/Lisbon")
        patient = await a_patient(session, person, owner_id=owner.account_id)
        lead = await a_lead(session, await a_person(session, first_name="Jurriaan", last_name="Quispel"))
        await session.commit()
        return {
            "navigator": owner.account_id,
            "auditor": auditor.account_id,
            "patient": patient.patient_id,
            "lead": lead.lead_id,
        }


@pytest.fixture
def enter(open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]) -> SignedIn:
    async def entered(role: str = "navigator", path: str = "/leads", *, width: int = 1440) -> Seen:
        seen: Seen = await open_page(crm, "/health", width=width)
        async with committed_database.unit_of_work() as session:
            _, reference = await sessions.open_session(
                session, account_id=ids[role], stage="open", origin=Origin("127.0.0.1", "A test"), now=clock.now()
            )
        await seen.page.context.add_cookies([{"name": "crm_session", "value": reference, "url": crm}])
        seen.console.clear()
        await seen.page.goto(crm + path)
        return seen

    return entered


async def _answered(page: Page) -> None:
    """What the palette shows answers all that was typed."""
    await expect(page.locator("#palette-results")).not_to_have_attribute("aria-busy", "true")


async def test_somebody_is_found_by_a_mistyped_name_and_opened_in_three_actions(
    enter: SignedIn, ids: dict[str, UUID]
) -> None:
    seen = await enter()
    page = seen.page
    await page.keyboard.press("Control+k")
    await page.keyboard.type("kwartermain")
    await _answered(page)
    await expect(page.get_by_role("option", selected=True)).to_contain_text("Philippa Quartermaine")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Philippa Quartermaine")
    assert page.url.endswith(f"/patients/{ids['patient']}")
    assert seen.console == []


async def test_the_options_are_walked_by_keys_and_escape_gives_focus_back(enter: SignedIn) -> None:
    page = (await enter()).page
    await page.get_by_role("link", name="Patients").first.focus()
    await page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search people and references")
    await expect(field).to_be_focused()
    await page.keyboard.type("qu")
    options = page.get_by_role("option")
    await expect(options.filter(has_text="Quispel")).to_be_visible()
    count = await options.count()
    for key, at in (("ArrowDown", 1), ("ArrowUp", 0), ("ArrowUp", count - 1), ("ArrowDown", 0)):
        await page.keyboard.press(key)
        await expect(options.nth(at)).to_have_attribute("aria-selected", "true")
        await expect(field).to_have_attribute("aria-activedescendant", str(await options.nth(at).get_attribute("id")))
    for key, at in (("Control+End", count - 1), ("Control+Home", 0)):
        await page.keyboard.press(key)
        await expect(options.nth(at)).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Escape")
    await expect(field).to_be_hidden()
    await expect(page.get_by_role("link", name="Patients").first).to_be_focused()
    assert "Quispel" not in await page.locator("#palette").inner_html()


async def test_one_letter_asks_after_enter_alone_and_an_overtaken_answer_is_dropped(enter: SignedIn) -> None:
    page = (await enter()).page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or "") if "/search" in request.url else None)
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("option").first).to_be_visible()
    asked.clear()
    await page.keyboard.type("q")
    await page.wait_for_timeout(400)
    assert [one for one in asked if "/static/" not in one] == []
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("option").filter(has_text="Quispel")).to_be_visible()
    assert len(asked) == 1

    async def late(route: Route) -> None:
        if "quarter" in (route.request.post_data or ""):
            await page.wait_for_timeout(600)
        await route.continue_()

    await page.route("**/search", late)
    await page.keyboard.press("Control+a")
    await page.keyboard.type("quarter")
    await page.wait_for_timeout(250)
    await page.keyboard.press("Control+a")
    await page.keyboard.type("quispel")
    await expect(page.get_by_role("option").first).to_contain_text("Quispel")
    await page.wait_for_timeout(800)
    await expect(page.get_by_role("option").first).to_contain_text("Quispel")


async def test_a_search_that_fails_says_so_and_keeps_what_was_typed(enter: SignedIn) -> None:
    page = (await enter()).page
    await page.keyboard.press("Control+k")
    await page.route("**/search", lambda route: route.abort())
    await page.keyboard.type("quispel")
    await expect(page.get_by_text("The CRM could not be reached, so nothing was looked up.")).to_be_visible()
    await expect(page.get_by_text(re.compile("(Nobody|Nothing) was found"))).to_have_count(0)
    await page.unroute("**/search")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("option").first).to_contain_text("Quispel")


async def test_the_keys_are_printed_and_lead_to_places_and_steps(enter: SignedIn, ids: dict[str, UUID]) -> None:
    page = (await enter(path=f"/patients/{ids['patient']}")).page
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard")
    await expect(dialog).to_contain_text("Search everywhere")
    bound = await page.evaluate("keys.table.filter((one) => one.group).map((one) => one.says)")
    printed = await dialog.locator("dd").all_text_contents()
    # There is no page of journeys and no dashboard yet.
    assert set(bound) - set(printed) == {"Journeys", "Dashboard"}
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await page.keyboard.press("b")
    await expect(page).to_have_url(re.compile("/bookings/new$"))
    await page.get_by_role("heading", level=1).click()
    await page.keyboard.press("g")
    await page.keyboard.press("l")
    await expect(page).to_have_url(re.compile("/leads$"))


@pytest.mark.parametrize("role", ["navigator", "auditor"])
async def test_palette_and_search_page_have_no_finding(enter: SignedIn, role: str) -> None:
    seen = await enter(role)
    page, found = seen.page, []
    await page.keyboard.press("Control+k")
    await page.keyboard.type("quarter" if role == "navigator" else "pat")
    await expect(page.get_by_role("option").first).to_be_visible()
    found += [f"palette: {finding}" for finding in await seen.findings()]
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    found += [f"keys: {finding}" for finding in await seen.findings()]
    await _search_by_page(page, seen.base)
    found += [f"page: {finding}" for finding in await seen.findings()]
    if role == "navigator":
        await page.goto(f"{seen.base}/callers/new")
        found += [f"caller: {finding}" for finding in await seen.findings()]
    assert found == []


async def test_keys_of_one_letter_can_be_switched_off_and_the_sidebar_stays_folded(enter: SignedIn) -> None:
    seen = await enter()
    page = seen.page
    await page.keyboard.press("\\")
    width = "document.querySelector('.sidebar').offsetWidth"
    assert await page.evaluate(width) == 56
    await page.wait_for_timeout(300)
    await page.goto(f"{seen.base}/account/preferences")
    assert await page.evaluate(width) == 56
    assert [f"rail: {finding}" for finding in await seen.findings()] == []
    await page.get_by_role("heading", level=1).click()
    await page.keyboard.press("\\")
    assert await page.evaluate(width) == 220
    await page.wait_for_timeout(300)
    await page.set_viewport_size({"width": 1200, "height": 800})
    assert await page.evaluate(width) == 220
    await page.goto(f"{seen.base}/account/preferences")
    assert await page.evaluate(width) == 56
    await page.get_by_label("Off").press("Space")
    await page.get_by_role("button", name="Save the preferences").press("Enter")
    await expect(page.get_by_text("Your preferences are saved.")).to_be_visible()
    await page.get_by_role("heading", level=1).click()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette-q")).to_be_focused()
    await page.keyboard.press("Escape")
    await page.get_by_label("On Such as").press("Space")
    # The message of the first time may still be there: what comes after needs them saved.
    async with page.expect_response(lambda answer: answer.request.method == "POST") as saved:
        await page.get_by_role("button", name="Save the preferences").press("Enter")
    assert (await saved.value).status == 303


async def test_nobody_is_found_and_the_new_caller_begins_with_what_was_typed(enter: SignedIn) -> None:
    seen = await enter()
    page = seen.page
    await page.keyboard.press("Control+k")
    await page.keyboard.type("Quentin Zwartewaterplein")
    await _answered(page)
    await expect(page.get_by_role("option", selected=True)).to_contain_text("New caller")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("New caller")
    await expect(page.locator("#field-last_name")).to_have_value("Zwartewaterplein")
    assert "Zwarte" not in page.url
    condition = page.get_by_label("Condition")
    await condition.fill("Duchenne muscular dystrophy")
    # The first Enter takes what is offered, the second one saves.
    await expect(page.locator(".combobox-list").get_by_role("option").first).to_be_visible()
    await condition.press("Enter")
    await expect(page.locator(".combobox-list")).to_be_hidden()
    await condition.press("Enter")
    await expect(page.get_by_text("The new lead is saved.")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Quentin Zwartewaterplein")
    assert await seen.violations() == []


async def _search_by_page(page: Page, base: str) -> None:
    await page.goto(f"{base}/search")
    await page.locator("#search-q").fill("quarter")
    await page.get_by_role("button", name="Search", exact=True).click()
    await expect(page.locator("#search-q")).to_have_value("quarter")


async def test_pages_come_into_the_frame_and_back_shows_the_list_that_was_kept(
    enter: SignedIn, ids: dict[str, UUID]
) -> None:
    seen = await enter(path="/patients")
    page = seen.page
    await page.evaluate("window.isTheSame = true; document.querySelector('.topbar').dataset.kept = ''")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url.removeprefix(seen.base)}"))
    row = page.get_by_role("link", name="Philippa Quartermaine")
    await row.focus()
    await row.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Philippa Quartermaine")
    await expect(page).to_have_url(re.compile(f"/patients/{ids['patient']}$"))
    await expect(page).to_have_title(re.compile("Philippa Quartermaine"))
    assert [one for one in asked if "/static/" not in one] == [f"GET /patients/{ids['patient']}"]
    assert await page.evaluate("document.activeElement.matches('h1')")
    asked.clear()

    await page.go_back()
    await expect(row).to_be_focused()
    assert await page.title() == "Patients · myTomorrows CRM"
    assert [one for one in asked if "/static/" not in one] == []
    assert await page.evaluate("window.isTheSame")
    await expect(
        page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name="Patients")
    ).to_have_attribute("aria-current", "page")
    await page.go_forward()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Philippa Quartermaine")
    assert [one for one in asked if "/static/" not in one] == []
    # After a reload nothing is kept: the page is asked for again.
    await page.reload()
    await page.go_back()
    await expect(row).to_be_visible()
    assert seen.console == [] or all("preload" in said for said in seen.console)


async def test_a_dead_connection_leaves_the_page_and_what_was_typed(enter: SignedIn, ids: dict[str, UUID]) -> None:
    seen = await enter(path=f"/patients/{ids['patient']}/tasks/new")
    page = seen.page
    await page.locator("[name=title]").fill("Ask the site in Porto")
    await page.get_by_label("Due on").fill("2031-03-03")
    await page.context.set_offline(True)
    await page.locator("main form button[type=submit]").first.press("Enter")
    await expect(page.get_by_text("What you typed is still here")).to_be_visible()
    await expect(page.locator("[name=title]")).to_have_value("Ask the site in Porto")
    await page.context.set_offline(False)
    await page.locator("main form button[type=submit]").first.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Philippa Quartermaine")
    await expect(page.get_by_text("What you typed is still here")).to_have_count(0)
    await page.context.set_offline(True)
    await page.get_by_role("link", name="Leads").first.click()
    await expect(page.get_by_text("You are still where you were")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Philippa Quartermaine")


async def test_a_form_that_comes_back_keeps_its_address_and_the_reader_stands_at_the_summary(
    enter: SignedIn, ids: dict[str, UUID]
) -> None:
    page = (await enter(path=f"/patients/{ids['patient']}")).page
    await page.get_by_role("link", name="Book").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Book a call")
    await expect(page.get_by_label("When")).to_be_focused()
    await page.get_by_label("When").fill("soon")
    await page.get_by_role("button", name="Book the call").press("Enter")
    await expect(page.get_by_text("another look")).to_be_visible()
    await expect(page.get_by_label("When")).to_have_value("soon")
    await expect(page).to_have_url(re.compile("/bookings/new$"))
    assert await page.evaluate("document.activeElement.matches('[data-focus]')")


async def test_nothing_of_a_person_is_kept_in_the_browser_and_the_lock_forgets_the_pages(
    enter: SignedIn, ids: dict[str, UUID]
) -> None:
    page = (await enter(path="/patients")).page
    await page.get_by_role("link", name="Philippa Quartermaine").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Philippa Quartermaine")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("quarter")
    await expect(page.get_by_role("option").first).to_contain_text("Quartermaine")
    await page.keyboard.press("Escape")
    kept = await page.evaluate(
        """async () => JSON.stringify([
            {...localStorage}, {...sessionStorage}, history.state, await indexedDB.databases(), await caches.keys(),
            (await navigator.serviceWorker.getRegistrations()).length, document.cookie,
        ])"""
    )
    assert "quarter" not in kept.lower()
    assert str(ids["patient"]) not in kept
    assert await page.evaluate("pages.kept.size") > 0
    await page.evaluate("document.dispatchEvent(new CustomEvent('locked'))")
    assert await page.evaluate("pages.kept.size") == 0


async def test_peek_opens_beside_the_list_goes_on_with_the_rows_and_comes_back(enter: SignedIn) -> None:
    seen = await enter(path="/patients")
    page = seen.page
    panel = page.get_by_role("complementary", name="Peek")
    row = page.get_by_role("link", name="Philippa Quartermaine")
    await row.focus()
    await page.keyboard.press("Space")
    await expect(panel).to_contain_text("Philippa Quartermaine")
    await expect(row).to_be_focused()
    box = await panel.bounding_box()
    assert box is not None
    assert box["width"] == 480
    names = await page.locator(".row-link").all_text_contents()
    if len(names) > 1:
        key = "j" if names.index("Philippa Quartermaine") < len(names) - 1 else "k"
        await page.keyboard.press(key)
        await expect(panel).not_to_contain_text("Philippa Quartermaine")
        await page.keyboard.press("k" if key == "j" else "j")
        await expect(panel).to_contain_text("Philippa Quartermaine")
    assert await seen.axe() == []
    await page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
    await expect(row).to_be_focused()
    edge = await page.locator("tr", has=row).bounding_box()
    assert edge is not None
    await page.mouse.click(edge["x"] + edge["width"] - 10, edge["y"] + edge["height"] / 2)
    await expect(panel).to_contain_text("Philippa Quartermaine")
    assert page.url.endswith("/patients")
    await panel.get_by_role("link", name="Open").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Philippa Quartermaine")
    await expect(panel).to_be_hidden()


async def test_the_page_of_a_peek_has_no_finding(enter: SignedIn, ids: dict[str, UUID]) -> None:
    found = []
    for path in (f"/patients/{ids['patient']}/peek", f"/leads/{ids['lead']}/peek"):
        found += [f"{path}: {finding}" for finding in await (await enter(path=path)).findings()]
    assert found == []
