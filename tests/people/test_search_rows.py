"""The rows that are searched follow the person: by both paths, by every change, and where something went past them."""

from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.hospitals.models import Hospital
from app.patients import fast_path
from app.people.models import Person
from app.people.search import rows
from app.people.search.folding import VERSION, fold_names
from app.people.search.models import PersonSearch, SearchWord
from tests.both_paths import BothPaths
from tests.builders import a_condition, a_lead, a_patient, a_person, a_physician
from tests.conftest import AsRole, BoundDatabase

URL = "/api/v1/patients"


async def _row(session: AsyncSession, person_id: UUID | str) -> PersonSearch:
    query = select(PersonSearch).where(PersonSearch.person_id == UUID(str(person_id)))
    return (await session.scalars(query.execution_options(populate_existing=True))).one()


async def _terms(session: AsyncSession, person_id: UUID) -> set[str]:
    row = PersonSearch
    terms = func.search_terms(row.words, row.num, row.is_active, row.date_of_birth, row.marks)
    query = select(func.unnest(func.tsvector_to_array(terms))).where(row.person_id == person_id)
    return set(await session.scalars(query))


def _body(number: int, condition: str, **more: Any) -> dict[str, Any]:
    person = {"first_name": "Þórdís", "last_name": "O'Brien", "email": f"tho{number}@example.org", **more}
    return {"person": person, "medical_condition_id": condition}


async def test_both_paths_write_the_same_row_and_words(
    paths: BothPaths, as_role: AsRole, session: AsyncSession
) -> None:
    headers = await as_role("navigator")
    await paths.greet(headers)
    condition = str((await a_condition(session)).medical_condition_id)
    for more in (
        {},
        {"middle_name": "van", "preferred_name": "Tóta", "date_of_birth": "1967-03-14", "country": "IS"},
    ):
        by_fast, sent = await paths.sent("POST", URL, json=_body(len(more), condition, **more), headers=headers)
        by_ordinary = await paths.ordinary.post(URL, json=_body(5 + len(more), condition, **more), headers=headers)

        assert sent == [fast_path.CREATE_PATIENT]
        of_fast = await _row(session, by_fast.json()["person_id"])
        of_ordinary = await _row(session, by_ordinary.json()["person_id"])
        for name in ("is_active", "date_of_birth", "words", "folding"):
            assert getattr(of_fast, name) == getattr(of_ordinary, name), name
        assert of_fast.words.startswith("thordis o brien obrien")
        # Their addresses alone differ.
        assert of_fast.marks[1:] == of_ordinary.marks[1:]
        assert of_fast.marks[0] == f"etho{len(more)}@exa"
        assert ("nIS" in of_fast.marks) == ("country" in more)
        assert of_ordinary.num == of_fast.num + 1
    known = list(await session.scalars(select(SearchWord.word).where(SearchWord.word.in_(("thordis", "tota", "van")))))
    assert sorted(known) == ["thordis", "tota", "van"]


async def test_terms_are_beginnings_whole_words_marks_buckets_and_the_birth_date(session: AsyncSession) -> None:
    person = await a_person(session, first_name="Li", last_name="Müllermeister", date_of_birth=None)
    patient = await a_patient(session, person)
    terms = await _terms(session, person.person_id)

    row = await _row(session, person.person_id)
    assert {"l", "li", "=li", "m", "muller", "mullerme", "=mullermeister", "=muellermeister"} <= terms
    assert "mullermei" not in terms
    assert {f"@b0:{row.num >> 10}", f"@b3:{row.num >> 19}"} <= terms
    assert {f"@pc{str(patient.medical_condition_id)[-8:]}", "@psactive"} <= terms
    assert not any(term.startswith(("@day", "@year", "@off", "@i", "@po", "@l")) for term in terms)


