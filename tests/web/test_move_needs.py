"""What the moves of a journey still need is said before one tries, and where it is put in."""

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.moves import Finding
from app.journeys.eap.models import EapGate
from app.journeys.kinds import KINDS
from app.journeys.trial.models import ClinicalTrial, ClinicalTrialJourney
from app.patients.models import Patient, PatientPhysicianRelationship
from app.platform import clock
from app.platform.settings import Settings
from app.web.move_needs import SAYS, need_of
from tests.browsing import ORIGIN, as_user
from tests.builders import a_patient, a_person, a_physician, a_trial, a_trial_journey, an_eap_journey
from tests.web.test_facts import text_of


@pytest.fixture
async def token(client: httpx.AsyncClient, session: AsyncSession, settings: Settings) -> str:
    return await as_user(client, session, settings, "navigator")


async def _ready(session: AsyncSession, **trial: str) -> tuple[Patient, ClinicalTrial, ClinicalTrialJourney]:
    """A patient who is ready to be referred."""
    patient = await a_patient(session, await a_person(session, first_name="Inês", last_name="Carvalho"))
    into = await a_trial(session, trial_id="NCT01234567", title="A study of a new treatment", **trial)
    journey = await a_trial_journey(session, patient, clinical_trial_id=into.clinical_trial_id, status="referral_ready")
    await session.commit()
    return patient, into, journey


def _conditions() -> Iterator[str]:
    for kind in KINDS:
        for conditions in kind.moves.conditions.values():
            yield from (condition.name for condition in conditions)


def test_every_move_condition_of_a_journey_says_what_is_missing() -> None:
    assert set(SAYS) == set(_conditions())
    assert need_of("linked_physician", Finding.MET, None, "/patients/1") is None


