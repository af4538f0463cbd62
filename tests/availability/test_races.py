"""Two who say the hours of one colleague at once: the second is told that they have changed."""

import asyncio

from app.availability.queries import get_week
from app.availability.schemas import AvailabilityRead, AvailabilityUpdate
from app.availability.service import availability_of, change_hours
from app.platform.actor import Actor
from app.platform.db import Database
from app.platform.errors import Stale
from app.platform.etags import etag
from tests import builders


async def test_one_of_two_first_weeks_is_kept_and_the_other_is_told(committed_database: Database, actor: Actor) -> None:
    async with committed_database.unit_of_work() as session:
        account, _ = await builders.a_colleague(session)
    account_id = account.user_account_id

    async def say(starts: str) -> AvailabilityRead:
        change = AvailabilityUpdate.model_validate({"hours": [{"weekday": 1, "starts": starts, "ends": "17:00"}]})
        async with committed_database.unit_of_work() as session:
            return await change_hours(
                session, actor, account_id=account_id, change=change, default_zone="UTC", if_match=etag(0)
            )

    answers = await asyncio.gather(*(say(f"{hour:02}:00") for hour in range(8, 14)), return_exceptions=True)

    (kept,) = [answer for answer in answers if isinstance(answer, AvailabilityRead)]
    assert [type(answer) for answer in answers if answer is not kept] == [Stale] * 5
    async with committed_database.unit_of_work() as session:
        found = await availability_of(session, actor, account_id=account_id, default_zone="UTC")
        assert found.hours == kept.hours
        assert await get_week(session, account_id=account_id) is not None
