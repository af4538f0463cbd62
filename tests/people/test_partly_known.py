"""People with a single name, and birth dates of which only the year or the month is known."""

import copy
from datetime import date
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.people.birth_dates import BirthDate, read_birth_date
from app.people.differences import differing_fields
from app.people.names import PEOPLE, Grade, Name, compare_names
from app.people.rules import BirthDates, compare_birth_dates
from tests.both_paths import BothPaths
from tests.conftest import AsRole

PERSONS = "/api/v1/persons"
PATIENTS = "/api/v1/patients"


def born(written: str) -> BirthDate:
    found = read_birth_date(written)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("1967", "1967-03-14", BirthDates.UNKNOWN),
        ("1967-03", "1967-03-14", BirthDates.UNKNOWN),
        ("1967", "1967-03", BirthDates.UNKNOWN),
        # Of nobody a year proves who they are.
        ("1967", "1967", BirthDates.UNKNOWN),
        ("1967-03", "1967-03", BirthDates.UNKNOWN),
        ("1967", "1968-03-14", BirthDates.CONTRADICT),
        ("1967", "1968", BirthDates.CONTRADICT),
        ("1967-03", "1967-04-14", BirthDates.CONTRADICT),
        ("1967-03", "1967-04", BirthDates.CONTRADICT),
        ("1967-01", "1967-03", BirthDates.CONTRADICT),
        # A placeholder is a year.
        ("1967-03", "1967-01-01", BirthDates.UNKNOWN),
        ("1967-03", "1967-06-30", BirthDates.UNKNOWN),
        ("1967-03", "1968-01-01", BirthDates.CONTRADICT),
        ("1967", "1967-01-01", BirthDates.UNKNOWN),
        ("1967-03-14", "1967-03-14", BirthDates.EQUAL),
        ("1967-03-14", "1967-03-15", BirthDates.TYPING_ERROR),
    ],
)
def test_birth_dates_are_compared_as_far_as_both_are_known(one: str, other: str, expected: BirthDates) -> None:
    assert compare_birth_dates(born(one), born(other)) is expected
    assert compare_birth_dates(born(other), born(one)) is expected


@pytest.mark.parametrize(
    "written", ["", "67", "1967-3", "1967-13", "1967-00", "1967-02-30", "1967-03-", "1967/03", "١٩٦٧"]
)
def test_what_is_no_birth_date(written: str) -> None:
    assert read_birth_date(written) is None


@given(st.dates(date(1753, 1, 1)), st.sampled_from(["year", "month", "day"]))
def test_a_birth_date_is_written_as_it_is_read(day: date, precision: Any) -> None:
    made = BirthDate.of(day, precision)

    assert read_birth_date(str(made)) == made == copy.deepcopy(made)
    assert made <= day <= made.last
    assert (made == date(made.year, made.month, made.day)) == (precision == "day")


def test_less_of_a_birth_date_is_no_difference_and_more_is() -> None:
    ours = {"first_name": "Anna", "last_name": None, "date_of_birth": born("1967-03")}

    assert differing_fields(ours, {"date_of_birth": born("1967")}) == {}
    assert list(differing_fields(ours, {"date_of_birth": born("1967-03-14")})) == ["date_of_birth"]
    assert list(differing_fields(ours, {"date_of_birth": born("1968")})) == ["date_of_birth"]


@pytest.mark.parametrize("written", ["1967", "1967-03", "1967-03-14"])
async def test_a_birth_date_comes_out_as_it_went_in(client: httpx.AsyncClient, as_role: AsRole, written: str) -> None:
    navigator = await as_role("navigator")
    body = {"first_name": "Anna", "last_name": "Bos", "email": "anna@bos.example", "date_of_birth": written}

    made = await client.post(PERSONS, json=body, headers=navigator)
    read = await client.get(f"{PERSONS}/{made.json()['person_id']}", headers=navigator)
    listed = await client.get(PERSONS, params={"date_of_birth": written}, headers=navigator)
    again = await client.post(PERSONS, json=body, headers=navigator)

    assert made.status_code == 201, made.text
    assert made.json()["date_of_birth"] == read.json()["date_of_birth"] == written
    assert [person["date_of_birth"] for person in listed.json()["items"]] == [written]
    assert (again.status_code, again.json()["match"]["suggested_changes"]) == (200, [])


