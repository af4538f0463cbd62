"""Faults that stood before any edit are listed: which record, which field, what is wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.calls.models import CallHistory
from app.calls.states import CALL
from app.leads.states import DISQUALIFICATION_REASONS, LEAD
from app.oversight.standing_faults import KINDS, Kind
from app.patients.models import Patient
from app.patients.states import PATIENT
from app.platform.faults import faults_in
from tests import builders
from tests.conftest import AsRole
from tests.plans import plan_of_page

URL = "/api/v1/standing-faults"
THEN = datetime(2026, 5, 4, 9, tzinfo=UTC)
SAMPLES: dict[str, dict[str, tuple[Any, ...]]] = {
    "patient_lead": {
        "status": LEAD.states,
        "wake_up_on": (None, THEN.date()),
        "duplicate_of_person_id": (None, UUID(int=1)),
        "reason_code": (None, DISQUALIFICATION_REASONS[0], "a reason of another system"),
    },
    "patient": {"status": PATIENT.states, "status_reason": (None, "", "on holiday"), "deleted_at": (None,)},
    "call_history": {
        "status": CALL.states,
        "outcome": (None, "Reached", "refused", "voicemail"),
        "call_date": (None, THEN),
        "booking_date": (None, THEN),
        "voided_at": (None,),
    },
    "person_contact_type": {"valid_from": (THEN,), "valid_to": (None, THEN, THEN + timedelta(days=1))},
}
"""What the columns of the rules may hold."""
KIND: dict[str, Kind] = {kind.record_type: kind for kind in KINDS if kind.rules}


async def _a_role(session: AsyncSession, person_id: UUID, valid_to: datetime | None) -> UUID:
    made = await session.execute(
        text(
            "INSERT INTO person_contact_type (person_id, contact_type_id, valid_from, valid_to)"
            " SELECT :person, contact_type_id, :then, :end FROM contact_type WHERE type_name = 'caregiver'"
            " RETURNING person_contact_type_id"
        ),
        {"person": person_id, "then": THEN, "end": valid_to},
    )
    key: UUID = made.scalar_one()
    return key


async def _listed(client: httpx.AsyncClient, headers: dict[str, str], **asked: str) -> dict[str, list[tuple[str, str]]]:
    answer = await client.get(URL, params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    return {
        item["record_id"]: [(fault["field"], fault["code"]) for fault in item["faults"]]
        for item in answer.json()["items"]
    }


async def _walked(client: httpx.AsyncClient, headers: dict[str, str], **asked: Any) -> list[str]:
    """The records of all pages; the last page alone has a total that is none of so far."""
    found: list[str] = []
    while True:
        page = (await client.get(URL, params=asked, headers=headers)).json()
        found += [item["record_id"] for item in page["items"]]
        assert page["total_is_capped"] is (page["next_cursor"] is not None)
        if page["next_cursor"] is None:
            assert page["total"] == len(found)
            return found
        asked["cursor"] = page["next_cursor"]


async def test_what_migrated_rows_have_wrong_is_listed_and_nothing_else(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    lead = await builders.a_lead(session, status="disqualified", closed_at=THEN)
    await builders.a_lead(session, status="disqualified", closed_at=THEN, reason_code="other")
    sleeping = await builders.a_lead(session, status="new", wake_up_on=THEN.date(), reason_code="x")
    paused = await builders.a_patient(session, status="paused")
    patient = await builders.a_patient(session, status="paused", status_reason="on holiday")
    call = await builders.a_call(session, patient, status="no_show", no_show=True, outcome="reached", call_date=THEN)
    dateless = await builders.a_call(session, patient, reminder_date=THEN, booking_date=None)
    role = await _a_role(session, lead.person_id, THEN)
    await _a_role(session, patient.person_id, None)
    await session.commit()
    steward = await as_role("data_steward")

    assert await _listed(client, steward) == {
        str(lead.lead_id): [("reason_code", "reason_needed")],
        str(sleeping.lead_id): [("wake_up_on", "not_of_this_status"), ("reason_code", "not_of_this_status")],
        str(paused.patient_id): [("status_reason", "reason_needed")],
        str(call.call_id): [("outcome", "no_show_was_not_spoken_to")],
        str(dateless.call_id): [("call_date", "missing")],
        str(role): [("valid_to", "dates_not_in_order")],
    }
    only = await client.get(URL, params={"record_type": "patient"}, headers=steward)
    assert only.json()["items"] == [
        {
            "record_type": "patient",
            "record_id": str(paused.patient_id),
            "person_id": str(paused.person_id),
            "faults": [{"field": "status_reason", "code": "reason_needed", "message": "This status needs a reason."}],
        }
    ]
    newest = select(AuditEvent.action, AuditEvent.person_ids).order_by(AuditEvent.audit_event_id.desc()).limit(1)
    assert tuple((await session.execute(newest)).one()) == ("list_standing_faults", [paused.person_id])


async def test_what_is_deleted_or_voided_or_mended_is_not_listed(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    wrong = {"status": "no_show", "no_show": True, "outcome": "reached", "call_date": THEN}
    gone = await builders.a_patient(session, status="paused")
    await builders.a_call(session, gone, **wrong)
    staying = await builders.a_patient(session, status="paused")
    voided, mended = [await builders.a_call(session, staying, **wrong) for _ in range(2)]
    nobody = UUID(int=1)
    of_gone = update(Patient).where(Patient.patient_id == gone.patient_id)
    await session.execute(of_gone.values(deleted_at=THEN, deleted_by=nobody))
    of_voided = update(CallHistory).where(CallHistory.call_id == voided.call_id)
    await session.execute(of_voided.values(voided_at=THEN, voided_by=nobody, void_reason="entered twice"))
    await session.commit()
    steward, navigator = await as_role("data_steward"), await as_role("navigator")
    assert set(await _listed(client, steward)) == {str(staying.patient_id), str(mended.call_id)}

    for place, body in [
        (f"patients/{staying.patient_id}", {"status_reason": "on holiday"}),
        (f"call-history/{mended.call_id}", {"outcome": "no_answer"}),
    ]:
        answer = await client.put(f"/api/v1/{place}", json=body, headers=navigator)
        assert answer.status_code == 200, answer.text
    assert await _listed(client, steward) == {}


async def test_pages_go_through_all_kinds(client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole) -> None:
    made = {str((await builders.a_patient(session, status="paused")).patient_id) for _ in range(2)}
    made |= {str((await builders.a_lead(session, wake_up_on=THEN.date())).lead_id) for _ in range(3)}
    steward = await as_role("data_steward")
    assert sorted(await _walked(client, steward, limit=2)) == sorted(made)


@pytest.mark.parametrize("record_type", KIND)
async def test_they_are_read_from_their_index_in_its_order(session: AsyncSession, record_type: str) -> None:
    plan = await plan_of_page(session, *KIND[record_type].branch)
    assert f"ix_{record_type}_faulty" in plan, plan
    assert "Sort" not in plan, plan


def _rows(kind: Kind) -> Iterator[dict[str, Any]]:
    samples = SAMPLES[kind.record_type]
    for values in product(*samples.values()):
        yield dict(zip(samples, values, strict=True))


@pytest.mark.parametrize("record_type", KIND)
async def test_a_rule_says_the_same_of_a_row_and_of_the_table(session: AsyncSession, record_type: str) -> None:
    kind = KIND[record_type]
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    kinds = {column.name: column.type.compile(dialect=dialect) for column in kind.model.__table__.c}
    broken = set()
    for row in _rows(kind):
        columns = ", ".join(f"CAST(:{name} AS {kinds[name]}) AS {name}" for name in row)
        rules = ", ".join(f"coalesce({rule.sql}, false)" for rule in kind.rules)
        said = tuple((await session.execute(text(f"SELECT {rules} FROM (SELECT {columns}) AS said"), row)).one())
        assert said == tuple(rule.is_broken(SimpleNamespace(**row)) for rule in kind.rules), row
        listed = f"SELECT coalesce({kind.faulty}, false) FROM (SELECT {columns}) AS said"
        faulty = await session.scalar(text(listed), row)
        assert faulty == bool(faults_in(SimpleNamespace(**row), kind.rules)), row
        broken |= {nr for nr, is_broken in enumerate(said) if is_broken}
    assert broken == set(range(len(kind.rules))), "the samples break every rule"
