"""The history on the page of a record: what every field was, what was voided, and who saw the person."""

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.platform import clock
from app.platform.settings import Settings
from tests.browsing import ORIGIN, as_user
from tests.builders import a_note, a_patient, a_person
from tests.web.test_facts import text_of


async def test_every_field_is_told_with_what_it_was_who_changed_it_and_the_case_beside_the_person(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session, first_name="Inês", last_name="Carvalho")
    patient = await a_patient(session, person)
    await session.commit()
    here = f"/patients/{patient.patient_id}"
    token = await as_user(client, session, settings, "navigator")
    typed = {"csrf_token": token, "last_name": "Duarte", "seen": "Carvalho"}
    await client.post(f"{here}/facts/last_name", data=typed, headers=ORIGIN)

    record = await client.get(here)
    shown = await client.get(f"{here}/history")

    assert f'href="{here}/history"' in record.text
    assert shown.status_code == 200, text_of(shown)
    said = " ".join(text_of(shown).split())
    assert "Ines Example changed it" in said
    assert "Carvalho" in said
    assert "Duarte" in said
    assert "All versions of the patient" in said
    event = (await session.scalars(select(AuditEvent).where(AuditEvent.action == "show_patient_record_history"))).one()
    assert event.person_ids == [person.person_id]


@pytest.mark.parametrize(("role", "sees"), [("data_steward", True), ("navigator", False)])
async def test_what_was_voided_is_struck_through_for_those_who_may_see_it(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, *, role: str, sees: bool
) -> None:
    person = await a_person(session)
    patient = await a_patient(session, person)
    await a_note(
        session, person, patient_id=patient.patient_id, text="Wrong person", voided_at=clock.now(),
        void_reason="Mixed up",
    )  # fmt: skip
    await session.commit()
    await as_user(client, session, settings, role)

    shown = await client.get(f"/people/{person.person_id}/history")

    assert shown.status_code == 200
    assert ("<del>Wrong person</del>" in shown.text) is sees
    assert ("Mixed up" in shown.text) is sees


@pytest.mark.parametrize(("role", "sees"), [("auditor", True), ("navigator", False)])
async def test_who_saw_the_person_is_told_to_those_who_read_the_trail(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, *, role: str, sees: bool
) -> None:
    person = await a_person(session)
    await session.commit()
    await as_user(client, session, settings, role)
    await client.get(f"/people/{person.person_id}")

    shown = await client.get(f"/people/{person.person_id}/history")

    assert ("Who saw this person" in shown.text) is sees
    assert (f"/audit/persons/{person.person_id}" in shown.text) is sees
