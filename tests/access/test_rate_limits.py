"""Failed keys per address and requests per account: 429 with Retry-After, before the database is asked."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
import time_machine
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.main import create_app
from app.platform.settings import Environment, Settings
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


async def test_failed_keys_of_an_address_end_in_429_that_leaves_no_event(
    limited: Limited, session: AsyncSession
) -> None:
    async with limited(failed_keys_per_minute=3) as client:
        assert await _statuses(client, 3, FORGED) == [401] * 3
        before = await session.scalar(select(func.count()).select_from(AuditEvent))
        refused = await client.get(CONDITIONS, headers=FORGED)
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "too_many_requests"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert (await client.get(CONDITIONS)).status_code == 429
        assert await session.scalar(select(func.count()).select_from(AuditEvent)) == before


async def test_a_key_that_has_opened_is_not_held_up_by_the_failures_of_its_neighbours(
    limited: Limited, as_role: AsRole
) -> None:
    headers = await as_role("navigator")
    async with limited(failed_keys_per_minute=2) as client:
        assert await _statuses(client, 1, headers) == [200]
        assert await _statuses(client, 3, FORGED) == [401, 401, 429]
        assert await _statuses(client, 5, headers) == [200] * 5


async def test_the_window_moves(limited: Limited) -> None:
    with time_machine.travel("2026-03-14T09:30:00Z", tick=False) as clock:
        async with limited(failed_keys_per_minute=2) as client:
            assert await _statuses(client, 3, FORGED) == [401, 401, 429]
            clock.shift(61)
            assert await _statuses(client, 3, FORGED) == [401, 401, 429]


async def test_an_account_has_one_ceiling_for_every_road(limited: Limited, as_role: AsRole) -> None:
    headers = await as_role("navigator")
    async with limited(rate_limit_per_minute=4) as client:
        ordinary, hot = await _statuses(client, 2, headers), [await client.get(NOWHERE, headers=headers) for _ in "12"]
        assert ordinary == [200, 200]
        assert [answer.status_code for answer in hot] == [404, 404]
        for answer in (await client.get(NOWHERE, headers=headers), await client.get(CONDITIONS, headers=headers)):
            assert answer.status_code == 429
            assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert await _statuses(client, 1, await as_role("navigator")) == [200]


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
    }
    assert Settings.from_environment(production).rate_limit_per_minute == 6_000
    assert Settings.from_environment({**production, "CRM_RATE_LIMIT": "0"}).rate_limit_per_minute == 0
    assert Settings.from_environment({"CRM_RATE_LIMIT": "90"}).rate_limit_per_minute == 90
    assert Settings.from_environment({}).rate_limit_per_minute == 0
    assert Settings.from_environment({}).environment is Environment.DEVELOPMENT
