"""The way of a journey on the record of its patient: stages done, now and to come, and the days beside the norm."""

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.journeys.norms.models import StageNorm
from app.journeys.trial.kind import TRIAL
from app.platform import clock
from app.platform.settings import Settings
from tests.browsing import as_user
from tests.builders import a_patient, a_trial_journey
from tests.web.test_facts import text_of


@pytest.mark.parametrize(("days", "tone"), [(5, "neutral"), (8, "warning"), (40, "danger")])
async def test_days_in_a_stage_stand_beside_what_is_usual(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, days: int, tone: str
) -> None:
    patient = await a_patient(session)
    since = clock.now() - timedelta(days=days)
    journey = await a_trial_journey(session, patient, status="pre_screening", status_changed_at=since)
    norm = update(StageNorm).where(
        StageNorm.journey_kind == "clinical_trial_journey", StageNorm.stage == "pre_screening"
    )
    await session.execute(norm.values(days=10))
    await session.commit()
    await as_user(client, session, settings, "navigator")

    shown = await client.get(f"/patients/{patient.patient_id}")

    assert journey.status == "pre_screening"
    bar = shown.text[shown.text.index('<ol class="stages"') :]
    bar = bar[: bar.index("</section>")]
    assert bar.index('data-place="done"') < bar.index('aria-current="step"') < bar.index('data-place="later"')
    assert f'data-tone="{tone}"' in bar
    assert f"{days} days" in text_of(shown)
    assert "10 days are usual" in text_of(shown)


async def test_who_sees_health_masked_is_told_nothing_by_the_bar(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session)
    since = clock.now() - timedelta(days=5)
    await a_trial_journey(session, patient, status="pre_screening", status_changed_at=since)
    await session.commit()
    await as_user(client, session, settings, "auditor")

    shown = await client.get(f"/patients/{patient.patient_id}")

    assert shown.status_code == 200
    assert "5 days" not in text_of(shown)


async def test_the_menu_of_a_journey_has_the_next_stage_first_and_what_ends_it_last(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session)
    journey = await a_trial_journey(session, patient, status="screening_scheduled")
    await session.commit()
    await as_user(client, session, settings, "navigator")

    shown = await client.get(f"/patients/{patient.patient_id}")

    menu = shown.text.partition("data-move>")[2].partition("</details>")[0]
    before, *groups = re.split(r'<p class="menu-title">', menu)
    found = {group.partition("<")[0]: re.findall(r'move\?to=(\w+)"', group) for group in groups}
    assert "?to=" not in before
    assert list(found) == ["Next stage", "Other stages", "Ends the journey"]
    machine = TRIAL.moves.machine
    assert found["Next stage"] == ["consented"]
    assert found["Other stages"] == ["site_accepted"]
    assert not [state for state in found["Ends the journey"] if machine.is_open(state)]
    assert sorted(state for states in found.values() for state in states) == sorted(machine.allowed(journey.status))
