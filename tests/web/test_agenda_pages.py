"""The calls of a day and a week: where each stands, on which clocks, and what is asked of the database."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.availability.models import Absence
from app.availability.queries import FIRST_OVER
from app.availability.schemas import AvailabilityUpdate, HoursOfDay
from app.availability.service import change_hours
from app.calls.queries import NEWEST_FIRST, filtered
from app.calls.schemas import CallFilter
from app.platform import clock
from app.platform.actor import Actor
from app.platform.settings import Settings
from app.preferences.models import AccountPreference
from app.web.agenda import LONGEST, MOST_BESIDE
from tests import builders
from tests.browsing import signed_in, somebody
from tests.conftest import BoundDatabase, statements_of
from tests.plans import plan_of_page

CSS = Path("app/web/static/css/agenda.css")
DAY = datetime(2031, 6, 3, tzinfo=UTC)  # a Tuesday
HERE = "/calls/agenda?date=2031-06-03"
_CALL = re.compile(r'<a class="agenda-call[^>]*data-at="(\d+)" data-long="(\d+)" data-place="(\d+)"')


class Somebody:
    """A navigator who is signed in, with a zone of their own."""

    def __init__(self, account_id: UUID, person_id: UUID, token: str) -> None:
        self.account_id, self.person_id, self.token = account_id, person_id, token


async def _navigator(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, zone: str = "Europe/Amsterdam"
) -> Somebody:
    who = await somebody(session, settings, "navigator")
    person = await builders.a_person(session, first_name="Ines", last_name="Example")
    (await session.get_one(UserAccount, who.account_id)).person_id = person.person_id
    session.add(AccountPreference(user_account_id=who.account_id, time_zone=zone))
    token = await signed_in(client, session, who.account_id)
    return Somebody(who.account_id, person.person_id, token)


async def _booked(session: AsyncSession, me: Somebody, at: datetime, **values: Any) -> Any:
    patient = await builders.a_patient(session, await builders.a_person(session, **values.pop("person", {})))
    call = await builders.a_call(session, patient, pn_id=me.person_id, booking_date=at, **values)
    await session.commit()
    return call


async def test_a_call_stands_at_its_quarter_with_both_clocks_and_overlaps_stand_beside_each_other(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await _navigator(client, session, settings)
    lisbon = {"booking_time_zone": "Europe/Lisbon"}
    await _booked(session, me, DAY.replace(hour=8, minute=30), **lisbon)  # 10:30 in Amsterdam
    await _booked(session, me, DAY.replace(hour=8, minute=45), call_duration_minutes=60)
    await _booked(session, me, DAY.replace(hour=9, minute=15), booking_time_zone="Europe/Amsterdam")
    await _booked(session, me, DAY.replace(hour=10), status="cancelled")
    shown = await client.get(HERE)

    assert shown.status_code == 200
    assert _CALL.findall(shown.text) == [("10", "2", "1"), ("11", "4", "2"), ("13", "2", "1")]
    assert "09:30 in Lisbon" in shown.text
    assert "11:15 in Amsterdam" not in shown.text
    assert "style=" not in shown.text
    assert 'href="/calls/agenda' in (await client.get("/calls")).text


async def test_a_week_has_seven_days_and_a_night_widens_what_is_shown(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await _navigator(client, session, settings)
    await _booked(session, me, datetime(2031, 6, 8, 21, 45, tzinfo=UTC))  # Sunday, 23:45 in Amsterdam
    await _booked(session, me, datetime(2031, 6, 8, 22, 0, tzinfo=UTC))  # Monday after
    shown = await client.get(f"{HERE}&view=week")
    assert shown.text.count('<section class="agenda-day"') == 7
    assert _CALL.findall(shown.text) == [("63", "2", "1")]
    assert 'data-quarters="64"' in shown.text
    assert "date=2031-06-10" in shown.text


async def test_unresolved_past_calls_stand_above_and_lead_to_their_outcome(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await _navigator(client, session, settings)
    late = await _booked(session, me, clock.now() - timedelta(days=1))
    other, _ = await builders.a_colleague(session)
    patient = await builders.a_patient(session)
    theirs = await builders.a_call(
        session, patient, pn_id=other.person_id, booking_date=clock.now() - timedelta(days=1)
    )
    await session.commit()
    mine, team = await client.get(HERE), await client.get(f"{HERE}&of=team")
    assert f"/calls/{late.call_id}/outcome" in mine.text
    assert f"/calls/{theirs.call_id}/outcome" not in mine.text
    assert f"/calls/{theirs.call_id}/outcome" in team.text


async def test_hours_that_are_not_worked_and_absences_are_shaded(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await _navigator(client, session, settings)
    actor = Actor(me.account_id, "", roles=frozenset({"navigator"}), permissions=frozenset())
    hours = [HoursOfDay(weekday=2, starts="09:00", ends="12:00"), HoursOfDay(weekday=2, starts="13:00", ends="17:00")]
    await change_hours(
        session, actor, account_id=me.account_id, change=AvailabilityUpdate(hours=hours), default_zone="UTC"
    )
    away = DAY.replace(hour=13)  # 15:00 in Amsterdam
    session.add(Absence(user_account_id=me.account_id, kind="other", starts_at=away, ends_at=away + timedelta(hours=1)))
    await session.commit()
    own, team = await client.get(HERE), await client.get(f"{HERE}&of=team")
    shades = re.compile(r'agenda-shade" data-kind="(\w+)" data-at="(\d+)" data-long="(\d+)"')
    expected = [("absent", "28", "4"), ("off", "0", "4"), ("off", "16", "4"), ("off", "36", "4")]
    assert shades.findall(own.text) == shades.findall(team.text) == expected
    assert 'aria-label="Ines Example"' in team.text


async def test_the_line_of_now_stands_in_today_alone(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = clock.now().astimezone(ZoneInfo("Europe/Amsterdam")).replace(hour=12, minute=20)
    monkeypatch.setattr(clock, "now", lambda: at.astimezone(UTC))
    await _navigator(client, session, settings)
    today, week = await client.get("/calls/agenda"), await client.get("/calls/agenda?view=week")
    other = await client.get(HERE)
    assert 'agenda-now" data-at="17"' in today.text
    assert week.text.count("agenda-now") == 1
    assert "agenda-now" not in other.text


async def test_a_day_is_taken_as_people_type_it(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await _navigator(client, session, settings)
    for typed in ("3 Jun 2031", "3/6/2031", "2031-06-03"):
        shown = await client.get("/calls/agenda", params={"date": typed})
        assert (shown.status_code, 'value="2031-06-03"' in shown.text) == (200, True), typed


@pytest.mark.parametrize("wrong", ["view=month", "of=all", "date=x", "date=9999-12-31", "date=0001-01-01"])
async def test_what_cannot_be_shown_is_said_and_today_is_shown(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, wrong: str
) -> None:
    await _navigator(client, session, settings)
    answer = await client.get(f"/calls/agenda?{wrong}")
    assert answer.status_code == 422
    assert "another look" in answer.text


async def test_it_asks_the_database_eight_times_at_most_however_many_calls_there_are(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, bound: BoundDatabase
) -> None:
    me = await _navigator(client, session, settings)

    async def sent(address: str) -> int:
        with statements_of(bound) as statements:
            assert (await client.get(address)).status_code == 200
        beside = ("web_session", "account_preference WHERE", "INSERT INTO audit", "SAVEPOINT", "user_account.kind")
        return len([one for one in statements if not any(word in one for word in beside)])

    async def more(count: int) -> None:
        for hour in range(count):
            await _booked(session, me, DAY.replace(hour=6 + hour))
            await _booked(session, me, clock.now() - timedelta(hours=hour + 1))

    await more(10)
    addresses = (HERE, f"{HERE}&of=team&view=week")
    many = [await sent(address) for address in addresses]
    await more(8)
    assert [await sent(address) for address in addresses] == many
    assert max(many) <= 8


async def test_its_calls_are_read_from_an_index(session: AsyncSession) -> None:
    actor = Actor(None, "", roles=frozenset({"navigator"}), permissions=frozenset())
    period = {"occurs_from": DAY, "occurs_to": DAY + timedelta(days=7)}
    # With few rows in the table the index of all is as good as that of one's own.
    for whose, indexes in (
        ({}, {"ix_call_history_occurs_at"}),
        ({"pn_id": UUID(int=1)}, {"ix_call_history_pn_id_occurs_at", "ix_call_history_occurs_at"}),
    ):
        found = await plan_of_page(
            session, filtered(actor, CallFilter.model_validate({**whose, **period})), NEWEST_FIRST
        )
        assert any(index in found for index in indexes), found
        assert "Seq Scan" not in found.split("SubPlan")[0]
        assert "Sort" not in found
    assert FIRST_OVER.columns


def test_every_place_that_a_call_can_have_is_drawn() -> None:
    css = CSS.read_text()
    assert all(f'[data-at="{at}"]' in css for at in range(24 * 4))
    assert all(f'[data-long="{long}"]' in css for long in range(1, max(LONGEST, 96) + 1))
    assert all(f'[data-place="{place}"]' in css for place in range(1, MOST_BESIDE + 1))
    assert all(f'[data-beside="{beside}"]' in css for beside in range(2, MOST_BESIDE + 1))
