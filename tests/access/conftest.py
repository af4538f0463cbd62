"""The app with assigned caseloads."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.main import create_app
from app.platform.settings import Caseload, Settings
from tests.conftest import BoundDatabase


@pytest.fixture
async def assigned(bound: BoundDatabase, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The app with CRM_CASELOAD=assigned."""
    app = create_app(settings.model_copy(update={"caseload": Caseload.ASSIGNED}), bound)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made
