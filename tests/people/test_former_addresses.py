"""An address or number that is changed is not forgotten, and does not keep others from using it."""

from typing import Any

import httpx
import pytest

from tests.conftest import AsRole

PERSONS = "/api/v1/persons"
PAIRS = "/api/v1/duplicate-candidates"
HOUSE = "house@example.org"
ANNA: dict[str, Any] = {"first_name": "Anna", "last_name": "Bos", "email": HOUSE, "phone": "+31 6 12345678"}
JOOST: dict[str, Any] = {"first_name": "Joost", "last_name": "Vis", "email": HOUSE}


@pytest.fixture
async def navigator(as_role: AsRole) -> dict[str, str]:
    return await as_role("navigator")


async def moved(client: httpx.AsyncClient, navigator: dict[str, str], **said: Any) -> str:
    """Anna, who had the address and has another now."""
    made = (await client.post(PERSONS, json=ANNA, headers=navigator)).json()
    place = f"{PERSONS}/{made['person_id']}"
    changed = await client.put(place, json={"email": "new@example.org"} | said, headers=navigator)
    assert changed.status_code == 200, changed.text
    return str(made["person_id"])


@pytest.mark.parametrize("said", [{}, {"was": "former"}])
async def test_a_replaced_address_goes_on_recognising(
    client: httpx.AsyncClient, navigator: dict[str, str], said: dict[str, str]
) -> None:
    anna = await moved(client, navigator, **said)

    again = await client.post(PERSONS, json=ANNA, headers=navigator)
    points = await client.get(f"{PERSONS}/{anna}/contact-points", headers=navigator)

    assert (again.status_code, again.json()["person_id"]) == (200, anna)
    assert [(point["value"], point["was"]) for point in points.json()["items"]] == [(HOUSE, "former")]
    assert again.json()["email"] == "new@example.org"


@pytest.mark.parametrize("was", ["wrong", "someone_elses"])
async def test_a_mistake_recognises_nobody(client: httpx.AsyncClient, navigator: dict[str, str], was: str) -> None:
    await moved(client, navigator, was=was)

    again = await client.post(PERSONS, json=ANNA | {"phone": None}, headers=navigator)

    assert (again.status_code, again.json()["match"]["outcome"]) == (201, "new_person")


async def test_a_phone_that_is_taken_away_is_former(client: httpx.AsyncClient, navigator: dict[str, str]) -> None:
    made = (await client.post(PERSONS, json=ANNA, headers=navigator)).json()
    place = f"{PERSONS}/{made['person_id']}"

    await client.put(place, json={"phone": None}, headers=navigator)
    points = (await client.get(f"{place}/contact-points", headers=navigator)).json()["items"]
    found = await client.get(PERSONS, params={"phone": "0031612345678"}, headers=navigator)

    assert [(point["value"], point["was"]) for point in points] == [("+31 6 12345678", "former")]
    assert [person["person_id"] for person in found.json()["items"]] == [made["person_id"]]


@pytest.mark.parametrize("further", [{}, {"shared_email": True}])
async def test_a_newcomer_owns_an_address_that_is_only_former_and_the_pair_is_filed(
    client: httpx.AsyncClient, navigator: dict[str, str], as_role: AsRole, further: dict[str, Any]
) -> None:
    anna = await moved(client, navigator)
    asked = await client.post(f"{PERSONS}/match", json=JOOST | further, headers=navigator)

    made = await client.post(PERSONS, json=JOOST | further, headers=navigator)
    pairs = (await client.get(PAIRS, headers=await as_role("data_steward"))).json()["items"]
    both = [await client.post(PERSONS, json=who, headers=navigator) for who in (ANNA, JOOST)]
    points = (await client.get(f"{PERSONS}/{anna}/contact-points", headers=navigator)).json()["items"]

    assert made.status_code == 201, made.text
    assert (made.json()["email"], made.json()["match"]["outcome"]) == (HOUSE, "new_person")
    assert (asked.status_code, asked.json()["outcome"]) == (200, "new_person")
    assert [{pair["person_id"], pair["other_person_id"]} for pair in pairs] == [{anna, made.json()["person_id"]}]
    assert "names_different" in pairs[0]["reasons"]
    # Each is recognised by the name.
    assert [answer.json()["person_id"] for answer in both] == [anna, made.json()["person_id"]]
    assert [(point["was"], point["is_shared"]) for point in points] == [("former", False)]


async def test_an_address_that_somebody_uses_is_still_asked_about(
    client: httpx.AsyncClient, navigator: dict[str, str]
) -> None:
    anna = await moved(client, navigator)
    await client.post(PERSONS, json=JOOST, headers=navigator)
    third = {"first_name": "Wilma", "last_name": "Pot", "email": HOUSE}

    asked = await client.post(PERSONS, json=third, headers=navigator)
    shared = await client.post(PERSONS, json=third | {"shared_email": True}, headers=navigator)
    points = (await client.get(f"{PERSONS}/{anna}/contact-points", headers=navigator)).json()["items"]

    assert (asked.status_code, asked.json()["code"]) == (409, "email_belongs_to_someone_else")
    assert (shared.status_code, shared.json()["match"]["outcome"]) == (201, "shared_email_person")
    # Anna has not used it since.
    assert [point["was"] for point in points] == ["former"]


async def test_an_accepted_address_leaves_the_earlier_one_as_former(
    client: httpx.AsyncClient, navigator: dict[str, str]
) -> None:
    made = (await client.post(PERSONS, json=ANNA, headers=navigator)).json()
    again = await client.post(PERSONS, json=ANNA | {"phone": "+31 6 87654321"}, headers=navigator)
    [suggested] = again.json()["match"]["suggested_changes"]

    place = f"/api/v1/suggested-changes/{suggested['suggested_change_id']}/accept"
    assert (await client.post(place, json={}, headers=navigator)).status_code == 200

    points = await client.get(f"{PERSONS}/{made['person_id']}/contact-points", headers=navigator)
    assert [(point["value"], point["was"]) for point in points.json()["items"]] == [("+31 6 12345678", "former")]
