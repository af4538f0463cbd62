"""The page of records that stand beside another one of the same name or number, by plain HTTP as without JavaScript."""

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from app.conditions.models import ConditionSynonym, MedicalCondition
from app.hospitals.models import Hospital, Specialization
from app.journeys.eap.models import EapJourney
from app.platform.settings import Settings
from tests import builders
from tests.browsing import signed_in, somebody

PAGE = "/doubles"


async def test_both_records_are_named_with_links_to_where_they_are_mended(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await builders.a_person(session, first_name="Ada", last_name="Abendroth")
    other = await builders.a_person(session, first_name="Bea", last_name="Bergman")
    patient = await builders.a_patient(session, person)
    rows: list[Hospital | Specialization | MedicalCondition | EapJourney] = [
        Hospital(name="Maastricht", city="Limburg"),
        Hospital(name="MAASTRICHT", city="limburg", is_double=True),
        Specialization(name="Zoology"),
        Specialization(name="ZOOLOGY", is_double=True),
        MedicalCondition(name="Zz disease"),
        MedicalCondition(name="Xx disease", synonyms=[ConditionSynonym(name="zz-disease", is_double=True)]),
        EapJourney(patient_id=patient.patient_id, eap_number="a-1"),
        EapJourney(patient_id=patient.patient_id, eap_number="A 1", is_double=True),
    ]
    for row in rows:
        session.add(row)
        await session.flush()
    first = await builders.a_physician(session, person, medical_license_number="BIG 12-3")
    second = await builders.a_physician(session, other, medical_license_number="big123")
    await session.commit()
    who = await somebody(session, settings, "data_steward")
    await signed_in(client, session, who.account_id)

    shown, hospitals = await client.get(PAGE), await client.get(PAGE, params={"record_type": "hospital"})

    assert shown.status_code == hospitals.status_code == 200
    for row in rows:
        assert (
            isinstance(row, Specialization)
            or str(next(iter(row.__mapper__.primary_key_from_instance(row)))) in shown.text
        )
    for text in ("MAASTRICHT", "ZOOLOGY", "zz-disease", "Zz disease", "Ada Abendroth", "Bea Bergman", "5 records"):
        assert text in shown.text, text
    assert f'href="/physicians/{second.physician_id}" title="Bea Bergman"' in shown.text
    assert f'href="/physicians/{first.physician_id}"' in shown.text
    assert "ZOOLOGY" not in hospitals.text
    assert "BIG" not in shown.text
    assert PAGE in (await client.get("/")).text


async def test_who_may_not_see_faults_sees_no_doubles_and_nothing_is_a_page_too(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "data_steward")
    await signed_in(client, session, who.account_id)
    assert "Nothing is there twice" in (await client.get(PAGE)).text
    who = await somebody(session, settings, "navigator", email="noor@crm.example")
    await signed_in(client, session, who.account_id)
    assert (await client.get(PAGE)).status_code == 403
