"""Two tabs that choose for the first time at once, each from the page without a choice."""

import asyncio
from dataclasses import replace

from app.platform.actor import Actor
from app.platform.db import Database
from app.platform.errors import Stale
from app.platform.etags import etag
from app.platform.settings import Settings
from app.preferences.schemas import PreferencesRead, PreferencesUpdate
from app.preferences.service import change_preferences
from tests import builders


async def test_one_of_two_first_choices_is_kept_and_the_other_is_told(
    committed_database: Database, settings: Settings, actor: Actor
) -> None:
    async with committed_database.unit_of_work() as session:
        account, _ = await builders.a_colleague(session)
    me = replace(actor, account_id=account.user_account_id)

    async def choose(density: str, if_match: str | None) -> PreferencesRead:
        change = PreferencesUpdate.model_validate({"density": density})
        async with committed_database.unit_of_work() as session:
            return await change_preferences(session, settings, me, change=change, if_match=if_match)

    both = [choose(density, etag(0)) for density in ("compact", "comfortable", "compact", "comfortable")]
    answers = await asyncio.gather(*both, return_exceptions=True)

    (kept,) = [answer for answer in answers if isinstance(answer, PreferencesRead)]
    assert [type(answer) for answer in answers if answer is not kept] == [Stale] * 3
