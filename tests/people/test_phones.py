"""A phone is the number that it was when it was typed, whatever becomes of the country."""

from typing import Any

import httpx
import pytest

from app.people.differences import differing_fields
from app.people.keys import phone_e164
from tests.both_paths import BothPaths
from tests.conftest import AsRole

PERSONS = "/api/v1/persons"
ANNA: dict[str, Any] = {"first_name": "Anna", "last_name": "Bos", "email": "anna@bos.example"}


@pytest.fixture
async def navigator(as_role: AsRole) -> dict[str, str]:
    return await as_role("navigator")


async def test_another_country_makes_no_other_number(client: httpx.AsyncClient, navigator: dict[str, str]) -> None:
    made = await client.post(PERSONS, json=ANNA | {"phone": "06 12345678", "country": "NL"}, headers=navigator)
    place = f"{PERSONS}/{made.json()['person_id']}"

    moved = await client.put(place, json={"country": "FR"}, headers=navigator)
    gone = await client.put(place, json={"country": None}, headers=navigator)
    named = await client.put(place, json={"first_name": "Anne"}, headers=navigator)
    points = await client.get(f"{place}/contact-points", headers=navigator)
    read_anew = await client.put(place, json={"phone": "06 12345678", "country": "FR"}, headers=navigator)

    assert [answer.json()["phone_e164"] for answer in (made, moved, gone, named)] == ["+31612345678"] * 4
    assert points.json()["items"] == []
    # Sent again, it is read by what is known now.
    assert read_anew.json()["phone_e164"] == "+33612345678"


async def test_a_number_that_no_country_was_known_for_is_read_when_one_is(
    client: httpx.AsyncClient, navigator: dict[str, str]
) -> None:
    made = await client.post(PERSONS, json=ANNA | {"phone": "06-12 34 56 78"}, headers=navigator)
    place = f"{PERSONS}/{made.json()['person_id']}"
    found = await client.get(PERSONS, params={"phone": "06 12345678"}, headers=navigator)

    dutch = await client.put(place, json={"country": "NL"}, headers=navigator)
    french = await client.put(place, json={"country": "FR"}, headers=navigator)

    assert (made.json()["phone_e164"], made.json()["phone_valid"]) == (None, False)
    assert len(found.json()["items"]) == 1
    assert [answer.json()["phone_e164"] for answer in (dutch, french)] == ["+31612345678"] * 2


async def test_what_is_no_number_there_does_not_become_a_strangers_elsewhere(
    client: httpx.AsyncClient, navigator: dict[str, str]
) -> None:
    made = await client.post(PERSONS, json=ANNA | {"phone": "201 555 0123", "country": "NL"}, headers=navigator)

    moved = await client.put(f"{PERSONS}/{made.json()['person_id']}", json={"country": "US"}, headers=navigator)

    assert (made.json()["phone_e164"], moved.json()["phone_e164"]) == (None, None)


@pytest.mark.parametrize(("country", "e164"), [("FR", "+33612345678"), (None, "+31612345678")])
async def test_a_suggested_phone_is_accepted_as_it_was_understood_when_it_arrived(
    client: httpx.AsyncClient, navigator: dict[str, str], country: str | None, e164: str
) -> None:
    made = await client.post(PERSONS, json=ANNA | {"phone": "+31 20 1234567", "country": "NL"}, headers=navigator)
    place = f"{PERSONS}/{made.json()['person_id']}"
    again = await client.post(PERSONS, json=ANNA | {"phone": "06 12345678", "country": country}, headers=navigator)
    suggested = {change["field"]: change for change in again.json()["match"]["suggested_changes"]}
    await client.put(place, json={"country": "IT"}, headers=navigator)

    change = suggested["phone"]["suggested_change_id"]
    accepted = await client.post(f"/api/v1/suggested-changes/{change}/accept", json={}, headers=navigator)
    person = (await client.get(place, headers=navigator)).json()

    assert accepted.status_code == 200, accepted.text
    assert (person["phone"], person["phone_e164"], person["country"]) == ("06 12345678", e164, "IT")


async def test_one_text_from_two_countries_is_two_numbers(client: httpx.AsyncClient, navigator: dict[str, str]) -> None:
    await client.post(PERSONS, json=ANNA | {"phone": "06 12345678", "country": "NL"}, headers=navigator)

    async def phones(**said: Any) -> list[str]:
        answer = await client.post(PERSONS, json=ANNA | said, headers=navigator)
        return [c["suggested_change_id"] for c in answer.json()["match"]["suggested_changes"] if c["field"] == "phone"]

    assert await phones(phone="06 12345678") == await phones(phone="0031612345678") == []
    french = await phones(phone="06 12345678", country="FR")
    hungarian = await phones(phone="06 1 234 5678", country="HU")
    assert len(french) == len(hungarian) == 1
    assert await phones(phone="06 12345678", country="FR") == french


def test_the_stored_number_counts_and_not_what_its_text_is_now() -> None:
    ours = {
        "first_name": "Anna",
        "last_name": "Bos",
        "phone": "06 12345678",
        "phone_e164": "+31612345678",
        "country": "FR",
    }

    assert differing_fields(ours, {"phone": "+31 6 12345678"}) == {}
    assert list(differing_fields(ours, {"phone": "+33 6 12345678"})) == ["phone"]


