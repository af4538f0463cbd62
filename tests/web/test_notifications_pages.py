"""The bell of the top bar and the choice of what is told where, by plain HTTP as without JavaScript."""

import re

import httpx
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.notifications.models import Notification, NotificationChoice
from app.notifications.words import KINDS
from app.platform.settings import Settings
from tests.browsing import ORIGIN, as_user, signed_in, somebody
from tests.builders import a_lead
from tests.conftest import BoundDatabase
from tests.web.test_patients_pages import statements


def _bell(answer: httpx.Response) -> str:
    found = re.search(r'class="button bell"[^>]* aria-label="([^"]+)"', answer.text)
    assert found, answer.text
    return found[1]


async def test_the_bell_counts_what_is_unread_without_a_statement_of_its_own(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, bound: BoundDatabase
) -> None:
    who = await somebody(session, settings, "navigator")
    await signed_in(client, session, who.account_id)
    before = await client.get("/hospitals/new")
    for _ in range(3):
        lead = await a_lead(session)
        session.add(
            Notification(
                user_account_id=who.account_id,
                kind="assigned",
                record_type="patient_lead",
                record_id=lead.lead_id,
                person_id=lead.person_id,
            )
        )
    await session.commit()
    with statements(bound) as found:
        after = await client.get("/hospitals/new")
    assert (_bell(before), _bell(after)) == ("Notifications", "Notifications: 3 unread")
    assert len([one for one in found if "notification" in one]) == 1
    assert len([one for one in found if "account_preference" in one]) == 1
    assert len(found) == 2, found


async def test_each_kind_is_told_in_the_app_by_mail_or_nowhere(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "navigator")
    shown = await client.get("/notifications/choices")
    saved = await client.post(
        "/notifications/choices",
        data={"csrf_token": token, "in_app": ["assigned"], "by_mail": ["came_back", "call_soon"]},
        headers=ORIGIN,
    )
    rows = {row.kind: (row.in_app, row.by_mail) for row in await session.scalars(select(NotificationChoice))}
    again = await client.get("/notifications/choices")

    assert len(re.findall(r'name="in_app"[^>]* checked', shown.text)) == len(KINDS)
    assert 'name="by_mail" value="call_soon"' not in shown.text
    assert saved.headers["location"] == "/notifications"
    assert rows == dict.fromkeys(KINDS, (False, False)) | {"assigned": (True, False), "came_back": (False, True)}
    assert len(re.findall(r'name="in_app"[^>]* checked', again.text)) == 1
    assert len(re.findall(r'name="by_mail"[^>]* checked', again.text)) == 1
