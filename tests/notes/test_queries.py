"""Lists of notes are served by indexes that end in when they were written."""

from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.notes import queries
from app.notes.schemas import NoteFilter
from app.platform.actor import Actor
from tests.builders import a_person
from tests.plans import plan_of_page

SOMEBODY = str(uuid4())
OF_RECORDS = ("person_id", "patient_id", "lead_id", "call_id", "ct_journey_id", "eap_journey_id", "created_by")


@pytest.mark.parametrize(
    ("asked", "index"),
    [({}, "ix_note_created_at"), *(({name: SOMEBODY}, f"ix_note_{name}_created_at") for name in OF_RECORDS)],
)
async def test_page_is_read_from_its_index_in_its_order(
    session: AsyncSession, actor: Actor, asked: dict[str, str], index: str
) -> None:
    person = await a_person(session)
    # In an empty table every index is as good as another.
    await session.execute(
        text(
            "INSERT INTO note (person_id, text, created_at) SELECT :person_id, 'x', at"
            " FROM generate_series(now(), now() + interval '500 hours', interval '1 hour') AS at"
        ),
        {"person_id": person.person_id},
    )

    found = await plan_of_page(session, queries.filtered(actor, NoteFilter.model_validate(asked)), queries.NEWEST_FIRST)

    assert index in found, found
    assert "Sort" not in found, found
