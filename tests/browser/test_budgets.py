"""What a page may cost: bytes as they are sent and unpacked, and requests. Times are measured by `make bench`."""

from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Page, expect

from app.access.accounts import sessions
from app.access.accounts.sessions import Origin
from app.platform import clock
from app.platform.db import Database
from app.platform.settings import Settings
from app.web.assets import STATIC
from tests.browser.conftest import Open, Seen
from tests.browsing import somebody
from tests.builders import a_lead, a_patient, a_person

pytestmark = pytest.mark.long

FIRST_LOAD_SENT, FIRST_LOAD_UNPACKED = 110_000, 300_000
WARM_STEP_SENT = 10_000

SENT = """
() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .map((one) => ({name: one.name, sent: one.transferSize, unpacked: one.decodedBodySize}))
"""


@pytest.fixture(scope="module")
async def ids(settings: Settings, committed_database: Database) -> dict[str, UUID]:
    async with committed_database.session() as session:
        owner = await somebody(session, settings, "navigator", email="noor@budgets.example", name="Noor Brandt")
        for number in range(50):
            person = await a_person(session, first_name=f"Annemarie{number}", last_name="van der Heuvel")
            await a_patient(session, person, owner_id=owner.account_id)
            # A full Today: its budget is that of a busy day.
            await a_lead(session, person)
        await session.commit()
        return {"navigator": owner.account_id}


async def _enter(open_page: Open, base: str, database: Database, account_id: UUID, path: str) -> Seen:
    seen: Seen = await open_page(base, "/health")
    async with database.unit_of_work() as session:
        _, reference = await sessions.open_session(
            session, account_id=account_id, stage="open", origin=Origin("127.0.0.1", "A test"), now=clock.now()
        )
    await seen.page.context.add_cookies([{"name": "crm_session", "value": reference, "url": base}])
    await seen.page.goto(base + path)
    await seen.page.wait_for_load_state("networkidle")
    return seen


async def _cost(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await page.evaluate(SENT)
    return found


async def test_the_first_load_is_within_its_budget(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    seen = await _enter(open_page, crm, committed_database, ids["navigator"], "/today")
    cost = await _cost(seen.page)
    # A picture that stands there twice is fetched once.
    sent, unpacked = sum(one["sent"] for one in cost), sum({one["name"]: one["unpacked"] for one in cost}.values())
    assert any("latin.woff2" in one["name"] for one in cost)
    if not any("latin-ext" in one["name"] for one in cost):
        unpacked += (STATIC / "vendor/inter/latin-ext.woff2").stat().st_size
    told = "\n".join(f"{one['sent']:7} {one['unpacked']:7} {one['name'].removeprefix(crm)}" for one in cost)
    assert sent <= FIRST_LOAD_SENT, told
    assert unpacked <= FIRST_LOAD_UNPACKED, f"{unpacked}\n{told}"


async def test_a_warm_step_is_one_small_request(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    path = f"/patients?owner_id={ids['navigator']}"
    seen = await _enter(open_page, crm, committed_database, ids["navigator"], path)
    page = seen.page
    before = len(await _cost(page))
    await page.locator(".row-link").first.click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("van der Heuvel")
    await page.wait_for_load_state("networkidle")
    step = (await _cost(page))[before:]
    # Files that are kept are asked for without a request.
    sent = [one for one in step if one["sent"]]
    assert len([one for one in sent if "/static/" not in one["name"]]) == 1
    assert sum(one["sent"] for one in sent if "/static/vendor/htmx" not in one["name"]) <= WARM_STEP_SENT
