"""What was said, found and decided in a case: which columns that is, and that nobody outside the caseload reads it."""

import httpx
import pytest
from sqlalchemy import CheckConstraint, Column, String, Table, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import GRANTS, PERMISSIONS, Role
from app.platform.db import Base
from tests.builders import a_colleague
from tests.canaries import H, World, a_world, give_draft, guarded_routes

READS = [route for route in guarded_routes() if "GET" in (route.methods or ())]
CODED = {
    "call_history.booking_time_zone": "the name of a time zone",
    "task.due_time_zone": "the name of a time zone",
    "journey_event.from_status": "a state",
    "journey_event.to_status": "a state",
    "patient_order.clinical_trial_stage": "the state of a journey, whose own column is coded",
    "patient_order.eap_stage": "the state of a journey, whose own column is coded",
    "row_history.row": "a row, whose columns have classes of their own",
    "draft.content": "shown to anyone who types it, and to nobody else",
    "held_form.fields": "shown to anyone who typed it, and to nobody else",
}
"""Texts and documents of health that are no words about a case, and why."""


def _is_coded(table: Table, column: Column[object]) -> bool:
    """Whether a check of the table says which words the column may hold."""
    return any(
        isinstance(rule, CheckConstraint) and f"{column.name} IN (" in str(rule.sqltext) for rule in table.constraints
    )


def test_every_column_of_free_text_about_health_is_case_detail() -> None:
    open_to_all = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.info["privacy"] == "health"
        and isinstance(column.type, (String, JSONB))
        and not column.info.get("detail")
        and not _is_coded(table, column)
    ]
    assert set(open_to_all) == set(CODED)


def test_every_reason_and_note_about_a_person_is_personal_or_health() -> None:
    """Free text may say anything of anybody: what has such a name is not internal, wherever it stands."""
    words = ("reason", "notes", "note", "reference_number", "_url")
    open_to_all = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.name.endswith(words) and column.info["privacy"] not in {"personal", "health"}
    ]
    assert open_to_all == ["web_session.end_reason"]


@pytest.fixture
async def world(session: AsyncSession) -> World:
    """A person whom a colleague owns."""
    made = await a_world(session)
    owner, _ = await a_colleague(session)
    for table in ("patient", "patient_lead"):
        await session.execute(text(f"UPDATE {table} SET owner_id = :owner"), {"owner": owner.user_account_id})
    await session.commit()
    return made


DETAIL = [
    f"{H} {word}"
    for word in (
        *("reason", "notes", "outcome", "ineligible", "hold", "gate", "reference", "event", "payload", "deleted"),
        *("ours", "theirs", "title", "details", "text"),
    )
] + [f"{H}-code", f"{H}mab", f"{H} trial", f"{H}-1"]


@pytest.mark.parametrize("role", ["navigator", "liaison"])
async def test_no_route_shows_case_detail_outside_the_caseload(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World, role: str
) -> None:
    _, headers = await a_colleague(session, role)
    # Known by now: a key's first request takes no fast path.
    await assigned.get("/api/v1/medical-conditions", headers=headers)
    await give_draft(session, headers)
    leaks = []
    for route in READS:
        if route.permission not in GRANTS[Role(role)] or not PERMISSIONS[route.permission].personal:
            continue
        answer = await assigned.get(world.address(route), headers=headers)
        refused = answer.status_code == 403 and answer.json()["code"] == "access_reason_needed"
        assert refused or answer.status_code == 200, (route.path, answer.text)
        leaks += [(route.path, found) for found in DETAIL if found in answer.text]
    assert leaks == []


@pytest.mark.parametrize("path", ["patients/{patient_id}", "leads/{lead_id}"])
async def test_a_record_of_who_somebody_is_shows_its_remark_masked_until_a_reason_is_stated(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World, path: str
) -> None:
    _, headers = await a_colleague(session)
    url, field = f"/api/v1/{path.format(**world.ids)}", "status_reason" if "patients" in path else "reason"
    masked = await assigned.get(url, headers=headers)
    assert (masked.status_code, masked.json()[field]) == (200, "•••")
    stated = await assigned.get(url, headers=headers | {"X-Access-Reason": "she calls me back"})
    assert stated.json()[field].startswith(H)


async def test_who_registers_a_colleagues_patient_again_is_not_shown_their_case(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World
) -> None:
    """201 shows what one has just entered; 200 has found what a colleague entered."""
    _, headers = await a_colleague(session)
    sent = {"person_id": str(world.person_id), "medical_condition_id": str(world.ids["medical_condition_id"])}
    found = await assigned.post("/api/v1/patients", json=sent, headers=headers)
    assert (found.status_code, found.json()["status_reason"]) == (200, "•••")


async def test_deleting_a_colleagues_patient_does_not_open_their_case(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World
) -> None:
    _, headers = await a_colleague(session)
    await session.execute(text("UPDATE patient_lead SET owner_id = NULL"))
    await session.commit()
    assert (await assigned.delete(f"/api/v1/patients/{world.ids['patient_id']}", headers=headers)).status_code == 204
    listed = await assigned.get(f"/api/v1/persons/{world.person_id}/submissions", headers=headers)
    assert [item["payload"] for item in listed.json()["items"]] == [{}]


async def test_a_note_about_two_people_is_closed_with_the_case_of_either(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World
) -> None:
    """A caregiver has no case of their own; what is noted of them speaks of the patient whom they care for."""
    _, headers = await a_colleague(session)
    await session.execute(
        text("UPDATE person_relationship SET person_id = related_person_id, related_person_id = person_id")
    )
    await session.commit()
    caregiver = await session.scalar(text("SELECT person_id FROM person_relationship"))
    listed = (await assigned.get(f"/api/v1/persons/{caregiver}/relationships", headers=headers)).json()["items"]
    assert [item["notes"] for item in listed] == ["•••"]
    url = f"/api/v1/persons/{caregiver}/relationships/{world.ids['relationship_id']}"
    changed = await assigned.put(url, json={"authority": "none"}, headers=headers)
    assert changed.json()["code"] == "access_reason_needed"
