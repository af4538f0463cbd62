"""A browser that asks ahead of its user gets nothing of a person, and nothing is on record as shown."""

import httpx
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.platform.settings import Settings
from tests.browsing import as_user
from tests.builders import a_patient, a_person


async def test_a_page_of_people_is_not_fetched_ahead(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session, await a_person(session, first_name="Roswitha", last_name="Abendroth"))
    await as_user(client, session, settings, "navigator")
    for purpose in ("prefetch", "prefetch;prerender"):
        answer = await client.get(f"/patients/{patient.patient_id}", headers={"sec-purpose": purpose})
        assert (answer.status_code, answer.content) == (503, b"")
    assert (await client.get("/account", headers={"sec-purpose": "prefetch"})).status_code == 200
    shown = await session.scalars(select(AuditEvent).where(AuditEvent.action == "show_patient"))
    assert list(shown) == []
