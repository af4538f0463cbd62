"""The calls of a day and a week in a real browser, and who is there."""

from uuid import UUID

import pytest
from playwright.async_api import expect
from sqlalchemy import select

from app.availability.models import WorkingSpan
from app.main import create_app
from app.platform.db import Database
from app.platform.settings import Settings
from tests.browser.conftest import Open, Serve
from tests.browser.test_patients import LONG, _as
from tests.browsing import somebody

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
async def crm(serve: Serve, settings: Settings, committed_database: Database) -> str:
    return await serve(create_app(settings, committed_database))


@pytest.fixture(scope="module")
async def ids(settings: Settings, committed_database: Database) -> dict[str, UUID]:
    """A navigator, and a programme manager with a long name."""
    async with committed_database.session() as session:
        names = {"navigator": "Noor Brandt", "programme_manager": LONG}
        return {
            role: (await somebody(session, settings, role, email=f"{role}@agenda.example", name=name)).account_id
            for role, name in names.items()
        }


async def test_hours_and_an_absence_are_said_by_keyboard(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    seen = await _as(open_page, crm, committed_database, ids["navigator"])
    page = seen.page
    await page.goto(f"{crm}/account/preferences")
    await page.get_by_role("link", name="Working hours and absences").press("Enter")
    for day in ("Monday", "Tuesday"):
        await page.get_by_label(day).fill("9-12:30, 13-17")
    await page.get_by_label("Tuesday").press("Enter")
    await expect(page.get_by_text("The working hours are saved.")).to_be_visible()
    await page.get_by_label("From").fill("24/12")
    await page.get_by_label("Until").fill("2/1")
    await page.get_by_label("Until").press("Enter")
    await expect(page.get_by_text("The absence is saved.")).to_be_visible()
    async with committed_database.session() as session:
        assert len(list(await session.scalars(select(WorkingSpan.working_span_id)))) == 4


async def test_pages_have_no_finding_and_never_scroll_sideways(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    found: list[str] = []
    for role in ("navigator", "programme_manager"):
        seen = await _as(open_page, crm, committed_database, ids[role])
        for path in ("/account/availability", "/availability", f"/availability/{ids['navigator']}"):
            await seen.page.goto(crm + path)
            await expect(seen.page.get_by_role("heading", level=1)).to_be_visible()
            found += [f"{role} {path}: {finding}" for finding in await seen.findings()]
    assert found == []
