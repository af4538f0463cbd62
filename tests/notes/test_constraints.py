"""Every rule of a note that the database keeps, broken once."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.notes.models import Note
from app.platform.db import constraint_name
from tests import builders

BROKEN: dict[str, dict[str, Any]] = {
    "fk_note_person_id": {"person_id": uuid4()},
    "fk_note_patient_of_person": {"patient_id": uuid4()},
    "fk_note_lead_of_person": {"lead_id": uuid4()},
    "fk_note_call_id": {"call_id": uuid4()},
    "fk_note_ct_journey_id": {"ct_journey_id": uuid4()},
    "fk_note_eap_journey_id": {"eap_journey_id": uuid4()},
    "ck_note_about_one_record": {"call_id": uuid4(), "eap_journey_id": uuid4()},
    "ck_note_void_has_a_reason": {"voided_at": datetime(2026, 5, 17, tzinfo=UTC)},
}


@pytest.mark.parametrize("name", BROKEN)
async def test_database_refuses(session: AsyncSession, name: str) -> None:
    person = await builders.a_person(session)
    with pytest.raises(IntegrityError) as refused:
        await builders.a_note(session, person, **BROKEN[name])
    assert constraint_name(refused.value) == name


def test_no_rule_is_left_out() -> None:
    rules = {
        str(constraint.name)
        for constraint in Note.metadata.tables["note"].constraints
        if isinstance(constraint, (CheckConstraint, ForeignKeyConstraint))
    }
    assert rules == set(BROKEN)
