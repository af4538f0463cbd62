"""What is said of a call on its pages, by plain HTTP as without JavaScript."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.calls.models import CallHistory
from app.platform import clock
from app.platform.settings import Settings
from tests.browsing import ORIGIN, signed_in, somebody
from tests.builders import a_call, a_patient, a_person


@pytest.fixture
async def token(client: httpx.AsyncClient, session: AsyncSession, settings: Settings) -> str:
    """The form's token of a navigator who takes calls and is signed in."""
    who = await somebody(session, settings, "navigator", name="Noor Brandt")
    colleague = await a_person(session, first_name="Noor", last_name="Brandt")
    own = update(UserAccount).where(UserAccount.user_account_id == who.account_id)
    await session.execute(own.values(person_id=colleague.person_id))
    return await signed_in(client, session, who.account_id)


async def _me(session: AsyncSession) -> UserAccount:
    found = await session.scalars(select(UserAccount).where(UserAccount.email == "ines@crm.example"))
    return found.one()


@pytest.mark.parametrize("outcome", ["no_answer", "voicemail", "wrong_number"])
async def test_a_call_that_reached_nobody_is_done_with_and_leaves_today(
    client: httpx.AsyncClient, session: AsyncSession, token: str, outcome: str
) -> None:
    patient = await a_patient(session, await a_person(session, first_name="Emre", last_name="Weber"))
    past, mine = clock.now() - timedelta(days=1), (await _me(session)).person_id
    call = await a_call(session, patient, booking_date=past, pn_id=mine)
    await session.commit()
    before = await client.get("/today")

    place = f"/calls/{call.call_id}/outcome"
    saved = await client.post(place, data={"csrf_token": token, "outcome": outcome}, headers=ORIGIN)
    today, agenda = await client.get("/today"), await client.get("/calls/agenda")

    assert "Emre Weber" in before.text
    assert saved.status_code == 303
    assert "Emre Weber" not in today.text
    assert "Emre Weber" not in agenda.text
    stored = await session.get(CallHistory, call.call_id, populate_existing=True)
    assert stored is not None
    assert (stored.status, stored.adverse_event_heard) == ("completed", None)
