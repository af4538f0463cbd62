"""A journey is begun on the page of its patient."""

import re
from html import unescape

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.journeys.eap.models import EapJourney
from app.journeys.trial.models import ClinicalTrial, ClinicalTrialJourney
from app.platform.settings import Settings
from tests.browsing import ORIGIN, as_user
from tests.builders import a_patient, a_programme, a_trial


async def test_a_patient_without_a_journey_is_offered_both_kinds_by_who_may_begin_one(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session)
    await session.commit()
    here = f"/patients/{patient.patient_id}"
    begins = {f"{here}/clinical-trial-journeys/new", f"{here}/eap-journeys/new"}

    shown = {}
    for role in ("navigator", "auditor"):
        await as_user(client, session, settings, role)
        page = (await client.get(here)).text
        shown[role] = set(re.findall(rf'href="({here}/[a-z-]+-journeys/new)"', page))

    assert shown == {"navigator": begins, "auditor": set()}


async def test_a_journey_is_begun_into_a_trial_that_is_chosen_or_named_by_its_number(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient, trial = await a_patient(session), await a_trial(session)
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    place = f"/patients/{patient.patient_id}/clinical-trial-journeys/new"

    async def send(**typed: str) -> httpx.Response:
        return await client.post(place, data={"csrf_token": token, **typed}, headers=ORIGIN)

    nothing = await send()
    unknown = await send(clinical_trial_id_typed="no such trial")
    chosen = await send(clinical_trial_id=str(trial.clinical_trial_id))
    by_number = await send(trial_id="nct 0765 4321", notes="Heard of it at the clinic.")

    assert (nothing.status_code, unknown.status_code) == (422, 422)
    assert "Choose a trial, or write the number of one that is not listed." in unescape(nothing.text)
    assert 'id="field-clinical_trial_id-error"' in unknown.text
    assert [answer.headers["location"] for answer in (chosen, by_number)] == [f"/patients/{patient.patient_id}"] * 2
    rows = await session.execute(
        select(ClinicalTrial.trial_id, ClinicalTrialJourney.status, ClinicalTrialJourney.notes)
        .join(ClinicalTrialJourney, ClinicalTrialJourney.clinical_trial_id == ClinicalTrial.clinical_trial_id)
        .order_by(ClinicalTrialJourney.ct_journey_id)
    )
    assert [tuple(row) for row in rows] == [
        (trial.trial_id, "identified", None), ("NCT07654321", "identified", "Heard of it at the clinic."),
    ]  # fmt: skip


@pytest.mark.parametrize("number", ["", "EAP-77"])
async def test_a_journey_to_a_product_of_a_programme_needs_its_number(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, number: str
) -> None:
    patient, programme = await a_patient(session), await a_programme(session)
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    place = f"/patients/{patient.patient_id}/eap-journeys/new"

    found = await client.post(
        "/pickers/programmes", data={"csrf_token": token, "q": programme.name[:4]}, headers=ORIGIN
    )
    typed = {"csrf_token": token, "eap_number": number, "eap_program_id": str(programme.eap_program_id)}
    answer = await client.post(place, data=typed, headers=ORIGIN)

    assert str(programme.eap_program_id) in found.text
    journeys = (await session.scalars(select(EapJourney))).all()
    if number:
        assert answer.status_code == 303
        assert [(one.eap_number, one.eap_program_id) for one in journeys] == [(number, programme.eap_program_id)]
    else:
        assert (answer.status_code, journeys) == (422, [])
        assert 'id="field-eap_number-error"' in answer.text
