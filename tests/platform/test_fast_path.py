"""Statements and pools: the same rows as by a session, and what happens when connections die, hang or run out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import ARRAY, Integer, bindparam, func, insert, literal_column, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.conditions.models import MedicalCondition
from app.people.models import ContactType
from app.platform import errors
from app.platform.db import Database, constraint_name, create_engine
from app.platform.embedded import Cluster
from app.platform.fast_path import MOST_TOGETHER, Statement, StatementPool
from app.platform.problems import translate
from app.platform.settings import Settings

SLEEP = Statement(select(func.pg_sleep(bindparam("seconds", type_=Integer)), func.pg_backend_pid().label("pid")))
PID = Statement(select(func.pg_backend_pid().label("pid")))
BY_NAME = Statement(
    select(MedicalCondition.medical_condition_id, MedicalCondition.name, MedicalCondition.created_at)
    .where(MedicalCondition.name.startswith(bindparam("beginning")), MedicalCondition.is_active == bindparam("active"))
    .order_by(MedicalCondition.name)
)
ADD_TYPE = Statement(insert(ContactType).values(type_name=bindparam("type_name")).returning(ContactType.type_name))
_NUMBERS = (
    func.unnest(bindparam("number", type_=ARRAY(Integer)))
    .table_valued("number", with_ordinality="nr", name="numbers")
    .render_derived()
)
HALVES = Statement(
    select(
        _NUMBERS.c.nr,
        (func.div(literal_column("100"), _NUMBERS.c.number)).label("half"),
        func.pg_sleep(literal_column("0.01")),
    )
)


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[StatementPool]:
    made = StatementPool(database.engine, size=2, timeout_seconds=0.3)
    yield made
    await made.close()


@asynccontextmanager
async def impatient(cluster: Cluster, settings: Settings) -> AsyncIterator[Database]:
    """A database whose statements end after a fifth of a second."""
    hasty = settings.model_copy(update={"statement_timeout_seconds": 0.2})
    made = Database(create_engine(hasty, cluster.url()))
    yield made
    await made.close()


async def _end_backend(database: Database, pid: int) -> None:
    async with database.session() as session:
        await session.execute(text("SELECT pg_terminate_backend(:pid, 2000)"), {"pid": pid})


async def test_pool_and_session_give_equal_rows(pool: StatementPool, database: Database) -> None:
    values = {"beginning": "A", "active": True}

    by_pool = await pool.all(BY_NAME, values)

    async with database.session() as session:
        by_session = (await session.execute(BY_NAME.core, values)).all()  # type: ignore[call-overload]
    assert [tuple(row) for row in by_pool] == [tuple(row) for row in by_session]
    assert len(by_pool) > 1


def test_arguments_stand_in_the_order_of_the_text_and_a_missing_one_is_named() -> None:
    assert BY_NAME.arguments({"active": True, "beginning": "A", "more": 1}) == [
        {"beginning": "A", "active": True}[name] for name in BY_NAME.names
    ]
    assert "$2" in BY_NAME.sql
    with pytest.raises(KeyError, match="beginning"):
        BY_NAME.arguments({"active": True})


async def test_broken_constraint_has_one_name_by_both_paths(pool: StatementPool, database: Database) -> None:
    with pytest.raises(asyncpg.UniqueViolationError) as by_pool:
        await pool.one(ADD_TYPE, {"type_name": "patient"})
    async with database.session() as session:
        with pytest.raises(IntegrityError) as by_session:
            await session.execute(ADD_TYPE.core, {"type_name": "patient"})  # type: ignore[call-overload]

    assert constraint_name(by_pool.value) == constraint_name(by_session.value) == "uq_contact_type_type_name"


async def test_statement_is_committed_when_its_rows_arrive(pool: StatementPool, committed_database: Database) -> None:
    name = f"t-{uuid4().hex[:20]}"

    await committed_database.statements.one(ADD_TYPE, {"type_name": name})

    async with committed_database.session() as session:
        found = await session.scalar(select(ContactType.type_name).where(ContactType.type_name == name))
    assert found == name


async def test_connection_that_died_idle_is_replaced_without_an_error(pool: StatementPool, database: Database) -> None:
    first = await pool.one(PID, {})
    assert first is not None
    await _end_backend(database, first["pid"])
    await asyncio.sleep(0.05)

    second = await pool.one(PID, {})

    assert second is not None
    assert second["pid"] != first["pid"]


async def test_connection_that_dies_under_a_statement_costs_one_503(pool: StatementPool, database: Database) -> None:
    first = await pool.one(PID, {})
    assert first is not None
    asked = asyncio.create_task(pool.one(SLEEP, {"seconds": 20}))
    await asyncio.sleep(0.1)
    await _end_backend(database, first["pid"])

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as broken:
        await asked

    assert isinstance(translate(broken.value, {}), errors.Unavailable)
    assert await pool.one(PID, {}) is not None


async def test_cancelled_request_ends_its_statement_and_leaves_the_connection(pool: StatementPool) -> None:
    before = await pool.one(PID, {})
    asked = asyncio.create_task(pool.one(SLEEP, {"seconds": 20}))
    await asyncio.sleep(0.1)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked

    async with asyncio.timeout(2):
        after = await pool.one(PID, {})

    assert before == after


async def test_statement_that_takes_too_long_is_a_timeout_by_both_paths(cluster: Cluster, settings: Settings) -> None:
    async with impatient(cluster, settings) as hasty:
        with pytest.raises(asyncpg.QueryCanceledError) as by_pool:
            await hasty.statements.one(SLEEP, {"seconds": 5})
        known = translate(by_pool.value, {})
        assert isinstance(known, errors.Unavailable)
        assert known.error_code == "timeout"


async def test_pool_that_stays_busy_says_so_and_goes_on(pool: StatementPool) -> None:
    sleeping = [asyncio.create_task(pool.one(SLEEP, {"seconds": 1})) for _ in range(2)]
    await asyncio.sleep(0.05)

    with pytest.raises(PoolTimeout):
        await pool.one(PID, {})

    assert all(await asyncio.gather(*sleeping))
    assert await pool.one(PID, {}) is not None


async def test_who_came_first_is_served_first(database: Database) -> None:
    narrow = StatementPool(database.engine, size=1, timeout_seconds=5)
    order: list[int] = []

    async def ask(number: int) -> None:
        await narrow.one(PID, {})
        order.append(number)
        if number < 3:
            # Anyone who comes back at once goes to the end of the line.
            await narrow.one(PID, {})
            order.append(number + 100)

    await asyncio.gather(*(ask(number) for number in range(6)))
    await narrow.close()
    assert order == [0, 1, 2, 3, 4, 5, 100, 101, 102]


async def test_waiting_and_giving_up_loses_no_connection(database: Database) -> None:
    narrow = StatementPool(database.engine, size=1, timeout_seconds=5)
    waiting = [asyncio.create_task(narrow.one(PID, {})) for _ in range(20)]
    for number, task in enumerate(waiting):
        await asyncio.sleep(0)
        if number % 2:
            task.cancel()
    answered = await asyncio.gather(*waiting, return_exceptions=True)

    assert sum(isinstance(answer, asyncpg.Record) for answer in answered) >= 10
    async with asyncio.timeout(2):
        assert await narrow.one(PID, {}) is not None
    await narrow.close()


async def test_shared_statement_gives_everybody_their_own_row(pool: StatementPool) -> None:
    sent: list[int] = []
    real = pool.all

    async def counted(statement: Statement, values: Any) -> Any:
        sent.append(len(values["number"]))
        return await real(statement, values)

    pool.all = counted  # type: ignore[method-assign]

    answers = await asyncio.gather(*(pool.shared(HALVES, {"number": number}) for number in range(1, 101)))

    assert [answer["half"] for answer in answers if answer] == [100 // number for number in range(1, 101)]
    assert sum(sent) == 100
    assert max(sent) <= MOST_TOGETHER
    assert len(sent) < 12


async def test_error_of_a_shared_statement_is_everybodys_and_the_next_works(pool: StatementPool) -> None:
    asked = [pool.shared(HALVES, {"number": number}) for number in (1, 2, 3, 0, 5)]

    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert any(isinstance(answer, asyncpg.DivisionByZeroError) for answer in answers)
    assert all(isinstance(answer, (asyncpg.Record, asyncpg.DivisionByZeroError)) for answer in answers)
    found = await pool.shared(HALVES, {"number": 4})
    assert found is not None
    assert found["half"] == 25


async def test_asker_who_goes_away_leaves_the_others_alone(pool: StatementPool) -> None:
    asked = [asyncio.create_task(pool.shared(HALVES, {"number": number})) for number in range(1, 31)]
    await asyncio.sleep(0)
    for task in asked[::3]:
        task.cancel()

    answers = await asyncio.gather(*asked, return_exceptions=True)

    stayed = [(number, answer) for number, answer in enumerate(answers, start=1) if (number - 1) % 3]
    assert [answer["half"] for _, answer in stayed if isinstance(answer, asyncpg.Record)] == [
        100 // number for number, _ in stayed
    ]
