"""Two instances of the application on one database, asked in turn: nobody needs the one that answered before."""

from collections.abc import AsyncIterator
from itertools import cycle
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.leads.models import PatientLead
from app.main import create_app
from app.people.models import Person
from app.platform.db import Database, create_engine
from app.platform.settings import Settings
from tests.browsing import ORIGIN, somebody, token_in
from tests.builders import a_condition


class InTurn(httpx.AsyncBaseTransport):
    """Each request to the next instance, as a proxy without sticky sessions sends them."""

    def __init__(self, *instances: httpx.AsyncBaseTransport) -> None:
        self.asked: list[int] = []
        self._next = cycle(enumerate(instances))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        number, instance = next(self._next)
        self.asked.append(number)
        return await instance.handle_async_request(request)


@pytest.fixture
async def in_turn(committed_url: str, committed_database: Database, settings: Settings) -> AsyncIterator[InTurn]:
    """Both know the same settings, as one CRM_SECRET_KEY; each has connections and counts of its own."""
    databases = [Database(create_engine(settings, committed_url)) for _ in range(2)]
    apps = [create_app(settings.model_copy(), database) for database in databases]
    yield InTurn(*(httpx.ASGITransport(app=app, raise_app_exceptions=False) for app in apps))
    for database in databases:
        await database.close()


async def test_sign_in_form_and_list_go_from_one_to_the_other(
    in_turn: InTurn, committed_database: Database, settings: Settings
) -> None:
    email, last_name = f"{uuid4().hex}@crm.example", f"Zwart{uuid4().hex[:12]}"
    async with committed_database.session() as session:
        who = await somebody(session, settings, "navigator", email=email)
        await a_condition(session)
        await session.commit()
    async with httpx.AsyncClient(transport=in_turn, base_url="http://test", headers=ORIGIN) as browser:
        token = token_in(await browser.get("/sign-in"))
        sent = {"csrf_token": token, "email": email, "password": who.password}
        assert (await browser.post("/sign-in", data=sent)).headers["location"] == "/sign-in/second-factor"
        token = token_in(await browser.get("/sign-in/second-factor"))
        done = await browser.post("/sign-in/second-factor", data={"csrf_token": token, "code": who.code()})
        assert done.status_code == 303, done.text
        # The form comes from one, what was typed goes to the other.
        form = await browser.get("/callers/new")
        typed = {"csrf_token": token_in(form), "first_name": "Quirina", "last_name": last_name, "condition": "DMD"}
        typed |= {"said": "Asks for a trial.", "adverse_event_heard": "false", "phone": "+351 912 345 678"}
        made = await browser.post("/callers/new", data=typed)
        assert made.status_code == 303, made.text
        for _ in range(2):
            assert last_name in (await browser.get(made.headers["location"])).text
        assert in_turn.asked == [0, 1] * (len(in_turn.asked) // 2)
        # Signed out at one, it is at both.
        out = await browser.post("/sign-out", data={"csrf_token": token_in(await browser.get("/"))})
        assert out.status_code == 303
        for _ in range(2):
            assert (await browser.get(made.headers["location"])).headers["location"].startswith("/sign-in")


async def test_one_idempotency_key_has_one_effect_and_a_cursor_of_one_is_read_by_the_other(
    in_turn: InTurn, committed_database: Database
) -> None:
    name = f"Twice{uuid4().hex[:12]}"
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name=name)
        condition = await a_condition(session)
    body: dict[str, Any] = {
        "person": {"first_name": "Robin", "last_name": name, "email": f"{name}@example.org"},
        "medical_condition_id": str(condition.medical_condition_id),
    }
    async with httpx.AsyncClient(
        transport=in_turn, base_url="http://test", headers={"Authorization": f"Bearer {key}"}
    ) as client:
        answers = [await client.post("/api/v1/leads", json=body, headers={"Idempotency-Key": name}) for _ in range(4)]
        assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
        another = await client.post(
            "/api/v1/leads", json=body | {"person": body["person"] | {"email": f"b{name}@example.org"}}
        )
        assert another.status_code == 201, another.text
        pages = [(await client.get("/api/v1/leads", params={"limit": 1})).json() for _ in range(2)]
        # A place in a list that one has told the other finds.
        for page in pages:
            following = await client.get("/api/v1/leads", params={"limit": 1, "cursor": page["next_cursor"]})
            assert following.status_code == 200, following.text
    async with committed_database.session() as session:
        leads = (
            select(func.count())
            .select_from(PatientLead)
            .join(Person, Person.person_id == PatientLead.person_id)
            .where(Person.last_name == name)
        )
        assert (await session.execute(leads)).scalar_one() == 2
