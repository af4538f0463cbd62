"""The entry point of drafts: what somebody types is kept for them, and for nobody else."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import GRANTS, Role
from app.audit.models import AuditEvent
from app.drafts import service
from app.drafts.models import Draft
from app.people.models import Person
from app.platform import clock
from tests import builders
from tests.conftest import AsRole

URL = "/api/v1/drafts"
TYPED = {"text": "  She said\nthat ", "topics": ["a", "b"], "adverse_event_heard": None, "minutes": 12}


def place(record_id: object, *, kind: str = "note", field: str = "new") -> str:
    return f"{URL}/{kind}/{record_id}/{field}"


@pytest.fixture
async def person(session: AsyncSession) -> Person:
    made = await builders.a_person(session)
    await session.commit()
    return made


async def _pass(session: AsyncSession, days: int) -> None:
    await session.execute(
        text("UPDATE draft SET expires_at = expires_at - make_interval(days => :days)"), {"days": days}
    )
    await session.commit()


async def test_a_draft_is_kept_as_it_was_typed_until_it_is_sent(
    client: httpx.AsyncClient, session: AsyncSession, person: Person
) -> None:
    account, me = await builders.a_colleague(session)
    where = place(person.person_id)

    none = await client.get(where, headers=me)
    first = await client.put(where, json={"content": TYPED, "person_id": str(person.person_id)}, headers=me)
    read = await client.get(where, headers=me)
    more = TYPED | {"text": "She said that it helps."}
    second = await client.put(where, json={"content": more, "person_id": str(person.person_id)}, headers=me)
    event = (await session.scalars(select(AuditEvent).order_by(AuditEvent.audit_event_id.desc()).limit(1))).one()
    listed = (await client.get(URL, headers=me)).json()["items"]
    removed = await client.delete(where, headers=me)
    again = await client.delete(where, headers=me)

    assert none.json()["code"] == again.json()["code"] == "draft_not_found"
    assert (first.json()["content"], first.json()["version"]) == (TYPED, 1)
    assert read.json() == first.json()
    assert (second.json()["content"], second.json()["version"]) == (more, 2)
    assert (second.json()["draft_id"], second.json()["created_at"]) == (
        first.json()["draft_id"],
        first.json()["created_at"],
    )
    assert listed == [second.json()]
    assert removed.status_code == 204
    assert (event.action, event.record_type, event.person_ids) == ("save_draft", "draft", [person.person_id])
    assert event.actor_id == account.user_account_id
    assert (await client.get(URL, headers=me)).json()["items"] == []


async def test_two_tabs_are_noticed(client: httpx.AsyncClient, session: AsyncSession, person: Person) -> None:
    _, me = await builders.a_colleague(session)
    where = place(person.person_id)
    seen = (await client.put(where, json={"content": {"text": "one"}}, headers=me)).headers["etag"]
    await client.put(where, json={"content": {"text": "two"}}, headers=me)

    stale = await client.put(where, json={"content": {"text": "three"}}, headers=me | {"If-Match": seen})
    wins = await client.put(where, json={"content": {"text": "three"}}, headers=me)

    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert (wins.json()["content"], wins.json()["version"]) == ({"text": "three"}, 3)


async def test_nobody_else_has_it(
    client: httpx.AsyncClient, session: AsyncSession, person: Person, as_role: AsRole
) -> None:
    _, me = await builders.a_colleague(session)
    where = place(person.person_id)
    await client.put(where, json={"content": TYPED}, headers=me)
    for role in Role:
        headers = await as_role(role)
        answers = [await client.get(where, headers=headers), await client.delete(where, headers=headers)]
        if "draft.own" in GRANTS[role]:
            assert [answer.json()["code"] for answer in answers] == ["draft_not_found"] * 2
            assert (await client.get(URL, headers=headers)).json()["items"] == []
            mine = await client.put(where, json={"content": {"mine": role}}, headers=headers)
            assert (mine.json()["content"], mine.json()["version"]) == ({"mine": role}, 1)
        else:
            assert [answer.status_code for answer in answers] == [403, 403]
    assert (await client.get(where, headers=me)).json()["content"] == TYPED
    assert "draft.own" not in GRANTS[Role.ADMIN] | GRANTS[Role.AUDITOR] | GRANTS[Role.INTEGRATION]


async def test_after_thirty_days_it_is_gone_and_it_says_when(
    client: httpx.AsyncClient, session: AsyncSession, person: Person
) -> None:
    _, me = await builders.a_colleague(session)
    old, new = place(person.person_id, field="old"), place(person.person_id, field="new")
    saved = (await client.put(old, json={"content": TYPED}, headers=me)).json()
    await _pass(session, 25)
    await client.put(new, json={"content": TYPED}, headers=me)
    soon = {"expires_before": (clock.now() + timedelta(days=7)).isoformat()}

    warned = (await client.get(URL, params=soon, headers=me)).json()["items"]
    await _pass(session, 6)
    gone = await client.get(old, headers=me)
    left = (await client.get(URL, headers=me)).json()["items"]
    forgotten = await service.forget_old_drafts(session, now=clock.now())

    kept_for = timedelta(days=30)
    assert clock.now() - timedelta(minutes=5) < _at(saved["expires_at"]) - kept_for <= clock.now()
    assert [one["field"] for one in warned] == ["old"]
    assert gone.json()["code"] == "draft_not_found"
    assert [one["field"] for one in left] == ["new"]
    assert forgotten == 1
    assert await session.scalar(select(func.count()).select_from(Draft)) == 1


def _at(written: str) -> Any:
    return clock.now().fromisoformat(written)


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"content": {"text": "x" * 65_536}}, "content", "too_large"),
        ({"content": {"text": "a\x00b"}}, "content", "invalid_characters"),
        ({"content": {"deep": [{"a\x00": 1}]}}, "content", "invalid_characters"),
        ({"content": ["text"]}, "content", "dict_type"),
        ({"content": {}, "person_id": str(UUID(int=7))}, "person_id", "unknown_reference"),
    ],
)
async def test_what_cannot_be_kept_is_refused(
    client: httpx.AsyncClient, as_role: AsRole, body: dict[str, Any], field: str, code: str
) -> None:
    answer = await client.put(place(uuid4()), json=body, headers=await as_role("navigator"))
    assert answer.status_code == 422, answer.text
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]


async def test_what_is_written_like_a_nul_is_kept(client: httpx.AsyncClient, as_role: AsRole) -> None:
    typed = {"text": r"a \u0000 in words", "astral": "𐌰", "big": 10**18, "part": 0.1}
    answer = await client.put(place(uuid4()), json={"content": typed}, headers=await as_role("navigator"))
    assert answer.json()["content"] == typed


async def test_there_is_room_for_so_many(
    client: httpx.AsyncClient, as_role: AsRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST", 2)
    headers = await as_role("navigator")
    places = [place(uuid4()) for _ in range(3)]
    answers = [await client.put(where, json={"content": {}}, headers=headers) for where in places]
    assert [answer.status_code for answer in answers] == [200, 200, 409]
    assert answers[2].json()["code"] == "too_many_drafts"
    assert (await client.put(places[0], json={"content": {"more": 1}}, headers=headers)).status_code == 200
