"""The entry point of one's own preferences."""

from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import RowHistory
from app.main import create_app
from app.platform.settings import Settings, SettingsError
from tests import builders
from tests.conftest import AsRole, BoundDatabase

URL = "/api/v1/me/preferences"
DEFAULTS = {
    "language": "en",
    "time_zone": "UTC",
    "density": "comfortable",
    "shortcuts": True,
    "landing_place": "today",
    "sidebar_folded": False,
    "hidden_columns": [],
}
OTHERS = {
    "language": "nl",
    "time_zone": "Europe/Amsterdam",
    "density": "compact",
    "shortcuts": False,
    "landing_place": "calls",
    "sidebar_folded": True,
    "hidden_columns": ["leads.source"],
}


async def test_what_is_chosen_counts_and_null_goes_back(client: httpx.AsyncClient, session: AsyncSession) -> None:
    account, me = await builders.a_colleague(session)
    _, other = await builders.a_colleague(session)

    first = await client.get(URL, headers=me)
    nothing = await client.put(URL, json={}, headers=me)
    changed = await client.put(URL, json=OTHERS, headers=me | {"If-Match": first.headers["etag"]})
    stale = await client.put(URL, json={"density": "comfortable"}, headers=me | {"If-Match": first.headers["etag"]})
    back = await client.put(URL, json={"language": None, "shortcuts": None}, headers=me)

    assert first.json() == DEFAULTS | {"chosen": [], "version": 0}
    assert nothing.json() == first.json()
    assert changed.json() == OTHERS | {"chosen": list(OTHERS), "version": changed.json()["version"]}
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert {name: back.json()[name] for name in DEFAULTS} == OTHERS | {"language": "en", "shortcuts": True}
    assert back.json()["chosen"] == ["time_zone", "density", "landing_place", "sidebar_folded", "hidden_columns"]
    assert (await client.get(URL, headers=me)).json() == back.json()
    assert (await client.get(URL, headers=other)).json() == first.json()
    rows = await session.scalars(
        select(RowHistory.row)
        .where(RowHistory.record_id == UUID(str(account.user_account_id)))
        .where(RowHistory.table_name == "account_preference")
    )
    # Both were written by one transaction of the test: their order is not kept.
    assert sorted(str(row["language"]) for row in rows) == ["None", "nl"]


@pytest.mark.parametrize(
    "said",
    [
        {"language": "xx"},
        {"time_zone": "Mars/Olympus"},
        {"density": "cosy"},
        {"landing_place": "/users"},
        {"shortcuts": "yes"},
    ],
)
async def test_what_there_is_not_is_refused(client: httpx.AsyncClient, as_role: AsRole, said: dict[str, str]) -> None:
    answer = await client.put(URL, json=said, headers=await as_role("auditor"))
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, list(said))


async def test_a_zone_is_kept_by_the_name_that_is_in_use(client: httpx.AsyncClient, as_role: AsRole) -> None:
    headers = await as_role("admin")
    assert (await client.put(URL, json={"time_zone": "Europe/Kiev"}, headers=headers)).json()[
        "time_zone"
    ] == "Europe/Kyiv"


async def test_settings_say_what_counts_until_then(bound: BoundDatabase, settings: Settings, as_role: AsRole) -> None:
    said = {"default_language": "de", "default_time_zone": "Europe/Berlin"}
    app = create_app(settings.model_copy(update=said), bound)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        found = (await client.get(URL, headers=await as_role("liaison"))).json()
    assert (found["language"], found["time_zone"], found["chosen"]) == ("de", "Europe/Berlin", [])


@pytest.mark.parametrize("wrong", [{"CRM_LANGUAGE": "xx"}, {"CRM_TIME_ZONE": "Mars/Olympus"}])
def test_settings_that_cannot_be_are_refused_by_name(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Settings.from_environment(wrong)
