"""Who comes back to a known address is recognised, or asked about: two humans are never made one, nor one two."""

from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from tests.conftest import AsRole

URL = "/api/v1/persons"
EMAIL = "family@example.org"


def someone(written: str) -> dict[str, Any]:
    """`given|family|birth date`."""
    given, family, *born = written.split("|")
    return {"first_name": given, "last_name": family, "email": EMAIL, "date_of_birth": born[0] if born else None}


@pytest.mark.parametrize(
    ("known", "arrives", "reasons"),
    [
        # Generations.
        ("Jan|Bos Sr.", "Jan|Bos Jr.", ["names_different", "generations_differ"]),
        ("Jan|Bos Sr.|1940-05-06", "Jan|Bos Jr.|1940-05-06", ["names_different", "generations_differ"]),
        ("Jan Bos|Sr.", "Jan|Bos junior", ["names_different", "generations_differ"]),
        ("Hans|Meier der Ältere", "Hans|Meier d. J.", ["names_different", "generations_differ"]),
        ("Jan|Bos", "Jan|Bos Jr.", ["names_doubtful", "generation_on_one_side"]),
        ("Jan|Bos|1940-05-06", "Jan|Bos Jr.", ["names_doubtful", "generation_on_one_side"]),
        ("Jan|Bos|1940-05-06", "Jan|Bos Jr.|1940-05-07", ["names_doubtful", "generation_on_one_side"]),
        ("J.|Bos", "Jan|Bos III", ["names_doubtful", "generation_on_one_side"]),
        ("Jan|Bos", "Jan|de Vries Jr.", ["names_doubtful", "family_names_differ", "generation_on_one_side"]),
        # Twins.
        ("Maria|Bos|1990-05-06", "Marie|Bos|1990-05-06", ["names_doubtful", "given_names_differ"]),
        ("Maria|Bos|1990-05-06", "Marta|Bos|1990-05-06", ["names_doubtful", "given_names_differ"]),
        ("Jordan|Bos|1990-05-06", "Jordyn|Bos|1990-05-06", ["names_doubtful", "given_names_differ"]),
        ("Karsten|Bos", "Karstin|Bos", ["names_doubtful", "given_names_differ"]),
        ("Paul|Bos|1990-05-06", "Paula|Bos|1990-05-06", ["names_doubtful", "given_names_differ"]),
        ("Anna|Bos|1990-05-06", "Anna-Maria|Bos|1990-05-06", ["names_doubtful", "given_names_differ"]),
        ("Мария|Жукова|1990-05-06", "Ekaterina|Zhukova|1990-05-06", ["names_doubtful", "names_in_two_scripts"]),
        ("حسن|علي|1990-05-06", "Hussein|Ali|1990-05-06", ["names_doubtful", "names_in_two_scripts"]),
        # Birth dates.
        ("Jan|Bos|1967-01-01", "Jan|Bos|1968-05-06", ["birth_dates_contradict"]),
        ("Jan|Bos|1967-01-01", "Jan|Bos|1968-01-01", ["birth_dates_contradict"]),
    ],
)
async def test_two_humans_are_never_made_one(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole, known: str, arrives: str, reasons: list[str]
) -> None:
    navigator = await as_role("navigator")
    owner = (await client.post(URL, json=someone(known), headers=navigator)).json()

    asked = await client.post(URL, json=someone(arrives), headers=navigator)
    dry = await client.post(f"{URL}/match", json=someone(arrives), headers=navigator)
    shared = await client.post(URL, json=someone(arrives) | {"shared_email": True}, headers=navigator)

    assert (asked.status_code, asked.json().get("code")) == (409, "email_belongs_to_someone_else"), asked.text
    assert asked.json()["reasons"] == dry.json()["reasons"] == reasons
    assert asked.json()["candidate"]["person_id"] == owner["person_id"]
    assert "person_id" in asked.json()["detail"]
    assert "shared_email" in asked.json()["detail"]
    assert (shared.status_code, shared.json()["match"]["probable_duplicates"]) == (201, [])


@pytest.mark.parametrize(
    ("known", "arrives"),
    [
        ("Jürgen|Müller", "Juergen|Mueller"),
        ("Jürgen|Müller", "Jurgen|Muller"),
        ("Joerg|Bos", "Jorg|Bos"),
        ("Þórdís|Jónsdóttir", "Thordis|Jonsdottir"),
        ("Đorđe|Đoković", "Djordje|Djokovic"),
        ("Đorđe|Đoković", "Dorde|Dokovic"),
        ("Søren|Ødegård", "Soeren|Oedegaard"),
        ("Åse|Lund", "Aase|Lund"),
        ("Anna|de Vries", "Anna|Vries"),
        ("Anna|de Vries", "de Vries|Anna"),
        ("Anne-Marie|O'Brien", "Annemarie|OBrien"),
        ("Bob|Kim", "Kim|Robert"),
        ("Gwendolina|Bos", "Gwndolina|Bos"),
        ("Jan|Bos Jr.", "Bos Jr|Jan"),
        ("Jan|Bos Jr.|1960-05-06", "Jan|Bos|1960-05-06"),
        ("Екатерина|Жукова|1960-05-06", "Ekaterina|Zhukova|1960-05-06"),
        ("Jan|Bos|1967-01-01", "Jan|Bos|1967-05-06"),
        ("Jan|Bos|1967-06-30", "Jan|Bos|1967-12-24"),
        ("Jan|Bos|1967-12-24", "Jan|Bos|1967-07-01"),
        ("Zoë|de Vries", "Zoe|Bos"),
    ],
)
async def test_one_human_is_never_made_two(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole, known: str, arrives: str
) -> None:
    navigator = await as_role("navigator")
    owner = (await client.post(URL, json=someone(known), headers=navigator)).json()

    again = await client.post(URL, json=someone(arrives), headers=navigator)

    assert again.status_code == 200, again.text
    assert again.json()["person_id"] == owner["person_id"]
