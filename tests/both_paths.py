"""For tests of fast paths: one request by both paths on one database, and what each has left there."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.main import create_app
from app.platform.db import Base
from app.platform.fast_path import Statement
from app.platform.settings import Settings

if TYPE_CHECKING:  # the fixture `paths` of conftest.py makes these
    from tests.conftest import BoundDatabase

_MADE = re.compile(r"^(created_at|updated_at|at|request_id|valid_from|period|occurs_at|reference)$|_id$|_ids$")


class BothPaths:
    """
    `fast` and `ordinary` are HTTP to two applications on one database; the second has its fast paths switched off.
    """

    def __init__(
        self, fast: httpx.AsyncClient, ordinary: httpx.AsyncClient, database: "BoundDatabase", session: AsyncSession
    ) -> None:
        self.fast, self.ordinary, self._database, self._session = fast, ordinary, database, session

    async def greet(self, headers: dict[str, str]) -> None:
        """Let the first application know the key: its first request always goes the ordinary path."""
        await self.fast.get("/api/v1/medical-conditions", params={"limit": 1}, headers=headers)

    async def sent(self, method: str, url: str, **request: Any) -> tuple[httpx.Response, list[Statement]]:
        """The answer of the first application, and the fast statements it sent for it."""
        self._database.statements.sent.clear()
        answer = await self.fast.request(method, url, **request)
        return answer, list(self._database.statements.sent)

    async def newest(self, table: type[Base], count: int = 1) -> list[dict[str, Any]]:
        """The newest rows of a table, newest first: keys are made in the order of time."""
        key = next(iter(table.__table__.primary_key))
        rows = await self._session.execute(select(table.__table__).order_by(key.desc()).limit(count))
        return [dict(row._mapping) for row in rows]

    async def events(self, count: int = 1) -> list[dict[str, Any]]:
        """The newest audit events, newest first, without what differs from request to request."""
        found = await self.newest(AuditEvent, count)
        return [{name: value for name, value in row.items() if name not in _OF_A_REQUEST} for row in found]


_OF_A_REQUEST = {"audit_event_id", "request_id", "at"}


def without_made(row: dict[str, Any]) -> dict[str, Any]:
    """A row with ids and instants replaced by whether they are there: two paths make different ones."""
    return {name: value is not None if _MADE.search(name) else value for name, value in row.items()}


def shape(document: Any) -> Any:
    """A JSON document with ids and instants replaced by whether they are there."""
    if isinstance(document, dict):
        return {name: value is not None if _MADE.search(name) else shape(value) for name, value in document.items()}
    return [shape(item) for item in document] if isinstance(document, list) else document


def kept_headers(answer: httpx.Response) -> dict[str, str]:
    """The headers without the request's own id and the address of what was made."""
    return {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "location"}}


@asynccontextmanager
async def both_paths(
    client: httpx.AsyncClient, bound: "BoundDatabase", settings: Settings, session: AsyncSession
) -> AsyncIterator[BothPaths]:
    app = create_app(settings.model_copy(update={"fast_paths": False}), bound)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as ordinary:
        yield BothPaths(client, ordinary, bound, session)
