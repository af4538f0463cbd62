"""Many at once, with real commits: one e-mail is one person and one patient, no matter who comes first."""

import asyncio
from collections import Counter

import httpx
from sqlalchemy import func, select

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.main import create_app
from app.patients.models import Patient
from app.people.models import IntakeSubmission, Person, PersonContactType
from app.platform.db import Database
from app.platform.settings import Settings
from tests.builders import a_condition

AT_ONCE = 12


async def test_one_email_in_many_spellings_at_once_is_one_patient(
    committed_database: Database, settings: Settings
) -> None:
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name="race")
        condition = await a_condition(session)
    spellings = ["race@example.org", " RACE@Example.ORG", "Race+form@example.org", "race@EXAMPLE.org "]
    bodies = [
        {
            "person": {
                "first_name": "Robin",
                "last_name": "Jansen",
                "email": spellings[number % len(spellings)],
                "phone": f"+3161234567{number % 3}",
            },
            "medical_condition_id": str(condition.medical_condition_id),
        }
        for number in range(AT_ONCE)
    ]
    app = create_app(settings, committed_database)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers={"Authorization": f"Bearer {key}"}, timeout=60
    ) as client:
        answers = await asyncio.gather(*(client.post("/api/v1/patients", json=body) for body in bodies))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: AT_ONCE - 1}
    assert len({answer.json()["patient_id"] for answer in answers}) == 1
    outcomes = Counter(answer.json()["match"]["outcome"] for answer in answers)
    assert outcomes == {"new_person": 1, "returning_patient": AT_ONCE - 1}
    async with committed_database.session() as session:
        people = (await session.scalars(select(Person.person_id).where(Person.email_key == "race@example.org"))).all()
        assert len(people) == 1
        for table, expected in ((Patient, 1), (PersonContactType, 1), (IntakeSubmission, AT_ONCE)):
            found = await session.scalar(select(func.count()).where(table.person_id == people[0]))
            assert found == expected, table


async def test_the_same_number_without_an_address_at_once_leaves_every_pair_on_the_list(
    committed_database: Database, settings: Settings
) -> None:
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name="race by phone")
    new = {"first_name": "Sam", "last_name": "Peters", "phone": "+31 6 24681357"}
    app = create_app(settings, committed_database)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers={"Authorization": f"Bearer {key}"}, timeout=60
    ) as client:
        answers = await asyncio.gather(*(client.post("/api/v1/persons", json=new) for _ in range(4)))

    assert [answer.status_code for answer in answers] == [201] * 4
    told = sorted(len(answer.json()["match"]["probable_duplicates"]) for answer in answers)
    assert told == [0, 1, 2, 3]
