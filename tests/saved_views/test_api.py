"""The entry point of saved views: one's own, the shared ones, and what no view holds."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent, RowHistory
from app.saved_views.lists import LISTS
from app.saved_views.words import LIST_NAMES
from app.web import (
    listing,
    screens,  # noqa: F401 - fills the lists of pages
)
from tests import builders
from tests.conftest import AsRole

URL = "/api/v1/saved-views"
NEW = {"list_name": "leads", "name": "New in Lisbon", "filters": {"status": "new", "country": "PT"}, "sort": "created"}


async def _saved(client: httpx.AsyncClient, headers: dict[str, str], **fields: Any) -> dict[str, Any]:
    answer = await client.post(URL, json=NEW | fields, headers=headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _names(client: httpx.AsyncClient, headers: dict[str, str], **asked: str) -> list[str]:
    return [view["name"] for view in (await client.get(URL, params=asked, headers=headers)).json()["views"]]


def test_every_list_page_has_views_and_asks_the_question_that_they_hold() -> None:
    pages = {shown.saved_name: (shown.permission, shown.question) for shown in listing.LISTS.values()}
    assert {name: (viewed.permission, viewed.question) for name, viewed in LISTS.items()} == pages
    assert set(LIST_NAMES) == set(LISTS)


async def test_a_view_is_saved_changed_and_removed_with_its_earlier_versions_on_record(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    me = await as_role("navigator")
    made = await client.post(URL, json=NEW, headers=me)
    place = f"{URL}/{made.json()['saved_view_id']}"
    changed = await client.put(
        place, json={"name": "Lisbon", "filters": {}}, headers=me | {"If-Match": made.headers["etag"]}
    )
    stale = await client.put(place, json={"name": "Porto"}, headers=me | {"If-Match": made.headers["etag"]})
    removed = await client.delete(place, headers=me)

    assert made.status_code == 201
    assert made.json()["filters"] == NEW["filters"]
    assert made.headers["location"] == place
    assert (changed.json()["name"], changed.json()["filters"], changed.json()["version"]) == ("Lisbon", {}, 2)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert removed.status_code == 204
    assert (await client.get(place, headers=me)).status_code == 404
    assert await _names(client, me) == []
    view_id = UUID(made.json()["saved_view_id"])
    rows = (await session.scalars(select(RowHistory.row).where(RowHistory.record_id == view_id))).all()
    assert {row["name"] for row in rows} == {"New in Lisbon", "Lisbon"}
    events = select(AuditEvent.action).where(AuditEvent.record_id == view_id, AuditEvent.outcome == "done")
    assert {"create_saved_view", "update_saved_view", "remove_saved_view"} <= set(await session.scalars(events))


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"filters": {"q": "Ada Visser"}}, "filters"),
        ({"list_name": "physicians", "filters": {"medical_license_number": "12345"}, "sort": None}, "filters"),
        ({"filters": {"person_id": str(UUID(int=1))}}, "filters"),
        ({"list_name": "calls", "filters": {"patient_id": str(UUID(int=1))}, "sort": None}, "filters"),
        ({"filters": {"cursor": "x"}}, "filters"),
        ({"filters": {"status": "no such state"}}, "filters"),
        ({"sort": "name"}, "sort"),
        ({"list_name": "doubles", "filters": {}}, "sort"),
        ({"list_name": "audit"}, "list_name"),
        ({"name": " "}, "name"),
        ({"columns": ["Ada Visser"]}, "columns.0"),
    ],
)
async def test_a_view_holds_no_typed_text_nobody_and_nothing_the_list_cannot_be_asked(
    client: httpx.AsyncClient, as_role: AsRole, fields: dict[str, Any], wrong: str
) -> None:
    answer = await client.post(URL, json=NEW | fields, headers=await as_role("data_steward"))
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [wrong]


def test_no_filter_that_a_view_keeps_takes_free_text() -> None:
    for name, viewed in LISTS.items():
        for field in viewed.kept:
            with pytest.raises(ValueError, match="validation error"):
                viewed.question.model_validate({field: "Ada Visser 1967"})
            assert field, name


async def test_a_view_is_shared_by_who_may_and_seen_by_all_who_may_read_its_list(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    steward, navigator, admin = await as_role("data_steward"), await as_role("navigator"), await as_role("admin")
    shared = await _saved(client, steward, is_shared=True)
    own = await _saved(client, navigator, name="Mine")
    refused = await client.post(URL, json=NEW | {"name": "Ours", "is_shared": True}, headers=navigator)
    later = await client.put(f"{URL}/{own['saved_view_id']}", json={"is_shared": True}, headers=navigator)
    theirs = await client.put(f"{URL}/{shared['saved_view_id']}", json={"name": "x"}, headers=navigator)
    hidden = await client.get(f"{URL}/{own['saved_view_id']}", headers=steward)
    unreadable = await client.post(URL, json=NEW, headers=admin)

    assert await _names(client, navigator) == ["Mine", "New in Lisbon"]
    assert await _names(client, steward) == ["New in Lisbon"]
    assert await _names(client, admin) == []
    assert (await client.get(f"{URL}/{shared['saved_view_id']}", headers=navigator)).json()["is_own"] is False
    assert [answer.status_code for answer in (refused, later, theirs, hidden, unreadable)] == [403, 403, 404, 404, 403]
    assert await _names(client, navigator, list_name="patients") == []


async def test_who_sees_masked_what_a_view_asks_neither_saves_it_nor_begins_with_it(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    steward, auditor = await as_role("data_steward"), await as_role("auditor")
    shared = await _saved(client, steward, is_shared=True)
    saved = await client.post(URL, json=NEW, headers=auditor)
    chosen = await client.put(
        f"{URL}/{shared['saved_view_id']}/choice", json={"is_pinned": False, "is_default": True}, headers=auditor
    )
    assert [saved.status_code, chosen.status_code] == [403, 403]


async def test_five_views_of_a_list_are_pinned_and_it_begins_with_one(
    client: httpx.AsyncClient, session: AsyncSession
) -> None:
    _, me = await builders.a_colleague(session)
    views = [await _saved(client, me, name=f"View {number}") for number in range(6)]
    other = await _saved(client, me, name="Of calls", list_name="calls", filters={}, sort=None)

    async def choose(view: dict[str, Any], *, pinned: bool, default: bool = False) -> httpx.Response:
        body = {"is_pinned": pinned, "is_default": default}
        return await client.put(f"{URL}/{view['saved_view_id']}/choice", json=body, headers=me)

    pinned = [(await choose(view, pinned=True, default=True)).status_code for view in views]
    of_another = await choose(other, pinned=True)
    await choose(views[0], pinned=False)
    again = await choose(views[5], pinned=True, default=True)
    await client.delete(f"{URL}/{views[1]['saved_view_id']}", headers=me)
    after_removal = await choose(views[0], pinned=True)
    found = (await client.get(URL, params={"list_name": "leads"}, headers=me)).json()["views"]

    assert pinned == [200] * 5 + [409]
    assert of_another.status_code == again.status_code == after_removal.status_code == 200
    assert [view["name"] for view in found if view["is_default"]] == ["View 5"]
    assert len([view for view in found if view["is_pinned"]]) == 5


async def test_two_views_of_one_account_and_list_have_two_names(client: httpx.AsyncClient, as_role: AsRole) -> None:
    me = await as_role("navigator")
    first, second = await _saved(client, me), await _saved(client, me, name="Other")
    answers = [
        await client.post(URL, json=NEW | {"name": "NEW in lisbon"}, headers=me),
        await client.put(f"{URL}/{second['saved_view_id']}", json={"name": "new in Lisbon"}, headers=me),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(409, "view_name_taken")}
    await client.delete(f"{URL}/{first['saved_view_id']}", headers=me)
    assert (await client.post(URL, json=NEW, headers=me)).status_code == 201
