"""Lists of leads are served by indexes that end in the sort key."""

from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.leads import queries
from app.leads.schemas import LeadFilter
from tests.builders import a_lead
from tests.plans import plan_of_page

SOMEBODY = str(uuid4())


async def _many_leads(session: AsyncSession) -> None:
    """Leads of one person: in an empty table every index is as good as another."""
    lead = await a_lead(session)
    await session.execute(
        text(
            "INSERT INTO patient_lead (person_id, medical_condition_id, source, created_at) "
            "SELECT :person_id, :medical_condition_id, 'phone', now() - make_interval(hours => hour) "
            "FROM generate_series(1, 500) AS hour"
        ),
        {"person_id": lead.person_id, "medical_condition_id": lead.medical_condition_id},
    )


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({}, "ix_patient_lead_created_at"),
        ({"created_from": "2026-01-01T00:00:00Z"}, "ix_patient_lead_created_at"),
        ({"status": "contacting"}, "ix_patient_lead_status_created_at"),
        ({"status": "new"}, "ix_patient_lead_status_created_at"),
        ({"medical_condition_id": SOMEBODY}, "ix_patient_lead_medical_condition_id_created_at"),
        (
            {"status": "contacting", "medical_condition_id": SOMEBODY},
            "ix_patient_lead_status_medical_condition_id_created_at",
        ),
        ({"owner_id": SOMEBODY}, "ix_patient_lead_owner_id_created_at"),
        ({"person_id": SOMEBODY}, "ix_patient_lead_person_id"),
    ],
)
async def test_page_is_read_from_its_index_in_its_order(
    session: AsyncSession, asked: dict[str, str], index: str
) -> None:
    await _many_leads(session)
    ids = queries.filtered(LeadFilter.model_validate(asked))

    plan = await plan_of_page(session, ids, queries.NEWEST_FIRST)

    assert index in plan, plan
    assert "Sort" not in plan, plan
