"""Peek: the summary of a record, as a part and as a page."""

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.platform.settings import Settings
from tests.browsing import as_user
from tests.builders import a_lead, a_patient, a_person

PART = {"hx-request": "true", "hx-request-type": "partial", "hx-target": "div#peeked"}


@pytest.mark.parametrize("role", ["navigator", "auditor"])
async def test_a_record_is_told_at_a_glance_and_noted(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, role: str
) -> None:
    person = await a_person(session, first_name="Roswitha", last_name="Abendroth")
    patient, lead = await a_patient(session, person), await a_lead(session, person)
    await as_user(client, session, settings, role)
    for place in (f"/patients/{patient.patient_id}", f"/leads/{lead.lead_id}"):
        part, page = await client.get(f"{place}/peek", headers=PART), await client.get(f"{place}/peek")
        assert (part.status_code, "<html" in part.text, "<html" in page.text) == (200, False, True)
        assert ("Roswitha Abendroth" in part.text) == (role == "navigator")
        assert f'href="{place}"' in part.text
        assert ("Log a call" in part.text) == (role == "navigator")
    events = await session.scalars(select(AuditEvent).where(AuditEvent.action.in_(["peek_patient", "peek_lead"])))
    assert [event.person_ids for event in events] == [[person.person_id]] * 4
