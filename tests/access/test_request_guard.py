"""The guard before every route: order of refusals, one event each, nothing stored by a refusal, one effect a key."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
import structlog
import time_machine
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import ApiKey, UserAccount
from app.access.policy import Role
from app.access.queries import find_account_by_name
from app.access.service import command_actor, create_service_key
from app.audit.models import AuditEvent
from app.conditions.models import MedicalCondition
from app.main import create_app
from app.platform import clock, idempotency
from app.platform.db import Database
from app.platform.idempotency import IdempotencyKey, forget_old_keys
from app.platform.settings import Settings
from tests.conftest import AsRole

URL = "/api/v1/medical-conditions"
SECRET = "Zebra-Canary-7731"


async def _events(session: AsyncSession) -> list[tuple[str, str, str | None]]:
    rows = await session.execute(
        select(AuditEvent.action, AuditEvent.outcome, AuditEvent.code).order_by(AuditEvent.audit_event_id)
    )
    return [(row.action, row.outcome, row.code) for row in rows]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer x",
        "Basic crm_aaaaaaaaaaaa_" + "x" * 43,
        "Bearer crm_aaaaaaaaaaaa_" + "x" * 43,
        "Bearer \x00",
    ],
)
async def test_a_credential_that_opens_nothing_is_401(client: httpx.AsyncClient, header: str | None) -> None:
    answer = await client.get(URL, headers={} if header is None else {"Authorization": header})

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("how", ["revoked", "expired", "disabled"])
async def test_a_dead_key_is_refused_at_the_next_request(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession, how: str
) -> None:
    headers = await as_role("data_steward")
    assert (await client.get(URL, headers=headers)).status_code == 200

    if how == "disabled":
        await session.execute(update(UserAccount).values(is_active=False))
    else:
        field = {"revoked": ApiKey.revoked_at, "expired": ApiKey.expires_at}[how]
        await session.execute(update(ApiKey).values({field: clock.now() - timedelta(hours=1)}))
    await session.commit()

    assert (await client.get(URL, headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b'{"name": "x"}', {"content-type": "text/plain"}, 415, "unsupported_media_type"),
        (
            b'{"name": "x"}',
            {"content-type": "application/json", "content-encoding": "gzip"},
            415,
            "unsupported_media_type",
        ),
        (b'{"name": "' + b"x" * 1_100_000 + b'"}', {"content-type": "application/json"}, 413, "body_too_large"),
        (b'{"name": ', {"content-type": "application/json"}, 422, "invalid_json"),
        (b'{"name": "\\ud800"}', {"content-type": "application/json"}, 422, "invalid_json"),
        (b'{"name": NaN}', {"content-type": "application/json"}, 422, "invalid_json"),
        (b"[" * 100_000, {"content-type": "application/json"}, 422, "invalid_json"),
        (b'{"name": "a\\u0000b"}', {"content-type": "application/json"}, 422, "invalid"),
        (b'{"name": "  "}', {"content-type": "application/json"}, 422, "invalid"),
        (b'{"name": 7}', {"content-type": "application/json"}, 422, "invalid"),
        (b'{"name": "x", "colour": "red"}', {"content-type": "application/json"}, 422, "invalid"),
        (b"[]", {"content-type": "application/json"}, 422, "invalid"),
        (b"", {"content-type": "application/json"}, 422, "invalid"),
    ],
)
async def test_a_body_we_do_not_take_is_refused_and_stores_its_event_alone(
    client: httpx.AsyncClient,
    as_role: AsRole,
    session: AsyncSession,
    body: bytes,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    before = (await session.execute(select(func.count()).select_from(MedicalCondition))).scalar_one()

    answer = await client.post(URL, content=body, headers={**await as_role("data_steward"), **headers})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await session.execute(select(func.count()).select_from(MedicalCondition))).scalar_one() == before
    assert (await _events(session))[-1] == ("create_medical_condition", "invalid", code)


async def test_a_body_without_a_length_is_read_to_the_limit_and_no_further(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 65_536
            yield b" " * 65_536

    headers = {**await as_role("data_steward"), "content-type": "application/json"}
    answer = await client.post(URL, content=endless(), headers=headers)

    assert answer.status_code == 413


async def test_errors_name_the_field_and_never_the_value(client: httpx.AsyncClient, as_role: AsRole) -> None:
    steward = await as_role("data_steward")
    bodies = [
        {"name": SECRET * 100},
        {"name": {SECRET: SECRET}},
        {"name": "x", SECRET: 1},
        {"name": "x", "codes": [{"system": "s", "code": SECRET * 9, "map_type": SECRET}]},
    ]
    for body in bodies:
        answer = await client.post(URL, json=body, headers=steward)
        assert answer.status_code == 422
        assert answer.json()["errors"], body
        assert SECRET not in answer.text
    for name in ("limit", "colour"):
        answer = await client.get(URL, params={name: SECRET}, headers=steward)
        assert answer.status_code == 422
        assert SECRET not in answer.text
        assert {error["field"] for error in answer.json()["errors"]} == {name}


async def test_refusal_of_a_right_comes_before_the_body_and_is_on_record(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    answer = await client.post(URL, content=b"x" * 2_000_000, headers=await as_role("auditor"))

    assert answer.status_code == 403
    assert (await _events(session))[-1] == ("create_medical_condition", "refused", "forbidden")


async def test_router_errors_are_problems_too(client: httpx.AsyncClient) -> None:
    missing = await client.get("/api/v1/nothing")
    method = await client.patch(URL)

    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert (method.status_code, method.json()["code"]) == (405, "method_not_allowed")
    assert method.headers["content-type"] == "application/problem+json"


async def test_same_key_gives_the_first_answer_and_one_effect(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    headers = {**await as_role("data_steward"), "Idempotency-Key": "k-1"}

    first = await client.post(URL, json={"name": "Once"}, headers=headers)
    again = await client.post(URL, json={"name": "Once"}, headers=headers)
    other = await client.post(URL, json={"name": "Twice"}, headers=headers)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["etag"] == first.headers["etag"]
    assert "idempotency-replayed" not in first.headers
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_key_belongs_to_its_owner(client: httpx.AsyncClient, as_role: AsRole) -> None:
    for name in ("One", "Another"):
        headers = {**await as_role("data_steward"), "Idempotency-Key": "shared"}
        answer = await client.post(URL, json={"name": name}, headers=headers)
        assert answer.status_code == 201, answer.text


async def test_a_refused_request_leaves_its_key_free(client: httpx.AsyncClient, as_role: AsRole) -> None:
    headers = {**await as_role("data_steward"), "Idempotency-Key": "again"}

    assert (await client.post(URL, json={"name": " "}, headers=headers)).status_code == 422
    assert (await client.post(URL, json={"name": "Right"}, headers=headers)).status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
async def test_an_odd_key_is_refused(client: httpx.AsyncClient, as_role: AsRole, key: str) -> None:
    headers = {**await as_role("data_steward"), "Idempotency-Key": key.encode()}
    answer = await client.post(URL, json={"name": "x"}, headers=headers)  # type: ignore[arg-type]  # raw bytes
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


async def test_old_keys_are_forgotten(session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole) -> None:
    headers = {**await as_role("data_steward"), "Idempotency-Key": "old"}
    await client.post(URL, json={"name": "Old"}, headers=headers)
    await session.execute(update(IdempotencyKey).values(created_at=text("now() - interval '25 hours'")))

    assert await forget_old_keys(session) == 1


async def test_a_clock_that_is_days_ahead_forgets_no_key(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    headers = {**await as_role("data_steward"), "Idempotency-Key": "ahead"}
    first = await client.post(URL, json={"name": "Ahead"}, headers=headers)

    with time_machine.travel(clock.now() + timedelta(days=3)):
        again = await client.post(URL, json={"name": "Ahead"}, headers=headers)
        assert await forget_old_keys(session) == 0

    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content


async def test_volleys_of_one_key_have_one_effect(committed_database: Database, settings: Settings) -> None:
    """24 at once, with real commits: every answer is the first one's or says that it still runs."""
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.DATA_STEWARD, name="volley")
    app = create_app(settings, committed_database)
    transport = httpx.ASGITransport(app=app)
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "volley"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answers = await asyncio.gather(*(client.post(URL, json={"name": "Volley"}, headers=headers) for _ in range(24)))

    assert {answer.status_code for answer in answers} <= {201, 409, 503}
    made = {UUID(a.json()["medical_condition_id"]) for a in answers if a.status_code == 201}
    assert len(made) == 1
    async with committed_database.session() as session:
        count = select(func.count()).select_from(MedicalCondition).where(MedicalCondition.name == "Volley")
        assert (await session.execute(count)).scalar_one() == 1


