"""The state that an edit leaves is validated; a fault that stood before hinders no edit of other fields."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from tests import builders
from tests.conftest import AsRole

THEN = datetime(2026, 5, 4, 9, tzinfo=UTC)


async def put(client: httpx.AsyncClient, place: str, headers: dict[str, str], body: dict[str, Any]) -> tuple[int, str]:
    answer = await client.put(f"/api/v1/{place}", json=body, headers=headers)
    return answer.status_code, answer.json()["errors"][0]["code"] if answer.status_code == 422 else ""


@pytest.mark.parametrize(
    ("status", "outcome", "sent", "expected"),
    [
        ("completed", "reached", {"status": "no_show"}, (422, "no_show_was_not_spoken_to")),
        ("completed", "reached", {"no_show": True}, (422, "no_show_was_not_spoken_to")),
        ("completed", "reached", {"no_show": True, "outcome": "no_answer"}, (200, "")),
        ("no_show", None, {"outcome": "reached"}, (422, "no_show_was_not_spoken_to")),
        ("no_show", "reached", {"notes": "migrated so"}, (200, "")),
        ("no_show", "reached", {"outcome": "refused"}, (422, "no_show_was_not_spoken_to")),
        ("completed", "reached", {"status": "cancelled"}, (422, "cancelled_has_no_outcome")),
    ],
)
async def test_call(
    session: AsyncSession,
    client: httpx.AsyncClient,
    as_role: AsRole,
    status: str,
    outcome: str | None,
    sent: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    patient = await builders.a_patient(session)
    call = await builders.a_call(
        session, patient, status=status, outcome=outcome, call_date=THEN, no_show=status == "no_show"
    )
    assert await put(client, f"call-history/{call.call_id}", await as_role("navigator"), sent) == expected


@pytest.mark.parametrize(
    ("status", "reason", "sent", "expected"),
    [
        ("paused", "on holiday", {"status_reason": None}, (422, "reason_needed")),
        ("paused", "on holiday", {"status_reason": "in hospital"}, (200, "")),
        ("paused", "on holiday", {"status": "active", "status_reason": None}, (200, "")),
        ("withdrawn", None, {"first_contact_date": "2026-05-04"}, (200, "")),
        ("withdrawn", None, {"status_reason": None}, (422, "reason_needed")),
    ],
)
async def test_patient(
    session: AsyncSession,
    client: httpx.AsyncClient,
    as_role: AsRole,
    status: str,
    reason: str | None,
    sent: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    patient = await builders.a_patient(session, status=status, status_reason=reason)
    assert await put(client, f"patients/{patient.patient_id}", await as_role("navigator"), sent) == expected


@pytest.mark.parametrize(
    ("values", "sent", "expected"),
    [
        ({"status": "disqualified", "reason_code": "other"}, {"reason_code": None}, (422, "reason_needed")),
        ({"status": "disqualified"}, {"landing_page_url": "https://example.org/x"}, (200, "")),
        ({"status": "disqualified"}, {"reason": "said so"}, (200, "")),
        ({"status": "disqualified"}, {"reason_code": None}, (422, "reason_needed")),
        ({"status": "nurture", "wake_up_on": THEN.date()}, {"wake_up_on": None}, (422, "missing")),
        ({"status": "contacting"}, {"wake_up_on": "2030-01-01"}, (422, "not_of_this_status")),
    ],
)
async def test_lead(
    session: AsyncSession,
    client: httpx.AsyncClient,
    as_role: AsRole,
    values: dict[str, Any],
    sent: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    closed_at = THEN if values["status"] == "disqualified" else None
    lead = await builders.a_lead(session, closed_at=closed_at, **values)
    assert await put(client, f"leads/{lead.lead_id}", await as_role("navigator"), sent) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"job_title": "Ward sister"}, (200, "")),
        ({"valid_to": THEN.isoformat()}, (422, "dates_not_in_order")),
        ({"valid_to": (THEN + timedelta(days=1)).isoformat()}, (200, "")),
    ],
)
async def test_role_that_ended_the_moment_it_began(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole, sent: dict[str, Any], expected: tuple[int, str]
) -> None:
    person = await builders.a_person(session)
    made = await session.execute(
        text(
            "INSERT INTO person_contact_type (person_id, contact_type_id, valid_from, valid_to)"
            " SELECT :person, contact_type_id, :then, :then FROM contact_type WHERE type_name = 'caregiver'"
            " RETURNING person_contact_type_id"
        ),
        {"person": person.person_id, "then": THEN},
    )
    place = f"persons/{person.person_id}/roles/{made.scalar_one()}"
    assert await put(client, place, await as_role("navigator"), sent) == expected
