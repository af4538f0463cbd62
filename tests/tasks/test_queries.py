"""Lists of tasks are served by indexes that end in the moment by which they are due."""

from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.actor import Actor
from app.tasks import queries
from app.tasks.schemas import TaskFilter
from tests.builders import a_person
from tests.plans import plan_of_page

SOMEBODY = str(uuid4())
OF_RECORDS = ("patient_id", "lead_id", "call_id", "ct_journey_id", "eap_journey_id")


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({}, "ix_task_due_by"),
        ({"due_before": "2027-01-01T00:00:00Z"}, "ix_task_due_by"),
        ({"status": "open"}, "ix_task_status_due_by"),
        ({"status": "done"}, "ix_task_status_due_by"),
        ({"owner_id": SOMEBODY, "status": "open"}, "ix_task_owner_id_status_due_by"),
        ({"owner": "me", "status": "open"}, "ix_task_owner_id_status_due_by"),
        (
            {"owner": "me", "status": "open", "due_before": "2027-01-01T00:00:00Z"},
            "ix_task_owner_id_status_due_by",
        ),
        ({"owner": "nobody", "status": "open"}, "ix_task_status_due_by_of_nobody"),
        ({"person_id": SOMEBODY}, "ix_task_person_id_due_by"),
        *(({name: SOMEBODY}, f"ix_task_{name}_due_by") for name in OF_RECORDS),
    ],
)
async def test_page_is_read_from_its_index_in_its_order(
    session: AsyncSession, actor: Actor, asked: dict[str, str], index: str
) -> None:
    person = await a_person(session)
    # In an empty table every index is as good as another.
    await session.execute(
        text(
            "INSERT INTO task (person_id, title, due_at, due_by) SELECT :person_id, 'x', at, at"
            " FROM generate_series(now(), now() + interval '500 hours', interval '1 hour') AS at"
        ),
        {"person_id": person.person_id},
    )
    query = TaskFilter.model_validate(asked)

    me = replace(actor, account_id=uuid4())
    found = await plan_of_page(session, queries.filtered(me, query), queries.order_of(query))

    assert index in found, found
    assert "Sort" not in found, found