@pytest.mark.parametrize(
    ("typed", "extension"),
    [
        ("+31 20 123 4567 ext. 12", "12"),
        ("020 123 4567 x12", "12"),
        ("+31201234567;ext=5", "5"),
        ("020 1234567 # 88", "88"),
        ("020 1234567 toestel 12", "12"),
        ("020 1234567, tst. 12", "12"),
        ("+31 20 1234567 Durchwahl 12", "12"),
        ("+31 20 1234567 poste 12", "12"),
        ("+31 20 1234567 interno 12", "12"),
        ("+31 20 1234567 dahili: 12", "12"),
        ("+31 20 1234567 доб. 12", "12"),
        ("+31 20 1234567 DW 12", "12"),
        ("+31 20 1234567 Kl. 12", "12"),
        ("+31 20 1234567 wew. 12", "12"),
        ("+31 20 1234567 linka 12", "12"),
        ("+31 20 1234567 ankn. 12", "12"),
        ("+31 20 1234567 εσωτ. 12", "12"),
        ("+31 20 1234567 дод. 12", "12"),
        ("+31 20 1234567 内線12", "12"),
        ("+31 20 1234567 转 12", "12"),
        ("+31 20 1234567 내선 12", "12"),
        ("+31 20 1234567 داخلی 12", "12"),
        ("+31 20 1234567 (ext. 12)", "12"),
        ("+31 20 1234567 (x12)", "12"),
        ("+31 20 1234567 [dahili 12]", "12"),
        ("+31 20 1234567 (room 12)", None),
        ("+31 20 1234567 (evening)", None),
        ("020 1234567", None),
        ("ask daughter", None),
    ],
)
def test_an_extension_is_kept_apart(typed: str, extension: str | None) -> None:
    phone = phone_e164(typed, "NL")

    assert (phone.e164, phone.extension) == (None if typed == "ask daughter" else "+31201234567", extension)


async def test_further_phones_keep_their_extension_and_are_recognised_without_it(
    client: httpx.AsyncClient, navigator: dict[str, str]
) -> None:
    body = {"first_name": "Anna", "last_name": "Bos", "country": "NL", "phone": "020 1234567 ext. 12"}
    made = await client.post(PERSONS, json=body, headers=navigator)
    points = f"{made.headers['location']}/contact-points"

    added = await client.post(points, json={"kind": "phone", "value": "020 7654321 x 34"}, headers=navigator)
    again = await client.post(points, json={"kind": "phone", "value": "+31 20 7654321 ext 35"}, headers=navigator)
    await client.put(made.headers["location"], json={"phone": "06 12345678"}, headers=navigator)
    await client.delete(f"{points}/{added.json()['contact_point_id']}?was=former", headers=navigator)
    used_again = await client.post(points, json={"kind": "phone", "value": "020 7654321 ext 36"}, headers=navigator)
    listed = (await client.get(points, headers=navigator)).json()["items"]
    found = await client.get(PERSONS, params={"phone": "+31207654321"}, headers=navigator)
    same = await client.post(PERSONS, json=body | {"phone": "020 7654321 ext 99"}, headers=navigator)

    assert (added.status_code, added.json()["phone_extension"]) == (201, "34")
    assert (again.status_code, again.json()["code"]) == (409, "contact_point_exists")
    assert used_again.status_code == 201
    assert {(one["value"], one["phone_extension"], one["was"]) for one in listed} == {
        ("020 1234567 ext. 12", "12", "former"),
        ("020 7654321 ext 36", "36", None),
    }
    assert [one["person_id"] for one in found.json()["items"]] == [made.json()["person_id"]]
    assert [one["person_id"] for one in same.json()["match"]["probable_duplicates"]] == [made.json()["person_id"]]


async def test_an_extension_is_shown_by_both_paths_and_goes_with_its_number(
    paths: BothPaths, navigator: dict[str, str]
) -> None:
    await paths.greet(navigator)
    conditions = await paths.ordinary.get("/api/v1/medical-conditions", headers=navigator)
    body = {"medical_condition_id": conditions.json()["items"][0]["medical_condition_id"]}
    person = {"first_name": "Anna", "last_name": "Bos", "country": "NL"}

    shown = []
    for number, path in enumerate((paths.fast, paths.ordinary)):
        said = person | {"email": f"a{number}@bos.example", "phone": f"020 123456{number} ext. 12"}
        answer = await path.post("/api/v1/patients", json=body | {"person": said}, headers=navigator)
        assert answer.status_code == 201, answer.text
        shown.append(answer.json()["person"])
    place = f"{PERSONS}/{shown[0]['person_id']}"
    without = await paths.ordinary.put(place, json={"phone": "020 1234560"}, headers=navigator)

    assert [(who["phone_e164"], who["phone_extension"]) for who in shown] == [
        ("+31201234560", "12"),
        ("+31201234561", "12"),
    ]
    assert without.json()["phone_extension"] is None
