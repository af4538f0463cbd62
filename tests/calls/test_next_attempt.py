"""When to try again: within one's own hours, where nothing is booked, by day where they are, at another time of day."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.availability.models import Absence
from app.availability.rules import Period, first_free
from app.calls.next_attempt import propose_attempt
from app.calls.rules import is_night_there
from app.platform.actor import Actor
from app.platform.settings import Settings
from tests.browsing import somebody
from tests.builders import a_call, a_patient, a_person

HALF_HOUR = timedelta(minutes=30)
DAY = datetime(2026, 11, 30, tzinfo=UTC)


def _at(hour: int, minute: int = 0) -> datetime:
    return DAY.replace(hour=hour, minute=minute)


@pytest.mark.parametrize(
    ("hours", "taken", "found"),
    [
        ([Period(_at(9), _at(17))], [], _at(9)),
        ([Period(_at(9, 10), _at(17))], [], _at(9, 30)),
        ([Period(_at(9), _at(17))], [Period(_at(8), _at(9, 1)), Period(_at(9, 45), _at(10))], _at(10)),
        ([Period(_at(9), _at(9, 29)), Period(_at(14), _at(14, 30))], [], _at(14)),
        ([Period(_at(9), _at(10))], [Period(_at(8), _at(11))], None),
        ([], [], None),
    ],
)
def test_the_first_free_half_hour_is_within_the_hours_and_beside_what_is_taken(
    hours: Sequence[Period], taken: Collection[Period], found: datetime | None
) -> None:
    assert first_free(hours, taken=taken, length=HALF_HOUR, fits=lambda _at: True) == found


@pytest.mark.parametrize(
    ("now", "zone", "proposed"),
    [
        # Tried on a Friday morning: on Monday afternoon. Tried in the afternoon: on a morning.
        ("2026-11-27T10:00+01:00", "Europe/Amsterdam", "2026-11-30T13:00+01:00"),
        ("2026-11-26T15:00+01:00", "Europe/Amsterdam", "2026-11-27T09:00+01:00"),
        # It is the morning in New York; the afternoon there that is in our hours is none, so it is their morning.
        ("2026-11-26T15:00+01:00", "America/New_York", "2026-11-27T15:00+01:00"),
    ],
)
async def test_a_proposal_is_at_another_time_of_their_day_where_that_can_be(
    session: AsyncSession, settings: Settings, now: str, zone: str, proposed: str
) -> None:
    me = await _me(session, settings)

    at = await propose_attempt(
        session, me, their_zone=ZoneInfo(zone), now=datetime.fromisoformat(now), default_zone="Europe/Amsterdam"
    )

    assert at == datetime.fromisoformat(proposed)


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "America/New_York", "Asia/Tokyo", "Pacific/Auckland"])
@pytest.mark.parametrize("hour", range(0, 24, 3))
async def test_no_proposal_is_at_night_where_they_are(
    session: AsyncSession, settings: Settings, zone: str, hour: int
) -> None:
    me = await _me(session, settings)

    at = await propose_attempt(session, me, their_zone=ZoneInfo(zone), now=_at(hour), default_zone="Europe/Amsterdam")

    assert at is None or not is_night_there(at, zone)


async def test_a_proposal_is_neither_in_an_absence_nor_over_another_booking(
    session: AsyncSession, settings: Settings
) -> None:
    me = await _me(session, settings)
    monday = datetime.fromisoformat("2026-11-30T00:00+01:00")
    absence = {"starts_at": monday, "ends_at": monday + timedelta(days=1)}
    session.add(Absence(user_account_id=me.account_id, kind="holiday", **absence))
    booked = monday + timedelta(days=1, hours=13)
    await a_call(session, await a_patient(session), booking_date=booked, pn_id=me.person_id)

    friday = datetime.fromisoformat("2026-11-27T10:00+01:00")
    at = await propose_attempt(session, me, their_zone=None, now=friday, default_zone="Europe/Amsterdam")

    assert at == booked + HALF_HOUR


async def _me(session: AsyncSession, settings: Settings) -> Actor:
    who = await somebody(session, settings, "navigator", name="Noor Brandt")
    colleague = await a_person(session, first_name="Noor", last_name="Brandt")
    account = await session.get_one(UserAccount, who.account_id)
    account.person_id = colleague.person_id
    await session.flush()
    return Actor(who.account_id, "Noor Brandt", frozenset({"navigator"}), frozenset(), colleague.person_id)
