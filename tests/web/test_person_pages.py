"""The page of a person, and pairs of people side by side."""

import re
from datetime import date, timedelta

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.models import DuplicateCandidate, Person, PersonRelationship
from app.platform import clock
from app.platform.settings import Settings
from tests.browsing import ORIGIN, as_user
from tests.builders import a_call, a_condition, a_lead, a_patient, a_person
from tests.conftest import BoundDatabase
from tests.web.test_leads_pages import table_rows
from tests.web.test_patients_pages import statements


async def _pair(session: AsyncSession, one: Person, other: Person) -> DuplicateCandidate:
    first, second = sorted((one.person_id, other.person_id))
    pair = DuplicateCandidate(person_id=first, other_person_id=second, reasons=["name_and_birth_date", "phone"])
    session.add(pair)
    await session.commit()
    return pair


async def test_a_caregiver_has_a_page_that_leads_on_to_their_patient(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, bound: BoundDatabase
) -> None:
    mother = await a_person(session, first_name="Maria", last_name="Carvalho", phone="+351 21 555 01 72")
    child = await a_person(session, first_name="In\u00eas", last_name="Carvalho")
    patient = await a_patient(session, child)
    lead = await a_lead(session, mother)
    session.add(
        PersonRelationship(
            person_id=mother.person_id, related_person_id=child.person_id, relationship_type="parent",
            authority="parental",
        )
    )  # fmt: skip
    await session.commit()
    token = await as_user(client, session, settings, "navigator")

    with statements(bound) as found:
        answer = await client.get(f"/people/{mother.person_id}")
    hits = await client.post("/search", data={"csrf_token": token, "q": "Maria Carvalho"}, headers=ORIGIN)
    of_patient = await client.get(f"/patients/{patient.patient_id}")

    assert answer.status_code == 200
    leads_to = (f"/patients/{patient.patient_id}", f"/leads/{lead.lead_id}")
    for text in ("Maria Carvalho", "+351 21 555 01 72", "Parent of", *leads_to):
        assert text in answer.text, text
    assert len(found) <= 3 + 14, found
    assert f"/leads/{lead.lead_id}" in hits.text
    assert f'href="/people/{mother.person_id}"' in of_patient.text


