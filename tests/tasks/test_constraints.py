"""Every rule of a task that the database keeps, broken once."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.db import constraint_name
from app.tasks.models import Task
from tests import builders

BROKEN: dict[str, dict[str, Any]] = {
    "fk_task_person_id": {"person_id": uuid4()},
    "fk_task_patient_of_person": {"patient_id": uuid4()},
    "fk_task_lead_of_person": {"lead_id": uuid4()},
    "fk_task_call_id": {"call_id": uuid4()},
    "fk_task_ct_journey_id": {"ct_journey_id": uuid4()},
    "fk_task_eap_journey_id": {"eap_journey_id": uuid4()},
    "fk_task_owner_id": {"owner_id": uuid4()},
    "fk_task_next_task_id": {"next_task_id": uuid4()},
    "ck_task_about_one_record": {"call_id": uuid4(), "eap_journey_id": uuid4()},
    "ck_task_status_known": {"status": "lost"},
    "ck_task_due_once": {"due_at": None},
    "ck_task_done_has_a_time": {"status": "done"},
    "ck_task_reported_is_done": {"reported_at": datetime(2026, 5, 17, tzinfo=UTC)},
    "ck_task_repeat_unit_known": {"repeat_every": 1, "repeat_unit": "year", "repeats_from": date(2026, 5, 17)},
    "ck_task_repeat_every_positive": {"repeat_every": 0, "repeat_unit": "day", "repeats_from": date(2026, 5, 17)},
    "ck_task_repeats_whole": {"repeat_every": 1},
}


@pytest.mark.parametrize("name", BROKEN)
async def test_database_refuses(session: AsyncSession, name: str) -> None:
    person = await builders.a_person(session)
    with pytest.raises(IntegrityError) as refused:
        await builders.a_task(session, person, **BROKEN[name])
    assert constraint_name(refused.value) == name


async def test_a_task_is_the_next_of_one(session: AsyncSession) -> None:
    person = await builders.a_person(session)
    following = await builders.a_task(session, person)
    await builders.a_task(session, person, next_task_id=following.task_id)
    with pytest.raises(IntegrityError) as refused:
        await builders.a_task(session, person, next_task_id=following.task_id)
    assert constraint_name(refused.value) == "uq_task_next_task_id"


def test_no_rule_is_left_out() -> None:
    rules = {
        str(constraint.name)
        for constraint in Task.metadata.tables["task"].constraints
        if isinstance(constraint, (CheckConstraint, ForeignKeyConstraint))
    }
    assert rules == set(BROKEN)
