"""Lists in a real browser, by keyboard; and the pages of physicians, hospitals, conditions, trials and programmes."""

from uuid import UUID

import pytest
from playwright.async_api import expect

from app.hospitals.models import Hospital
from app.main import create_app
from app.patients.models import PatientPhysicianRelationship
from app.platform.db import Database
from app.platform.settings import Settings
from tests.browser.conftest import Open, Serve
from tests.browser.test_patients import LONG, _as
from tests.browsing import somebody
from tests.builders import a_patient, a_person, a_physician, a_programme, a_trial, a_trial_journey

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
async def crm(serve: Serve, settings: Settings, committed_database: Database) -> str:
    return await serve(create_app(settings, committed_database))


@pytest.fixture(scope="module")
async def ids(settings: Settings, committed_database: Database) -> dict[str, UUID]:
    """A navigator, a data steward, a programme manager, and one thing of each kind with long names."""
    async with committed_database.session() as session:
        accounts = {
            role: (await somebody(session, settings, role, email=f"{role}@lists.example", name=role.title())).account_id
            for role in ("navigator", "data_steward", "programme_manager", "auditor")
        }
        hospital = Hospital(name=f"Hospital {LONG} {LONG}", city="Groningen", country="NL", address="x" * 200)
        session.add(hospital)
        await session.flush()
        person = await a_person(session, first_name=LONG, last_name=LONG)
        doctor = await a_physician(session, person, hospital_id=hospital.hospital_id, job_title="Head of surgery")
        patient = await a_patient(session, await a_person(session, first_name="美咲", last_name="佐藤"))
        session.add(
            PatientPhysicianRelationship(
                patient_id=patient.patient_id, physician_id=doctor.physician_id, relationship_type="treating"
            )
        )
        trial, programme = await a_trial(session, title=f"A study of {LONG} " * 4), await a_programme(session)
        await a_trial_journey(session, patient, clinical_trial_id=trial.clinical_trial_id)
        await session.commit()
        return {
            **accounts,
            "physician": doctor.physician_id,
            "hospital": hospital.hospital_id,
            "condition": patient.medical_condition_id,
            "trial": trial.clinical_trial_id,
            "programme": programme.eap_program_id,
        }


@pytest.mark.parametrize("role", ["navigator", "data_steward", "programme_manager", "auditor"])
async def test_pages_of_things_have_no_finding_and_never_scroll_sideways(
    open_page: Open, crm: str, committed_database: Database, ids: dict[str, UUID], role: str
) -> None:
    seen = await _as(open_page, crm, committed_database, ids[role])
    found: list[str] = []
    pages = ["/physicians", "/hospitals", "/conditions", "/trials", "/programmes", "/hospitals?country=BV"]
    pages += [
        f"/physicians/{ids['physician']}", f"/hospitals/{ids['hospital']}", f"/conditions/{ids['condition']}",
        f"/trials/{ids['trial']}", f"/programmes/{ids['programme']}",
    ]  # fmt: skip
    if role in {"navigator", "data_steward"}:
        pages += [f"/physicians/{ids['physician']}/edit", f"/hospitals/{ids['hospital']}/edit", "/hospitals/new"]
    if role == "data_steward":
        pages += [f"/conditions/{ids['condition']}/edit", "/conditions/new"]
    if role == "programme_manager":
        pages += [
            f"/trials/{ids['trial']}/edit",
            f"/programmes/{ids['programme']}/edit",
            "/trials/new",
            "/programmes/new",
        ]
    for path in pages:
        await seen.page.goto(crm + path)
        await expect(seen.page.get_by_role("heading", level=1)).to_be_visible()
        found += [f"{path}: {finding}" for finding in await seen.findings()]
        for width in (768, 1024, 1280):
            await seen.page.set_viewport_size({"width": width, "height": 900})
            if sideways := await seen.sideways():
                found.append(f"{path}: {width}: scrolls sideways by {sideways} px")
    assert found == []
    assert [said for said in seen.console if "was preloaded using link preload" not in said] == []
