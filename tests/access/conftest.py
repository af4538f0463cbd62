"""Passwords in tests cost little: the cost itself has a test of its own. And the app with assigned caseloads."""

from collections.abc import AsyncIterator

import httpx
import pytest
from argon2 import PasswordHasher

from app.access.accounts import passwords
from app.main import create_app
from app.platform.settings import Caseload, Settings
from tests.conftest import BoundDatabase

COSTLY = passwords.HASHER


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
async def assigned(bound: BoundDatabase, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The app with CRM_CASELOAD=assigned."""
    app = create_app(settings.model_copy(update={"caseload": Caseload.ASSIGNED}), bound)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made
