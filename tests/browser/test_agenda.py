"""The calls of a day and a week in a real browser, and who is there."""

from datetime import timedelta
from uuid import UUID

import pytest
from playwright.async_api import expect
from sqlalchemy import func, select, update

from app.access.models import UserAccount
from app.availability.models import Absence, WorkingSpan
from app.calls.models import CallHistory
from app.casework import hand_over
from app.patients.models import Patient
from app.platform import clock
from app.platform.db import Database
from app.platform.settings import Settings
from tests.browser.conftest import Open, seen_as
from tests.browser.test_patients import LONG
from tests.browsing import somebody
from tests.builders import a_call, a_lead, a_patient, a_person

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
async def ids(settings: Settings, committed_database: Database) -> dict[str, UUID]:
    """A navigator, a programme manager with a long name, and two patients by their first names."""
    async with committed_database.session() as session:
        names = {"navigator": "Noor Brandt", "programme_manager": LONG}
        made = {
            role: (await somebody(session, settings, role, email=f"{role}@agenda.example", name=name)).account_id
            for role, name in names.items()
        }
        me = await a_person(session, first_name="Noor", last_name="Brandt")
        (await session.get_one(UserAccount, made["navigator"])).person_id = me.person_id
        for first in ("Ana", "Rui"):
            person = await a_person(session, first_name=first, last_name="Carvalho", time_zone="Europe/Lisbon")
            made[first] = (await a_patient(session, person)).patient_id
        await session.commit()
        return made


