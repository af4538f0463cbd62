"""Two at once, with real commits: a task that comes again is made once."""

import asyncio

import httpx
from sqlalchemy import func, select

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.main import create_app
from app.platform.db import Database
from app.platform.settings import Settings
from app.tasks.models import Task
from tests import builders


async def test_two_who_say_that_it_is_done_make_the_next_one_once(
    committed_database: Database, settings: Settings
) -> None:
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name="races")
        person_id = (await builders.a_person(session)).person_id
    transport = httpx.ASGITransport(app=create_app(settings, committed_database), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"}
    body = {"person_id": str(person_id), "title": "Call", "due_on": "2027-01-01"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        made = await client.post("/api/v1/tasks", json=body | {"repeat_every": 1, "repeat_unit": "week"})
        place = made.headers["location"]

        answers = await asyncio.gather(*(client.put(place, json={"status": "done"}) for _ in range(5)))

    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.json()["next_task_id"] for answer in answers}) == 1
    async with committed_database.session() as session:
        counted = await session.scalar(select(func.count()).where(Task.person_id == person_id))
    assert counted == 2
