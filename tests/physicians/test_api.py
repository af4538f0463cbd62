"""The entry point of the physicians: found or made, never doubled, never overwritten."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.people import suggestions
from app.people.models import DuplicateCandidate, Person
from app.people.queries import was_ever
from app.platform.actor import Actor
from app.platform.db import constraint_name
from tests.builders import a_person
from tests.conftest import AsRole

URL = "/api/v1/physicians"
PERSON = {"first_name": "Miriam", "last_name": "Öztürk", "email": "m.ozturk@clinic.example.org"}
NEW = {"person": PERSON, "job_title": "Neurologist", "medical_license_number": "19041234501"}


async def a_hospital(client: httpx.AsyncClient, headers: dict[str, str], name: str = "St. Elisabeth") -> str:
    made = await client.post("/api/v1/hospitals", json={"name": name}, headers=headers)
    return str(made.json()["hospital_id"])


async def test_new_physician_is_a_new_person_with_the_role(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    liaison = await as_role("liaison")
    hospital = await a_hospital(client, liaison)

    made = await client.post(URL, json={**NEW, "hospital_id": hospital}, headers=liaison)

    assert made.status_code == 201, made.text
    answer = made.json()
    assert answer["match"]["outcome"] == "new_person"
    assert answer["person"]["last_name"] == "Öztürk"
    assert answer["hospital"]["name"] == "St. Elisabeth"
    read = await client.get(made.headers["location"], headers=liaison)
    assert read.json() == {key: value for key, value in answer.items() if key != "match"}
    assert await was_ever(session, person_id=UUID(answer["person_id"]), type_name="physician")


async def test_physician_we_have_answers_200_and_differences_are_suggested(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    liaison = await as_role("liaison")
    first = (await client.post(URL, json=NEW, headers=liaison)).json()

    spelled = {**PERSON, "email": " M.Ozturk@Clinic.example.org "}
    again = await client.post(URL, json={"person": spelled, "job_title": "Professor"}, headers=liaison)
    by_id = await client.post(URL, json={"person_id": first["person_id"]}, headers=liaison)

    assert (again.status_code, by_id.status_code) == (200, 200)
    assert again.json()["physician_id"] == by_id.json()["physician_id"] == first["physician_id"]
    assert again.json()["match"]["outcome"] == "existing_person"
    assert again.json()["job_title"] == "Neurologist", "nothing is overwritten"
    suggested = {change["field"]: change["theirs"] for change in again.json()["match"]["suggested_changes"]}
    assert suggested["job_title"] == "Professor"
    assert by_id.json()["match"]["suggested_changes"] == []


async def test_accepted_suggestion_changes_the_physician(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession, actor: Actor
) -> None:
    liaison = await as_role("liaison")
    await client.post(URL, json=NEW, headers=liaison)
    again = (await client.post(URL, json={**NEW, "job_title": "Professor"}, headers=liaison)).json()
    [change] = again["match"]["suggested_changes"]

    await suggestions.accept(session, actor, suggested_change_id=UUID(change["suggested_change_id"]))
    await session.commit()

    read = await client.get(f"{URL}/{again['physician_id']}", headers=liaison)
    assert read.json()["job_title"] == "Professor"


async def test_deleted_physician_is_inactive_and_comes_back(client: httpx.AsyncClient, as_role: AsRole) -> None:
    liaison = await as_role("liaison")
    made = await client.post(URL, json=NEW, headers=liaison)
    place = made.headers["location"]

    gone = await client.delete(place, headers={**liaison, "If-Match": made.headers["etag"]})
    inactive = (await client.get(place, headers=liaison)).json()
    back = await client.post(URL, json=NEW, headers=liaison)

    assert gone.status_code == 204
    assert inactive["is_active"] is False
    assert (back.status_code, back.json()["is_active"], back.json()["match"]["reactivated"]) == (200, True, True)


async def test_list_finds_by_either_name_hospital_and_licence(client: httpx.AsyncClient, as_role: AsRole) -> None:
    liaison = await as_role("liaison")
    hospital = await a_hospital(client, liaison)
    made = (await client.post(URL, json={**NEW, "hospital_id": hospital}, headers=liaison)).json()
    other = {"first_name": "Zoe", "last_name": "Quist", "email": "z.quist@clinic.example.org"}
    await client.post(URL, json={"person": other}, headers=liaison)

    for query in (
        {"q": "ozt"},
        {"q": "Miriam"},
        {"hospital_id": hospital},
        {"person_id": made["person_id"]},
        {"medical_license_number": "19041234501"},
    ):
        found = (await client.get(URL, params=query, headers=liaison)).json()
        assert [item["physician_id"] for item in found["items"]] == [made["physician_id"]], query
    assert (await client.get(URL, params={"q": "ri"}, headers=liaison)).json()["items"] == []
    assert (await client.get(URL, params={"q": "%"}, headers=liaison)).json()["items"] == []
    for nothing in ("\u0301", "\u0301\u0302", "\u200d\u0301"):
        assert (await client.get(URL, params={"q": nothing}, headers=liaison)).json()["items"] == [], nothing


async def test_auditor_reads_physicians_masked_and_may_not_look_for_one(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    made = await client.post(URL, json=NEW, headers=await as_role("liaison"))
    auditor = await as_role("auditor")

    read = await client.get(made.headers["location"], headers=auditor)
    search = await client.get(URL, params={"q": "oz"}, headers=auditor)

    assert read.status_code == 200, read.text
    assert read.json()["person"]["last_name"] == read.json()["medical_license_number"] == "•••"
    assert search.status_code == 403


async def test_put_changes_the_fields_given(client: httpx.AsyncClient, as_role: AsRole) -> None:
    liaison = await as_role("liaison")
    made = await client.post(URL, json=NEW, headers=liaison)
    place, tag = made.headers["location"], made.headers["etag"]

    changed = await client.put(place, json={"job_title": None}, headers={**liaison, "If-Match": tag})
    stale = await client.put(place, json={"job_title": "Dr"}, headers={**liaison, "If-Match": tag})
    unknown = await client.put(place, json={"hospital_id": made.json()["person_id"]}, headers=liaison)

    assert (changed.status_code, changed.json()["job_title"]) == (200, None)
    assert changed.json()["medical_license_number"] == NEW["medical_license_number"]
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert unknown.status_code == 422
    assert unknown.json()["errors"] == [
        {"field": "hospital_id", "code": "unknown_reference", "message": "There is no such hospital."}
    ]


async def test_reading_physicians_is_on_record_with_every_person_shown(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    liaison = await as_role("liaison")
    made = (await client.post(URL, json=NEW, headers=liaison)).json()

    await client.get(URL, headers=liaison)

    people = await session.scalars(select(AuditEvent.person_ids).where(AuditEvent.action == "list_physicians"))
    assert [[str(person) for person in shown] for shown in people if shown] == [[made["person_id"]]]


@pytest.mark.parametrize(
    ("columns", "values", "constraint"),
    [
        ("person_id", ":person", "uq_physician_person_id"),
        ("person_id", "uuidv7()", "fk_physician_person_id"),
        ("person_id, hospital_id", "(SELECT person_id FROM other), uuidv7()", "fk_physician_hospital_id"),
        ("person_id, specialization_id", "(SELECT person_id FROM other), uuidv7()", "fk_physician_specialization_id"),
    ],
)
async def test_database_keeps_the_rules(session: AsyncSession, columns: str, values: str, constraint: str) -> None:
    person = await a_person(session)
    other: Person = await a_person(session)
    await session.execute(text("INSERT INTO physician (person_id) VALUES (:person)"), {"person": person.person_id})
    statement = (
        f"WITH other AS (SELECT person_id FROM person WHERE person_id = :other) "
        f"INSERT INTO physician ({columns}) SELECT {values} FROM other"
    )
    bound = {"other": other.person_id} | ({"person": person.person_id} if ":person" in values else {})
    with pytest.raises(IntegrityError) as refused:
        await session.execute(text(statement), bound)
    assert constraint_name(refused.value) == constraint


async def test_one_licence_in_one_country_is_a_pair_to_decide_on_and_no_refusal(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    liaison = await as_role("liaison")

    async def register(name: str, number: str, *, of: str | None, at: str | None) -> dict[str, Any]:
        place = {"name": f"Clinic of {name}", "country": at}
        hospital = (await client.post("/api/v1/hospitals", json=place, headers=liaison)).json() if at else {}
        person = {"first_name": "Kim", "last_name": name, "email": f"{name}@clinic.example.org", "country": of}
        new = {"person": person, "medical_license_number": number, "hospital_id": hospital.get("hospital_id")}
        made = await client.post(URL, json=new, headers=liaison)
        assert made.status_code == 201, made.text
        answer: dict[str, Any] = made.json()
        return answer

    async def pairs() -> dict[frozenset[UUID], list[str]]:
        found = await session.scalars(select(DuplicateCandidate))
        return {frozenset((pair.person_id, pair.other_person_id)): pair.reasons for pair in found}

    kite = await register("Kite", "NL-1904 12a", of="NL", at=None)
    lark = await register("Lark", "nl190412A", of=None, at="NL")
    loon = await register("Loon", "NL190412A", of="NL", at="BE")
    swan = await register("Swan", "7", of=None, at=None)

    assert [who["person_id"] for who in lark["match"]["probable_duplicates"]] == [kite["person_id"]]
    assert lark["match"]["probable_duplicates"][0]["reasons"] == ["licence"]
    assert loon["match"]["probable_duplicates"] == swan["match"]["probable_duplicates"] == []
    assert await pairs() == {frozenset((UUID(kite["person_id"]), UUID(lark["person_id"]))): ["licence"]}

    place = f"{URL}/{loon['physician_id']}"
    moved = await client.put(place, json={"hospital_id": None}, headers=liaison)
    renumbered = await client.put(
        f"{URL}/{swan['physician_id']}", json={"medical_license_number": "8"}, headers=liaison
    )

    assert (moved.status_code, renumbered.status_code) == (200, 200)
    assert len(await pairs()) == 3
