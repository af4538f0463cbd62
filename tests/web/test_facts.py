"""The facts of a record page are edited where they stand: one field, and no word of somebody else is written over."""

import re
from html import unescape

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.models import ContactPoint, Person
from app.platform.settings import Settings
from tests.browsing import ORIGIN, as_user
from tests.builders import a_lead, a_patient, a_person

PART = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#record-about"}


def text_of(answer: httpx.Response) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


@pytest.fixture
async def person(session: AsyncSession) -> Person:
    made = await a_person(session, first_name="Inês", last_name="Carvalho", phone="06 3846 7472", country="NL")
    await session.commit()
    return made


@pytest.mark.parametrize("of", ["patients", "leads"])
async def test_a_fact_is_changed_and_the_replaced_number_is_kept_as_what_it_was(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person, of: str
) -> None:
    record = (
        (await a_patient(session, person)).patient_id if of == "patients" else (await a_lead(session, person)).lead_id
    )
    await session.commit()
    here = f"/{of}/{record}"
    token = await as_user(client, session, settings, "navigator")

    form = await client.get(f"{here}/facts/phone")
    saved = await client.post(
        f"{here}/facts/phone",
        data={"csrf_token": token, "phone": "06 1111 2222", "seen": "06 3846 7472", "was": "former"},
        headers=ORIGIN,
    )
    shown = await client.get(here)

    assert 'name="seen" value="06 3846 7472"' in form.text
    assert (saved.status_code, saved.headers["location"]) == (303, here)
    assert "06 1111 2222" in shown.text
    assert "Former phone 06 3846 7472" in text_of(shown)
    kept = (await session.scalars(select(ContactPoint).where(ContactPoint.person_id == person.person_id))).all()
    assert [(point.value, point.was) for point in kept] == [("06 3846 7472", "former")]


async def test_what_somebody_else_wrote_meanwhile_is_shown_beside_ones_own_and_not_written_over(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    patient = await a_patient(session, person)
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    place = f"/patients/{patient.patient_id}/facts/last_name"
    mine = {"csrf_token": token, "last_name": "Carvalho Duarte", "seen": "Carvalho"}

    person.last_name = "Duarte"
    await session.commit()
    refused = await client.post(place, data=mine, headers=ORIGIN)
    after_refusal = (await session.execute(select(Person.last_name))).scalars().all()
    chosen = await client.post(place, data=mine | {"seen": "Duarte"}, headers=ORIGIN)

    assert refused.status_code == 412
    assert "It is now Duarte You typed Carvalho Duarte" in text_of(refused)
    assert 'name="seen" value="Duarte"' in refused.text
    assert "Duarte" in after_refusal
    assert "Carvalho Duarte" not in after_refusal
    assert chosen.status_code == 303
    assert "Carvalho Duarte" in (await session.execute(select(Person.last_name))).scalars().all()


async def test_another_field_that_changed_meanwhile_hinders_nobody_and_the_same_value_twice_is_one_change(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    patient = await a_patient(session, person)
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    place = f"/patients/{patient.patient_id}/facts/last_name"
    mine = {"csrf_token": token, "last_name": "Duarte", "seen": "Carvalho"}

    person.preferred_name = "Nês"
    await session.commit()
    first = await client.post(place, data=mine, headers=ORIGIN)
    await session.refresh(person)
    version = person.version
    double_click = await client.post(place, data=mine, headers=ORIGIN)
    await session.refresh(person)

    assert (first.status_code, double_click.status_code) == (303, 303)
    assert (person.last_name, person.preferred_name, person.version) == ("Duarte", "Nês", version)


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("email", "not an address", "address"),
        ("country", "Atlantis", "country"),
        ("date_of_birth", "2999-01-01", "future"),
        ("time_zone", "Mars/Base", "zone"),
        ("gender", "none of these", "list"),
    ],
)
async def test_a_wrong_value_comes_back_with_what_was_typed_and_what_is_wrong(
    client: httpx.AsyncClient,
    session: AsyncSession,
    settings: Settings,
    person: Person,
    field: str,
    typed: str,
    said: str,
) -> None:
    patient = await a_patient(session, person)
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    stands = getattr(person, field)
    data = {"csrf_token": token, field: typed, "seen": "" if stands is None else str(stands)}

    answer = await client.post(f"/patients/{patient.patient_id}/facts/{field}", data=data, headers=ORIGIN | PART)

    assert answer.status_code == 422
    assert said in text_of(answer).lower()
    assert 'aria-invalid="true"' in answer.text
    assert field == "gender" or f'value="{typed}"' in answer.text
    await session.refresh(person)
    assert getattr(person, field) == stands


async def test_a_part_is_answered_with_the_facts_and_the_head_alone(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    patient = await a_patient(session, person)
    await session.commit()
    here = f"/patients/{patient.patient_id}"
    token = await as_user(client, session, settings, "navigator")

    form = await client.get(f"{here}/facts/first_name", headers=PART)
    data = {"csrf_token": token, "first_name": "Ines", "seen": "Inês"}
    saved = await client.post(f"{here}/facts/first_name", data=data, headers=ORIGIN | PART)
    restored = await client.get(here, headers=PART)

    for answer in (form, saved, restored):
        assert answer.status_code == 200
        assert "<html" not in answer.text
        assert answer.text.count('id="record-about"') == 1
        assert 'id="record-head" hx-swap-oob="true"' in answer.text
        assert "Timeline" not in answer.text
    assert 'name="first_name"' in form.text
    assert 'name="first_name"' not in saved.text + restored.text
    assert "Ines Carvalho" in saved.text
    assert "First name is saved." in saved.headers["hx-trigger"]


async def test_who_may_not_change_is_offered_nothing_and_refused(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    patient = await a_patient(session, person)
    await session.commit()
    here = f"/patients/{patient.patient_id}"
    token = await as_user(client, session, settings, "auditor")

    shown = await client.get(here)
    form = await client.get(f"{here}/facts/phone")
    data = {"csrf_token": token, "phone": "06 1111 2222", "seen": "06 3846 7472"}
    saved = await client.post(f"{here}/facts/phone", data=data, headers=ORIGIN)

    assert "/facts/" not in shown.text
    assert (form.status_code, saved.status_code) == (403, 403)
    await session.refresh(person)
    assert person.phone == "06 3846 7472"


async def test_a_field_that_is_none_is_not_found_and_a_date_of_the_record_is_changed_too(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    patient = await a_patient(session, person)
    await session.commit()
    here = f"/patients/{patient.patient_id}"
    token = await as_user(client, session, settings, "navigator")
    seen = "" if patient.first_contact_date is None else patient.first_contact_date.isoformat()

    none = [await client.get(f"{here}/facts/{field}") for field in ("is_active", "version", "x" * 500)]
    data = {"csrf_token": token, "first_contact_date": "2026-03-02", "seen": seen}
    saved = await client.post(f"{here}/dates/first_contact_date", data=data, headers=ORIGIN)
    too_old = await client.post(
        f"{here}/dates/first_contact_date",
        data={"csrf_token": token, "first_contact_date": "1971-01-01", "seen": "2026-03-02"},
        headers=ORIGIN,
    )

    assert [answer.status_code for answer in none] == [404, 404, 404]
    assert (saved.status_code, too_old.status_code) == (303, 422)
    await session.refresh(patient)
    assert str(patient.first_contact_date) == "2026-03-02"
