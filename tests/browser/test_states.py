"""A slow line, no line, and what comes when the line is back: nothing jumps, nothing that was typed is lost."""

import asyncio
from uuid import UUID

import pytest
from playwright.async_api import Route, expect

from app.access.accounts import sessions
from app.access.accounts.sessions import Origin
from app.platform import clock
from app.platform.db import Database
from app.platform.settings import Settings
from tests.browser.conftest import Open, Seen
from tests.browsing import somebody
from tests.builders import a_patient, a_person

pytestmark = pytest.mark.long

SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map((one) =>
    `${one.value} ${one.sources.map(({node}) => node?.outerHTML?.slice(0, 80))}`)))
  .observe({type: "layout-shift", buffered: true});
"""
OFFLINE = "You are working without a connection"


@pytest.fixture(scope="module")
async def ids(settings: Settings, committed_database: Database) -> dict[str, UUID]:
    async with committed_database.session() as session:
        owner = await somebody(session, settings, "navigator", email="noor@states.example", name="Noor Brandt")
        person = await a_person(session, first_name="Philippa", last_name="Slowinska")
        patient = await a_patient(session, person, owner_id=owner.account_id)
        await session.commit()
        return {"navigator": owner.account_id, "patient": patient.patient_id}


@pytest.fixture
async def seen(open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]) -> Seen:
    found: Seen = await open_page(crm, "/health")
    async with committed_database.unit_of_work() as session:
        _, reference = await sessions.open_session(
            session, account_id=ids["navigator"], stage="open", origin=Origin("127.0.0.1", "A test"), now=clock.now()
        )
    await found.page.context.add_cookies([{"name": "crm_session", "value": reference, "url": crm}])
    return found


class Held:
    """Requests to an address that wait until they are let go."""

    def __init__(self) -> None:
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def __call__(self, route: Route) -> None:
        self.asked.set()
        await self.go.wait()
        await route.continue_()


async def test_what_is_slow_shows_the_shape_of_what_comes_and_nothing_jumps(seen: Seen, ids: dict[str, UUID]) -> None:
    page, here = seen.page, f"/patients/{ids['patient']}"
    await page.goto(seen.base + here)
    await page.evaluate(SHIFTS)

    call = Held()
    await page.route("**/calls/new", call)
    await page.keyboard.press("c")
    await expect(page.locator("#dock")).to_have_attribute("aria-busy", "true")
    await expect(page.locator("#dock .skeleton").first).to_be_visible()
    # The page has made room for the panel already, and the panel takes no more of it when it comes.
    await page.wait_for_timeout(300)
    await page.evaluate("window.shifts = []")
    call.go.set()
    await expect(page.get_by_role("region", name="Call with Philippa")).to_be_visible()
    await expect(page.locator("#dock")).not_to_have_attribute("aria-busy", "true")
    await expect(page.locator("#dock .skeleton")).to_have_count(0)
    assert await page.evaluate("window.shifts") == []
    await page.keyboard.press("Escape")
    await page.wait_for_timeout(300)
    await page.evaluate("window.shifts = []")

    patients = Held()
    await page.route("**/patients", patients)
    await page.keyboard.press("g")
    await page.keyboard.press("p")
    await expect(page.locator("#content")).to_have_attribute("aria-busy", "true")
    assert await page.evaluate("getComputedStyle(document.getElementById('content'), '::after').content") == '""'
    assert await page.evaluate("window.shifts") == []
    assert await seen.axe() == []
    patients.go.set()
    row = page.locator(".row-link", has_text="Philippa Slowinska")
    await expect(row).to_be_visible()

    summary = Held()
    await page.route("**/peek", summary)
    await row.focus()
    await page.keyboard.press("Space")
    await expect(page.locator("#peek .skeleton").first).to_be_visible()
    summary.go.set()
    await expect(page.locator("#peek").get_by_text("Philippa Slowinska").first).to_be_visible()
    await expect(page.locator("#peek .skeleton")).to_have_count(0)
    assert await seen.violations() == []


async def test_an_answer_that_is_quick_shows_no_skeleton(seen: Seen, ids: dict[str, UUID]) -> None:
    page = seen.page
    await page.goto(f"{seen.base}/patients/{ids['patient']}")
    await page.evaluate(
        """window.seen = [];
        new MutationObserver((all) => window.seen.push(...all.map((one) => one.attributeName)))
          .observe(document.getElementById("content"), {attributes: true, attributeFilter: ["aria-busy"]})"""
    )
    await page.get_by_role("link", name="Leads").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Leads")
    # On a busy machine the answer may not be quick.
    last = "performance.getEntriesByType('resource').findLast((one) => one.name.endsWith('/leads')).duration"
    assert await page.evaluate(last) > 350 or await page.evaluate("window.seen") == []


async def test_without_a_connection_a_banner_stays_and_what_is_typed_is_sent_later_by_its_writer(
    seen: Seen, ids: dict[str, UUID]
) -> None:
    page, here = seen.page, f"/patients/{ids['patient']}"
    await page.goto(f"{seen.base}{here}/tasks/new")
    banner = page.get_by_text(OFFLINE)
    await expect(banner).to_be_hidden()
    await page.context.set_offline(True)
    await expect(banner).to_be_visible()
    assert await seen.axe() == []
    await page.locator("[name=title]").fill("Ask the site in Porto")
    await page.get_by_label("Due on").fill("2031-03-03")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    send = page.locator("main form button[type=submit]").first
    await send.press("Enter")
    await expect(page.get_by_text("What you typed is still here")).to_be_visible()
    # What leaves the page by the browser itself would end at its error page.
    await page.locator("summary[aria-label*='account']").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("link", name="API description").click()
    await expect(page.locator("[name=title]")).to_have_value("Ask the site in Porto")
    assert sent == []

    await page.context.set_offline(False)
    await expect(banner).to_be_hidden()
    await expect(page.get_by_text("The CRM can be reached again")).to_be_visible()
    assert sent == []
    await send.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Philippa Slowinska")
    assert [url for url in sent if url.endswith("/tasks")] != []


async def test_a_server_that_is_not_reached_is_asked_for_again_until_it_answers(
    seen: Seen, ids: dict[str, UUID]
) -> None:
    page = seen.page
    await page.goto(f"{seen.base}/patients/{ids['patient']}")
    await page.route("**/*", lambda route: route.abort())
    await page.get_by_role("link", name="Leads").first.click()
    await expect(page.get_by_text("You are still where you were")).to_be_visible()
    await expect(page.get_by_text(OFFLINE)).to_be_visible()
    await page.unroute("**/*")
    await expect(page.get_by_text(OFFLINE)).to_be_hidden()
    await expect(page.get_by_text("The CRM can be reached again")).to_be_visible()


async def test_nothing_works_behind_the_pages(seen: Seen) -> None:
    """A worker that answers without a connection would keep pages, and pages are about people."""
    await seen.page.goto(f"{seen.base}/patients")
    workers = "navigator.serviceWorker.getRegistrations().then((all) => all.length)"
    assert await seen.page.evaluate(workers) == 0
    assert await seen.page.evaluate("caches.keys().then((all) => all.length)") == 0
