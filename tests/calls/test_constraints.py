"""Every rule of a call that the database keeps, broken once."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls.models import CallHistory
from app.platform.db import constraint_name
from tests import builders

BROKEN: dict[str, dict[str, Any]] = {
    "fk_call_history_patient_of_person": {"patient_id": uuid4()},
    "fk_call_history_lead_of_person": {"lead_id": uuid4()},
    "fk_call_history_pn_id": {"pn_id": uuid4()},
    "fk_call_history_rescheduled_to": {"rescheduled_to": uuid4()},
    "fk_call_history_spoke_with_person_id": {"spoke_with_person_id": uuid4()},
    "ck_call_history_about_patient_or_lead": {"patient_id": None},
    "ck_call_history_has_a_moment": {"booking_date": None},
    "ck_call_history_duration_not_negative": {"call_duration_minutes": -1},
    "ck_call_history_status_known": {"status": "lost"},
    "ck_call_history_direction_known": {"direction": "sideways"},
    "ck_call_history_channel_known": {"channel": "pigeon"},
    "ck_call_history_cancelled_has_no_outcome": {"status": "cancelled", "outcome": "reached"},
    "ck_call_history_no_show_is_a_status": {"no_show": True},
    "ck_call_history_void_has_a_reason": {"voided_at": datetime(2026, 5, 17, tzinfo=UTC)},
}


@pytest.mark.parametrize("name", BROKEN)
async def test_database_refuses(session: AsyncSession, name: str) -> None:
    patient = await builders.a_patient(session)

    with pytest.raises(IntegrityError) as refused:
        await builders.a_call(session, patient, **({"booking_date": datetime(2026, 5, 17, tzinfo=UTC)} | BROKEN[name]))

    assert constraint_name(refused.value) == name


def test_no_rule_is_left_out() -> None:
    rules = {
        str(constraint.name)
        for constraint in CallHistory.metadata.tables["call_history"].constraints
        if isinstance(constraint, (CheckConstraint, ForeignKeyConstraint))
    }
    # A call's patient or lead is of its person, so those keys refuse an unknown person before its own key does.
    assert rules - {"fk_call_history_person_id"} == set(BROKEN)
