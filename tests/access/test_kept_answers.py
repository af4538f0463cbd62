"""What an Idempotency-Key keeps: never an answer that somebody saw by a stated reason, such as a reveal."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import RoleGrant
from app.access.openings.models import AccessOpening
from app.audit.models import AuditEvent
from app.main import create_app
from app.platform.idempotency import IdempotencyKey
from app.platform.settings import Caseload, Settings
from tests.builders import a_colleague
from tests.canaries import HEALTH, PERSONAL, World, a_world
from tests.conftest import AsRole, BoundDatabase

REASON = "The ward cannot reach the family."


@pytest.fixture
async def world(session: AsyncSession) -> World:
    made = await a_world(session)
    await session.commit()
    return made


@pytest.fixture
async def assigned(bound: BoundDatabase, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The app with CRM_CASELOAD=assigned."""
    app = create_app(settings.model_copy(update={"caseload": Caseload.ASSIGNED}), bound)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made


def _reveal(world: World, **changed: Any) -> dict[str, Any]:
    return {
        "record_type": "call_history",
        "record_id": str(world.ids["call_id"]),
        "fields": ["notes", "person.last_name"],
        "reason": REASON,
    } | changed


async def _kept(session: AsyncSession) -> str:
    """Everything the table of keys holds, as text."""
    rows = await session.execute(
        text("SELECT owner_id, key, status, headers::text, convert_from(answer, 'UTF8') FROM idempotency_key")
    )
    return str([tuple(row) for row in rows])


async def test_a_repeated_reveal_shows_nothing_again_and_the_database_keeps_no_value(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, world: World
) -> None:
    headers = {**await as_role("auditor"), "Idempotency-Key": "look-1"}
    first = await client.post("/api/v1/reveals", json=_reveal(world), headers=headers)
    assert first.status_code == 200
    assert HEALTH[0] in first.text

    again = await client.post("/api/v1/reveals", json=_reveal(world), headers=headers)

    assert (again.status_code, again.json()["code"]) == (409, "answer_not_kept")
    assert [canary for canary in (*PERSONAL, *HEALTH) if canary in again.text + await _kept(session)] == []
    # One key, one effect; the second try is on record as refused.
    assert await session.scalar(select(func.count()).where(AccessOpening.reason == REASON)) == 1
    events = await session.execute(
        select(AuditEvent.outcome, AuditEvent.code)
        .where(AuditEvent.action == "reveal_fields")
        .order_by(AuditEvent.audit_event_id)
    )
    assert [tuple(event) for event in events] == [("done", None), ("conflict", "answer_not_kept")]
    other = await client.post("/api/v1/reveals", json=_reveal(world, fields=["outcome"]), headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    anew = await client.post("/api/v1/reveals", json=_reveal(world), headers={**headers, "Idempotency-Key": "look-2"})
    assert anew.status_code == 200


async def test_a_repeated_reveal_asks_for_the_right_anew(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, world: World
) -> None:
    headers = {**await as_role("auditor"), "Idempotency-Key": "look"}
    assert (await client.post("/api/v1/reveals", json=_reveal(world), headers=headers)).status_code == 200
    await session.execute(text("UPDATE role_grant SET role = 'admin' WHERE role = 'auditor'"))
    await session.commit()
    assert await session.scalar(select(func.count()).where(RoleGrant.role == "admin"))
    again = await client.post("/api/v1/reveals", json=_reveal(world), headers=headers)
    assert again.status_code == 403


async def test_what_a_stated_reason_opened_is_not_kept_either(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World
) -> None:
    owner, _ = await a_colleague(session)
    _, headers = await a_colleague(session)
    await session.execute(text("UPDATE patient SET owner_id = :owner"), {"owner": owner.user_account_id})
    await session.commit()
    url = f"/api/v1/eap-journeys/{world.ids['eap_journey_id']}/transitions"
    sent = {**headers, "Idempotency-Key": "move", "X-Access-Reason": "She calls me back."}

    moved = await assigned.post(
        url, json={"to": "withdrawn", "reason_code": "other", "reason": "said so"}, headers=sent
    )
    assert moved.status_code == 200, moved.text
    assert HEALTH[0] in moved.text
    again = await assigned.post(
        url, json={"to": "withdrawn", "reason_code": "other", "reason": "said so"}, headers=sent
    )

    assert (again.status_code, again.json()["code"]) == (409, "answer_not_kept")
    assert HEALTH[0] not in await _kept(session)


async def test_an_ordinary_answer_is_kept_and_given_again(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    headers = {**await as_role("data_steward"), "Idempotency-Key": "plain"}
    for _ in range(2):
        made = await client.post("/api/v1/medical-conditions", json={"name": "Kept"}, headers=headers)
        assert made.status_code == 201
    assert await session.scalar(select(func.count()).where(IdempotencyKey.answer.is_not(None))) == 1
