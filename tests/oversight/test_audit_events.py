"""The audit trail read back: each question, pages, the export, and the report for the person."""

import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.downloads import cell
from app.audit.models import AuditEvent
from app.audit.partitions import close_partitions
from app.platform import clock, schema
from app.platform.db import Database
from tests.builders import a_colleague, a_patient, a_person
from tests.conftest import AsRole

URL = "/api/v1/audit-events"


async def _event(session: AsyncSession, **values: Any) -> UUID:
    made = await session.execute(
        insert(AuditEvent)
        .values({"action": "test_event", "outcome": "done"} | values)
        .returning(AuditEvent.audit_event_id)
    )
    await session.commit()
    key: UUID = made.scalar_one()
    return key


def _ids(answer: httpx.Response) -> Sequence[str]:
    assert answer.status_code == 200, answer.text
    return [item["audit_event_id"] for item in answer.json()["items"]]


async def test_each_filter_finds_its_events_and_no_others(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    headers = await as_role("auditor")
    person, actor, record = uuid4(), uuid4(), uuid4()
    seen = await _event(session, person_ids=[uuid4(), person], actor_id=actor)
    other = await _event(session, person_ids=[uuid4()], record_id=record, actor_id=actor, outcome="refused")
    glass = await _event(session, purpose="break_glass")

    async def found(**query: Any) -> Sequence[str]:
        return _ids(await client.get(URL, params=query, headers=headers))

    assert await found(person_id=str(person)) == [str(seen)]
    assert await found(actor_id=str(actor)) == [str(other), str(seen)]
    assert await found(actor_id=str(actor), outcome="refused") == [str(other)]
    assert await found(record_id=str(record)) == [str(other)]
    assert await found(purpose="break_glass") == [str(glass)]
    assert await found(action="test_event", outcome="refused") == [str(other)]
    assert set(await found(action="test_event")) == {str(seen), str(other), str(glass)}
    later = (clock.now() + timedelta(hours=1)).isoformat()
    assert await found(action="test_event", from_at=later) == []
    assert len(await found(action="test_event", to_at=later)) == 3


@pytest.mark.parametrize("by", ["person_id", "actor_id", "action"])
async def test_pages_walk_the_whole_trail_once(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession, by: str
) -> None:
    headers = await as_role("privacy_officer")
    who = uuid4()
    kinds: dict[str, dict[str, Any]] = {
        "person_id": {"person_ids": [who]},
        "actor_id": {"actor_id": who},
        "action": {"action": "walked"},
    }
    values = kinds[by]
    made = {str(await _event(session, **values)) for _ in range(7)}
    query: dict[str, Any] = {by: str(who) if by != "action" else "walked", "limit": 3}
    walked: list[str] = []
    while True:
        answer = await client.get(URL, params=query, headers=headers)
        walked += _ids(answer)
        # Each look for a person joins their trail, ahead of the pages that were turned.
        assert answer.json()["total"] >= 7
        if (cursor := answer.json()["next_cursor"]) is None:
            break
        query["cursor"] = cursor
    assert len(walked) == 7
    assert set(walked) == made


async def test_looking_into_the_trail_is_on_record_too(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    headers, person = await as_role("auditor"), uuid4()
    await client.get(URL, params={"person_id": str(person)}, headers=headers)
    answer = await client.get(URL, params={"person_id": str(person)}, headers=headers)
    assert [item["action"] for item in answer.json()["items"]] == ["list_audit_events"]


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx"])
def test_no_cell_begins_like_a_formula(value: str) -> None:
    assert cell(value) == f"'{value}"
    assert cell([value, "x"]).startswith("'")


def test_harmless_cells_stay_as_they_are() -> None:
    assert [cell(v) for v in (None, "get_patient", ["a", "b"], 3)] == ["", "get_patient", "a b", "3"]


async def test_export_holds_every_event_as_text_and_is_one_event_itself(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    headers = await as_role("auditor")
    made = [str(await _event(session, action="=cmd|' /C calc'!A0", request_id="-2+3")) for _ in range(3)]
    answer = await client.get(f"{URL}/export", params={"action": "=cmd|' /C calc'!A0"}, headers=headers)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row[-1] for row in rows[1:]] == made[::-1]
    assert not [value for row in rows for value in row if value[:1] in "=+-@\t\r" and value]
    exported = await session.scalars(select(AuditEvent).where(AuditEvent.action == "export_audit_events"))
    assert len(list(exported)) == 1


async def test_report_tells_the_person_who_when_and_why(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    patient = await a_patient(session)
    _, navigator = await a_colleague(session)
    await session.commit()
    assert (await client.get(f"/api/v1/patients/{patient.patient_id}", headers=navigator)).status_code == 200
    officer = await as_role("privacy_officer", by_name=True)
    glass = {"person_id": str(patient.person_id), "reason": "The ward asks whom to call."}
    assert (await client.post("/api/v1/break-glass", json=glass, headers=officer)).status_code == 201
    await client.get(f"/api/v1/patients/{patient.patient_id}", headers=officer)

    answer = await client.get(f"/api/v1/persons/{patient.person_id}/access-report", headers=officer)

    looks = answer.json()["items"]
    assert [(look["account_name"], look["roles"], look["did"], look["what"], look["why"]) for look in looks][::-1] == [
        ("Noor Bakker", ["navigator"], "Read", "Patient record", "Their work as navigator"),
        (
            "Test privacy_officer",
            ["privacy_officer"],
            "Opened",
            "Access with a stated reason",
            "Emergency access with a stated reason",
        ),
        (
            "Test privacy_officer",
            ["privacy_officer"],
            "Read",
            "Patient record",
            "Emergency access with a stated reason",
        ),
    ]
    assert looks[0]["stated_reason"] == "The ward asks whom to call."
    missing = await client.get(f"/api/v1/persons/{uuid4()}/access-report", headers=officer)
    assert missing.status_code == 404


async def test_report_counts_an_answer_that_refused_and_named_the_person(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    owner = await a_person(session, email="family@example.org")
    _, navigator = await a_colleague(session)
    await session.commit()
    sent = {"first_name": "Somebody", "last_name": "Else", "email": "family@example.org"}
    refused = await client.post("/api/v1/persons", json=sent, headers=navigator)
    assert (refused.status_code, refused.json()["candidate"]["person_id"]) == (409, str(owner.person_id))

    url = f"/api/v1/persons/{owner.person_id}/access-report"
    (look,) = (await client.get(url, headers=await as_role("privacy_officer"))).json()["items"]
    assert (look["account_name"], look["did"]) == ("Noor Bakker", "Was refused; the answer named you")


async def test_person_of_the_report_is_named_by_nobody_else(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    person, other = await a_person(session), await a_person(session)
    await session.commit()
    officer, steward = await as_role("privacy_officer"), await as_role("data_steward")
    await client.get(f"/api/v1/persons/{other.person_id}", headers=steward)
    answer = await client.get(f"/api/v1/persons/{person.person_id}/access-report", headers=officer)
    assert answer.json()["items"] == []


async def test_a_month_has_its_index_of_persons_from_its_first_day(session: AsyncSession) -> None:
    months = await session.scalars(
        text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_event'::regclass ORDER BY 1")
    )
    indexes = await session.execute(text("SELECT tablename, indexname, indexdef FROM pg_indexes"))
    found = {(table, name): how for table, name, how in indexes}
    lists = {month: found.get((month, f"{month}_person_ids"), "none") for month in months}

    assert lists
    assert [month for month, how in lists.items() if "gin_pending_list_limit='256'" not in how] == []


@pytest.mark.parametrize("is_made_with_its_index", [True, False])
async def test_months_that_are_over_are_indexed_once(
    committed_database: Database, committed_owner_url: str, *, is_made_with_its_index: bool
) -> None:
    first, following = ("2026-03-01", "2026-04-01") if is_made_with_its_index else ("2026-02-01", "2026-03-01")
    month = f"audit_event_{first[:4]}_{first[5:7]}"
    engine = schema.sync_engine(committed_owner_url)
    with engine.begin() as connection:
        bounds = f"FROM ('{first} 00:00+00') TO ('{following} 00:00+00')"
        connection.execute(text(f"CREATE TABLE {month} PARTITION OF audit_event FOR VALUES {bounds}"))
        if is_made_with_its_index:
            connection.execute(text(f"CREATE INDEX {month}_person_ids ON {month} USING gin (person_ids)"))
    engine.dispose()
    async with committed_database.unit_of_work() as session:
        assert await close_partitions(session) == 1
        assert await close_partitions(session) == 0
        names = await session.scalars(
            text("SELECT indexname FROM pg_indexes WHERE tablename = :month"), {"month": month}
        )
        assert {f"{month}_person_ids", f"{month}_action"} <= set(names)
