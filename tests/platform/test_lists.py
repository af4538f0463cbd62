"""
Every list of the API: each of its filters changes what is found, and its first page is read in the order of an index.
Generated from the routes.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, Literal, get_args, get_origin
from uuid import uuid4

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import Role
from app.access.request_guard import GuardedRoute
from app.hospitals.models import Hospital, Specialization
from app.journeys.eap.models import EapProgram
from app.patients.models import Patient
from app.people.models import Person
from app.platform import clock
from app.platform.paging import PageQuery
from tests.builders import a_call, a_colleague, a_document, a_lead, a_note, a_patient, a_physician, a_task, a_trial
from tests.canaries import World, a_world, give_draft, give_notification, guarded_routes
from tests.conftest import AsRole, BoundDatabase

OF_THE_PAGE: Final = {"limit", "cursor", "sort"}
FITS_NOTHING: Final = (
    str(uuid4()), "9999-01-01T00:00:00Z", "1800-01-01T00:00:00Z", "1901-01-01", "BV", "+31600000000",
    "nobody@nowhere.example", "nothing is called so", "nothing",
)  # fmt: skip
"""A filter is asked by those of them that are of its type."""
SORTED: Final = {
    "/api/v1/users": "the people who work here",
    "/api/v1/api-keys": "the keys of our own systems",
}
"""Lists of a whole table that have no index in their order, with the reason."""
_SORTS = re.compile(r"^\s*(?:->\s+)?Sort\s+\(", re.MULTILINE)
"""A step of a plan that sorts all rows; an incremental one sorts those that are equal in an index."""


def _question(route: GuardedRoute) -> type[PageQuery] | None:
    for parameter in route.dependant.query_params:
        found = parameter.field_info.annotation
        if isinstance(found, type) and issubclass(found, PageQuery):
            return found
    return None


LISTS = [
    (route, question)
    for route in guarded_routes()
    if "GET" in (route.methods or ()) and route.response_model is not None and (question := _question(route))
]


def _words(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    for part in get_args(annotation):
        if not isinstance(part, str):
            yield from _words(part)


def _values(question: type[PageQuery], name: str) -> Iterator[str]:
    """What the filter can be asked by: each of its words, or what fits nothing."""
    for value in (*_words(question.model_fields[name].annotation), *FITS_NOTHING):
        try:
            question.model_validate({name: value})
        except ValidationError:
            continue
        yield value


@pytest.fixture
async def world(session: AsyncSession) -> World:
    """The world of canaries, also with a deleted patient and a voided call; records of every kind are changed once."""
    made = await a_world(session)
    await a_patient(session, deleted_at=clock.now(), deleted_by=uuid4())
    patient = await session.get_one(Patient, made.ids["patient_id"])
    owner, _ = await a_colleague(session)
    patient.owner_id = owner.user_account_id
    await session.execute(text("UPDATE patient_lead SET owner_id = :owner_id"), {"owner_id": owner.user_account_id})
    await a_call(session, patient, voided_at=clock.now(), void_reason="entered twice")
    person = await session.get_one(Person, made.person_id)
    await a_note(session, person, voided_at=clock.now(), void_reason="entered twice")
    await a_document(session, person, voided_at=clock.now(), void_reason="entered twice")
    for table in ("medical_condition", "hospital", "eap_program", "specialization"):
        await session.execute(text(f"UPDATE {table} SET name = name || ' new'"))
    await session.execute(text("UPDATE clinical_trial SET title = title || ' new'"))
    await session.commit()
    return made


@pytest.fixture
async def api(client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, world: World) -> httpx.AsyncClient:
    """A client whose key may do everything."""
    client.headers.update(await as_role(Role.NAVIGATOR.value))
    for role in set(Role) - {Role.NAVIGATOR}:
        await session.execute(
            text(
                "INSERT INTO role_grant (user_account_id, role)"
                " SELECT user_account_id, :role FROM user_account WHERE display_name = 'Test navigator'"
            ),
            {"role": role.value},
        )
    await session.commit()
    await give_draft(session, {"Authorization": client.headers["Authorization"]})
    await give_notification(session, {"Authorization": client.headers["Authorization"]})
    return client


async def test_every_filter_changes_what_is_found(api: httpx.AsyncClient, world: World) -> None:
    async def found(address: str, asked: dict[str, str]) -> int | None:
        answer = await api.get(address, params=asked)
        return len(answer.json()["items"]) if answer.status_code == HTTPStatus.OK else None

    unasked = []
    for route, question in LISTS:
        address = world.address(route)
        for name in question.model_fields.keys() - OF_THE_PAGE:
            everything = await found(address, {})
            if {await found(address, {name: value}) for value in _values(question, name)} <= {everything, None}:
                unasked.append(f"{route.path}?{name}")
    assert unasked == []


def _orders() -> Iterator[tuple[GuardedRoute, str]]:
    """Every order in which a list of a whole table can be asked for, and "" for its own."""
    for route, question in LISTS:
        if "{" not in route.path:
            sort = question.model_fields.get("sort")
            for word in ("", *(() if sort is None else _words(sort.annotation))):
                yield route, word


async def test_every_list_of_a_whole_table_is_read_in_the_order_of_an_index(
    api: httpx.AsyncClient, session: AsyncSession, bound: BoundDatabase
) -> None:
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "ORDER BY" in statement and "LIMIT" in statement:
            sent.append((statement, parameters))

    unordered = set()
    for route, word in _orders():
        sent.clear()
        event.listen(bound.connection.sync_connection, "before_cursor_execute", note)
        answer = await api.get(route.path, params={"sort": word} if word else {})
        event.remove(bound.connection.sync_connection, "before_cursor_execute", note)
        assert (answer.status_code, bool(sent)) == (HTTPStatus.OK, True), route.path
        async with session.begin_nested() as undo:
            # In a small table every way but the index would be cheaper.
            for way in ("seqscan", "bitmapscan", "mergejoin", "hashjoin", "sort"):
                await session.execute(text(f"SET LOCAL enable_{way} = off"))
            for statement, parameters in sent:
                plan = await bound.connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
                if _SORTS.search("\n".join(plan.scalars())):
                    unordered.add(f"{route.path} {word}".strip())
            await undo.rollback()
    assert unordered == set(SORTED)


async def test_the_same_list_is_read_both_ways_page_by_page(api: httpx.AsyncClient, session: AsyncSession) -> None:
    person = await session.scalar(select(Person).limit(1))
    assert person is not None
    for days in range(1, 6):
        await a_lead(session)
        patient = await a_patient(session)
        await a_call(session, patient, booking_date=clock.now() + timedelta(days=days), status="scheduled")
        due = clock.now() + timedelta(days=days)
        await a_task(session, person, due_at=due, due_by=due)
        await a_physician(session)
        await a_trial(session, trial_id=f"NCT0000000{days}")
        things = [Hospital(name=f"Hospital {days}"), Specialization(name=f"Specialisation {days}")]
        session.add_all([*things, EapProgram(name=f"Programme {days}", product="x")])
    await session.commit()

    async def ids(path: str, word: str) -> list[Any]:
        found, cursor = [], None
        while True:
            asked = {"sort": word, "limit": "2", **({"cursor": cursor} if cursor else {})}
            answer = (await api.get(path, params=asked)).json()
            found += [str(item) for item in answer["items"]]
            cursor = answer["next_cursor"]
            if cursor is None:
                return found

    asked = [(route.path, word) for route, word in _orders() if word and not word.startswith("-")]
    assert {path.rpartition("/")[2] for path, _ in asked} >= {"leads", "patients", "call-history", "tasks", "hospitals"}
    for path, word in asked:
        one_way, other_way = await ids(path, word), await ids(path, f"-{word}")
        assert one_way == other_way[::-1], path
        assert len(set(one_way)) > 4, path


async def test_a_search_is_asked_for_in_its_own_order_alone(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/v1/patients", params={"q": "anna", "sort": "created"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "sort")
