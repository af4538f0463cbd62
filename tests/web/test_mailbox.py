"""The mailbox of a development server shows sign-in codes: to this machine alone, wherever the server listens."""

import httpx
import pytest

from app.main import create_app
from app.platform.settings import Settings
from tests.conftest import BoundDatabase


async def _get(bound: BoundDatabase, settings: Settings, path: str, address: str, **headers: str) -> httpx.Response:
    app = create_app(settings.model_copy(update={"host": "0.0.0.0"}), bound)  # noqa: S104 - what is tried
    transport = httpx.ASGITransport(app=app, client=(address, 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        return await client.get(path)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_sees_the_mailbox(bound: BoundDatabase, settings: Settings, address: str) -> None:
    assert (await _get(bound, settings, "/mailbox", address)).status_code == 200
    assert "/mailbox" in (await _get(bound, settings, "/sign-in", address)).text


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("192.0.2.7", {}),
        ("2001:db8::7", {}),
        ("::ffff:192.0.2.7", {}),
        ("unix", {}),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1, 192.0.2.7"}),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}),
        ("192.0.2.7", {"X-Forwarded-For": "127.0.0.1"}),
    ],
)
async def test_nobody_elsewhere_sees_the_mailbox_or_a_link_to_it(
    bound: BoundDatabase, settings: Settings, address: str, headers: dict[str, str]
) -> None:
    assert (await _get(bound, settings, "/mailbox", address, **headers)).status_code == 404
    assert "/mailbox" not in (await _get(bound, settings, "/sign-in", address, **headers)).text
