"""One account that pins several views at once has no more than a place in the sidebar has room for."""

import asyncio
from dataclasses import replace

from app.platform.actor import Actor
from app.platform.db import Database
from app.saved_views.errors import TooManyPinned
from app.saved_views.schemas import SavedViewChoiceUpdate, SavedViewCreate
from app.saved_views.service import MOST_PINNED, choose_view, save_view
from tests import builders


async def test_pins_at_once_keep_to_the_limit(committed_database: Database, actor: Actor) -> None:
    async with committed_database.unit_of_work() as session:
        account, _ = await builders.a_colleague(session)
    me = replace(actor, account_id=account.user_account_id)
    async with committed_database.unit_of_work() as session:
        views = [
            await save_view(
                session, me, new=SavedViewCreate.model_validate({"list_name": "leads", "name": f"View {number}"})
            )
            for number in range(MOST_PINNED + 3)
        ]
        ids = [view.saved_view_id for view in views]
    choice = SavedViewChoiceUpdate(is_pinned=True, is_default=False)

    async def pin(number: int) -> bool:
        async with committed_database.unit_of_work() as session:
            return (await choose_view(session, me, saved_view_id=ids[number], choice=choice)).is_pinned

    answers = await asyncio.gather(*(pin(number) for number in range(len(ids))), return_exceptions=True)

    assert [answer for answer in answers if answer is True] == [True] * MOST_PINNED
    assert [type(answer) for answer in answers if answer is not True] == [TooManyPinned] * 3
