"""Both roads of a hot route give the same bytes, headers and rows; whatever is not plain goes the ordinary road."""

import re
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.main import create_app
from app.patients import hot
from app.patients.schemas import PatientRead
from app.platform.db import Base
from app.platform.settings import Settings
from tests.conftest import AsRole, BoundDatabase

URL = "/api/v1/patients"


@pytest.fixture
async def ordinary(bound: BoundDatabase, settings: Settings) -> Any:
    """HTTP to the same database by the ordinary road alone."""
    app = create_app(settings.model_copy(update={"hot_path": False}), bound)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made


@pytest.fixture
async def condition_id(client: httpx.AsyncClient, as_role: AsRole) -> str:
    found = await client.get("/api/v1/medical-conditions", params={"q": "GBM"}, headers=await as_role("navigator"))
    return str(found.json()["items"][0]["medical_condition_id"])


def _body(number: int, condition_id: str, **more: Any) -> dict[str, Any]:
    person = {
        "first_name": "Zoë",
        "last_name": f"Çelik {'abcdefghijklmnopqrstuvwxyz'[number]}",
        "email": f"Zoe.Celik+{number}@Example.org".replace("+", "."),
        "phone": f"06 1234 56{number:02d}",
        "country": "NL",
        "date_of_birth": "1980-02-29",
        "do_not_contact_channels": ["post", "email"],
    }
    return {"person": person | more.pop("person", {}), "medical_condition_id": condition_id, **more}


def _headers(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}


async def _rows(session: AsyncSession, table: type[Base], order: str, count: int) -> list[dict[str, Any]]:
    newest = await session.execute(select(table.__table__).order_by(table.__table__.c[order].desc()).limit(count))
    return [dict(row._mapping) for row in newest]


_MADE = re.compile(r"_id$|^created_at$|^updated_at$|^at$|^request_id$|^valid_from$|^period$|^person_ids$")


def _without_made(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what differs by nature: ids and instants (whether they are there at all is kept)."""
    return {name: value is None if _MADE.search(name) else value for name, value in row.items()}


async def test_get_gives_the_bytes_headers_and_event_of_the_ordinary_road(
    client: httpx.AsyncClient,
    ordinary: httpx.AsyncClient,
    as_role: AsRole,
    bound: BoundDatabase,
    session: AsyncSession,
    condition_id: str,
) -> None:
    headers = await as_role("navigator")
    made = await ordinary.post(
        URL, json=_body(1, condition_id, status="paused", status_reason="on\nholiday"), headers=headers
    )
    address = made.headers["location"]

    hot_answer = await client.get(address, headers=headers)

    assert bound.lane.sent == [hot.GET_PATIENT]
    ordinary_answer = await ordinary.get(address, headers=headers)
    assert hot_answer.content == ordinary_answer.content
    assert _headers(hot_answer) == _headers(ordinary_answer)
    assert PatientRead.model_validate_json(hot_answer.content).status_reason == "on\nholiday"
    events = await _rows(session, AuditEvent, "audit_event_id", 2)
    assert events[0]["action"] == "get_patient"
    assert events[0] | {"audit_event_id": 0, "request_id": 0} == events[1] | {"audit_event_id": 0, "request_id": 0}
    assert events[1]["request_id"] == hot_answer.headers["x-request-id"]
