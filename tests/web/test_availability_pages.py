"""The pages of working hours and absences, and what a booking says of them."""

from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.availability.models import Absence, WorkingSpan
from app.platform import clock
from app.platform.settings import Settings
from app.preferences.models import AccountPreference
from app.web.availability import read_hours
from tests import builders
from tests.browsing import as_user, signed_in, somebody

HERE = "/account/availability"


async def _hours(session: AsyncSession) -> list[tuple[int, int, int]]:
    rows = await session.scalars(select(WorkingSpan).order_by(WorkingSpan.weekday, WorkingSpan.from_minute))
    return [(row.weekday, row.from_minute, row.until_minute) for row in rows]


async def test_hours_are_typed_by_day_and_shown_again(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "navigator")
    before = await client.get(HERE)
    sent = {"csrf_token": token, "seen": "0", "day_1": "9-12:30, 13 to 17", "day_7": "22.15-24"}
    saved = await client.post(HERE, data=sent)
    after = await client.get(HERE)
    again = await client.post(HERE, data=sent)

    assert "Working hours and absences" in before.text
    assert saved.status_code == 303
    assert await _hours(session) == [(1, 540, 750), (1, 780, 1020), (7, 1335, 1440)]
    assert 'value="09:00-12:30, 13:00-17:00"' in after.text
    # A second tab that has not seen this saves nothing, and keeps what was typed.
    assert again.status_code == 412
    assert 'value="22.15-24"' in again.text


async def test_who_is_there_says_in_words_what_is_not_entered_and_leads_to_ones_own(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await as_user(client, session, settings, "navigator")
    shown = await client.get("/availability")
    assert all(said in shown.text for said in ("Not absent", "Not entered yet", "Not in the next four weeks"))
    assert 'href="/account/availability"' in shown.text


async def test_a_day_that_is_not_understood_is_named_and_kept(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "liaison")
    wrong = {"day_1": "mornings", "day_3": "9-25", "day_5": "9-12"}
    answer = await client.post(HERE, data={"csrf_token": token, **wrong})
    overlapping = await client.post(HERE, data={"csrf_token": token, "day_2": "9-12, 11-13"})

    assert answer.status_code == overlapping.status_code == 422
    assert "Monday: write hours such as" in answer.text
    assert "Wednesday: write hours such as" in answer.text
    assert "Friday: write" not in answer.text
    assert 'value="mornings"' in answer.text
    assert "Two spans of one day overlap." in overlapping.text
    assert await _hours(session) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [("9-17", 1), ("9-12;13-17", 2), ("09:00–12:00 and 13:00-17:00", 2), ("", 0)],  # noqa: RUF001
)
def test_hours_are_read_as_people_write_them(text: str, found: int) -> None:
    assert len(read_hours({"day_1": text})) == found


async def test_an_absence_of_days_is_whole_days_on_ones_own_clock_and_is_taken_out(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    account = await somebody(session, settings, "navigator")
    session.add(AccountPreference(user_account_id=account.account_id, time_zone="America/New_York"))
    token = await signed_in(client, session, account.account_id)
    sent = {"csrf_token": token, "kind": "holiday"}
    wrong = await client.post(f"{HERE}/absences", data={**sent, "starts_at": "x", "ends_at": "2030-01-08"})
    made = await client.post(f"{HERE}/absences", data={**sent, "starts_at": "2030-01-07", "ends_at": "2030-01-08"})
    (absence,) = await session.scalars(select(Absence))
    shown = await client.get(HERE)
    gone = await client.post(f"{HERE}/absences/{absence.absence_id}/remove", data={"csrf_token": token})

    assert wrong.status_code == 422
    assert 'value="2030-01-08"' in wrong.text
    assert made.status_code == gone.status_code == 303
    assert absence.starts_at.isoformat() == "2030-01-07T05:00:00+00:00"
    assert absence.ends_at.isoformat() == "2030-01-09T05:00:00+00:00"
    assert "Holiday" in shown.text
    assert list(await session.scalars(select(Absence.absence_id))) == []


async def test_an_absence_ends_on_the_first_such_day_after_it_begins(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    account = await somebody(session, settings, "navigator")
    token = await signed_in(client, session, account.account_id)
    sent = {"csrf_token": token, "kind": "holiday", "starts_at": "28/12/2031", "ends_at": "3 jan"}
    made = await client.post(f"{HERE}/absences", data=sent)
    ends_at = await session.scalar(select(Absence.ends_at))

    assert made.status_code == 303
    assert ends_at is not None
    assert ends_at.date().isoformat() in {"2032-01-03", "2032-01-04"}


async def test_a_manager_changes_a_colleagues_and_colleagues_look_at_them(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    account, _ = await builders.a_colleague(session)
    there = f"/availability/{account.user_account_id}"
    token = await as_user(client, session, settings, "programme_manager")
    saved = await client.post(there, data={"csrf_token": token, "day_1": "9-17", "day_2": "9-17"})
    token = await as_user(client, session, settings, "navigator")
    shown, all_of_them = await client.get(there), await client.get("/availability")
    refused = await client.post(there, data={"csrf_token": token, "day_1": ""})

    assert saved.status_code == 303
    assert "09:00-17:00" in shown.text
    assert "Save the hours" not in shown.text
    assert "Mon to Tue 09:00-17:00" in all_of_them.text
    assert "Noor Bakker" in all_of_them.text
    assert refused.status_code == 403


async def test_a_booking_outside_of_ones_hours_says_so_and_is_made_when_it_is_wanted(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    account = await somebody(session, settings, "navigator")
    person = await builders.a_person(session)
    row = await session.get_one(UserAccount, account.account_id)
    row.person_id = person.person_id
    patient = await builders.a_patient(session)
    token = await signed_in(client, session, account.account_id)
    await client.post(HERE, data={"csrf_token": token, "day_1": "9-10"})
    day = clock.now().date() + timedelta(days=14)
    sent = {"booking_date": f"{day} 15:00", "booking_time_zone": "UTC", "direction": "outbound", "channel": "phone"}
    place = f"/patients/{patient.patient_id}/bookings"
    asked = await client.post(place, data={"csrf_token": token, **sent})
    wanted = {"all_the_same": f"{day}T15:00Z outside_working_hours"}
    answer = await client.post(place, data={"csrf_token": token, **sent, **wanted})

    assert isinstance(account.account_id, UUID)
    assert answer.status_code == 303
    assert asked.status_code == 409
    assert "outside of your working hours" in asked.text


@pytest.mark.parametrize(("role", "is_told"), [("navigator", True), ("programme_manager", False)])
async def test_who_may_not_hand_over_work_is_told_who_does(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, role: str, *, is_told: bool
) -> None:
    await as_user(client, session, settings, role)
    other = await somebody(session, settings, "navigator", email="other@crm.example")
    places = ("/", "/availability", "/account/availability", f"/availability/{other.account_id}")
    nobody = [(await client.get(place)).text for place in places]
    for name in ("Kwame Osei", "Anna Berg"):
        await somebody(session, settings, "programme_manager", name=name, email=f"{name[0]}@managers.example")
    await session.commit()
    named = [(await client.get(place)).text for place in places]

    says = "The work of a colleague is handed over by a programme manager"
    assert [f"{says}." in shown for shown in nobody] == [is_told] * 4
    assert [f"{says}: Anna Berg, Kwame Osei." in shown for shown in named] == [is_told] * 4