async def test_those_of_a_year_are_found_and_not_who_only_may_be(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    for number, written in enumerate(["1967", "1967-01", "1967-01-01", "1967-12-31", "1968", "1966-12-31"]):
        person = {"first_name": f"Name{number}", "last_name": "Bos", "date_of_birth": written}
        assert (await client.post(PERSONS, json=person, headers=navigator)).status_code == 201

    async def found(asked: str) -> set[str]:
        answer = await client.get(PERSONS, params={"date_of_birth": asked}, headers=navigator)
        return {person["date_of_birth"] for person in answer.json()["items"]}

    assert await found("1967") == {"1967", "1967-01", "1967-01-01", "1967-12-31"}
    assert await found("1967-01") == {"1967-01", "1967-01-01"}
    assert await found("1967-01-01") == {"1967-01-01"}


async def test_a_fuller_birth_date_is_suggested_accepted_and_changed(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    body = {"first_name": "Anna", "last_name": "Bos", "email": "anna@bos.example", "date_of_birth": "1967"}
    person_id = (await client.post(PERSONS, json=body, headers=navigator)).json()["person_id"]

    again = await client.post(PERSONS, json=body | {"date_of_birth": "1967-03-14"}, headers=navigator)
    [suggested] = again.json()["match"]["suggested_changes"]
    place = f"/api/v1/suggested-changes/{suggested['suggested_change_id']}/accept"
    accepted = await client.post(place, json={}, headers=navigator)

    assert (suggested["ours"], suggested["theirs"]) == ("1967", "1967-03-14")
    assert accepted.status_code == 200, accepted.text
    for written in ("1967-03-14", "1967-03", None):
        read = await client.get(f"{PERSONS}/{person_id}", headers=navigator)
        if written != "1967-03-14":
            read = await client.put(f"{PERSONS}/{person_id}", json={"date_of_birth": written}, headers=navigator)
        assert read.json()["date_of_birth"] == written


async def test_a_namesake_of_another_year_is_somebody_else(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    body = {"first_name": "Jan", "last_name": "Bos", "email": "house@bos.example", "date_of_birth": "1967"}
    await client.post(PERSONS, json=body, headers=navigator)

    same = await client.post(PERSONS, json=body | {"date_of_birth": "1967-03-14"}, headers=navigator)
    son = await client.post(PERSONS, json=body | {"date_of_birth": "1998-01"}, headers=navigator)

    assert (same.status_code, son.status_code) == (200, 409)
    assert "birth_dates_contradict" in son.json()["reasons"]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("1967-3", "day"),
        ("1967-13", "day"),
        ("67", "day"),
        (1967, "day"),
        ("2999", "in_the_future"),
        ("1700", "out_of_range"),
    ],
)
async def test_what_is_no_birth_date_is_named(
    client: httpx.AsyncClient, as_role: AsRole, written: object, code: str
) -> None:
    body = {"first_name": "Anna", "date_of_birth": written}

    answer = await client.post(PERSONS, json=body, headers=await as_role("navigator"))

    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("date_of_birth", code)]


@pytest.mark.parametrize("part", ["first_name", "last_name"])
async def test_one_part_of_a_name_is_enough(client: httpx.AsyncClient, as_role: AsRole, part: str) -> None:
    navigator = await as_role("navigator")
    other = "last_name" if part == "first_name" else "first_name"
    body = {part: "Suharto", "email": "suharto@example.org"}

    made = await client.post(PERSONS, json=body, headers=navigator)
    place = f"{PERSONS}/{made.json()['person_id']}"
    again = await client.post(PERSONS, json={other: "Suharto", "email": "suharto@example.org"}, headers=navigator)
    someone = await client.post(PERSONS, json=body | {part: "Widodo"}, headers=navigator)
    both = await client.put(place, json={other: "Haji"}, headers=navigator)
    one = await client.put(place, json={other: None}, headers=navigator)
    none = await client.put(place, json={part: None}, headers=navigator)

    assert made.status_code == 201, made.text
    assert (made.json()[part], made.json()[other]) == ("Suharto", None)
    assert (again.status_code, again.json()["match"]["suggested_changes"]) == (200, [])
    assert someone.status_code == 409
    assert someone.json()["candidate"]["initials"] == "S."
    assert (both.json()[part], both.json()[other], one.json()[other]) == ("Suharto", "Haji", None)
    assert (none.status_code, none.json()["errors"][0]["code"]) == (422, "name_needed")


@pytest.mark.parametrize("body", [{}, {"first_name": None, "last_name": None}, {"middle_name": "van"}])
async def test_a_name_is_needed(client: httpx.AsyncClient, as_role: AsRole, body: dict[str, Any]) -> None:
    navigator = await as_role("navigator")
    condition = (await client.get("/api/v1/medical-conditions", headers=navigator)).json()["items"][0]
    of_person = await client.post(PERSONS, json=body, headers=navigator)
    of_patient = await client.post(
        PATIENTS,
        json={"person": body | {"email": "x@example.org"}, "medical_condition_id": condition["medical_condition_id"]},
        headers=navigator,
    )

    assert [(e["field"], e["code"]) for e in of_person.json()["errors"]] == [("last_name", "name_needed")]
    assert [(e["field"], e["code"]) for e in of_patient.json()["errors"]] == [("person.last_name", "name_needed")]


