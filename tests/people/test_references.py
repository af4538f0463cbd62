"""Short references: made by the database or the fast path, one a person and one a lead, read however they are typed."""

import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.patients import fast_path
from app.people.models import Person
from app.people.references import LETTERS, check_letter, new_reference, read_reference
from tests.both_paths import BothPaths
from tests.builders import a_condition, a_lead, a_person
from tests.conftest import AsRole

letters = st.text(LETTERS, min_size=7, max_size=7)


async def test_the_database_makes_references_that_pass_the_check(session: AsyncSession) -> None:
    made = [(await a_person(session)).reference for _ in range(20)]
    lead = await a_lead(session)
    await session.refresh(lead)

    assert len(set(made)) == 20
    for reference in (*made, lead.reference):
        assert re.fullmatch(rf"[PL]-[{LETTERS}]{{8}}", reference)
        assert read_reference(reference) == reference
    assert lead.reference.startswith("L-")


def test_a_reference_of_the_fast_path_passes_the_check() -> None:
    made = {new_reference("P") for _ in range(1000)}

    assert len(made) > 990
    for reference in made:
        assert re.fullmatch(rf"P-[{LETTERS}]{{8}}", reference)
        assert read_reference(reference) == reference


async def test_who_draws_the_reference_of_somebody_gets_another_by_the_ordinary_path(
    paths: BothPaths, as_role: AsRole, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await as_role("navigator")
    await paths.greet(headers)
    taken = (await a_person(session)).reference
    condition = str((await a_condition(session)).medical_condition_id)
    await session.commit()
    monkeypatch.setattr(fast_path, "new_reference", lambda _: taken)
    person = {"first_name": "Ada", "last_name": "Bakker", "email": "ada@example.org"}

    answer, sent = await paths.sent(
        "POST", "/api/v1/patients", json={"person": person, "medical_condition_id": condition}, headers=headers
    )

    assert (answer.status_code, sent) == (201, [fast_path.CREATE_PATIENT])
    reference = answer.json()["person"]["reference"]
    assert reference != taken
    assert read_reference(reference) == reference
    assert [row["reference"] for row in await paths.newest(Person)] == [reference]


async def test_one_statement_makes_no_reference_twice(session: AsyncSession) -> None:
    """Seven letters are few for a load of a million rows: the database looks among those of the same statement."""
    await session.execute(
        text("INSERT INTO person (first_name, last_name) SELECT 'A', 'Counted' FROM generate_series(1, 200)")
    )
    found = await session.scalar(text("SELECT count(DISTINCT reference) FROM person WHERE last_name = 'Counted'"))
    assert found == 200


async def test_both_paths_answer_with_the_reference(paths: BothPaths, as_role: AsRole, session: AsyncSession) -> None:
    headers = await as_role("navigator")
    await paths.greet(headers)
    condition = str((await a_condition(session)).medical_condition_id)
    for number, way in enumerate((paths.fast, paths.ordinary)):
        person = {"first_name": "A", "last_name": "B", "email": f"ref{number}@example.org"}
        made = await way.post(
            "/api/v1/patients", json={"person": person, "medical_condition_id": condition}, headers=headers
        )
        reference = made.json()["person"]["reference"]
        shown = await way.get(f"/api/v1/patients/{made.json()['patient_id']}", headers=headers)
        assert shown.json()["person"]["reference"] == reference


async def test_a_reference_is_shown_to_who_sees_names_masked(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    person = await a_person(session)
    await session.commit()
    shown = await client.get(f"/api/v1/persons/{person.person_id}", headers=await as_role("auditor"))
    assert (shown.json()["first_name"], shown.json()["reference"]) == ("•••", person.reference)


@pytest.mark.parametrize(
    "change",
    [str.lower, lambda r: r.replace("-", ""), lambda r: r.replace("-", " "), lambda r: f" {r[:4]}-{r[4:]} ",
     lambda r: r.replace("0", "o").replace("1", "l"), lambda r: r.replace("-", "\N{NON-BREAKING HYPHEN}")],
)  # fmt: skip
@given(body=letters)
def test_a_reference_is_read_however_it_is_typed(change: object, body: str) -> None:
    reference = f"P-{body}{check_letter(body)}"
    assert callable(change)
    assert read_reference(change(reference)) == reference


@given(body=letters, place=st.integers(0, 7), other=st.sampled_from(LETTERS))
def test_a_wrong_letter_is_noticed(body: str, place: int, other: str) -> None:
    whole = body + check_letter(body)
    wrong = whole[:place] + other + whole[place + 1 :]
    assert (read_reference(f"P-{wrong}") is None) == (wrong != whole)


@given(body=letters, place=st.integers(0, 6))
def test_letters_that_have_changed_places_are_noticed(body: str, place: int) -> None:
    whole = body + check_letter(body)
    wrong = whole[:place] + whole[place + 1] + whole[place] + whole[place + 2 :]
    assert (read_reference(f"P-{wrong}") is None) == (wrong != whole)
