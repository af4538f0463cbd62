"""Lists of calls are served by indexes that end in the sort key."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import Select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls import queries
from app.calls.schemas import CallFilter
from app.platform.actor import Actor

SOMEBODY = str(uuid4())


async def plan(session: AsyncSession, query: Select[tuple[UUID]]) -> str:
    """PostgreSQL's plan of a page, sequential scans being too dear."""
    written = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]
    await session.execute(text("SET LOCAL enable_seqscan = off"))
    await session.execute(text("SET LOCAL enable_bitmapscan = off"))
    return "\n".join((await session.scalars(text(f"EXPLAIN {written}"))).all())


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
    ids = queries.filtered(actor, CallFilter.model_validate(asked))
    page = ids.order_by(*(column.desc() for column in queries.NEWEST_FIRST.columns)).limit(51)

    found = await plan(session, page)

    assert index in found, found
    assert "Sort" not in found, found