@pytest.mark.parametrize(
    "person",
    [
        {"first_name": "Suharto", "date_of_birth": "1921"},
        {"last_name": "Suharto", "date_of_birth": "1921-06"},
        {"first_name": "Suharto", "last_name": None, "date_of_birth": "1921-06-08"},
    ],
)
async def test_both_paths_make_the_same_of_what_is_partly_known(
    paths: BothPaths, as_role: AsRole, person: dict[str, Any]
) -> None:
    navigator = await as_role("navigator")
    await paths.greet(navigator)
    conditions = await paths.ordinary.get("/api/v1/medical-conditions", headers=navigator)
    body = {
        "medical_condition_id": conditions.json()["items"][0]["medical_condition_id"],
        "first_contact_date": "2026-04-01",
    }

    fast, statements = await paths.sent(
        "POST", PATIENTS, json=body | {"person": person | {"email": "one@example.org"}}, headers=navigator
    )
    ordinary = await paths.ordinary.post(
        PATIENTS, json=body | {"person": person | {"email": "two@example.org"}}, headers=navigator
    )

    assert (fast.status_code, ordinary.status_code) == (201, 201), (fast.text, ordinary.text)
    assert len(statements) == 1
    said = {"first_name": None, "last_name": None} | person
    for answer in (fast, ordinary):
        assert {name: answer.json()["person"][name] for name in said} == said
    place = f"{PATIENTS}/{fast.json()['patient_id']}"
    shown = [await paths.fast.get(place, headers=navigator), await paths.ordinary.get(place, headers=navigator)]
    assert shown[0].content == shown[1].content


@pytest.mark.parametrize(
    ("one", "other", "grade"),
    [
        (Name("Suharto", ""), Name("", "Suharto"), Grade.EQUAL),
        (Name("", "Suharto"), Name("", "Widodo"), Grade.DIFFERENT),
        (Name("Suharto", ""), Name("", "Widodo"), Grade.DIFFERENT),
        (Name("", "Alexandrina"), Name("", "Alxeandrina"), Grade.COMPATIBLE),
        (Name("Alexandrina", ""), Name("", "Alxeandrina"), Grade.COMPATIBLE),
        # Perhaps twins.
        (Name("", "Maria"), Name("", "Marie"), Grade.DOUBTFUL),
        (Name("", "Suharto"), Name("Haji", "Suharto"), Grade.DOUBTFUL),
        (Name("Suharto", ""), Name("Haji", "Widodo"), Grade.DIFFERENT),
    ],
)
def test_single_names_are_compared_as_given_names(one: Name, other: Name, grade: Grade) -> None:
    assert compare_names(one, other, PEOPLE).grade is grade
    assert compare_names(other, one, PEOPLE).grade is grade


@pytest.mark.parametrize(
    ("known", "arrives", "pairs"),
    [
        ("1967", "1967-03-14", [1, 2]),
        ("1967-03", "1967-03-14", [1, 2]),
        ("1967-03-14", "1967-03", [1, 2]),
        ("1967-03-14", "1967", [1, 2]),
        ("1967-03", "1967", [1, 2]),
        ("1967-03", "1967-01-01", [1, 2]),
        ("1967-03", "1967-04-14", [0, 1]),
        ("1967", "1968-03-14", [0, 1]),
    ],
)
async def test_probable_duplicates_are_found_as_far_as_birth_dates_are_known_by_both_paths(
    paths: BothPaths, as_role: AsRole, known: str, arrives: str, pairs: list[int]
) -> None:
    navigator = await as_role("navigator")
    await paths.greet(navigator)
    conditions = await paths.ordinary.get("/api/v1/medical-conditions", headers=navigator)
    of_patient = {"medical_condition_id": conditions.json()["items"][0]["medical_condition_id"]}
    name = {"first_name": "Wilhelmina", "last_name": "Bos"}
    await paths.ordinary.post(PERSONS, json=name | {"date_of_birth": known}, headers=navigator)

    found = []
    for number, path in enumerate((paths.fast, paths.ordinary)):
        person = name | {"date_of_birth": arrives, "email": f"w{number}@bos.example"}
        answer = await path.post(PATIENTS, json=of_patient | {"person": person}, headers=navigator)
        assert answer.status_code == 201, answer.text
        found.append(len(answer.json()["match"]["probable_duplicates"]))

    # The second is like the first as well.
    assert found == pairs
