"""A request for a host that is not ours, in its first line or in its header, over a real socket."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.main import create_app
from app.platform.db import Database
from app.platform.settings import Settings
from tests.serving import served_here


@pytest.fixture(scope="module")
async def port(committed_database: Database) -> AsyncIterator[int]:
    """A server as `crm serve` sets it up, with nothing said about hosts."""
    settings = Settings.from_environment({"CRM_DATABASE_URL": "postgresql://crm@127.0.0.1/crm"})
    async with served_here(create_app(settings, committed_database)) as found:
        yield found


async def _ask(port: int, *lines: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode())
    answer = await asyncio.wait_for(reader.read(), timeout=10)
    writer.close()
    return answer


@pytest.mark.parametrize(
    "lines",
    [
        ("GET http://evil.example/ HTTP/1.1", "Host: evil.example"),
        ("GET https://evil.example/account HTTP/1.1", "Host: evil.example:443"),
        ("GET http://evil.example/ HTTP/1.1",),
        ("GET / HTTP/1.1", "Host: evil.example"),
    ],
)
async def test_request_for_another_host_is_refused(port: int, lines: tuple[str, ...]) -> None:
    answer = await _ask(port, *lines)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"location" not in answer.lower()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_our_own_host_is_served_in_either_form(port: int, host: str) -> None:
    for line in (f"GET http://{host}:{port}/sign-in HTTP/1.1", "GET /sign-in HTTP/1.1"):
        assert (await _ask(port, line, f"Host: {host}:{port}")).startswith(b"HTTP/1.1 200")
