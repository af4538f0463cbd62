"""The entry points of hospitals and specializations."""

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.db import constraint_name
from tests.conftest import AsRole

HOSPITALS = "/api/v1/hospitals"
SPECIALIZATIONS = "/api/v1/specializations"
NEW = {"name": "St. Elisabeth", "city": "Tilburg", "country": "NL", "address": "Hilvarenbeekseweg 60"}


async def test_navigator_adds_a_hospital_and_finds_it_by_the_beginning_of_its_name(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")

    made = await client.post(HOSPITALS, json=NEW, headers=navigator)

    assert made.status_code == 201, made.text
    found = await client.get(made.headers["location"], headers=navigator)
    assert found.json() == made.json()
    assert {key: found.json()[key] for key in NEW} == NEW
    for query, names in (
        ({"q": "st. eli"}, ["St. Elisabeth"]),
        ({"q": "elisabeth"}, ["St. Elisabeth"]),
        ({"q": "%"}, []),
    ):
        listed = (await client.get(HOSPITALS, params=query, headers=navigator)).json()
        assert [item["name"] for item in listed["items"]] == names, query


async def test_hospitals_of_one_name_are_told_apart_by_country(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    for country in ("NL", "DE"):
        made = await client.post(HOSPITALS, json={**NEW, "country": country}, headers=navigator)
        assert made.status_code == 201

    listed = (await client.get(HOSPITALS, params={"q": "st.", "country": "DE"}, headers=navigator)).json()

    assert [item["country"] for item in listed["items"]] == ["DE"]


async def test_deleted_hospital_stays_but_is_offered_no_more(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    place = (await client.post(HOSPITALS, json=NEW, headers=navigator)).headers["location"]

    stale = await client.delete(place, headers={**navigator, "If-Match": '"9"'})
    gone = await client.delete(place, headers=navigator)
    again = await client.delete(place, headers=navigator)

    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert (gone.status_code, gone.content) == (204, b"")
    assert again.status_code == 204
    kept = (await client.get(place, headers=navigator)).json()
    assert (kept["is_active"], kept["version"]) == (False, 2), "twice is once"
    offered = (await client.get(HOSPITALS, params={"is_active": "true", "q": "st."}, headers=navigator)).json()
    assert offered["items"] == []


async def test_put_changes_the_fields_given(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    made = await client.post(HOSPITALS, json=NEW, headers=navigator)
    place = made.headers["location"]

    changed = await client.put(place, json={"city": None}, headers={**navigator, "If-Match": made.headers["etag"]})
    nothing = await client.put(place, json={}, headers=navigator)
    wrong = await client.put(place, json={"country": "ZZ"}, headers=navigator)

    assert (changed.json()["city"], changed.json()["name"], changed.json()["version"]) == (None, NEW["name"], 2)
    assert nothing.headers["etag"] == changed.headers["etag"]
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "country")


async def test_specialization_is_the_stewards_and_its_name_unique_whatever_its_case(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    steward, navigator = await as_role("data_steward"), await as_role("navigator")
    refused = await client.post(SPECIALIZATIONS, json={"name": "Hepatology"}, headers=navigator)
    made = await client.post(SPECIALIZATIONS, json={"name": "Hepatology"}, headers=steward)

    again = await client.post(SPECIALIZATIONS, json={"name": " HEPATOLOGY"}, headers=steward)

    assert refused.status_code == 403
    assert made.status_code == 201, made.text
    assert (again.status_code, again.json()["code"]) == (409, "specialization_exists")
    listed = (await client.get(SPECIALIZATIONS, params={"q": "hepa"}, headers=navigator)).json()
    assert listed["items"] == [made.json()]
    changed = await client.put(made.headers["location"], json={"description": "The liver"}, headers=steward)
    assert changed.json()["description"] == "The liver"
    assert (await client.delete(made.headers["location"], headers=steward)).status_code == 204
    kept = await client.get(made.headers["location"], headers=navigator)
    assert kept.json()["is_active"] is False


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("INSERT INTO hospital (name, name_key, city_key) VALUES ('  ', '', '')", "ck_hospital_name_not_blank"),
        (
            "INSERT INTO hospital (name, country, name_key, city_key) VALUES ('A', 'nl', '', '')",
            "ck_hospital_country_iso",
        ),
        ("INSERT INTO specialization (name, name_key) VALUES ('', '')", "ck_specialization_name_not_blank"),
        (
            "INSERT INTO hospital (name, name_key, city_key) VALUES ('A', 'a', ''), ('a', 'a', '')",
            "uq_hospital_keys",
        ),
        ("INSERT INTO specialization (name, name_key) VALUES ('A', 'a'), ('a', 'a')", "uq_specialization_keys"),
    ],
)
async def test_database_keeps_the_rules(session: AsyncSession, statement: str, constraint: str) -> None:
    with pytest.raises(IntegrityError) as refused:
        await session.execute(text(statement))
    assert constraint_name(refused.value) == constraint


async def test_unknown_ids_are_not_found(client: httpx.AsyncClient, as_role: AsRole) -> None:
    steward = await as_role("data_steward")
    nobody = "00000000-0000-7000-8000-000000000000"

    hospital = await client.get(f"{HOSPITALS}/{nobody}", headers=steward)
    specialization = await client.put(f"{SPECIALIZATIONS}/{nobody}", json={}, headers=steward)

    assert (hospital.status_code, hospital.json()["code"]) == (404, "hospital_not_found")
    assert (specialization.status_code, specialization.json()["code"]) == (404, "specialization_not_found")
