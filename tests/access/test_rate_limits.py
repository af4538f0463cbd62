"""Failed keys per address and requests per account: 429 with Retry-After."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
import time_machine
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import command_actor, create_api_key
from app.audit.models import AuditEvent
from app.main import create_app
from app.platform.settings import Environment, Settings, SettingsError
from tests.browsing import ORIGIN, token_in
from tests.builders import a_colleague
from tests.conftest import AsRole, BoundDatabase

FORGED = {"Authorization": "Bearer crm_aaaaaaaaaaaa_" + "A" * 43}
CONDITIONS = "/api/v1/medical-conditions?limit=1"
NOWHERE = "/api/v1/patients/01970000-0000-7000-8000-000000000000"
Limited = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def limited(bound: BoundDatabase, settings: Settings) -> Limited:
    """A client of an app with other limits."""

    @asynccontextmanager
    async def opened(**changed: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(settings.model_copy(update=changed), bound)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client

    return opened


async def _statuses(client: httpx.AsyncClient, count: int, headers: dict[str, str]) -> list[int]:
    return [(await client.get(CONDITIONS, headers=headers)).status_code for _ in range(count)]


async def _refusals(session: AsyncSession) -> list[tuple[str, str, UUID | None]]:
    """The events of code too_many_requests, oldest first: action, outcome, account."""
    rows = await session.execute(
        select(AuditEvent.action, AuditEvent.outcome, AuditEvent.actor_id)
        .where(AuditEvent.code == "too_many_requests")
        .order_by(AuditEvent.audit_event_id)
    )
    return [(row.action, row.outcome, row.actor_id) for row in rows]


async def test_failed_keys_of_an_address_end_in_429(limited: Limited) -> None:
    async with limited(failed_keys_per_minute=3) as client:
        assert await _statuses(client, 3, FORGED) == [401] * 3
        refused = await client.get(CONDITIONS, headers=FORGED)
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "too_many_requests"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert (await client.get(CONDITIONS)).status_code == 429


async def test_a_flood_of_an_address_leaves_one_event_a_minute(limited: Limited, session: AsyncSession) -> None:
    with time_machine.travel("2026-03-14T09:30:00Z", tick=False) as clock:
        async with limited(failed_keys_per_minute=2, proxy_hops=1) as client:
            here = {**FORGED, "X-Forwarded-For": "198.51.100.7"}
            assert await _statuses(client, 30, here) == [401] * 2 + [429] * 28
            assert await _refusals(session) == [("list_medical_conditions", "refused", None)]
            # Somebody else's refusals are news of their own.
            assert await _statuses(client, 4, {**FORGED, "X-Forwarded-For": "203.0.113.9"}) == [401, 401, 429, 429]
            assert len(await _refusals(session)) == 2
            clock.shift(61)
            assert await _statuses(client, 9, here) == [401] * 2 + [429] * 7
            assert len(await _refusals(session)) == 3
            refused = select(func.count()).where(AuditEvent.action == "list_medical_conditions")
            assert await session.scalar(refused) == 3 + 2 * 3, "a 401 each before the limit, and no more"


async def test_a_flood_of_an_account_leaves_one_event_a_minute_that_names_it(
    limited: Limited, session: AsyncSession
) -> None:
    account, headers = await a_colleague(session)
    _, other = await a_colleague(session)
    async with limited(rate_limit_per_minute=2) as client:
        assert await _statuses(client, 1, headers) == [200]
        assert [(await client.get(NOWHERE, headers=headers)).status_code for _ in range(9)] == [404] + [429] * 8
        assert await _refusals(session) == [("get_patient", "refused", account.user_account_id)]
        assert await _statuses(client, 9, headers) == [429] * 9
        assert len(await _refusals(session)) == 1
        assert await _statuses(client, 4, other) == [200, 200, 429, 429]
        assert len(await _refusals(session)) == 2


async def test_a_further_key_of_an_account_at_its_limit_is_counted_without_the_database(
    limited: Limited, session: AsyncSession
) -> None:
    account, headers = await a_colleague(session)
    text = await create_api_key(session, command_actor(), account_id=account.user_account_id, name="second")
    await session.commit()
    second = {"Authorization": f"Bearer {text}"}
    async with limited(rate_limit_per_minute=2) as client:
        assert await _statuses(client, 2, headers) == [200, 200]
        assert await _statuses(client, 9, second) == [429] * 9
    assert await _refusals(session) == [("list_medical_conditions", "refused", account.user_account_id)]


async def test_a_flood_of_sign_ins_leaves_an_event_for_each_try_that_counted_and_one_more(
    client: httpx.AsyncClient, session: AsyncSession
) -> None:
    statuses = []
    for _ in range(14):
        page = await client.get("/sign-in")
        form = {"csrf_token": token_in(page), "email": "nobody@example.org", "password": "not the password"}
        statuses.append((await client.post("/sign-in", data=form, headers=ORIGIN)).status_code)
    assert statuses[-4:] == [429] * 4
    assert await _refusals(session) == [("sign_in_with_password", "refused", None)]


async def test_a_key_that_has_opened_is_not_held_up_by_the_failures_of_its_neighbours(
    limited: Limited, as_role: AsRole
) -> None:
    headers = await as_role("navigator")
    async with limited(failed_keys_per_minute=2) as client:
        assert await _statuses(client, 1, headers) == [200]
        assert await _statuses(client, 3, FORGED) == [401, 401, 429]
        assert await _statuses(client, 5, headers) == [200] * 5


async def test_failed_keys_never_hold_up_a_key_that_is_valid(limited: Limited, as_role: AsRole) -> None:
    """Nor one that this process has never seen: the failures of others behind its address are theirs."""
    async with limited(failed_keys_per_minute=20) as client:
        assert await _statuses(client, 30, FORGED) == [401] * 20 + [429] * 10
        headers = await as_role("navigator")
        assert await _statuses(client, 3, headers) == [200] * 3
        other = f"{headers['Authorization'][:-4]}AAAA"
        assert await _statuses(client, 1, {"Authorization": other}) == [429]
        assert (await client.get(CONDITIONS)).status_code == 429


async def test_the_window_moves(limited: Limited) -> None:
    with time_machine.travel("2026-03-14T09:30:00Z", tick=False) as clock:
        async with limited(failed_keys_per_minute=2) as client:
            assert await _statuses(client, 3, FORGED) == [401, 401, 429]
            clock.shift(61)
            assert await _statuses(client, 3, FORGED) == [401, 401, 429]


async def test_an_account_has_one_ceiling_for_every_path(limited: Limited, as_role: AsRole) -> None:
    headers = await as_role("navigator")
    async with limited(rate_limit_per_minute=4) as client:
        ordinary, fast = await _statuses(client, 2, headers), [await client.get(NOWHERE, headers=headers) for _ in "12"]
        assert ordinary == [200, 200]
        assert [answer.status_code for answer in fast] == [404, 404]
        for answer in (await client.get(NOWHERE, headers=headers), await client.get(CONDITIONS, headers=headers)):
            assert answer.status_code == 429
            assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert await _statuses(client, 1, await as_role("navigator")) == [200]


async def test_a_key_is_counted_once_a_request_however_many_keys_have_opened(
    bound: BoundDatabase, settings: Settings, as_role: AsRole
) -> None:
    headers = await as_role("data_steward")
    app = create_app(settings.model_copy(update={"rate_limit_per_minute": 2}), bound)
    known: dict[bytes, UUID] = app.state.serving.known_keys
    known.update({number.to_bytes(32): UUID(int=number) for number in range(10_000)})
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        names = ("Counted once", "Counted twice", "Counted thrice")
        answers = [
            await client.post("/api/v1/medical-conditions", json={"name": name}, headers=headers) for name in names
        ]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert len(known) == 10_000
    assert (0).to_bytes(32) not in known, "the oldest has gone"


async def test_without_limits_nobody_is_refused(limited: Limited) -> None:
    async with limited(failed_keys_per_minute=0) as client:
        assert await _statuses(client, 30, FORGED) == [401] * 30


async def test_the_address_is_the_one_that_our_own_proxy_saw(limited: Limited) -> None:
    def behind(*addresses: str) -> dict[str, str]:
        return {**FORGED, "X-Forwarded-For": ", ".join(addresses)}

    async with limited(failed_keys_per_minute=1, proxy_hops=1) as client:
        assert await _statuses(client, 2, behind("198.51.100.7")) == [401, 429]
        # What the client itself wrote stands before the proxy's entry and is not believed.
        assert await _statuses(client, 1, behind("203.0.113.9", "198.51.100.7")) == [429]
        assert await _statuses(client, 1, behind("198.51.100.8")) == [401]
        # One customer has a whole /64.
        assert await _statuses(client, 1, behind("2001:db8:1:2::1")) == [401]
        assert await _statuses(client, 1, behind("2001:db8:1:2:ffff::9")) == [429]
    async with limited(failed_keys_per_minute=1) as client:
        assert await _statuses(client, 1, behind("198.51.100.7")) == [401]
        assert await _statuses(client, 1, behind("198.51.100.8")) == [429]


def test_production_has_a_ceiling_and_the_environment_decides_it() -> None:
    production = {
        "CRM_ENV": "production",
        "CRM_DATABASE_URL": "postgresql://db/crm",
        "CRM_SECRET_KEY": "k" * 32,
        "CRM_BASE_URL": "https://crm.example.org",
        "CRM_PROXY_HOPS": "1",
    }
    assert Settings.from_environment(production).rate_limit_per_minute == 6_000
    assert Settings.from_environment({**production, "CRM_RATE_LIMIT": "0"}).rate_limit_per_minute == 0
    assert Settings.from_environment({"CRM_RATE_LIMIT": "90"}).rate_limit_per_minute == 90
    assert Settings.from_environment({}).rate_limit_per_minute == 0
    assert Settings.from_environment({}).environment is Environment.DEVELOPMENT


@pytest.mark.parametrize("hops", [None, ""])
def test_production_is_told_how_many_proxies_stand_in_front(hops: str | None) -> None:
    production = {
        "CRM_ENV": "production",
        "CRM_DATABASE_URL": "postgresql://db/crm",
        "CRM_SECRET_KEY": "k" * 32,
        "CRM_BASE_URL": "https://crm.example.org",
    }
    with pytest.raises(SettingsError, match="CRM_PROXY_HOPS"):
        Settings.from_environment(production if hops is None else {**production, "CRM_PROXY_HOPS": hops})
    assert Settings.from_environment({**production, "CRM_PROXY_HOPS": "0"}).proxy_hops == 0