async def test_a_changed_name_is_found_by_both_names(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    person = await a_person(session, first_name="Anna", last_name="Bos")
    headers = await as_role("navigator")
    url = f"/api/v1/persons/{person.person_id}"
    for change in (
        {"last_name": "de Vries"},
        {"preferred_name": "Anneke"},
        {"preferred_name": None},
        {"gender": "female"},
    ):
        assert (await client.put(url, json=change, headers=headers)).status_code == 200

    row = await _row(session, person.person_id)
    assert set(row.words.split()) == {"anna", "bos", "de", "vries", "devries", "anneke"}
    assert row.folding == VERSION
    assert await session.scalar(select(func.count()).where(SearchWord.word == "anneke")) == 1


async def test_state_and_birth_date_follow_the_person(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    person = await a_person(session)
    headers = await as_role("navigator")
    url = f"/api/v1/persons/{person.person_id}"
    await client.put(url, json={"date_of_birth": "1967-03-14"}, headers=headers)
    await client.delete(url, headers=headers)

    terms = await _terms(session, person.person_id)
    row = await _row(session, person.person_id)
    assert {"@off", "@year1967", f"@day{(date(1967, 3, 14) - date(2000, 1, 1)).days}", f"@i0:{row.num >> 10}"} <= terms
    assert row.folding == VERSION


async def test_marks_follow_patient_leads_and_physician(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    person = await a_person(session)
    headers = await as_role("navigator")
    other = await a_condition(session, "IPF")
    patient = await a_patient(session, person)
    await a_lead(session, person)
    await a_lead(session, person, medical_condition_id=other.medical_condition_id)
    await session.commit()
    dmd, ipf = (str(key)[-8:] for key in (patient.medical_condition_id, other.medical_condition_id))
    row = await _row(session, person.person_id)
    of_leads = {"l", f"lc{dmd}", f"lc{ipf}", "lrlanding_page", "lsnew"}
    assert set(row.marks) == {f"e{person.email_key}"[:9], "p", f"pc{dmd}", "psactive", *of_leads}

    change = {"medical_condition_id": str(other.medical_condition_id), "status": "paused", "status_reason": "abroad"}
    assert (await client.put(f"{URL}/{patient.patient_id}", json=change, headers=headers)).status_code == 200
    assert {f"pc{ipf}", "pspaused"} <= set((await _row(session, person.person_id)).marks)

    hospital = Hospital(name="Sint Franciscus")
    session.add(hospital)
    await session.flush()
    await a_physician(session, person, hospital_id=hospital.hospital_id)
    assert {"h", f"hh{str(hospital.hospital_id)[-8:]}"} <= set((await _row(session, person.person_id)).marks)


async def test_marks_follow_country_and_addresses(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    person = await a_person(session, email=None)
    headers = await as_role("navigator")
    url = f"/api/v1/persons/{person.person_id}"
    first = {"country": "IS", "email": "Jane.Doe+x@example.org"}
    assert (await client.put(url, json=first, headers=headers)).status_code == 200
    assert (await _row(session, person.person_id)).marks == ["ejane.doe", "nIS"]

    second = {"country": "NL", "email": "jo@example.org", "was": "former"}
    assert (await client.put(url, json=second, headers=headers)).status_code == 200
    assert set((await _row(session, person.person_id)).marks) == {"ejane.doe", "ejo@examp", "nNL"}

    points = (await client.get(f"{url}/contact-points", headers=headers)).json()["items"]
    place = f"{url}/contact-points/{points[0]['contact_point_id']}"
    assert (await client.delete(place, params={"was": "wrong"}, headers=headers)).status_code == 204
    assert set((await _row(session, person.person_id)).marks) == {"ejo@examp", "nNL"}


async def test_rows_of_earlier_rules_get_their_marks(bound: BoundDatabase, session: AsyncSession) -> None:
    person = await a_person(session, country="IS", email=None)
    late = update(PersonSearch).where(PersonSearch.person_id == person.person_id)
    await session.execute(late.values(marks=[], folding=VERSION - 1))

    await rows.fill(bound)

    assert (await _row(session, person.person_id)).marks == ["nIS"]


async def test_a_patient_whose_marks_stand_already_leaves_the_row_of_the_search_alone(session: AsyncSession) -> None:
    """A second version of the row would be written to the index once more."""
    person, late = await a_person(session), await a_person(session)
    await a_lead(session, late)
    condition = await a_condition(session)
    marks = ["p", f"pc{str(condition.medical_condition_id)[-8:]}", "psactive"]
    await session.execute(update(PersonSearch).values(marks=marks).where(PersonSearch.person_id == person.person_id))
    place = select(text("person_search.ctid::text")).select_from(PersonSearch)
    before = await session.scalar(place.where(PersonSearch.person_id == person.person_id))

    for one in (person, late):
        await a_patient(session, one, medical_condition_id=condition.medical_condition_id)

    assert await session.scalar(place.where(PersonSearch.person_id == person.person_id)) == before
    assert (await _row(session, person.person_id)).marks == marks
    assert set((await _row(session, late.person_id)).marks) > {*marks, "l"}


async def test_a_name_changed_past_the_program_is_caught_up_and_missing_rows_get_the_next_numbers(
    bound: BoundDatabase, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_BATCH", 1)
    people = [await a_person(session, first_name=name, last_name="Zwart") for name in ("Aad", "Bea", "Cor")]
    await rows.fill(bound)
    keys = [person.person_id for person in people]
    await session.execute(delete(PersonSearch).where(PersonSearch.person_id.in_(keys[:2])))
    await session.execute(update(Person).where(Person.person_id == keys[2]).values(last_name="Wit"))
    assert (await _row(session, keys[2])).folding == 0

    assert await rows.fill(bound) == 3
    assert await rows.fill(bound) == 0

    first, second, third = [await _row(session, key) for key in keys]
    assert third.num < first.num < second.num
    assert first.words == "aad zwart"
    assert set(third.words.split()) == {"cor", "wit", "zwart"}


async def test_filling_does_not_undo_what_somebody_wrote_meanwhile(session: AsyncSession) -> None:
    person = await a_person(session, first_name="Aad", last_name="Zwart")
    outdated = {person.person_id: fold_names(["Before"])}

    await rows._write(session, outdated, is_late=True)

    assert (await _row(session, person.person_id)).words == "aad zwart"


async def test_words_are_counted_and_unused_ones_dropped(bound: BoundDatabase, session: AsyncSession) -> None:
    for name in ("Xaveer", "Xaveer", "Xandra"):
        await a_person(session, first_name=name)
    await session.execute(text("INSERT INTO search_word (word) VALUES ('xaveer'), ('nobodyhasit')"))

    await rows.count_words(bound)

    query = select(SearchWord.word, SearchWord.people).where(SearchWord.word.in_(("xaveer", "xandra", "nobodyhasit")))
    assert sorted(map(tuple, await session.execute(query))) == [("xandra", 1), ("xaveer", 2)]
