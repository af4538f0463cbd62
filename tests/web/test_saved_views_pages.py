"""Saved views on pages, by plain HTTP as without JavaScript."""

import re
from typing import Any

import httpx
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.settings import Settings
from app.saved_views.models import SavedView
from tests.browsing import ORIGIN, as_user
from tests.builders import a_lead, a_person

SAVE = {"list_name": "leads", "status": "new", "sort": "created", "name": "New, oldest first", "is_pinned": "true"}


async def _save(client: httpx.AsyncClient, token: str, **fields: Any) -> httpx.Response:
    return await client.post("/views", data=SAVE | {"csrf_token": token} | fields, headers=ORIGIN)


async def _heads(answer: httpx.Response) -> list[str]:
    return re.findall(r'<th scope="col"[^>]*data-column="(\w+)"', answer.text)


async def test_what_a_list_shows_is_saved_and_shown_again_from_its_tab_and_the_sidebar(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_lead(session, await a_person(session, first_name="Ada"), status="new")
    await a_lead(session, await a_person(session, first_name="Bea"), status="nurture")
    token = await as_user(client, session, settings, "navigator")

    saved = await _save(client, token, q="Visser", show="status")
    shown = await client.get(saved.headers["location"])
    start = await client.get("/")

    view = (await session.scalars(select(SavedView))).one()
    assert (view.filters, view.sort, view.columns) == ({"status": "new"}, "created", ["status"])
    assert saved.headers["location"] == f"/leads?status=new&sort=created&view={view.saved_view_id}&show=status"
    assert await _heads(shown) == ["name", "status"]
    assert "Ada" in shown.text
    assert "Bea" not in shown.text
    assert re.search(r'class="view" href="[^"]+" title="New, oldest first" aria-current="page"', shown.text)
    assert re.search(rf'class="nav-view" href="[^"]*view={view.saved_view_id}[^"]*"', start.text)
    assert "Visser" not in shown.text


async def test_a_list_begins_with_the_view_that_is_chosen_and_everything_is_one_step_away(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_lead(session, await a_person(session, first_name="Ada"), status="new")
    await a_lead(session, await a_person(session, first_name="Bea"), status="nurture")
    token = await as_user(client, session, settings, "navigator")
    await _save(client, token, is_default="true")

    begun = await client.get("/leads")
    everyone = re.search(r'class="view" href="([^"]+)">Everyone<', begun.text)
    assert everyone is not None
    everything = await client.get(everyone[1].replace("&amp;", "&"))
    without = re.search(r'class="filter-chip" href="([^"]+)"', begun.text)
    assert without is not None
    cleared = await client.get(without[1].replace("&amp;", "&"))

    assert ("Ada" in begun.text, "Bea" in begun.text) == (True, False)
    assert ("Ada" in everything.text, "Bea" in everything.text) == (True, True)
    assert ("Ada" in cleared.text, "Bea" in cleared.text) == (True, True)
    assert "Save changes" in cleared.text
    assert "Save changes" not in begun.text


async def test_a_beginning_that_one_may_not_ask_any_more_is_left_out(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_lead(session)
    token = await as_user(client, session, settings, "navigator")
    await _save(client, token, country="PT", is_default="true")
    account = (await session.scalars(select(SavedView.user_account_id))).one()
    token = await as_user(client, session, settings, "auditor")
    view = (await session.scalars(select(SavedView))).one()
    assert view.user_account_id == account
    assert (await client.get("/leads")).status_code == 200


async def test_a_view_is_renamed_gets_what_is_seen_now_and_is_removed(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "navigator")
    await _save(client, token)
    view = (await session.scalars(select(SavedView))).one()
    place, sent = f"/views/{view.saved_view_id}", {"csrf_token": token}

    shown = await client.get(place)
    settings_changed = await client.post(
        f"{place}/settings", data=sent | {"status": "nurture", "seen_version": "1"}, headers=ORIGIN
    )
    stale = await client.post(place, data=sent | {"name": "Nurture", "seen_version": "1"}, headers=ORIGIN)
    renamed = await client.post(place, data=sent | {"name": "Nurture", "seen_version": "2"}, headers=ORIGIN)
    wrong = await client.post(place, data=sent | {"name": " ", "seen_version": "3"}, headers=ORIGIN)
    await session.refresh(view)
    kept = (view.name, view.filters, view.sort)
    removed = await client.post(f"{place}/remove", data=sent | {"seen_version": "3"}, headers=ORIGIN)

    assert 'value="New, oldest first"' in shown.text
    assert settings_changed.status_code == renamed.status_code == removed.status_code == 303
    assert (stale.status_code, wrong.status_code) == (412, 422)
    assert "Must not be empty." in wrong.text
    assert kept == ("Nurture", {"status": "nurture"}, None)
    assert removed.headers["location"] == "/leads"
    assert (await client.get(place)).status_code == 404
    assert "Nurture</a>" not in (await client.get("/calls")).text


async def test_a_wrong_name_comes_back_with_what_was_chosen(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "data_steward")
    await _save(client, token)
    again = await _save(client, token, is_shared="true", q="Visser")
    assert again.status_code == 409
    assert "You have a view of this name" in again.text
    for part in ('name="status" value="new"', 'name="sort" value="created"', 'value="New, oldest first"'):
        assert part in again.text
    assert "Visser" not in again.text
    assert re.search(r'name="is_shared" value="true" checked', again.text)


async def test_a_shared_view_shows_each_what_they_may_see(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_lead(session, await a_person(session, first_name="Ada", last_name="Visser"), status="new")
    token = await as_user(client, session, settings, "data_steward")
    await _save(client, token, is_shared="true", is_pinned="")
    view = (await session.scalars(select(SavedView))).one()
    await as_user(client, session, settings, "auditor")
    address = f"/leads?status=new&view={view.saved_view_id}"
    shown, page = await client.get(address), await client.get(f"/views/{view.saved_view_id}")
    assert shown.status_code == page.status_code == 200
    assert "New, oldest first" in shown.text
    assert "Visser" not in shown.text
    assert 'name="name"' not in page.text


async def test_the_columns_of_a_view_are_chosen_for_its_address_and_not_for_the_account(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_lead(session, status="new")
    token = await as_user(client, session, settings, "navigator")
    place = (await _save(client, token)).headers["location"]
    view_id = place.partition("view=")[2].partition("&")[0]
    chosen = await client.post(
        "/leads/columns",
        data={"csrf_token": token, "status": "new", "view": view_id, "column": ["status", "owner"]},
        headers=ORIGIN,
    )
    assert await _heads(await client.get(chosen.headers["location"])) == ["name", "status", "owner"]
    assert len(await _heads(await client.get("/leads?view=none"))) == 7