@pytest.mark.parametrize("first", ["runs", "is of yesterday"])
async def test_a_key_that_another_request_holds_for_long_is_a_conflict(
    committed_database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    # Else the statement ends before the wait does, and the answer is 503.
    assert settings.statement_timeout_seconds * 1000 > idempotency.WAIT_MS
    monkeypatch.setattr(idempotency, "WAIT_MS", 200)
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.DATA_STEWARD, name=f"first {first}")
        account = await find_account_by_name(session, f"first {first}")
        assert account is not None
        used = IdempotencyKey(owner_id=account.user_account_id, key="held", request_hash=b"")
        if first == "is of yesterday":
            used.created_at = clock.now() - timedelta(hours=25)
            session.add(used)
    transport = httpx.ASGITransport(app=create_app(settings, committed_database))
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "held"}
    async with (
        committed_database.session() as holding,
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        if first == "is of yesterday":
            await holding.execute(select(IdempotencyKey).where(IdempotencyKey.key == "held").with_for_update())
        else:
            holding.add(used)
            await holding.flush()
        answer = await client.post(URL, json={"name": "Held"}, headers=headers)
        await holding.rollback()
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")


async def test_a_committed_answer_can_be_read_back_at_once(committed_database: Database, settings: Settings) -> None:
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.DATA_STEWARD, name="reader")
    transport = httpx.ASGITransport(app=create_app(settings, committed_database))
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for number in range(20):
            made = await client.post(URL, json={"name": f"Read back {number}"}, headers=headers)
            assert (await client.get(made.headers["location"], headers=headers)).status_code == 200


async def test_without_a_place_for_the_event_there_is_no_answer(
    trail_takes: Callable[[str], None], client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    trail_takes("action <> 'create_medical_condition'")
    steward = await as_role("data_steward")

    with structlog.testing.capture_logs() as logs:
        answer = await client.post(URL, json={"name": "Unseen"}, headers=steward)

    assert (answer.status_code, answer.json()["code"]) == (503, "audit_unavailable")
    assert answer.headers["retry-after"]
    (said,) = [line for line in logs if line["event"] == "request_failed"]
    assert said["code"] == "audit_unavailable"
    assert said["error"], "what did not answer is in the log alone"
    assert "serving.py" in said["where"]
    found = select(MedicalCondition).where(MedicalCondition.name == "Unseen")
    assert (await session.scalars(found)).first() is None
