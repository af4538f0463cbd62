"""Days and moments as people type them are read as they are meant, or left to the field's own check."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls.models import CallHistory
from app.calls.schemas import CallUpdate
from app.journeys.schemas import JourneyTransition
from app.patients.schemas import PatientUpdate
from app.platform import clock
from app.platform.locales import read_in
from app.platform.plausibility import EVENT_DATES, Ahead
from app.platform.settings import Settings
from app.web.forms import OF_THE_PAST, looking_back, read_form
from app.web.typed_dates import read_day, read_moment
from tests.browsing import ORIGIN, as_user
from tests.builders import a_patient, a_person

SATURDAY = date(2026, 11, 28)
LISBON = ZoneInfo("Europe/Lisbon")
NOW = datetime(2026, 11, 28, 9, 0, tzinfo=LISBON)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("today", "2026-11-28"),
        (" Tomorrow ", "2026-11-29"),
        ("yesterday", "2026-11-27"),
        ("tue", "2026-12-01"),
        ("Tuesday", "2026-12-01"),
        ("sat", "2026-12-05"),
        ("next monday", "2026-11-30"),
        ("in 3 days", "2026-12-01"),
        ("in a week", "2026-12-05"),
        ("in 2 weeks", "2026-12-12"),
        ("14/3/79", "1979-03-14"),
        ("14.3.1979", "1979-03-14"),
        ("14-03-2027", "2027-03-14"),
        ("14/3", "2027-03-14"),
        ("28/11", "2026-11-28"),
        ("1.12.", "2026-12-01"),
        ("3 aug", "2027-08-03"),
        ("3. August 2028", "2028-08-03"),
        ("3 mei 27", "2027-05-03"),
        ("1/1/36", "2036-01-01"),
        ("1/1/37", "1937-01-01"),
        ("29/2/2028", "2028-02-29"),
        ("29/2", "2028-02-29"),
    ],
)
def test_a_day(typed: str, meant: str) -> None:
    assert read_day(typed, today=SATURDAY) == date.fromisoformat(meant)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("yesterday", "2026-11-27"),
        ("tue", "2026-11-24"),
        ("sat", "2026-11-28"),
        ("24/11", "2026-11-24"),
        ("28/11", "2026-11-28"),
        ("29/11", "2025-11-29"),
        ("3 aug", "2026-08-03"),
        ("29/2", "2024-02-29"),
        ("29/11/2026", "2026-11-29"),
    ],
)
def test_a_day_that_has_been(typed: str, meant: str) -> None:
    assert read_day(typed, today=SATURDAY, is_last=True) == date.fromisoformat(meant)


@pytest.mark.parametrize(
    ("typed", "begins", "ends"),
    [
        ("24/11", "2026-11-24T00:00", "2026-11-25T00:00"),
        ("24/11 9:30", "2026-11-24T09:30", "2026-11-24T09:30"),
        ("2026-11-24T09:30", "2026-11-24T09:30", "2026-11-24T09:30"),
        ("", "", ""),
        ("soon", "soon", "soon"),
    ],
)
def test_a_day_of_the_past_is_meant_whole(monkeypatch: pytest.MonkeyPatch, typed: str, begins: str, ends: str) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    assert looking_back(typed, LISBON) == begins
    assert looking_back(typed, LISBON, is_end=True) == ends


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("vandaag", "2026-11-28"),
        ("Morgen", "2026-11-29"),
        ("overmorgen", "2026-11-30"),
        ("gisteren", "2026-11-27"),
        ("ma", "2026-11-30"),
        ("zo", "2026-11-29"),
        ("do.", "2026-12-03"),
        ("woensdag", "2026-12-02"),
        ("volgende di", "2026-12-01"),
        ("volgende week", "2026-11-30"),
        ("over 3 dagen", "2026-12-01"),
        ("over een week", "2026-12-05"),
        ("3 maart", "2027-03-03"),
        ("3 okt 2027", "2027-10-03"),
        ("tomorrow", "2026-11-29"),
        ("next week", "2026-11-30"),
    ],
)
def test_a_day_in_dutch(typed: str, meant: str) -> None:
    """English is read as well: many a colleague types it whatever language their pages are in."""
    with read_in("nl"):
        assert read_day(typed, today=SATURDAY) == date.fromisoformat(meant)


@pytest.mark.parametrize("typed", ["morgen", "ma", "over 3 dagen", "volgende week"])
def test_dutch_is_not_guessed_for_readers_of_another_language(typed: str) -> None:
    with read_in("en"):
        assert read_day(typed, today=SATURDAY) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("morgen 14:30", "2026-11-29T14:30"),
        ("morgen om 14:30", "2026-11-29T14:30"),
        ("ma 9.15 uur", "2026-11-30T09:15"),
        ("vr 9u", "2026-12-04T09:00"),
        ("di 9u30", "2026-12-01T09:30"),
        ("14:30 uur", "2026-11-28T14:30"),
    ],
)
def test_a_moment_in_dutch(typed: str, meant: str) -> None:
    with read_in("nl"):
        assert read_moment(typed, now=NOW) == datetime.fromisoformat(meant).replace(tzinfo=LISBON)


@pytest.mark.parametrize("typed", ["", "3/14/2026", "30/2/2027", "soon", "tu", "0/0/0", "31 abc", "in 9999 days", "12"])
def test_no_day(typed: str) -> None:
    assert read_day(typed, today=SATURDAY) is None


def test_a_birth_date_lies_in_the_past() -> None:
    assert read_day("14/3/30", today=SATURDAY, is_past=True) == date(1930, 3, 14)
    assert read_day("14/3/26", today=SATURDAY, is_past=True) == date(2026, 3, 14)
    assert read_day("14/3", today=SATURDAY, is_past=True) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("tomorrow 14:30", "2026-11-29T14:30"),
        ("tue 9h", "2026-12-01T09:00"),
        ("tue at 9.15", "2026-12-01T09:15"),
        ("14/3, 2:30 pm", "2027-03-14T14:30"),
        ("12am", "2026-11-28T00:00"),
        ("12 pm", "2026-11-28T12:00"),
        ("16:05", "2026-11-28T16:05"),
        ("2026-12-24 9:00", "2026-12-24T09:00"),
    ],
)
def test_a_moment(typed: str, meant: str) -> None:
    assert read_moment(typed, now=NOW) == datetime.fromisoformat(meant).replace(tzinfo=LISBON)


@pytest.mark.parametrize("typed", ["", "tomorrow", "tue 25:00", "13 pm", "soon 9:00", "14/3", "9", "99:99"])
def test_no_moment(typed: str) -> None:
    assert read_moment(typed, now=NOW) is None


@given(st.text(max_size=40), st.dates())
def test_nothing_that_is_typed_breaks_the_reading(typed: str, today: date) -> None:
    read_day(typed, today=today)
    read_moment(typed, now=datetime(today.year, today.month, today.day, tzinfo=LISBON))


async def test_a_call_is_booked_by_what_is_typed_on_their_clock_and_what_is_not_understood_comes_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session)
    patient = await a_patient(session, person)
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    place = f"/patients/{patient.patient_id}/bookings"
    there = {"csrf_token": token, "booking_time_zone": "Asia/Tokyo"}

    booked = await client.post(place, data=there | {"booking_date": "tomorrow 14:30"}, headers=ORIGIN)
    refused = await client.post(place, data=there | {"booking_date": "soon"}, headers=ORIGIN)
    facts = f"/patients/{patient.patient_id}/facts/date_of_birth"
    born = await client.post(facts, data={"csrf_token": token, "date_of_birth": "14/3/79", "seen": ""}, headers=ORIGIN)

    assert (booked.status_code, refused.status_code, born.status_code) == (303, 422, 303)
    call = (await session.scalars(select(CallHistory))).one()
    assert call.booking_date is not None
    assert f"{call.booking_date.astimezone(ZoneInfo('Asia/Tokyo')):%H:%M}" == "14:30"
    assert 'value="soon"' in refused.text
    assert "tomorrow 14:30" in refused.text
    await session.refresh(person)
    assert str(person.date_of_birth) == "1979-03-14"


def test_a_day_without_a_year_is_the_last_one_where_a_field_tells_what_has_been(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = datetime(2026, 11, 29, 18, 0, tzinfo=LISBON)
    monkeypatch.setattr(clock, "now", lambda: now)
    moved = read_form(JourneyTransition, {"to": "screening", "happened_at": "26/11 10:00"}, zone=LISBON)
    seen = read_form(PatientUpdate, {"first_contact_date": "3 dec"}, zone=LISBON)
    ahead = read_form(CallUpdate, {"booking_date": "26/11 10:00"}, zone=LISBON)

    assert moved.happened_at == datetime(2026, 11, 26, 10, 0, tzinfo=LISBON)
    assert str(seen.first_contact_date) == "2025-12-03"
    assert ahead.booking_date is not None
    assert ahead.booking_date.date() == date(2027, 11, 26)


def test_every_date_that_never_lies_ahead_is_read_as_one_of_the_past() -> None:
    never = {one.field for one in EVENT_DATES if one.ahead is Ahead.NEVER} - {"date_of_birth"}
    assert never <= OF_THE_PAST
