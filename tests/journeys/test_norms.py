"""How many days a stage takes as a rule: data that is there from the start, changed by who runs the programmes."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import RowHistory
from app.journeys.eap.kind import EAP
from app.journeys.kinds import KINDS
from app.journeys.norms.models import StageNorm
from app.journeys.norms.queries import journeys_over_norm, journeys_with_norms, stages
from app.journeys.norms.rules import days_over
from app.journeys.norms.service import DEFAULT_DAYS
from app.journeys.trial.kind import TRIAL
from app.platform import clock
from app.platform.db import constraint_name
from tests import builders
from tests.conftest import AsRole

URL = "/api/v1/stage-norms"


async def test_every_open_stage_of_every_kind_has_a_norm_from_the_start(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    answer = await client.get(URL, headers=await as_role("navigator"))
    assert [(one["journey_kind"], one["stage"]) for one in answer.json()["norms"]] == stages()
    assert {kind.name for kind in KINDS} == set(DEFAULT_DAYS)
    assert {(kind, stage) for kind, named in DEFAULT_DAYS.items() for stage in named} <= set(stages())


async def test_a_norm_is_changed_with_its_past_by_who_runs_programmes(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    manager = await as_role("programme_manager")
    place = f"{URL}/eap_journey/sponsor_review"
    changed = await client.put(place, json={"days": 21}, headers=manager)
    emptied = await client.put(place, json={"days": None}, headers=manager)
    assert (changed.json()["days"], emptied.json()["days"]) == (21, None)
    earlier = select(RowHistory.row).where(RowHistory.table_name == "stage_norm").order_by(RowHistory.version)
    assert [row["days"] for row in await session.scalars(earlier)] == [
        DEFAULT_DAYS["eap_journey"]["sponsor_review"],
        21,
    ]
    wrong: list[tuple[str, Any, int]] = [
        (f"{URL}/eap_journey/closed", 3, 404),
        (f"{URL}/nothing/inquiry", 3, 404),
        (place, 0, 422),
        (place, 3651, 422),
        (place, "soon", 422),
    ]
    for address, days, status in wrong:
        assert (await client.put(address, json={"days": days}, headers=manager)).status_code == status
    assert (await client.put(place, json={"days": 3}, headers=await as_role("navigator"))).status_code == 403


async def test_journeys_that_are_longer_in_a_stage_than_its_norm_are_found(session: AsyncSession) -> None:
    now = clock.now()
    owner, _ = await builders.a_colleague(session)
    mine = await builders.a_patient(session, owner_id=owner.user_account_id)
    other = await builders.a_patient(session)
    since = {days: now - timedelta(days=days) for days in (6, 9, 40)}
    late = await builders.a_trial_journey(session, mine, status_changed_at=since[9])
    later = await builders.a_trial_journey(session, mine, status_changed_at=since[40])
    await builders.a_trial_journey(session, mine, status_changed_at=since[6])
    await builders.a_trial_journey(session, other, status_changed_at=since[40])
    await builders.a_trial_journey(session, mine, status="completed", status_changed_at=since[40])
    await builders.a_trial_journey(session, mine, status="on_study", status_changed_at=since[40])

    async def found(kind: Any) -> list[tuple[Any, int]]:
        rows = await journeys_over_norm(session, kind=kind, owner_id=owner.user_account_id, now=now, limit=10)
        return [(kind.id_of(row), days) for row, days in rows]

    assert await found(TRIAL) == [(later.ct_journey_id, 7), (late.ct_journey_id, 7)]
    assert await found(EAP) == []


@pytest.mark.parametrize(("days", "more", "over"), [(7, 0, 0), (8, -60, 0), (8, 0, 1), (19, 3600, 12), (7, 86_000, 0)])
async def test_a_list_and_a_page_agree_on_when_a_journey_is_over_its_norm(
    session: AsyncSession, days: int, more: int, over: int
) -> None:
    now = clock.now()
    owner, _ = await builders.a_colleague(session)
    patient = await builders.a_patient(session, owner_id=owner.user_account_id)
    since = now - timedelta(days=days, seconds=more)
    journey = await builders.a_trial_journey(session, patient, status_changed_at=since)

    rows = await journeys_over_norm(session, kind=TRIAL, owner_id=owner.user_account_id, now=now, limit=10)
    [(one, norm)] = await journeys_with_norms(session, kind=TRIAL, patient_id=patient.patient_id, most=10)

    assert (one, norm) == (journey, 7)
    assert days_over(one.status_changed_at, norm, now=now) == over
    assert [row for row, _ in rows] == ([journey] if over else [])


def test_where_the_moment_or_the_norm_is_not_known_nothing_is_over_it() -> None:
    now = clock.now()
    assert (days_over(None, 7, now=now), days_over(now - timedelta(days=90), None, now=now)) == (0, 0)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("ck_stage_norm_days_in_range", {"stage": "another", "days": 0}),
        ("uq_stage_norm_journey_kind_stage", {"stage": "inquiry", "days": 3}),
    ],
)
async def test_database_refuses(session: AsyncSession, name: str, values: dict[str, Any]) -> None:
    session.add(StageNorm(journey_kind="eap_journey", **values))
    with pytest.raises(IntegrityError) as refused:
        await session.flush()
    assert constraint_name(refused.value) == name
