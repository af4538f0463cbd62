"""The entry point of the conditions: who may, which shapes, which errors."""

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from tests.conftest import AsRole, BoundDatabase, statements_of

URL = "/api/v1/medical-conditions"
NEW = {
    "name": "Alkaptonuria",
    "abbreviation": "AKU",
    "synonyms": ["Black urine disease"],
    "codes": [{"system": "http://www.orpha.net", "code": "56"}],
}


async def test_steward_adds_a_condition_and_everybody_with_a_key_finds_it(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    made = await client.post(URL, json=NEW, headers=await as_role("data_steward"))

    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{URL}/{made.json()['medical_condition_id']}"
    found = await client.get(made.headers["location"], headers=await as_role("navigator"))
    assert found.json() == made.json()
    assert found.json()["synonyms"] == ["Black urine disease"]
    assert found.headers["etag"] == '"1"'


async def test_name_is_unique_whatever_its_case(client: httpx.AsyncClient, as_role: AsRole) -> None:
    steward = await as_role("data_steward")
    await client.post(URL, json=NEW, headers=steward)

    again = await client.post(URL, json={"name": "  alKAPTonuria "}, headers=steward)

    assert again.status_code == 409
    assert again.json()["code"] == "condition_exists"


async def test_list_finds_by_name_abbreviation_and_synonym(client: httpx.AsyncClient, as_role: AsRole) -> None:
    steward = await as_role("data_steward")
    await client.post(URL, json=NEW, headers=steward)

    for typed in ("alkap", "AKU", "black urine"):
        found = (await client.get(URL, params={"q": typed}, headers=steward)).json()
        assert [item["name"] for item in found["items"]] == ["Alkaptonuria"], typed
    assert (await client.get(URL, params={"q": "%"}, headers=steward)).json()["items"] == []


async def test_pages_follow_each_other_without_gap_or_repeat(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    whole = (await client.get(URL, params={"limit": 200}, headers=navigator)).json()
    walked, cursor = [], None
    while True:
        params = {"limit": 7} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(URL, params=params, headers=navigator)).json()
        walked += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(walked) >= 63
    assert walked == whole["items"]
    assert whole["total"] == len(walked)
    assert not whole["total_is_capped"]


async def test_cursor_of_another_filter_is_refused(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    cursor = (await client.get(URL, params={"limit": 1}, headers=navigator)).json()["next_cursor"]

    answer = await client.get(URL, params={"cursor": cursor, "q": "a"}, headers=navigator)

    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_mismatch")


async def test_put_changes_the_fields_given_and_a_stale_tag_is_refused(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    steward = await as_role("data_steward")
    made = await client.post(URL, json=NEW, headers=steward)
    place, tag = made.headers["location"], made.headers["etag"]

    changed = await client.put(place, json={"abbreviation": None}, headers={**steward, "If-Match": tag})
    stale = await client.put(place, json={"synonyms": []}, headers={**steward, "If-Match": tag})
    lists = await client.put(place, json={"synonyms": []}, headers=steward)
    nothing = await client.put(place, json={}, headers=steward)

    assert changed.json()["abbreviation"] is None
    assert changed.json()["synonyms"] == NEW["synonyms"]
    assert changed.json()["version"] == 2
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert lists.json()["synonyms"] == []
    assert lists.json()["version"] == 3, "a change of synonyms is a new version of the condition"
    assert nothing.headers["etag"] == lists.headers["etag"]


async def test_put_of_a_list_changes_what_its_rows_say(client: httpx.AsyncClient, as_role: AsRole) -> None:
    steward = await as_role("data_steward")
    place = (await client.post(URL, json=NEW, headers=steward)).headers["location"]
    code = {"system": "http://www.orpha.net", "code": "56", "display": "Alcaptonuria", "map_type": "broader"}

    changed = await client.put(place, json={"codes": [code], "synonyms": ["black URINE disease"]}, headers=steward)
    twice = await client.put(place, json={"codes": [code, code]}, headers=steward)

    assert changed.json()["codes"] == [code]
    assert changed.json()["synonyms"] == ["black URINE disease"]
    assert (twice.status_code, twice.json()["code"]) == (409, "code_twice")


async def test_navigator_may_read_but_not_add(client: httpx.AsyncClient, as_role: AsRole) -> None:
    answer = await client.post(URL, json=NEW, headers=await as_role("navigator"))

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_without_a_key_the_answer_is_401_before_anything_is_read(client: httpx.AsyncClient) -> None:
    answer = await client.post(URL, content=b"{" * 2_000_000)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_who_takes_rows_out_of_a_list_is_named_to_the_database_once(
    client: httpx.AsyncClient, as_role: AsRole, bound: BoundDatabase
) -> None:
    steward = await as_role("data_steward")
    names = [f"Synonym {number}" for number in range(5)]
    place = (await client.post(URL, json={**NEW, "synonyms": names}, headers=steward)).headers["location"]
    with statements_of(bound) as sent:
        assert (await client.put(place, json={"synonyms": [], "codes": []}, headers=steward)).status_code == 200
    assert len([sql for sql in sent if sql.startswith("SELECT set_config")]) == 1


async def test_what_is_taken_out_of_a_list_or_changed_in_it_stays_in_the_history(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    steward = await as_role("data_steward")
    place = (await client.post(URL, json=NEW, headers=steward)).headers["location"]
    spelt = {**NEW["codes"][0], "display": "Alcaptonuria", "map_type": "broader"}  # type: ignore[dict-item]
    await client.put(place, json={"synonyms": ["black URINE disease"], "codes": [spelt]}, headers=steward)

    emptied = await client.put(
        place, json={"synonyms": [], "codes": []}, headers={**steward, "X-Change-Reason": "Wrong disease"}
    )

    assert (emptied.json()["synonyms"], emptied.json()["codes"]) == ([], [])
    filed = await session.execute(
        text(
            "SELECT table_name, h.version, coalesce(row ->> 'name', row ->> 'display', '-'), reason, display_name "
            "FROM row_history AS h LEFT JOIN user_account ON user_account_id = replaced_by "
            "WHERE table_name IN ('condition_code', 'condition_synonym') ORDER BY 1, 2"
        )
    )
    who, why = "Test data_steward", "Wrong disease"
    assert [tuple(row) for row in filed] == [
        ("condition_code", 1, "-", None, who),
        ("condition_code", 2, "Alcaptonuria", why, who),
        ("condition_synonym", 1, "Black urine disease", None, who),
        ("condition_synonym", 2, "black URINE disease", why, who),
    ]
