"""The page of norms: read by everybody who works with journeys, changed by those who run the programmes."""

from http import HTTPStatus

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.journeys.norms.models import StageNorm
from app.journeys.norms.queries import stages
from app.platform.settings import Settings
from tests.browsing import ORIGIN, as_user

FIELD = "eap_journey.sponsor_review"


async def _days(session: AsyncSession) -> int | None:
    found = select(StageNorm.days).where(StageNorm.journey_kind == "eap_journey", StageNorm.stage == "sponsor_review")
    days: int | None = await session.scalar(found)
    return days


async def _save(client: httpx.AsyncClient, token: str, **sent: str) -> httpx.Response:
    return await client.post("/stage-norms", data={"csrf_token": token, **sent}, headers=ORIGIN)


async def test_every_open_stage_is_shown_with_its_days_and_the_policy_beside(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await as_user(client, session, settings, "navigator")
    page = await client.get("/stage-norms")
    assert page.status_code == HTTPStatus.OK
    assert page.text.count('role="rowheader"') == len(stages())
    assert "After 3 attempts within 14 days" in page.text
    assert '<form class="stack" method="post" action="/stage-norms"' not in page.text


async def test_a_norm_is_changed_and_emptied_and_stays_who_did_it(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "programme_manager")
    stood = str(await _days(session))
    changed = await _save(client, token, **{FIELD: "21", f"seen.{FIELD}": stood})
    days = await _days(session)
    shown = await client.get("/stage-norms")
    emptied = await _save(client, token, **{FIELD: "", f"seen.{FIELD}": "21"})
    assert (changed.status_code, emptied.status_code) == (HTTPStatus.SEE_OTHER, HTTPStatus.SEE_OTHER)
    assert (days, await _days(session)) == (21, None)
    assert "Ines Example" in shown.text


@pytest.mark.parametrize("typed", ["0", "3651", "soon", "2.5"])
async def test_what_cannot_be_comes_back_at_its_field_and_changes_nothing(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, typed: str
) -> None:
    token = await as_user(client, session, settings, "programme_manager")
    stood = await _days(session)
    other = "eap_journey.inquiry"
    answer = await _save(client, token, **{FIELD: typed, f"seen.{FIELD}": str(stood), other: "9", f"seen.{other}": "5"})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert f'href="#field-{FIELD}"' in answer.text
    assert f'value="{typed}"' in answer.text
    assert await _days(session) == stood


async def test_what_somebody_else_has_changed_meanwhile_is_not_overwritten_unseen(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "programme_manager")
    stood = str(await _days(session))
    await session.execute(text("UPDATE stage_norm SET days = 33 WHERE stage = 'sponsor_review'"))
    await session.commit()
    late = await _save(client, token, **{FIELD: "21", f"seen.{FIELD}": stood})
    kept = await _days(session)
    untouched = await _save(client, token, **{FIELD: stood, f"seen.{FIELD}": stood})
    still = await _days(session)
    again = await _save(client, token, **{FIELD: "21", f"seen.{FIELD}": "33"})
    assert (late.status_code, kept) == (HTTPStatus.UNPROCESSABLE_ENTITY, 33)
    assert (untouched.status_code, still) == (HTTPStatus.SEE_OTHER, 33)
    assert f'name="seen.{FIELD}" value="33"' in late.text
    assert (again.status_code, await _days(session)) == (HTTPStatus.SEE_OTHER, 21)


async def test_a_navigator_changes_no_norm(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "navigator")
    assert (await _save(client, token, **{FIELD: "1"})).status_code == HTTPStatus.FORBIDDEN
