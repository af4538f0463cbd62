"""Pairs of people who may be one are a list as every other: in views, filtered by their decision, opened by a row."""

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.models import DuplicateCandidate
from app.platform import clock
from app.platform.settings import Settings
from app.web import screens  # noqa: F401 - fills LISTS
from app.web.listing import LISTS
from tests.browsing import as_user
from tests.builders import a_person


async def _pair(session: AsyncSession, one: str, other: str, **values: object) -> DuplicateCandidate:
    people = [await a_person(session, first_name=name, last_name="Bakker") for name in (one, other)]
    first, second = sorted(person.person_id for person in people)
    pair = DuplicateCandidate(person_id=first, other_person_id=second, reasons=["similar_name"], **values)
    session.add(pair)
    await session.commit()
    return pair


async def test_pairs_begin_with_those_to_decide_and_open_by_their_row(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    waiting = await _pair(session, "Femke", "Femmie")
    decided = await _pair(session, "Lars", "Laurens", decision="different_people", decided_at=clock.now())
    await as_user(client, session, settings, "data_steward")

    begun = (await client.get("/duplicates")).text
    different = (await client.get("/duplicates?decision=different_people")).text
    everything = (await client.get("/duplicates?view=none")).text

    shown = {
        key: f'href="/duplicates/{key}"' for key in (waiting.duplicate_candidate_id, decided.duplicate_candidate_id)
    }
    of_waiting, of_decided = shown.values()
    assert (of_waiting in begun, of_decided in begun) == (True, False)
    assert (of_waiting in different, of_decided in different) == (False, True)
    assert (of_waiting in everything, of_decided in everything) == (True, True)
    assert "Femke Bakker" in begun
    assert "Femmie Bakker" in begun
    assert "/duplicates" in LISTS
    assert 'action="/duplicates/columns"' in begun
    assert 'name="list_name" value="duplicates"' in begun