async def test_a_caregiver_without_a_record_is_told_of_whom_and_calls_are_logged_about_the_patient(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    carer = await a_person(session, first_name="Maria", last_name="Carvalho")
    child = await a_person(session, first_name="Inês", last_name="Carvalho")
    earlier = await a_person(session, first_name="Rui", last_name="Carvalho")
    patient, of_before = await a_patient(session, child), await a_patient(session, earlier)
    for other, end in ((child, None), (earlier, clock.today() - timedelta(days=3))):
        session.add(
            PersonRelationship(
                person_id=carer.person_id, related_person_id=other.person_id, relationship_type="caregiver",
                authority="none", end_date=end,
            )
        )  # fmt: skip
    await session.commit()
    await as_user(client, session, settings, "navigator")

    shown = await client.get(f"/people/{carer.person_id}")
    found = re.search(r'href="(/patients/[^"]*/calls/new[^"]*)"', shown.text)
    assert found
    form = await client.get(found[1].replace("&amp;", "&"))
    await as_user(client, session, settings, "auditor")
    of_reader = await client.get(f"/people/{carer.person_id}")

    records = shown.text.partition('aria-label="Their records"')[2]
    assert "They have no record of their own." in records
    assert f'Caregiver of <a href="/people/{child.person_id}">Inês Carvalho</a>' in records
    assert found[1] == f"/patients/{patient.patient_id}/calls/new?spoke_with_person_id={carer.person_id}"
    assert "Log a call about Inês Carvalho" in records
    assert f"/patients/{of_before.patient_id}/calls/new" not in records
    assert form.status_code == 200
    assert "/calls/new" not in of_reader.text


async def test_somebody_without_a_record_is_found_by_the_search_and_has_a_page(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session, first_name="Oskar", last_name="Lindgren")
    await session.commit()
    token = await as_user(client, session, settings, "navigator")

    hits = await client.post("/search", data={"csrf_token": token, "q": "Oskar Lindgren"}, headers=ORIGIN)
    shown = await client.get(f"/people/{person.person_id}")

    assert f'href="/people/{person.person_id}"' in hits.text
    assert "There is no record to work in." in shown.text


async def test_two_people_stand_side_by_side_and_that_they_differ_lasts(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    born = date(1968, 3, 14)
    one = await a_person(session, first_name="Jan", last_name="Bos", date_of_birth=born, country="NL")
    other = await a_person(session, first_name="Johan", last_name="Bos", date_of_birth=born)
    patient = await a_patient(session, one)
    held = {"call_date": clock.now() - timedelta(days=1), "status": "completed"}
    await a_call(session, patient, outcome="no_answer", **held)
    await a_call(session, patient, outcome=None, **held)
    further = await _pair(session, one, await a_person(session, first_name="J.", last_name="Bos"))
    pair = await _pair(session, one, other)
    token = await as_user(client, session, settings, "navigator")
    here = f"/duplicates/{pair.duplicate_candidate_id}"

    listed = await client.get("/duplicates")
    shown = await client.get(here)
    said = await client.post(f"{here}/different", data={"csrf_token": token, "reason": "Twins."}, headers=ORIGIN)
    after = await client.get("/duplicates")

    assert f'href="{here}"' in listed.text
    rows = {
        label: re.sub(r"<[^>]+>", " ", row)
        for label, row in re.findall(r'<th scope="row">([^<]+)</th>(.*?)</tr>', shown.text, re.DOTALL)
    }
    assert "Differs" in rows["First name"]
    assert "Same" in rows["Last name"]
    assert "Same" in rows["Born"]
    assert "Differs" not in rows["Country"]
    assert "2 calls" in rows["Records"]
    assert (rows["Newest calls"].count("no answer"), rows["Newest calls"].count("completed")) == (1, 1)
    assert "name and birth date, phone" in shown.text
    assert "Two records are not joined into one here yet." in shown.text
    assert said.headers["location"] == f"/duplicates/{further.duplicate_candidate_id}"
    assert f'href="{here}"' not in after.text
    await session.refresh(pair)
    assert (pair.decision, pair.reason) == ("different_people", "Twins.")


async def test_who_came_from_a_conversion_goes_back_there_and_the_conditions_are_compared(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    one, other = await a_person(session, first_name="Jan"), await a_person(session, first_name="Johan")
    known, asked = await a_condition(session), await a_condition(session, "ALS")
    await a_patient(session, one, medical_condition_id=known.medical_condition_id)
    lead = await a_lead(session, other, medical_condition_id=asked.medical_condition_id)
    await _pair(session, one, await a_person(session))
    pair = await _pair(session, one, other)
    token = await as_user(client, session, settings, "navigator")
    here, conversion = f"/duplicates/{pair.duplicate_candidate_id}", f"/leads/{lead.lead_id}/convert"

    from_list = await client.get(here, headers={"referer": f"{ORIGIN['Origin']}/duplicates"})
    shown = await client.get(here, headers={"referer": f"{ORIGIN['Origin']}{conversion}"})
    said = await client.post(f"{here}/different", data={"csrf_token": token, "back": conversion}, headers=ORIGIN)
    decided = await client.get(here, headers={"referer": f"{ORIGIN['Origin']}{conversion}"})
    await client.post(f"{here}/reopen?until=2", data={"csrf_token": token}, headers=ORIGIN)
    away = {"csrf_token": token, "back": "https://elsewhere.example/leads/x/convert"}
    elsewhere = await client.post(f"{here}/different", data=away, headers=ORIGIN)

    cells = next(row for row in table_rows(shown.text) if row[0] == "Condition")
    assert sorted(cells[1:3]) == sorted([known.name, asked.name])
    assert cells[3] == "Differs"
    assert f'<input type="hidden" name="back" value="{conversion}">' in shown.text
    assert "Not sure, back to the conversion" in shown.text
    assert "Not sure, next pair" in from_list.text
    assert 'name="back"' not in from_list.text
    assert said.headers["location"] == conversion
    assert f'href="{conversion}"' in decided.text
    assert elsewhere.headers["location"].startswith("/duplicates/")


async def test_who_sees_people_masked_is_not_told_whether_two_values_are_the_same(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    one, other = await a_person(session, last_name="Abendroth"), await a_person(session, last_name="Abendroth")
    pair = await _pair(session, one, other)
    await as_user(client, session, settings, "auditor")

    shown = await client.get(f"/duplicates/{pair.duplicate_candidate_id}")

    assert shown.status_code == 200
    assert "Abendroth" not in shown.text
    assert "Differs" not in shown.text
    assert ">Same<" not in shown.text
