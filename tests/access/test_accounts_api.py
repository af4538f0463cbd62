"""Users and API keys by JSON: read, make, rotate, revoke; a key's text is shown once and kept nowhere."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import ApiKey
from app.audit.models import AuditEvent
from app.platform import clock
from app.platform.settings import Settings
from tests.browsing import somebody
from tests.conftest import AsRole

KEYS, USERS = "/api/v1/api-keys", "/api/v1/users"


def _asked(**changed: Any) -> dict[str, Any]:
    ends = (clock.now() + timedelta(days=30)).isoformat()
    return {"name": "Website", "role": "integration", "expires_at": ends} | changed


async def _answer(client: httpx.AsyncClient, key: str) -> int:
    answer = await client.get("/api/v1/medical-conditions", headers={"Authorization": f"Bearer {key}"})
    return answer.status_code


async def test_users_are_listed_by_name_found_and_paged(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, as_role: AsRole
) -> None:
    headers = await as_role("admin")
    for name in ("Cleo Third", "Abel First", "Bea Second"):
        address = f"{name.split()[0].lower()}@crm.example"
        await somebody(session, settings, "navigator", "liaison", email=address, name=name)
    names: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = (await client.get(USERS, params={"limit": "1"} | cursor, headers=headers)).json()
        assert (page["total"], len(page["items"])) == (3, 1)
        names += [item["display_name"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"] or ""}
    assert names == ["Abel First", "Bea Second", "Cleo Third"]
    assert page["next_cursor"] is None
    found = (await client.get(USERS, params={"q": "BEA@"}, headers=headers)).json()["items"]
    assert [(one["display_name"], one["roles"], one["status"], one["has_second_factor"]) for one in found] == [
        ("Bea Second", ["liaison", "navigator"], "active", True)
    ]
    one = await client.get(f"{USERS}/{found[0]['user_account_id']}", headers=headers)
    assert one.json() == found[0]
    assert (await client.get(f"{USERS}/{uuid4()}", headers=headers)).status_code == 404


async def test_a_key_is_made_shown_once_works_and_is_revoked(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    headers = {**await as_role("admin", by_name=True), "Idempotency-Key": "make-1"}
    made = await client.post(KEYS, json=_asked(scopes=["condition.read"]), headers=headers)
    assert made.status_code == 201, made.text
    key = made.json()
    assert await _answer(client, key["key"]) == 200
    assert (key["roles"], key["scopes"], key["status"], key["account_name"]) == (
        ["integration"], ["condition.read"], "active", "Website",
    )  # fmt: skip
    shown = await client.get(made.headers["location"], headers=headers)
    assert shown.json() == {name: value for name, value in key.items() if name != "key"}

    again = await client.post(KEYS, json=_asked(scopes=["condition.read"]), headers=headers)
    assert again.json()["code"] in {"answer_not_kept", "idempotency_key_reused"}
    kept = await session.scalar(text("SELECT count(*) FROM idempotency_key WHERE answer IS NOT NULL"))
    assert kept == 0
    assert await session.scalar(select(func.count()).where(ApiKey.name == "Website")) == 1
    event = (
        await session.scalars(
            select(AuditEvent).where(AuditEvent.action == "create_api_key", AuditEvent.outcome == "done")
        )
    ).one()
    assert (event.record_type, event.record_id) == ("api_key", UUID(key["api_key_id"]))

    for _ in range(2):
        revoked = await client.post(f"{KEYS}/{key['api_key_id']}/revoke", headers=await as_role("admin"))
        assert (revoked.status_code, revoked.json()["status"]) == (200, "revoked")
    assert await _answer(client, key["key"]) == 401


async def test_keys_are_listed_newest_first_and_dead_ones_are_left_out_when_asked(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    headers = await as_role("admin", by_name=True)
    made = [(await client.post(KEYS, json=_asked(name=name), headers=headers)).json() for name in ("One", "Two")]
    await client.post(f"{KEYS}/{made[0]['api_key_id']}/revoke", headers=headers)

    async def names(**params: str) -> list[str]:
        page = (await client.get(KEYS, params=params, headers=headers)).json()
        assert not any("key" in item for item in page["items"])
        return [item["name"] for item in page["items"] if item["name"] in {"One", "Two"}]

    assert await names() == ["Two", "One"]
    assert await names(working="true") == ["Two"]
    assert await names(working="false") == ["One"]


async def test_a_rotated_key_overlaps_with_its_successor(client: httpx.AsyncClient, as_role: AsRole) -> None:
    headers = await as_role("admin", by_name=True)
    old = (await client.post(KEYS, json=_asked(scopes=["condition.read"]), headers=headers)).json()
    place = f"{KEYS}/{old['api_key_id']}"
    made = await client.post(f"{place}/rotate", json={"overlap_days": 1}, headers=headers)
    assert made.status_code == 201, made.text
    assert [await _answer(client, key) for key in (old["key"], made.json()["key"])] == [200, 200]
    before = (await client.get(place, headers=headers)).json()
    assert (before["status"], before["replaced_by"]) == ("rotating", made.json()["api_key_id"])
    again = await client.post(f"{place}/rotate", json={}, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "key_not_current")


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"scopes": ["user.manage"]}, "scopes", "not_of_the_role"),
        ({"scopes": []}, "scopes", "too_short"),
        ({"scopes": ["nothing"]}, "scopes.0", "literal_error"),
        ({"role": "emperor"}, "role", "literal_error"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "in_the_past"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "expires_at", "too_long"),
        ({"role": "auditor", "scopes": ["break_glass.use"]}, "scopes", "proof_needed"),
        ({"role": "admin", "scopes": ["key.make"]}, "scopes", "proof_needed"),
    ],
)
async def test_keys_that_cannot_be_meant_are_refused(
    client: httpx.AsyncClient, as_role: AsRole, change: dict[str, Any], field: str, code: str
) -> None:
    answer = await client.post(KEYS, json=_asked(**change), headers=await as_role("admin", by_name=True))
    assert answer.status_code == 422, answer.text
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]


async def test_a_key_does_not_end_itself(client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole) -> None:
    headers = await as_role("admin")
    own = await session.scalar(select(ApiKey.api_key_id).order_by(ApiKey.created_at.desc()).limit(1))
    refused = await client.post(f"{KEYS}/{own}/revoke", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "own_key")
    assert (await client.get(KEYS, headers=headers)).status_code == 200


async def test_a_key_makes_keys_only_when_it_was_made_for_it(client: httpx.AsyncClient, as_role: AsRole) -> None:
    """By page an administrator does it within ten minutes of a password or passkey."""
    plain = await as_role("admin")
    for path, body in ((KEYS, _asked()), (f"{KEYS}/{uuid4()}/rotate", {})):
        refused = await client.post(path, json=body, headers=plain)
        assert (refused.status_code, refused.json()["code"]) == (403, "scope_needed")
    assert (await client.get(KEYS, headers=plain)).status_code == 200
    for role in ("navigator", "data_steward", "privacy_officer", "auditor", "integration"):
        for path in (KEYS, USERS):
            assert (await client.get(path, headers=await as_role(role))).status_code == 403
