"""Two at once about one human, with real commits and many times over: what was decided holds when it is written."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from sqlalchemy import select

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.conditions.models import MedicalCondition
from app.main import create_app
from app.people.models import DuplicateCandidate
from app.platform.db import Database, create_engine
from app.platform.settings import Settings
from tests import builders

ROUNDS = 20
PERSONS = "/api/v1/persons"
PATIENTS = "/api/v1/patients"


@pytest.fixture
async def racers(
    committed_database: Database, committed_url: str, settings: Settings
) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose requests have connections of their own, closed when the test ends, so that their counts are in."""
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name="races of people")
    own = Database(create_engine(settings, committed_url))
    transport = httpx.ASGITransport(app=create_app(settings, own), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers, timeout=60) as client:
        yield client
    await own.close()


@pytest.fixture
async def condition(committed_database: Database) -> MedicalCondition:
    async with committed_database.unit_of_work() as session:
        return await builders.a_condition(session)


@pytest.fixture
def no_deadlock(committed_url: str) -> Iterator[None]:
    """The database broke no deadlock during the test; the requests themselves are tried again and show nothing."""

    def broken() -> int:
        with psycopg.connect(committed_url) as connection:
            query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            (count,) = connection.execute(query).fetchone() or (0,)
        return int(count)

    before = broken()
    yield
    assert broken() == before


def somebody(number: int, **said: Any) -> dict[str, Any]:
    return {"first_name": "Robin", "last_name": f"Jansen{chr(97 + number)}", "email": f"r{number}@race.example"} | said


@pytest.mark.parametrize("put", ["person", "patient"])
async def test_a_change_and_a_submission_of_one_human_do_not_deadlock(
    no_deadlock: None, racers: httpx.AsyncClient, condition: MedicalCondition, put: str
) -> None:
    said = {"medical_condition_id": str(condition.medical_condition_id)}
    for number in range(ROUNDS):
        person = somebody(number, email=f"{put}{number}@deadlock.example")
        made = (await racers.post(PATIENTS, json={"person": person, **said})).json()
        again = {"person": {**person, "phone": f"+3161234{number:04d}"}, **said}
        change = {"email": person["email"], "middle_name": "van"}
        if put == "patient":
            place, body = f"{PATIENTS}/{made['patient_id']}", {"person": change, "status_reason": "x"}
        else:
            place, body = f"{PERSONS}/{made['person_id']}", change
        answers = await asyncio.gather(
            racers.put(place, json=body),
            racers.post(PATIENTS, json=again),
            racers.put(place, json=body),
            racers.post(PATIENTS, json=again),
        )
        assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]


async def test_an_accepted_suggestion_and_a_submission_do_not_deadlock(
    no_deadlock: None, racers: httpx.AsyncClient
) -> None:
    for number in range(ROUNDS):
        person = somebody(number, email=f"s{number}@suggested.example")
        await racers.post(PERSONS, json=person)
        again = {**person, "phone": f"+3161235{number:04d}"}
        [suggested] = (await racers.post(PERSONS, json=again)).json()["match"]["suggested_changes"]
        place = f"/api/v1/suggested-changes/{suggested['suggested_change_id']}/accept"
        answers = await asyncio.gather(
            racers.post(place, json={}), *(racers.post(PERSONS, json=again) for _ in range(3))
        )
        assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]


def same_phone(number: int) -> dict[str, Any]:
    return {"phone": f"+3161236{number:04d}"}


def same_name_and_birth_date(number: int) -> dict[str, Any]:
    return {"last_name": f"Alike{chr(97 + number)}", "date_of_birth": "1970-05-04"}


@pytest.mark.parametrize("path", [PERSONS, PATIENTS])
@pytest.mark.parametrize("alike", [same_phone, same_name_and_birth_date])
async def test_two_who_are_alike_and_come_at_once_are_filed_as_a_pair(
    racers: httpx.AsyncClient,
    committed_database: Database,
    condition: MedicalCondition,
    path: str,
    alike: Callable[[int], dict[str, Any]],
) -> None:
    for number in range(ROUNDS):
        both = [
            somebody(number, **alike(number), email=f"{name}{number}.{path[8:]}.{alike.__name__}@alike.example")
            for name in ("a", "b")
        ]
        bodies: list[dict[str, Any]] = both
        if path == PATIENTS:
            bodies = [{"person": one, "medical_condition_id": str(condition.medical_condition_id)} for one in both]
        answers = await asyncio.gather(*(racers.post(path, json=body) for body in bodies))
        assert [answer.status_code for answer in answers] == [201, 201]
        ids = sorted(UUID(answer.json()["person_id"]) for answer in answers)
        pair = (DuplicateCandidate.person_id == ids[0]) & (DuplicateCandidate.other_person_id == ids[1])
        async with committed_database.session() as session:
            assert await session.scalar(select(DuplicateCandidate.reasons).where(pair)), f"round {number}"


@pytest.mark.parametrize("new_owner", ["created", "changed"])
async def test_an_address_is_not_one_persons_own_and_anothers_unshared_contact_point(
    racers: httpx.AsyncClient, new_owner: str
) -> None:
    for number in range(ROUNDS):
        address = f"x{number}@{new_owner}.example"
        first = (await racers.post(PERSONS, json={"first_name": "Anna", "last_name": "Bos"})).json()
        if new_owner == "created":
            owning = racers.post(PERSONS, json={"first_name": "Joost", "last_name": "Vis", "email": address})
        else:
            second = (await racers.post(PERSONS, json={"first_name": "Joost", "last_name": "Vis"})).json()
            owning = racers.put(f"{PERSONS}/{second['person_id']}", json={"email": address})
        adding = racers.post(f"{PERSONS}/{first['person_id']}/contact-points", json={"kind": "email", "value": address})
        answers = await asyncio.gather(adding, owning)
        codes = sorted(answer.status_code for answer in answers)
        assert codes[0] < 300 and codes[1] == 409, (number, [answer.text for answer in answers])  # noqa: PT018
