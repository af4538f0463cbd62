"""Lists of calls are served by indexes that end in the sort key."""

from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls import queries
from app.calls.schemas import CallFilter
from app.platform import clock
from app.platform.actor import Actor
from tests.builders import a_patient
from tests.plans import plan, plan_of_page

SOMEBODY = str(uuid4())


async def _many_calls(session: AsyncSession, many: int = 500) -> None:
    """Calls of one patient: in an empty table every index is as good as another, or as bad as other tests left it."""
    patient = await a_patient(session)
    await session.execute(
        text(
            "INSERT INTO call_history (person_id, patient_id, booking_date, status) "
            "SELECT :person_id, :patient_id, now() - make_interval(hours => hour), 'scheduled' "
            "FROM generate_series(1, :many) AS hour"
        ),
        {"many": many, "person_id": patient.person_id, "patient_id": patient.patient_id},
    )


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({}, "ix_call_history_occurs_at"),
        ({"occurs_from": "2026-01-01T00:00:00Z"}, "ix_call_history_occurs_at"),
        ({"person_id": SOMEBODY}, "ix_call_history_person_id_occurs_at"),
        ({"patient_id": SOMEBODY}, "ix_call_history_patient_id_occurs_at"),
        ({"lead_id": SOMEBODY}, "ix_call_history_lead_id_occurs_at"),
        ({"pn_id": SOMEBODY}, "ix_call_history_pn_id_occurs_at"),
        ({"status": "completed"}, "ix_call_history_status_occurs_at"),
        ({"unresolved": "true"}, "ix_call_history_unresolved"),
        ({"unresolved": "true", "pn_id": SOMEBODY}, "ix_call_history_pn_id_unresolved"),
    ],
)
async def test_page_is_read_from_its_index_in_its_order(
    session: AsyncSession, actor: Actor, asked: dict[str, str], index: str
) -> None:
    await _many_calls(session)
    ids = queries.filtered(actor, CallFilter.model_validate(asked))

    plan = await plan_of_page(session, ids, queries.NEWEST_FIRST)

    assert index in plan, plan
    assert "Sort" not in plan, plan


async def test_what_waits_beside_a_call_is_counted_and_found_by_one_index(session: AsyncSession, actor: Actor) -> None:
    # So many that walking through everybody's is dearer.
    await _many_calls(session, 10_000)
    asked = queries.unresolved_besides(actor, call_id=uuid4(), occurs_at=clock.now(), pn_id=uuid4(), most=99)

    found = await plan(session, asked)

    assert found.count("using ix_call_history_pn_id_unresolved") == 3, found
    assert "Sort" not in found, found
