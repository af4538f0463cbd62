"""The entry point of the notes: written about somebody, corrected with their past, voided and not lost."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import Role
from app.audit.models import AuditEvent, RowHistory
from app.notes.models import Note
from app.patients.models import Patient
from app.platform import clock
from tests import builders
from tests.conftest import AsRole

URL = "/api/v1/notes"
TYPED = "Speaks *slowly* on the phone.\n\n- asks for a letter\n- <b>no</b> mail"


@pytest.fixture
async def patient(session: AsyncSession) -> Patient:
    made = await builders.a_patient(session)
    await session.commit()
    return made


@pytest.fixture
async def navigator(as_role: AsRole) -> dict[str, str]:
    return await as_role("navigator")


async def written(client: httpx.AsyncClient, headers: dict[str, str], patient: Patient, **said: Any) -> dict[str, Any]:
    body = {"patient_id": str(patient.patient_id), "text": TYPED} | said
    answer = await client.post(URL, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_a_note_is_kept_as_it_was_typed_and_so_are_its_earlier_texts(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient
) -> None:
    account, me = await builders.a_colleague(session)

    note = await written(client, me, patient, adverse_event_heard=False)
    place = f"{URL}/{note['note_id']}"
    read = await client.get(place, headers=me)
    change = {"text": "Writes only.", "adverse_event_heard": True, "is_pinned": True}
    changed = await client.put(place, json=change, headers=me | {"If-Match": read.headers["etag"]})
    stale = await client.put(place, json={"text": "Mine"}, headers=me | {"If-Match": read.headers["etag"]})

    assert (note["text"], note["created_by"]) == (TYPED, str(account.user_account_id))
    assert read.json() == note
    assert {name: changed.json()[name] for name in change} == change
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    earlier = await session.scalars(select(RowHistory.row).where(RowHistory.record_id == UUID(note["note_id"])))
    assert [(row["text"], row["adverse_event_heard"]) for row in earlier] == [(TYPED, False)]
    event = (
        await session.scalars(
            select(AuditEvent).where(AuditEvent.action == "update_note", AuditEvent.outcome == "done")
        )
    ).one()
    assert (event.record_type, event.person_ids) == ("note", [patient.person_id])
    assert set(event.field_names or ()) == set(change)


async def test_lists_have_the_newest_first(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient, navigator: dict[str, str]
) -> None:
    account, me = await builders.a_colleague(session)
    first = await written(client, navigator, patient)
    pinned = await written(client, navigator, patient, is_pinned=True)
    mine = await written(client, me, patient)
    other = await builders.a_patient(session)
    await session.commit()
    await written(client, navigator, other)

    async def found(**asked: str) -> list[dict[str, Any]]:
        params = {"person_id": str(patient.person_id)} | asked
        items: list[dict[str, Any]] = (await client.get(URL, params=params, headers=navigator)).json()["items"]
        return items

    assert await found() == [mine, pinned, first]
    assert await found(is_pinned="true") == [pinned]
    assert await found(is_pinned="false") == [mine, first]
    assert await found(created_by=str(account.user_account_id)) == [mine]


async def test_a_mistake_is_voided_and_stays(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient, navigator: dict[str, str], as_role: AsRole
) -> None:
    _, me = await builders.a_colleague(session)
    note = await written(client, me, patient)
    hers = await written(client, navigator, patient)
    place = f"{URL}/{note['note_id']}"

    not_mine = await client.delete(f"{URL}/{hers['note_id']}", headers=me)
    voided = await client.delete(place, headers=me | {"X-Change-Reason": "about somebody else"})
    again = await client.delete(place, headers=me)
    gone = await client.get(place, headers=me)
    steward = await as_role("data_steward")
    asked = {"include_voided": "true"}
    seen = await client.get(place, params=asked, headers=steward)
    by_steward = await client.delete(f"{URL}/{hers['note_id']}", headers=steward)

    assert (not_mine.status_code, not_mine.json()["code"]) == (403, "forbidden")
    assert (voided.status_code, by_steward.status_code) == (204, 204)
    assert again.json()["code"] == gone.json()["code"] == "note_not_found"
    assert (await client.get(place, params=asked, headers=me)).status_code == 403
    assert (seen.json()["text"], seen.json()["void_reason"]) == (TYPED, "about somebody else")
    assert (await client.get(URL, headers=steward)).json()["items"] == []
    all_of_them = (await client.get(URL, params=asked, headers=steward)).json()["items"]
    assert [one["void_reason"] for one in all_of_them] == ["No reason was given.", "about somebody else"]
    assert len((await session.scalars(select(Note.note_id))).all()) == 2


async def test_one_may_be_about_somebody_who_died(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str]
) -> None:
    died = {"kind": "deceased", "departed_on": "2026-11-20", "source": "Their daughter"}
    place = f"/api/v1/persons/{patient.person_id}/departures"
    assert (await client.post(place, json=died, headers=navigator)).status_code == 201
    await written(client, navigator, patient)


async def test_notes_about_a_deleted_patient_are_not_seen(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient, navigator: dict[str, str]
) -> None:
    note = await written(client, navigator, patient)
    patient.deleted_at, patient.deleted_by = clock.now(), uuid4()
    await session.commit()
    place = f"{URL}/{note['note_id']}"
    for answer in (
        await client.get(place, headers=navigator),
        await client.put(place, json={}, headers=navigator),
        await client.delete(place, headers=navigator),
    ):
        assert answer.json()["code"] == "note_not_found"
    assert (await client.get(URL, headers=navigator)).json()["items"] == []


async def test_a_note_stands_in_the_timeline_until_it_is_voided(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str]
) -> None:
    note = await written(client, navigator, patient, adverse_event_heard=True)
    place = f"/api/v1/patients/{patient.patient_id}/timeline"
    (item,) = (await client.get(place, headers=navigator)).json()["items"]
    assert (item["kind"], item["id"], item["at"]) == ("note", note["note_id"], note["created_at"])
    assert (item["data"]["text"], item["data"]["adverse_event_heard"]) == (TYPED, True)
    await client.delete(f"{URL}/{note['note_id']}", headers=navigator)
    assert (await client.get(place, headers=navigator)).json()["items"] == []


@pytest.mark.parametrize("role", ["programme_manager", "auditor", "privacy_officer"])
async def test_who_sees_people_masked_sees_no_words_of_a_note(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str], as_role: AsRole, role: str
) -> None:
    note = await written(client, navigator, patient, adverse_event_heard=True)
    seen = (await client.get(f"{URL}/{note['note_id']}", headers=await as_role(Role(role)))).json()
    assert (seen["text"], seen["adverse_event_heard"]) == ("•••", None)


async def test_a_machine_neither_writes_nor_reads_notes_and_tasks(client: httpx.AsyncClient, as_role: AsRole) -> None:
    machine = await as_role("integration")
    for address in ("notes", "tasks"):
        assert (await client.get(f"/api/v1/{address}", headers=machine)).status_code == 403
        assert (await client.post(f"/api/v1/{address}", json={}, headers=machine)).status_code == 403