async def test_a_move_that_lacks_something_says_what_and_leads_there_and_is_a_button_once_it_is_there(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient, trial, journey = await _ready(session, status="suspended")
    here = f"/patients/{patient.patient_id}"
    place = f"{here}/clinical-trial-journeys/{journey.ct_journey_id}/move"
    missing = ("No physician is linked to the patient now.", "The trial does not recruit: it is suspended.")

    record, form, every = (
        await client.get(here), await client.get(place, params={"to": "referred"}), await client.get(place)
    )  # fmt: skip
    refused = await client.post(place, data={"csrf_token": token, "to": "referred"}, headers=ORIGIN)

    for shown in (record, form, every, refused):
        for said in (*missing, "The medical review is not checked here"):
            assert said in text_of(shown), said
        assert f'href="{here}/physicians/new"' in shown.text
        assert f'href="/trials/{trial.clinical_trial_id}"' in shown.text
        assert "move?to=referred" not in shown.text
    assert (form.status_code, refused.status_code) == (200, 409)
    for shown in (form, refused):
        assert 'name="to"' not in shown.text
    assert re.search(r'value="referred"[^>]* disabled', every.text)
    # What lacks nothing is free.
    assert "move?to=patient_considering" in record.text
    assert not re.search(r'value="patient_considering"[^>]* disabled', every.text)

    physician = await a_physician(session)
    session.add(
        PatientPhysicianRelationship(
            patient_id=patient.patient_id, physician_id=physician.physician_id, relationship_type="treating"
        )
    )
    trial.status = "recruiting"
    await session.commit()
    record, form = await client.get(here), await client.get(place, params={"to": "referred"})
    moved = await client.post(place, data={"csrf_token": token, "to": "referred"}, headers=ORIGIN)

    assert f'href="{place}?to=referred"' in record.text
    assert 'name="to" value="referred"' in form.text
    for shown in (record, form):
        assert not [said for said in missing if said in text_of(shown)]
        assert "The medical review is not checked here" in text_of(shown)
    assert moved.status_code == 303


@pytest.mark.parametrize(
    ("gate", "said", "is_free"),
    [
        (None, "No approval is recorded, so none is checked", True),
        ("pending", "An approval that was recorded is not there, or has expired.", False),
        ("approved", "", True),
    ],
)
async def test_a_supply_says_whether_its_approvals_are_there(
    client: httpx.AsyncClient, session: AsyncSession, token: str, gate: str | None, said: str, *, is_free: bool
) -> None:
    patient = await a_patient(session)
    journey = await an_eap_journey(session, patient, status="approvals_in_progress")
    if gate is not None:
        session.add(EapGate(eap_journey_id=journey.eap_journey_id, gate="ethics", status=gate))
    await session.commit()

    here = f"/patients/{patient.patient_id}"
    place = f"{here}/eap-journeys/{journey.eap_journey_id}/move"
    shown, approvals = await client.get(here), text_of(await client.get(place)).partition(" Approvals ")[2]

    assert (f'href="{place.replace("/move", "/approvals")}">See the approvals' in shown.text) is bool(said)
    assert re.search(rf"Ethics\s+{gate.capitalize() if gate else 'not recorded'}", approvals)
    assert re.search(r"Import licence\s+not recorded", approvals)
    assert ("move?to=supply_authorised" in shown.text) is is_free
    assert said in text_of(shown)
    assert ("marked-list" in shown.text) is bool(said)


async def test_a_move_names_whom_it_moves_in_which_trial_from_where_to_where(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient, _, journey = await _ready(session)
    other = await an_eap_journey(session, patient, status="shipped", eap_number="EAP-7")
    await session.commit()
    here = f"/patients/{patient.patient_id}"
    into_trial = f"{here}/clinical-trial-journeys/{journey.ct_journey_id}/move"

    one = await client.get(into_trial, params={"to": "patient_considering"})
    any_one = await client.get(into_trial)
    programme = await client.get(f"{here}/eap-journeys/{other.eap_journey_id}/move", params={"to": "received"})

    for shown, heading in (
        (one, "Trial NCT01234567 of Inês Carvalho: move from referral ready to patient considering"),
        (any_one, "Trial NCT01234567 of Inês Carvalho: move on from referral ready"),
        (programme, "Programme EAP-7 of Inês Carvalho: move from shipped to received"),
    ):
        for tag in ("title", "h1"):
            found = re.search(rf"<{tag}[^>]*>\s*([^<]*?)\s*(?: · [^<]*)?</{tag}>", shown.text)
            assert found, tag
            assert heading in found[1], found[1]
    assert "A study of a new treatment" in text_of(one)


async def test_the_head_of_a_patient_says_where_each_open_journey_stands_and_how_late_it_is(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient, _, journey = await _ready(session)
    now = clock.now()
    journey.status_changed_at = now - timedelta(days=17, hours=1)
    programme = await an_eap_journey(session, patient, status="sponsor_review", eap_number="EAP-7")
    programme.status_changed_at = now - timedelta(days=10, hours=1)
    closed = await a_trial_journey(session, patient, status="completed", trial_reference="An older one")
    await session.commit()
    here = f"/patients/{patient.patient_id}"

    whole = await client.get(here)
    part = await client.get(here, headers={"hx-request": "true", "hx-target": "#record-about"})

    for shown in (whole, part):
        head = shown.text.partition('id="record-head"')[2].partition("</header>")[0]
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", head))
        assert "Trial NCT01234567 Referral ready, 12 days over the norm" in text
        assert "Programme EAP-7 Sponsor review" in text
        assert text.count("over the norm") == 1
        assert f'href="#journey-{journey.ct_journey_id}"' in head
        assert f"#journey-{closed.ct_journey_id}" not in head
        assert "An older one" not in head


async def test_who_sees_health_masked_reads_nothing_of_journeys_in_the_head(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient, _, journey = await _ready(session)
    journey.status_changed_at = clock.now() - timedelta(days=90)
    await session.commit()
    await as_user(client, session, settings, "auditor")

    shown = await client.get(f"/patients/{patient.patient_id}")

    head = shown.text.partition('id="record-head"')[2].partition("</header>")[0]
    assert shown.status_code == 200
    assert not [said for said in ("eferral ready", "over the norm", "NCT01234567") if said in head]
    assert "No physician is linked" not in text_of(shown)
