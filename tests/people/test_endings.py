"""How things end: an address that is no longer used, a person who is set inactive, a patient record that is deleted."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.models import ContactPoint, ContactType, PersonContactType
from tests import builders
from tests.conftest import AsRole

PERSONS = "/api/v1/persons"
OLD = {"first_name": "Anna", "last_name": "Bos", "email": "old@was.example", "phone": "+31612340001"}


async def outcome(client: httpx.AsyncClient, headers: dict[str, str], **asked: Any) -> str:
    answer = await client.post(f"{PERSONS}/match", json=asked, headers=headers)
    found: str = answer.json()["outcome"]
    return found


@pytest.mark.parametrize(
    ("was", "recognised", "listed"),
    [("former", True, 2), ("wrong", False, 0), ("someone_elses", False, 0)],
)
async def test_replaced_address_says_what_it_was(
    client: httpx.AsyncClient, as_role: AsRole, was: str, listed: int, *, recognised: bool
) -> None:
    navigator = await as_role("navigator")
    person = (await client.post(PERSONS, json=OLD, headers=navigator)).json()
    place = f"{PERSONS}/{person['person_id']}"

    changed = await client.put(
        place, json={"email": "new@was.example", "phone": "+31612340002", "was": was}, headers=navigator
    )

    assert changed.status_code == 200, changed.text
    assert changed.json()["email"] == "new@was.example"
    again = await outcome(client, navigator, first_name="Anna", last_name="Bos", email="old@was.example")
    assert again == ("existing_person" if recognised else "new_person")
    other = await outcome(client, navigator, first_name="Joost", last_name="Vis", email="old@was.example")
    assert other == "new_person"
    for query in ({"email": "old@was.example"}, {"phone": "+31612340001"}):
        assert len((await client.get(PERSONS, params=query, headers=navigator)).json()["items"]) == recognised
    points = (await client.get(f"{place}/contact-points", headers=navigator)).json()["items"]
    assert [point["was"] for point in points] == [was] * listed
    new = {"first_name": "Joost", "last_name": "Vis", "email": "old@was.example", "shared_email": True}
    made = await client.post(PERSONS, json={**new, "phone": "+31612340001"}, headers=navigator)
    assert made.status_code == 201, made.text
    assert bool(made.json()["match"]["probable_duplicates"]) is False or recognised


async def test_former_address_can_become_anothers_own_and_is_never_written_to(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    person = (await client.post(PERSONS, json=OLD, headers=navigator)).json()
    await client.put(
        f"{PERSONS}/{person['person_id']}", json={"email": "new@was.example", "was": "former"}, headers=navigator
    )
    other = (await client.post(PERSONS, json={"first_name": "Joost", "last_name": "Vis"}, headers=navigator)).json()

    own = await client.put(f"{PERSONS}/{other['person_id']}", json={"email": "old@was.example"}, headers=navigator)

    assert own.status_code == 200, own.text


@pytest.mark.parametrize("sent", [{"was": "former"}, {"email": "OLD+x@was.example", "was": "former"}])
async def test_what_replaces_nothing_has_nothing_that_was(
    client: httpx.AsyncClient, as_role: AsRole, sent: dict[str, str]
) -> None:
    navigator = await as_role("navigator")
    person = (await client.post(PERSONS, json=OLD, headers=navigator)).json()
    answer = await client.put(f"{PERSONS}/{person['person_id']}", json=sent, headers=navigator)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "nothing_replaced")


async def test_contact_point_is_removed_with_what_it_was_and_can_be_used_again(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    navigator = await as_role("navigator")
    person = (await client.post(PERSONS, json=OLD, headers=navigator)).json()
    place = f"{PERSONS}/{person['person_id']}/contact-points"
    point = {"kind": "email", "value": "second@was.example"}
    made = (await client.post(place, json=point, headers=navigator)).json()
    here = f"{place}/{made['contact_point_id']}"

    assert (await client.delete(here, headers=navigator)).status_code == 422
    assert (await client.delete(here, params={"was": "old"}, headers=navigator)).status_code == 422
    for was, found in (("former", 1), ("wrong", 0)):
        assert (await client.delete(here, params={"was": was}, headers=navigator)).status_code == 204
        items = (await client.get(PERSONS, params={"email": point["value"]}, headers=navigator)).json()["items"]
        assert len(items) == found
    assert (await client.delete(here, params={"was": "wrong"}, headers=navigator)).status_code == 404
    again = await client.post(place, json=point, headers=navigator)

    assert again.status_code == 201, again.text
    assert (again.json()["contact_point_id"], again.json()["was"]) == (made["contact_point_id"], None)
    query = text("SELECT row ->> 'was' FROM row_history WHERE record_id = :id ORDER BY version")
    filed = await session.scalars(query, {"id": made["contact_point_id"]})
    assert list(filed) == [None, "former", "wrong"]


async def test_person_who_is_helped_as_a_patient_is_not_set_inactive(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    navigator = await as_role("navigator")
    patient = await builders.a_patient(session)
    person, record = f"{PERSONS}/{patient.person_id}", f"/api/v1/patients/{patient.patient_id}"

    for refused in (
        await client.delete(person, headers=navigator),
        await client.put(person, json={"is_active": False}, headers=navigator),
        await client.put(record, json={"person": {"is_active": False}}, headers=navigator),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "patient_active")
    assert (await client.put(record, json={"status": "inactive"}, headers=navigator)).status_code == 200
    assert (await client.delete(person, headers=navigator)).status_code == 204
    again = await client.put(record, json={"status": "active"}, headers=navigator)
    assert (again.status_code, again.json()["person"]["is_active"]) == (200, True)
    assert (await client.delete(record, headers=navigator)).status_code == 204
    assert (await client.delete(person, headers=navigator)).status_code == 204


async def test_role_of_a_deleted_patient_ends_and_comes_back(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    navigator = await as_role("navigator")
    condition = await builders.a_condition(session)
    body = {"person": OLD, "medical_condition_id": str(condition.medical_condition_id)}
    made = (await client.post("/api/v1/patients", json=body, headers=navigator)).json()

    async def current() -> list[bool]:
        found = await session.scalars(
            select(PersonContactType.valid_to.is_(None))
            .join(ContactType)
            .where(PersonContactType.person_id == made["person_id"], ContactType.type_name == "patient")
            .order_by(PersonContactType.valid_from)
        )
        return list(found)

    assert await current() == [True]
    await client.delete(f"/api/v1/patients/{made['patient_id']}", headers=navigator)
    assert await current() == [False]
    back = await client.post("/api/v1/patients", json=body, headers=navigator)
    assert back.json()["match"]["reactivated"] is True
    assert await current() == [False, True]
    assert await session.scalar(select(ContactPoint.contact_point_id)) is None
