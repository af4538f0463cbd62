"""Headers that every answer carries."""

import httpx
import pytest

from app.main import create_app
from app.platform.settings import Settings


@pytest.mark.parametrize("address", ["https://crm.example", "http://127.0.0.1:8000"])
async def test_browsers_are_held_to_https_where_users_come_by_it(address: str) -> None:
    app = create_app(Settings(base_url=address))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=address) as client:
        answer = await client.get("/health/live")
    held = answer.headers.get("strict-transport-security")
    assert held == ("max-age=31536000; includeSubDomains" if address.startswith("https") else None)
