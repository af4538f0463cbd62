"""The pages in Dutch, whose words are longer: nothing is cut, and everything has room."""

from uuid import UUID

import pytest
from playwright.async_api import expect
from sqlalchemy import update

from app.people.models import SuggestedChange
from app.people.suggestions import value_hash
from app.platform.db import Database
from app.platform.settings import Settings
from app.preferences.models import AccountPreference
from tests.browser.conftest import WHOLE, WIDTHS, Open, seen_as
from tests.browsing import somebody
from tests.canaries import World

pytestmark = pytest.mark.long

ROLES = ("navigator", "programme_manager", "data_steward", "privacy_officer")
PAGES = (
    "/today", "/leads", "/patients", "/calls", "/tasks", "/suggestions", "/standing-faults", "/audit",
    "/account/availability", "/leads/{lead_id}", "/leads/{lead_id}/convert", "/patients/{patient_id}",
    "/patients/{patient_id}/calls/new",
)  # fmt: skip
OTHERS = (
    "/account", "/account/preferences", "/audit/persons/{person_id}", "/calls/agenda?view=week",
    "/calls/{call_id}/outcome", "/callers/new", "/history/persons/{person_id}", "/leads/{lead_id}/bookings/new",
    "/leads/{lead_id}/move", "/notifications/choices", "/tasks/{task_id}",
)  # fmt: skip
"""With the whole matrix these too, and every page of the sidebar, which has the other lists."""


@pytest.fixture(scope="module")
async def reader(settings: Settings, committed_database: Database, world: World) -> UUID:
    """Somebody of many roles who reads Dutch; a suggested change waits for their decision."""
    async with committed_database.session() as session:
        who = await somebody(session, settings, *ROLES, email="femke@dutch.example", name="Femke Dijkstra")
        session.add(AccountPreference(user_account_id=who.account_id, updated_by=who.account_id, language="nl"))
        theirs = "ines.carvalho.duarte@neurology.hospital.example"
        session.add(
            SuggestedChange(
                person_id=world.person_id,
                table_name="person",
                record_id=world.person_id,
                field="email",
                ours="ines@hospital.example",
                ours_version=1,
                theirs=theirs,
                value_hash=value_hash(theirs),
                source="contact_form",
            )
        )
        await session.commit()
        return who.account_id


async def _chooses(database: Database, reader: UUID, language: str) -> None:
    async with database.session() as session:
        own = AccountPreference.user_account_id == reader
        await session.execute(update(AccountPreference).values(language=language).where(own))
        await session.commit()


async def test_pages_in_dutch_have_room_for_their_words(
    open_page: Open, crm: str, committed_database: Database, world: World, reader: UUID
) -> None:
    await _chooses(committed_database, reader, "nl")
    seen = await seen_as(open_page, crm, committed_database, reader)
    pages = list(PAGES)
    if WHOLE:
        await seen.page.goto(crm)
        links = seen.page.locator(".sidebar a[href^='/']")
        pages += [*await links.evaluate_all("all => all.map((one) => one.getAttribute('href'))"), *OTHERS]
        assert "/hospitals" in pages
    found: list[str] = []
    widths = WIDTHS
    for path in dict.fromkeys(path.format(**world.ids) for path in pages):
        await seen.page.goto(crm + path)
        assert await seen.page.get_attribute("html", "lang") == "nl", path
        for width in widths:
            await seen.resize(width)
            found += [f"{path} {width}: {finding}" for finding in await seen.layout()]
        # The next page begins as wide as this one ended.
        widths = widths[::-1]
    assert found == []


@pytest.mark.parametrize("language", ["en", "nl"])
async def test_the_two_buttons_of_a_suggested_change_stand_beside_each_other(
    open_page: Open, crm: str, committed_database: Database, reader: UUID, language: str
) -> None:
    await _chooses(committed_database, reader, language)
    seen = await seen_as(open_page, crm, committed_database, reader)
    await seen.page.goto(f"{crm}/suggestions")
    await expect(seen.page.locator("html")).to_have_attribute("lang", language)
    for width in (1440, 1280, 1024):
        await seen.resize(width)
        tops = await seen.page.locator(".list-decide .button").evaluate_all(
            "all => all.map((one) => one.getBoundingClientRect().top)"
        )
        assert len(tops) == 2, width
        assert len({*tops}) == 1, width
