"""What an Idempotency-Key keeps: never an answer that somebody saw by a stated reason, such as a reveal."""

from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import RoleGrant
from app.access.openings.models import AccessOpening
from app.access.policy import SIGHT, Role, Sight
from app.audit.models import AuditEvent
from app.platform.idempotency import IdempotencyKey
from tests.builders import a_colleague
from tests.canaries import HEALTH, PERSONAL, World, a_world
from tests.conftest import AsRole

REASON = "The ward cannot reach the family."


@pytest.fixture
async def world(session: AsyncSession) -> World:
    made = await a_world(session)
    await session.commit()
    return made


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


CALL = {"call_date": "2026-11-20T10:00:00Z", "notes": f"{HEALTH[0]} she is worse", "outcome": "reached"}


async def _logged_twice(
    client: httpx.AsyncClient, session: AsyncSession, headers: dict[str, str], patient_id: Any, meanwhile: list[str]
) -> tuple[httpx.Response, httpx.Response]:
    """The first answer and the repetition; `meanwhile` is what happens in between."""
    sent = {"patient_id": str(patient_id), **CALL}
    headers = {**headers, "Idempotency-Key": "call"}
    first = await client.post("/api/v1/call-history", json=sent, headers=headers)
    assert (first.status_code, first.json()["notes"]) == (201, CALL["notes"])
    for change in meanwhile:
        await session.execute(text(change))
    await session.commit()
    return first, await client.post("/api/v1/call-history", json=sent, headers=headers)


VOIDED = "UPDATE call_history SET voided_at = now(), void_reason = 'wrong'"
DELETED = "UPDATE patient SET deleted_at = now(), deleted_by = (SELECT user_account_id FROM user_account LIMIT 1)"


@pytest.mark.parametrize("meanwhile", [[VOIDED], [DELETED], [VOIDED, DELETED]])
async def test_a_repetition_shows_nothing_of_what_can_no_longer_be_read(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, world: World, meanwhile: list[str]
) -> None:
    first, again = await _logged_twice(client, session, await as_role("navigator"), world.ids["patient_id"], meanwhile)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.headers["location"] == first.headers["location"]
    assert again.json()["call_id"] == first.json()["call_id"]
    assert [canary for canary in (*PERSONAL, *HEALTH) if canary in again.text] == []
    event = (await session.scalars(select(AuditEvent).order_by(AuditEvent.audit_event_id.desc()).limit(1))).one()
    assert (event.code, event.person_ids) == ("replayed", [world.person_id])


async def test_a_repetition_is_masked_as_the_actor_sees_people_now(
    client: httpx.AsyncClient, session: AsyncSession, world: World
) -> None:
    _, headers = await a_colleague(session)
    person = {"first_name": "New", "last_name": "Person"}
    sent = {"person": person, "medical_condition_id": str(world.ids["medical_condition_id"])}
    headers = {**headers, "Idempotency-Key": "lead"}
    first = await client.post("/api/v1/leads", json=sent, headers=headers)
    assert first.status_code == 201, first.text
    # Reads and writes leads still, but sees people masked: no role of today is so.
    masked = {**SIGHT[Role.NAVIGATOR], "personal": Sight.MASKED, "health": Sight.MASKED}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIGHT, Role.NAVIGATOR, masked)
        again = await client.post("/api/v1/leads", json=sent, headers=headers)
    assert (again.status_code, again.json()["person"]["last_name"]) == (201, "•••")
    assert again.json()["medical_condition"] != first.json()["medical_condition"]
    assert again.json()["lead_id"] == first.json()["lead_id"]
    unmasked = await client.post("/api/v1/leads", json=sent, headers=headers)
    assert unmasked.content == first.content


async def test_a_repetition_shows_no_case_that_is_a_colleagues_now(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World
) -> None:
    owner, _ = await a_colleague(session)
    _, headers = await a_colleague(session)
    first, again = await _logged_twice(
        assigned,
        session,
        headers,
        world.ids["patient_id"],
        [f"UPDATE {table} SET owner_id = '{owner.user_account_id}'" for table in ("patient", "patient_lead")],
    )
    assert (again.status_code, again.headers["location"]) == (201, first.headers["location"])
    assert CALL["notes"] not in again.text


async def test_the_event_of_a_repetition_names_everybody_whom_it_names(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, world: World
) -> None:
    _, again = await _logged_twice(client, session, await as_role("navigator"), world.ids["patient_id"], [])
    assert again.json()["notes"] == CALL["notes"]
    event = (await session.scalars(select(AuditEvent).order_by(AuditEvent.audit_event_id.desc()).limit(1))).one()
    assert (event.code, event.person_ids) == ("replayed", [world.person_id])


async def test_a_move_of_a_journey_whose_patient_was_deleted_is_repeated_without_the_case(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, world: World
) -> None:
    """An action has no address of its own: what counts is the record above it."""
    url = f"/api/v1/eap-journeys/{world.ids['eap_journey_id']}/transitions"
    sent = {"to": "withdrawn", "reason_code": "other", "reason": "said so"}
    headers = {**await as_role("navigator"), "Idempotency-Key": "move"}
    first = await client.post(url, json=sent, headers=headers)
    assert HEALTH[0] in first.text
    await session.execute(text(DELETED))
    await session.commit()
    again = await client.post(url, json=sent, headers=headers)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert [canary for canary in (*PERSONAL, *HEALTH) if canary in again.text] == []
