"""Every page about somebody says first that they died or withdrew, and how they do not want to be contacted."""

from datetime import date

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.departures.models import PersonDeparture
from app.platform.settings import Settings
from tests.browsing import signed_in, somebody
from tests.builders import a_call, a_lead, a_patient, a_person, a_trial_journey

SAID = {"deceased": {"source": "a relative"}, "withdrawn": {"reason": "asked for it"}}
FORMS = ("/calls/new", "/bookings/new", "/tasks/new")


@pytest.mark.parametrize(("kind", "text"), [("deceased", "Died 3 Mar 2026"), ("withdrawn", "Withdrawn 3 Mar 2026")])
async def test_every_page_about_somebody_says_that_they_are_gone_and_what_they_do_not_want(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, kind: str, text: str
) -> None:
    person = await a_person(session, do_not_contact_channels=["phone"])
    patient = await a_patient(session, person)
    lead = await a_lead(session, person, status="qualified")
    call = await a_call(session, patient)
    journey = await a_trial_journey(session, patient)
    gone = PersonDeparture(person_id=person.person_id, kind=kind, departed_on=date(2026, 3, 3), **SAID[kind])
    ended = PersonDeparture(
        person_id=person.person_id, kind=kind, departed_on=date(2025, 1, 1), **SAID[kind],
        ended_at=lead.created_at, ended_how="undone", ended_reason="a mistake",
    )  # fmt: skip
    session.add_all([gone, ended])
    await session.commit()
    await signed_in(client, session, (await somebody(session, settings, "navigator")).account_id)

    records = (f"/patients/{patient.patient_id}", f"/leads/{lead.lead_id}")
    pages = [*records, *(record + form for record in records for form in FORMS), f"/calls/{call.call_id}/outcome"]
    pages += [f"/leads/{lead.lead_id}/move", f"/leads/{lead.lead_id}/convert"]
    pages += [f"/patients/{patient.patient_id}/clinical-trial-journeys/{journey.ct_journey_id}/move"]
    for address in pages:
        answer = await client.get(address)
        assert answer.status_code == 200, address
        assert text in answer.text, address
        assert "No phone" in answer.text, address
        assert "Jan 2025" not in answer.text.partition("<h2")[0], address


async def test_a_day_of_death_is_no_more_said_than_in_the_answer(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session)
    lead = await a_lead(session, person)
    session.add(PersonDeparture(person_id=person.person_id, kind="deceased", departed_on=date(2026, 3, 3), source="x"))
    await session.commit()
    await signed_in(client, session, (await somebody(session, settings, "auditor")).account_id)

    answer = await client.get(f"/leads/{lead.lead_id}")

    assert answer.status_code == 200
    assert "Died" in answer.text
    assert "3 Mar 2026" not in answer.text
