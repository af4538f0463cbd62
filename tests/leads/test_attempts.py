"""Calls that reached nobody suggest that a lead is unreachable, and move nothing."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls.models import CallHistory
from app.leads.attempts import Policy, suggestion
from app.leads.models import PatientLead
from app.main import create_app
from app.platform import clock
from app.platform.settings import Settings
from tests import builders
from tests.conftest import AsRole, BoundDatabase

USUAL = Policy(3, 14)


@pytest.mark.parametrize(
    ("status", "made", "expected"),
    [("contacting", 3, "unreachable"), ("new", 4, "unreachable"), ("contacting", 2, None), ("unreachable", 9, None)],
)
def test_enough_attempts_suggest_it_where_the_lead_may_go_there(status: str, made: int, expected: str | None) -> None:
    assert suggestion(status, made=made, policy=USUAL) == expected


async def tried(session: AsyncSession, lead: PatientLead, outcome: str, days: float, **values: Any) -> None:
    at = clock.now() - timedelta(days=days)
    said = {"direction": "outbound", "status": "completed", "call_date": at} | values
    session.add(CallHistory(person_id=lead.person_id, lead_id=lead.lead_id, outcome=outcome, **said))
    await session.flush()


async def asked(client: httpx.AsyncClient, lead: PatientLead, headers: dict[str, str]) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/leads/{lead.lead_id}/attempts", headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_what_counts_is_outbound_of_two_weeks_since_they_were_reached(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    lead = await builders.a_lead(session)
    navigator = await as_role("navigator")
    await tried(session, lead, "no_answer", 15)
    await tried(session, lead, "no_answer", 12)
    await tried(session, lead, "reached", 11)
    await tried(session, lead, "no_answer", 10, direction="inbound")
    await tried(session, lead, "wrong_number", 9)
    await tried(session, lead, "no_answer", 8, voided_at=clock.now(), void_reason="twice")
    for outcome, days in (("no_answer", 7), ("voicemail", 5)):
        await tried(session, lead, outcome, days)
    await session.commit()
    before = await asked(client, lead, navigator)
    await tried(session, lead, "callback_requested", 1)
    await session.commit()
    after = await asked(client, lead, navigator)

    assert (before["made"], before["suggests"], before["needed"], before["within_days"]) == (2, None, 3, 14)
    assert (after["made"], after["suggests"]) == (3, "unreachable")
    read = await client.get(f"/api/v1/leads/{lead.lead_id}", headers=navigator)
    assert read.json()["status"] == "new", "it moves nothing by itself"


async def test_how_many_are_enough_is_a_setting(
    bound: BoundDatabase, session: AsyncSession, settings: Settings, as_role: AsRole
) -> None:
    lead = await builders.a_lead(session)
    await tried(session, lead, "no_answer", 1)
    await session.commit()
    app = create_app(settings.model_copy(update={"attempts": 1}), bound)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        assert (await asked(client, lead, await as_role("navigator")))["suggests"] == "unreachable"


async def test_who_sees_people_masked_sees_no_attempts(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    lead = await builders.a_lead(session)
    for days in (1, 2, 3):
        await tried(session, lead, "no_answer", days)
    await session.commit()
    seen = await asked(client, lead, await as_role("auditor"))
    assert (seen["made"], seen["last_at"], seen["suggests"]) == (None, None, "•••")
