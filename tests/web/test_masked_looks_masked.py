"""What is masked looks masked, and what is empty looks empty: each page says as often that something is not known."""

import re
from datetime import date

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import policy
from app.access.masking import HIDDEN
from app.access.policy import SIGHT, Role
from app.platform.settings import Settings
from app.platform.text import Answer
from app.web.masked import is_masked, marked, read_aloud
from tests.browsing import as_user
from tests.canaries import World, a_world

PAGES = (
    "/patients/{patient_id}", "/patients/{patient_id}/peek", "/patients/{patient_id}/history", "/leads/{lead_id}",
    "/leads/{lead_id}/peek", "/people/{person_id}", "/documents/{document_id}", "/tasks/{task_id}",
    "/duplicates/{duplicate_candidate_id}", "/physicians/{physician_id}", "/patients", "/leads", "/calls", "/tasks",
    "/documents", "/suggestions?decision=", "/physicians", "/duplicates?decision=", "/standing-faults",
)  # fmt: skip
_EMPTY = re.compile(r'class="absent"|\bnever\b|No condition|No journey')


@pytest.fixture
async def world(session: AsyncSession) -> World:
    made = await a_world(session)
    await session.commit()
    return made


async def _empty(client: httpx.AsyncClient, world: World) -> dict[str, int]:
    """How often each page says that something is not there."""
    found = {}
    for address in PAGES:
        answer = await client.get(address.format(**world.ids))
        assert answer.status_code == 200, (address, answer.text)
        found[address] = len(_EMPTY.findall(answer.text))
    return found


async def test_no_page_calls_empty_what_is_masked(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await as_user(client, session, settings, "auditor")

    masked = await _empty(client, world)
    monkeypatch.setitem(SIGHT, Role.AUDITOR, SIGHT[Role.NAVIGATOR])
    clear = await _empty(client, world)

    assert policy.sight_of(frozenset({"auditor"}), "patient.read")["health"] is policy.Sight.CLEAR
    assert {address: count for address, count in masked.items() if count > clear[address]} == {}
    assert sum(masked.values()) > 0


async def test_a_masked_value_is_told_to_who_does_not_see_the_dots(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    await as_user(client, session, settings, "auditor")
    page = await client.get(f"/patients/{world.ids['patient_id']}")
    told = '<span class="masked-value" role="img" aria-label="hidden from your role">•••</span>'
    assert f"<dt>Phone</dt><dd>{told}</dd>" in page.text
    assert f"<dt>First contact</dt><dd>{told}</dd>" in page.text
    assert HIDDEN not in page.text.replace(told, "")


def test_only_text_between_tags_is_told_in_words() -> None:
    kept = '<title>•••</title><input value="•••"><option>•••</option><p>a•••••b</p>'
    assert read_aloud(kept) == kept
    assert read_aloud("<p>•••, •••</p>").count('role="img"') == 2


class _Inner(Answer):
    on: date | None


class _Outer(Answer):
    inner: _Inner
    several: list[_Inner]
    names: list[str]
    empty: list[str]
    absent: date | None


def test_what_is_empty_is_not_taken_for_masked() -> None:
    inner = _Inner(on=date(2031, 1, 1))
    before = _Outer(inner=inner, several=[inner, _Inner(on=None)], names=["x"], empty=[], absent=None)
    hidden = _Inner(on=None)
    shown = marked(before, before.model_copy(update={"inner": hidden, "several": [inner, hidden], "names": []}))
    assert (is_masked(shown.inner.on), is_masked(shown.names)) == (True, True)
    assert not any(map(is_masked, (shown.empty, shown.absent, shown.several[0].on, shown.several[1].on)))
    assert marked(before, before) is before
