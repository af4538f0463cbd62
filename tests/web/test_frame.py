"""What the frame of a page shows is each account's own, though its statement is put together once for many."""

import re
from typing import Any

import httpx
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import RoleGrant
from app.notifications.models import Notification
from app.platform.settings import Settings
from app.preferences.models import AccountPreference
from app.saved_views.models import SavedView, SavedViewChoice
from tests.browsing import Somebody, signed_in, somebody
from tests.builders import a_lead


async def _with_a_frame_of_their_own(
    session: AsyncSession, who: Somebody, *, name: str, unread: int, **own: Any
) -> None:
    """Their preferences, a pinned view of this name and so many notifications that are unread."""
    view = SavedView(user_account_id=who.account_id, list_name="leads", name=name, filters={"status": "new"})
    session.add_all([view, AccountPreference(user_account_id=who.account_id, **own)])
    await session.flush()
    pinned = {"saved_view_id": view.saved_view_id, "list_name": "leads", "is_pinned": True}
    session.add(SavedViewChoice(user_account_id=who.account_id, **pinned))
    for _ in range(unread):
        lead = await a_lead(session)
        about = {"record_type": "patient_lead", "record_id": lead.lead_id, "person_id": lead.person_id}
        session.add(Notification(user_account_id=who.account_id, kind="assigned", **about))
    await session.commit()


async def _frame(client: httpx.AsyncClient) -> tuple[str, str, int, list[str]]:
    """The language of a page, its density, how many notifications its bell counts, and the pinned views."""
    text = (await client.get("/account")).text
    html = re.search(r"<html[^>]*>", text)
    assert html, text
    told = {name: re.search(rf'{name}="(\w+)"', html[0]) for name in ("lang", "data-density")}
    bell = re.search(r'<span class="bell-count"[^>]*>(\d+)', text)
    views = re.findall(r'<a class="nav-view"[^>]*>(?:<[^>]*>)*([^<]+)', text.partition('class="phone-bar"')[0])
    language, density = (found[1] if found else "" for found in told.values())
    return language, density, int(bell[1]) if bell else 0, list(dict.fromkeys(map(str.strip, views)))


async def test_two_who_may_see_the_same_see_each_what_is_theirs_and_what_they_may_see_now(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    one = await somebody(session, settings, "navigator", email="one@crm.example")
    other = await somebody(session, settings, "navigator", email="other@crm.example")
    await _with_a_frame_of_their_own(session, one, name="Ones", unread=1, language="nl", density="compact")
    await _with_a_frame_of_their_own(session, other, name="Others", unread=2, language="en", density="comfortable")

    seen = []
    for who in (one, other, one):
        await signed_in(client, session, who.account_id)
        seen.append(await _frame(client))
    changed = update(AccountPreference).where(AccountPreference.user_account_id == one.account_id)
    await session.execute(changed.values(language="en"))
    of_role = update(RoleGrant).where(RoleGrant.user_account_id == one.account_id)
    await session.execute(of_role.values(role="admin"))
    await session.commit()
    after = await _frame(client)

    ones, others = ("nl", "compact", 1, ["Ones"]), ("en", "comfortable", 2, ["Others"])
    assert seen == [ones, others, ones]
    assert after == ("en", "compact", 0, [])