async def test_hours_and_an_absence_are_said_by_keyboard(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    seen = await seen_as(open_page, crm, committed_database, ids["navigator"])
    page = seen.page
    await page.goto(f"{crm}/account/preferences")
    await page.get_by_role("link", name="Working hours and absences").press("Enter")
    for day in ("Monday", "Tuesday"):
        await page.get_by_label(day).fill("9-12:30, 13-17")
    await page.get_by_label("Tuesday").press("Enter")
    await expect(page.get_by_text("The working hours are saved.")).to_be_visible()
    async with committed_database.session() as session:
        # Run once more, it is another year's.
        year = 2031 + (await session.scalar(select(func.count(Absence.absence_id))) or 0)
    await page.get_by_role("textbox", name="From").fill(f"24/12/{year}")
    await page.get_by_role("textbox", name="Until").fill(f"2/1/{year + 1}")
    await page.get_by_role("textbox", name="Until").press("Enter")
    await expect(page.get_by_text("The absence is saved.")).to_be_visible()
    async with committed_database.session() as session:
        assert len(list(await session.scalars(select(WorkingSpan.working_span_id)))) == 4


async def test_yesterdays_calls_are_found_and_closed_by_keyboard_and_on_a_phone(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    async with committed_database.session() as session:
        me = (await session.get_one(UserAccount, ids["navigator"])).person_id
        # Run once more, it begins anew: what is left of the first time lies ahead.
        missing = (CallHistory.pn_id == me) & (CallHistory.booking_date < clock.now())
        ahead = clock.now() + timedelta(days=900)
        await session.execute(
            update(CallHistory).where(missing & (CallHistory.status == "scheduled")).values(booking_date=ahead)
        )
        for first in ("Ana", "Rui"):
            patient = await session.get_one(Patient, ids[first])
            yesterday = clock.now() - timedelta(days=1)
            await a_call(session, patient, pn_id=me, booking_date=yesterday, status="scheduled")
        await session.commit()
    seen = await seen_as(open_page, crm, committed_database, ids["navigator"])
    page = seen.page
    for width, first in ((1440, "Ana"), (390, "Rui")):
        await page.set_viewport_size({"width": width, "height": 844})
        await page.goto(f"{crm}/calls/agenda")
        late = page.get_by_role("region", name="Without an outcome")
        await late.get_by_role("link", name=first).press("Enter")
        await page.get_by_label("Reached").check()
        await page.get_by_label("No", exact=True).check()
        await page.get_by_role("button", name="Save", exact=True).press("Enter")
        await expect(page.get_by_text("The outcome of the call is saved.")).to_be_visible()
    await page.goto(f"{crm}/calls/agenda")
    await expect(page.get_by_role("region", name="Without an outcome")).to_have_count(0)


async def test_in_the_list_of_calls_enter_asks_for_the_outcome_and_space_peeks_at_the_person(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    async with committed_database.session() as session:
        me = (await session.get_one(UserAccount, ids["navigator"])).person_id
        patient = await session.get_one(Patient, ids["Rui"])
        yesterday = clock.now() - timedelta(days=1)
        await a_call(session, patient, pn_id=me, booking_date=yesterday, status="scheduled")
        await session.commit()
    seen = await seen_as(open_page, crm, committed_database, ids["navigator"])
    page = seen.page
    await page.goto(f"{crm}/calls?pn_id={me}&unresolved=true")
    assert await seen.findings() == []
    await seen.resize(1440)
    await page.keyboard.press("j")
    await page.keyboard.press(" ")
    await expect(page.locator("#peek").get_by_text("Rui Carvalho")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("How did the call end?")
    await page.keyboard.press("2")
    await page.get_by_role("button", name="Save", exact=True).press("Enter")
    await expect(page.get_by_text("The outcome of the call is saved.")).to_be_visible()
    await expect(page.get_by_text("Every call of yours has an outcome")).to_be_visible()


async def test_a_call_is_booked_in_the_callers_zone_from_the_agenda(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    seen = await seen_as(open_page, crm, committed_database, ids["navigator"])
    page = seen.page
    await page.context.add_cookies([{"name": "zone", "value": "Europe/Amsterdam", "url": crm}])
    for width, hour in ((1440, "09:30"), (390, "14:00")):
        await page.set_viewport_size({"width": width, "height": 844})
        await page.goto(f"{crm}/calls/agenda?date=2031-06-03")
        await page.get_by_role("link", name="Book a call").press("Enter")
        await page.get_by_role("main").get_by_role("searchbox").fill("carvalho")
        await page.keyboard.press("Enter")
        await page.get_by_role("main").get_by_role("link", name="Ana Carvalho").first.press("Enter")
        await page.get_by_label("When").fill(f"2031-06-03 {hour}")
        await page.get_by_label("When").press("Enter")
        # By the hours that were said before, if they were, one of the two is outside of them.
        doubted = page.get_by_label("Book it all the same")
        await expect(doubted.or_(page.get_by_text("Booked for"))).to_be_visible()
        if await doubted.count():
            await doubted.check()
            await page.get_by_role("button", name="Book the call").press("Enter")
        await expect(page.get_by_text("Booked for")).to_be_visible()
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.goto(f"{crm}/calls/agenda?date=2031-06-02")
    await page.get_by_role("heading", level=1).click()
    await page.keyboard.press("]")
    await expect(page.get_by_role("link", name="10:30 Ana Carvalho 09:30 in Lisbon").first).to_be_visible()
    # What lacks an outcome stands above, and is walked first.
    for _ in range(await page.locator(".agenda-open .row-link").count()):
        await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("ArrowDown")
    await expect(page.locator(".agenda-call:focus")).to_have_count(1)


async def test_pages_have_no_finding_and_never_scroll_sideways(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    async with committed_database.session() as session:
        me = (await session.get_one(UserAccount, ids["navigator"])).person_id
        patient = await a_patient(session, await a_person(session, first_name=LONG, last_name=LONG))
        yesterday = clock.now() - timedelta(days=1)
        await a_call(session, patient, pn_id=me, booking_date=yesterday, status="scheduled")
        await session.commit()
    found: list[str] = []
    for role in ("navigator", "programme_manager"):
        seen = await seen_as(open_page, crm, committed_database, ids[role])
        paths = ["/account/availability", "/availability", f"/availability/{ids['navigator']}"]
        paths += ["/hand-over", f"/availability/{ids['navigator']}/hand-over"] if role == "programme_manager" else []
        paths += ["/calls/agenda", "/calls/agenda?view=week&of=team"] if role == "navigator" else []
        for path in paths:
            await seen.page.goto(crm + path)
            await expect(seen.page.get_by_role("heading", level=1)).to_be_visible()
            found += [f"{role} {path}: {finding}" for finding in await seen.findings()]
    assert found == []


@pytest.mark.parametrize("width", [768, 900, 1024])
async def test_a_week_fits_where_there_is_little_room(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID], width: int
) -> None:
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.set_viewport_size({"width": width, "height": 900})
    await page.goto(f"{crm}/calls/agenda?view=week&date=2031-06-03")
    await expect(page.locator(".agenda-day")).to_have_count(7)
    assert await page.locator(".agenda").evaluate("one => one.scrollWidth - one.clientWidth") == 0
    tops = "all => new Set(all.map((one) => one.getBoundingClientRect().top)).size"
    assert width < 896 or await page.locator(".agenda-grid").evaluate_all(tops) == 1


async def test_the_shortest_call_can_be_read(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID]
) -> None:
    day = clock.now().replace(hour=10, minute=0) - timedelta(days=40)
    async with committed_database.session() as session:
        me = await session.get_one(UserAccount, ids["navigator"])
        patient = await a_patient(session, await a_person(session, first_name="Lia", last_name="Carvalho"))
        said = {"status": "completed", "outcome": "reached", "adverse_event_heard": False}
        await a_call(session, patient, pn_id=me.person_id, call_date=day, call_duration_minutes=5, **said)
        await session.commit()
    page = (await seen_as(open_page, crm, committed_database, ids["navigator"])).page
    await page.goto(f"{crm}/calls/agenda?view=day&date={day.date()}")
    room = "one => one.clientHeight - parseFloat(getComputedStyle(one).lineHeight)"
    call = page.locator(".agenda-call").first
    await expect(call).to_contain_text("Lia Carvalho")
    assert await call.evaluate(room) >= 0


async def test_all_open_work_is_handed_over_by_one_press_however_many_pieces_it_takes(
    open_page: Open,
    crm: str,
    committed_database: Database,
    ids: dict[str, UUID],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hand_over, "BATCH", 2)
    async with committed_database.session() as session:
        leaving = await somebody(session, settings, "navigator", email="leaving@hand.example", name="Willem Vos")
        await somebody(session, settings, "navigator", email="receiver@hand.example", name="Karima Haddad")
        for number in range(5):
            person = await a_person(session, first_name=f"Lead{number}", last_name="Handed")
            await a_lead(session, person, owner_id=leaving.account_id)
        await session.commit()
    seen = await seen_as(open_page, crm, committed_database, ids["programme_manager"])
    page = seen.page
    await page.goto(f"{crm}/hand-over")
    await page.get_by_label("Whose work").fill("willem v")
    await page.get_by_role("option", name="Willem Vos").click()
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_label("Give leads to").fill("karima")
    await page.get_by_role("option", name="Karima Haddad").click()
    await page.get_by_role("button", name="Hand it over").click()

    await expect(page.get_by_text("Handed over: 5 leads.")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Back: 5 leads.")).to_be_visible()
