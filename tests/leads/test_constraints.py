"""Every rule of a lead that the database keeps, broken once."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.leads.models import PatientLead
from app.platform.db import constraint_name
from tests import builders

BROKEN: dict[str, dict[str, Any]] = {
    "fk_patient_lead_person_id": {"person_id": uuid4()},
    "fk_patient_lead_medical_condition_id": {"medical_condition_id": uuid4()},
    "fk_patient_lead_owner_id": {"owner_id": uuid4()},
    "fk_patient_lead_duplicate_of_person_id": {"status": "duplicate", "duplicate_of_person_id": uuid4()},
    "fk_patient_lead_intake_submission_id": {"intake_submission_id": uuid4()},
    "fk_patient_lead_converted_to_patient_id": {
        "status": "converted",
        "converted_at": datetime(2026, 5, 17, tzinfo=UTC),
        "converted_to_patient_id": uuid4(),
    },
    "ck_patient_lead_status_known": {"status": "lost"},
    "ck_patient_lead_source_known": {"source": "rumour"},
    "ck_patient_lead_converted_has_patient_and_time": {"status": "converted"},
    "ck_patient_lead_duplicate_points_when_closed_so": {"duplicate_of_person_id": uuid4()},
}


@pytest.mark.parametrize("name", BROKEN)
async def test_database_refuses(session: AsyncSession, name: str) -> None:
    person = await builders.a_person(session)
    condition = await builders.a_condition(session)
    values = {"person_id": person.person_id, "medical_condition_id": condition.medical_condition_id, "source": "phone"}
    session.add(PatientLead(**values | BROKEN[name]))

    with pytest.raises(IntegrityError) as refused:
        await session.flush()

    assert constraint_name(refused.value) == name


def test_no_rule_is_left_out() -> None:
    rules = {
        str(constraint.name)
        for constraint in PatientLead.metadata.tables["patient_lead"].constraints
        if isinstance(constraint, (CheckConstraint, ForeignKeyConstraint))
    }
    assert rules == set(BROKEN)
