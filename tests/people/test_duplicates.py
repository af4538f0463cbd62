"""Who comes without a known address and looks like somebody: judged by the comparison of names, and filed."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.models import DuplicateCandidate
from tests.builders import a_condition
from tests.conftest import AsRole

PERSONS = "/api/v1/persons"
PATIENTS = "/api/v1/patients"


def someone(written: str, **fields: Any) -> dict[str, Any]:
    """`given|family|birth date`."""
    given, family, *born = written.split("|")
    return {"first_name": given, "last_name": family, "date_of_birth": born[0] if born else None, **fields}


ALIKE = [
    ("Jan|Bos|1967-03-24", "Jan|Bos|1967-03-24"),
    # Turned round, hyphen, short forms, both foldings, particles, all in one field.
    ("Jan|Bos|1967-03-24", "Bos|Jan|1967-03-24"),
    ("Anne-Marie|Bos|1967-03-24", "Annemarie|Bos|1967-03-24"),
    ("Anne Marie|Bos|1967-03-24", "Anne-Marie|Bos|1967-03-24"),
    ("Bob|Kim|1967-03-24", "Robert|Kim|1967-03-24"),
    ("Robert|Kim|1967-03-24", "Kim|Bob|1967-03-24"),
    ("Liz|Kim|1967-03-24", "Elizabeth|Kim|1967-03-24"),
    ("Jürgen|Müller|1967-03-24", "Juergen|Mueller|1967-03-24"),
    ("Juergen|Mueller|1967-03-24", "Jurgen|Muller|1967-03-24"),
    ("Þórdís|Jónsdóttir|1967-03-24", "Thordis|Jonsdottir|1967-03-24"),
    ("Đorđe|Đoković|1967-03-24", "Djordje|Djokovic|1967-03-24"),
    ("Åse|Ødegård|1967-03-24", "Aase|Oedegaard|1967-03-24"),
    ("Anna|de Vries|1967-03-24", "Anna|Vries|1967-03-24"),
    ("Anna|van Dijk|1967-03-24", "Anna|Dijk, van|1967-03-24"),
    ("Jan van|Dijk|1967-03-24", "Jan|van Dijk|1967-03-24"),
    ("J.P.|Vries|1967-03-24", "Jan Peter|Vries|1967-03-24"),
    ("J.|Vries|1967-03-24", "Jan|Vries|1967-03-24"),
    ("Gwendolina|Bos|1967-03-24", "Gwndolina|Bos|1967-03-24"),
    ("Lucas|Weber|1967-03-24", "Lucas|Webex|1967-03-24"),
    ("Dr. Anna|Bos|1967-03-24", "Anna|Bos|1967-03-24"),
    ("伟|王|1967-03-24", "王|伟|1967-03-24"),
    # Doubtful, and a person decides: marriage, another script, a generation, perhaps a twin.
    ("Anna|Bos|1967-03-24", "Anna|de Vries-Bos|1967-03-24"),
    ("Екатерина|Жукова|1967-03-24", "Ekaterina|Zhukova|1967-03-24"),
    ("Jan|Bos Jr.|1967-03-24", "Jan|Bos|1967-03-24"),
    ("Maria|Bos|1967-03-24", "Marie|Bos|1967-03-24"),
    # The birth date: day and month changed round, month and day not known.
    ("Jan|Bos|1967-03-04", "Jan|Bos|1967-04-03"),
    ("Jan|Bos|1967-01-01", "Jan|Bos|1967-03-24"),
    ("Jan|Bos|1967-03-24", "Jan|Bos|1967-07-01"),
    ("Jan|Bos|1967-06-30", "Bos|Jan|1967-01-01"),
]
OTHERS = [
    ("Jan|Bos|1967-03-24", "Jan|Bos|1967-03-25"),
    ("Jan|Bos|1967-03-24", "Jan|Bos"),
    ("Jan|Bos|1967-01-01", "Jan|Bos|1968-03-24"),
    ("J.|Bos|1967-01-01", "Jan|Bos|1967-03-24"),
    ("Jan|Bos Jr.|1967-03-24", "Jan|Bos Sr.|1967-03-24"),
    ("Jan|Bos|1967-03-24", "Kees|Bos|1967-03-24"),
    ("Maria|Bos|1967-03-24", "Maria|Bakker|1967-03-24"),
    ("Мария|Жукова|1967-03-24", "Ekaterina|Zhukova|1967-03-24"),
    ("Jordan|Bos|1967-03-24", "Jeroen|Bos|1967-03-24"),
]


@pytest.mark.parametrize(("known", "arrives"), [*ALIKE, *((b, a) for a, b in ALIKE if "Vries-Bos" not in b)])
async def test_who_looks_alike_is_told_and_filed(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole, known: str, arrives: str
) -> None:
    navigator = await as_role("navigator")
    first = (await client.post(PERSONS, json=someone(known, email="a@example.org"), headers=navigator)).json()

    dry = await client.post(f"{PERSONS}/match", json=someone(arrives), headers=navigator)
    second = await client.post(PERSONS, json=someone(arrives), headers=navigator)

    assert second.status_code == 201
    for answer in (dry.json(), second.json()["match"]):
        told = [(who["person_id"], who["reasons"]) for who in answer["probable_duplicates"]]
        assert told == [(first["person_id"], ["name_and_birth_date"])]
    pair = (await session.scalars(select(DuplicateCandidate))).one()
    assert {str(pair.person_id), str(pair.other_person_id)} == {first["person_id"], second.json()["person_id"]}


@pytest.mark.parametrize(("known", "arrives"), [*OTHERS, *((b, a) for a, b in OTHERS)])
async def test_others_are_not_told(client: httpx.AsyncClient, as_role: AsRole, known: str, arrives: str) -> None:
    navigator = await as_role("navigator")
    await client.post(PERSONS, json=someone(known, email="a@example.org"), headers=navigator)

    second = await client.post(PERSONS, json=someone(arrives), headers=navigator)

    assert second.json()["match"]["probable_duplicates"] == []


@pytest.mark.parametrize(("known", "arrives"), ALIKE)
async def test_the_fast_path_leaves_who_looks_alike_to_the_ordinary_path(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole, known: str, arrives: str
) -> None:
    navigator = await as_role("navigator")
    condition = await a_condition(session)
    await session.commit()
    bodies = [
        {"person": someone(written, email=email), "medical_condition_id": str(condition.medical_condition_id)}
        for written, email in ((known, "a@example.org"), (arrives, "b@example.org"))
    ]

    answers = [await client.post(PATIENTS, json=body, headers=navigator) for body in bodies]

    assert [len(answer.json()["match"]["probable_duplicates"]) for answer in answers] == [0, 1]


async def test_a_changed_name_is_looked_for_by_what_it_is_now(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    first = (await client.post(PERSONS, json=someone("Jan|Bos|1967-03-24"), headers=navigator)).json()
    await client.put(f"{PERSONS}/{first['person_id']}", json={"last_name": "de Vries"}, headers=navigator)

    by_now = await client.post(f"{PERSONS}/match", json=someone("Jan|Vries|1967-03-24"), headers=navigator)
    by_then = await client.post(f"{PERSONS}/match", json=someone("Jan|Bos|1967-03-24"), headers=navigator)

    assert [who["person_id"] for who in by_now.json()["probable_duplicates"]] == [first["person_id"]]
    assert by_then.json()["probable_duplicates"] == []


async def test_the_likest_are_told_first(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    for family in ("Webera", "Weberb", "Weberc", "Weberd", "Webere", "Weber", "Weberf"):
        await client.post(PERSONS, json=someone(f"Lucas|{family}|1967-03-24"), headers=navigator)

    dry = await client.post(f"{PERSONS}/match", json=someone("Weber|Lucas|1967-03-24"), headers=navigator)
    named = await client.get(f"{PERSONS}/{dry.json()['probable_duplicates'][0]['person_id']}", headers=navigator)

    assert len(dry.json()["probable_duplicates"]) == 5
    assert named.json()["last_name"] == "Weber"
