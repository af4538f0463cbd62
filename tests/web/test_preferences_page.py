"""How an account sees its pages: chosen on a page, and read by every other one."""

from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.settings import Settings
from app.preferences.models import AccountPreference
from tests.browsing import PASSWORD, Somebody, as_user, give_cookie, signed_in, somebody, token_in
from tests.builders import a_lead

CHOICE = {
    "time_zone": "America/St_Johns", "landing_place": "leads", "density": "compact", "shortcuts": "false",
    "language": "nl",
}  # fmt: skip


async def _choose(client: httpx.AsyncClient, token: str, **choice: str) -> httpx.Response:
    return await client.post("/account/preferences", data={"csrf_token": token, **choice})


async def test_what_is_chosen_is_seen_on_every_page(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_lead(session, created_at=datetime(2025, 7, 1, 12, 0, tzinfo=UTC))
    token = await as_user(client, session, settings, "navigator")
    give_cookie(client, "zone", "Europe/Amsterdam")
    before = await client.get("/leads")

    saved = await _choose(client, token, **CHOICE)
    after, own = await client.get("/leads"), await client.get("/account/preferences")

    assert saved.status_code == 303
    assert 'data-density="comfortable"' in before.text
    assert "data-shortcuts" not in before.text
    assert 'data-density="compact"' in after.text
    assert 'data-shortcuts="off"' in after.text
    assert "14:00:00 CEST" in before.text
    assert "09:30:00 NDT" in after.text
    assert 'value="America/St_Johns"' in own.text


async def test_the_zone_is_that_of_the_browser_until_one_is_chosen_else_that_of_the_settings(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_lead(session, created_at=datetime(2025, 7, 1, 12, 0, tzinfo=UTC))
    await as_user(client, session, settings, "navigator")
    assert settings.default_time_zone == "UTC"
    assert "12:00:00 UTC" in (await client.get("/leads")).text
    give_cookie(client, "zone", "America/St_Johns")
    assert "09:30:00 NDT" in (await client.get("/leads")).text


async def test_what_is_wrong_is_named_and_what_was_chosen_stays(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "navigator")
    answer = await _choose(client, token, **{**CHOICE, "time_zone": "Mars/Olympus", "density": "x"})
    assert answer.status_code == 422
    assert 'id="field-time_zone-error"' in answer.text
    assert 'id="field-density-error"' in answer.text
    assert 'value="Mars/Olympus"' in answer.text
    assert "Leads" in answer.text


async def test_the_sidebar_stays_folded(client: httpx.AsyncClient, session: AsyncSession, settings: Settings) -> None:
    token = await as_user(client, session, settings, "navigator")
    await _choose(client, token, density="compact")
    headers = {"referer": "http://test/leads"}
    for folded in ("true", "false"):
        form = {"csrf_token": token, "sidebar_folded": folded}
        answer = await client.post("/account/preferences/sidebar", data=form, headers=headers)
        assert (answer.status_code, answer.headers["location"]) == (303, "/leads")
        page = await client.get("/leads")
        assert ('data-rail="folded"' in page.text) == (folded == "true")
        assert 'data-density="compact"' in page.text


async def _sign_in(client: httpx.AsyncClient, who: Somebody, next_path: str = "/") -> str:
    form = await client.get("/sign-in")
    sent = {"csrf_token": token_in(form), "email": who.email, "password": PASSWORD, "next": next_path}
    await client.post("/sign-in", data=sent)
    step = await client.get("/sign-in/second-factor")
    sent = {"csrf_token": token_in(step), "code": who.code(), "next": next_path}
    return (await client.post("/sign-in/second-factor", data=sent)).headers["location"]


@pytest.mark.parametrize(
    ("role", "chosen", "next_path", "place"),
    [
        ("navigator", None, "/", "/today"),
        ("navigator", "leads", "/", "/leads"),
        ("navigator", "leads", "/patients?status=active", "/patients?status=active"),
        ("navigator", "administration", "/", "/"),
        ("navigator", "hospitals", "/", "/hospitals"),
        ("navigator", "journeys", "/", "/"),
        ("auditor", None, "/", "/"),
        ("admin", "administration", "/", "/users"),
    ],
)
async def test_a_day_begins_where_the_account_says(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, role: str, chosen: str | None,
    next_path: str, place: str,
) -> None:  # fmt: skip
    who = await somebody(session, settings, role)
    if chosen is not None:
        session.add(AccountPreference(user_account_id=who.account_id, landing_place=chosen))
        await session.commit()
    client.headers["origin"] = "http://test"
    assert await _sign_in(client, who, next_path) == place


async def test_the_page_offers_the_places_of_the_role(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "auditor")
    await signed_in(client, session, who.account_id)
    page = (await client.get("/account/preferences")).text
    assert '<option value="oversight">Audit trail</option>' in page
    assert 'value="administration"' not in page
