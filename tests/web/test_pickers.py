"""Fields in which one of many is found: what is offered, to whom, and what is on record of it."""

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.hospitals.models import Hospital
from app.platform.settings import Settings
from tests.browsing import ORIGIN, as_user, somebody
from tests.builders import a_condition, a_lead, a_patient, a_person, a_physician
from tests.web.test_facts import text_of


async def ask(client: httpx.AsyncClient, token: str, picker: str, typed: str) -> httpx.Response:
    return await client.post(f"/pickers/{picker}", data={"csrf_token": token, "q": typed}, headers=ORIGIN)


async def test_each_offers_what_is_meant_with_what_tells_two_of_a_name_apart(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session, first_name="Maria", last_name="Lindqvist")
    await a_physician(session, await a_person(session, first_name="Greta", last_name="Holmqvist"))
    session.add_all([Hospital(name="Ziekenhuis Noord", city="Gent"), Hospital(name="UMC", is_active=False)])
    condition = await a_condition(session)
    await session.commit()
    await somebody(session, settings, "navigator", email="noor@crm.example", name="Noor Brandt")
    token = await as_user(client, session, settings, "navigator")

    found = {
        picker: text_of(await ask(client, token, picker, typed))
        for picker, typed in {
            "people": "lindqvist",
            "physicians": "holmq",
            "hospitals": "zieken",
            "conditions": condition.name[:5],
            "owners-of-patients": "brandt",
            "owners-of-leads": "noor br",
        }.items()
    }

    assert f"Maria Lindqvist {person.reference}" in " ".join(found["people"].split())
    assert "Greta Holmqvist" in found["physicians"]
    assert "Ziekenhuis Noord Gent" in " ".join(found["hospitals"].split())
    assert condition.name in found["conditions"]
    assert "Noor Brandt" in found["owners-of-patients"]
    assert "Noor Brandt" in found["owners-of-leads"]
    assert "UMC" not in text_of(await ask(client, token, "hospitals", ""))


@pytest.mark.parametrize(
    ("picker", "typed", "said"),
    [
        ("people", "m", "Type two letters or more."),
        ("people", "", "Type two letters or more."),
        ("people", "Nobody Atall", "Nothing is called so."),
        ("hospitals", "xyzzy", "Nothing is called so."),
    ],
)
async def test_where_nothing_is_offered_it_is_said_why(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, picker: str, typed: str, said: str
) -> None:
    token = await as_user(client, session, settings, "navigator")
    assert said in text_of(await ask(client, token, picker, typed))


async def test_who_may_not_search_people_is_offered_none_here_either(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_person(session, first_name="Maria", last_name="Lindqvist")
    await session.commit()
    token = await as_user(client, session, settings, "auditor")

    people, physicians = await ask(client, token, "people", "lindqvist"), await ask(client, token, "physicians", "li")

    assert people.status_code == 403
    assert "Lindqvist" not in people.text
    assert "Lindqvist" not in physicians.text


async def test_who_was_offered_is_on_record_and_what_was_typed_is_not(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session, first_name="Maria", last_name="Lindqvist")
    await session.commit()
    token = await as_user(client, session, settings, "navigator")

    await ask(client, token, "people", "lindqvist")
    event = (await session.scalars(select(AuditEvent).where(AuditEvent.action == "pick_people"))).one()

    assert event.person_ids == [person.person_id]
    assert "lindqvist" not in str({name: getattr(event, name) for name in AuditEvent.__table__.c.keys()}).lower()  # noqa: SIM118 - columns


async def test_a_condition_and_an_owner_are_found_by_what_is_typed_into_a_fact(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session, await a_person(session))
    other = await a_condition(session, "ALS")
    owner = await somebody(session, settings, "navigator", email="noor@crm.example", name="Noor Brandt")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}
    place = f"/patients/{patient.patient_id}/cases"
    seen = {"seen": str(patient.medical_condition_id)}

    typed = {"medical_condition_id_typed": other.name, "medical_condition_id_for": "", "medical_condition_id": ""}
    of_condition = await client.post(f"{place}/medical_condition_id", data=token | seen | typed, headers=ORIGIN)
    late = await client.post(f"{place}/medical_condition_id", data=token | seen | {
        "medical_condition_id_typed": "DMD", "medical_condition_id_for": "", "medical_condition_id": "",
    }, headers=ORIGIN)  # fmt: skip
    nobody = await client.post(
        f"{place}/owner_id", data=token | {"seen": "", "owner_id_typed": "Nobody Atall"}, headers=ORIGIN
    )
    of_owner = await client.post(
        f"{place}/owner_id", data=token | {"seen": "", "owner_id_typed": "noor brandt"}, headers=ORIGIN
    )
    await session.refresh(patient)

    assert (of_condition.status_code, of_owner.status_code) == (303, 303)
    assert (patient.medical_condition_id, patient.owner_id) == (other.medical_condition_id, owner.account_id)
    assert nobody.status_code == 422
    assert "Nothing is called so. Write it another way." in text_of(nobody)
    assert 'value="Nobody Atall"' in nobody.text
    # What a colleague has saved is told by its name.
    assert late.status_code == 412
    assert f"It is now {other.name} You typed DMD" in text_of(late)


async def test_whom_a_lead_doubles_is_found_by_name(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    first = await a_person(session, first_name="Maria", last_name="Lindqvist")
    lead = await a_lead(session, await a_person(session))
    await session.commit()
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}
    place = f"/leads/{lead.lead_id}/move"

    form = await client.get(f"{place}?to=duplicate")
    sent = token | {"to": "duplicate", "duplicate_of_person_id_typed": "Maria Lindqvist"}
    moved = await client.post(place, data=sent, headers=ORIGIN)
    await session.refresh(lead)

    assert 'data-combobox="/pickers/people"' in form.text
    assert moved.status_code == 303, text_of(moved)
    assert lead.duplicate_of_person_id == first.person_id
