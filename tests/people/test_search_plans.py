"""The statements of a search use its indexes, whatever is asked: plans are made once for all values."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls import queries as calls
from app.calls.schemas import CallFilter
from app.documents import queries as documents
from app.documents.schemas import DocumentFilter
from app.leads import queries as leads
from app.patients import queries as patients
from app.people import queries as people
from app.people.search import near, queries, walk
from app.people.search.rows import fill
from app.people.search.walk import Searched, select_all, select_among, select_between
from app.physicians import queries as physicians
from app.platform.actor import Actor
from app.platform.fast_path import Statement
from app.tasks import queries as tasks
from app.tasks.schemas import TaskFilter
from tests.builders import a_condition
from tests.conftest import BoundDatabase

LISTS = {
    "persons": people._SEARCHED,
    "patients": patients._SEARCHED,
    "leads": leads._SEARCHED,
    "physicians": physicians._SEARCHED,
}


@pytest.fixture
async def many(session: AsyncSession, bound: BoundDatabase) -> None:
    """People, patients and leads enough for plans to differ: in an empty table every index is as good as another."""
    condition = (await a_condition(session)).medical_condition_id
    await session.execute(
        text(
            "INSERT INTO person (first_name, last_name, email, email_key, phone, phone_e164)"
            " SELECT 'Anna', 'Number' || n, n || '@example.org', n || '@example.org', '+31' || n, '+31' || n"
            " FROM generate_series(600000001, 600003000) AS n"
        )
    )
    for table, further in (("patient", ""), ("patient_lead", ", source")):
        await session.execute(
            text(
                f"INSERT INTO {table} (person_id, medical_condition_id{further})"
                f" SELECT person_id, :condition{', :source' if further else ''} FROM person"
            ),
            {"condition": condition, "source": "phone"},
        )
    await fill(bound)


async def _plan(session: AsyncSession, statement: Statement) -> str:
    driver: Any = (await (await session.connection()).get_raw_connection()).driver_connection
    async with driver.transaction():
        await driver.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await driver.execute(f"PREPARE asked AS {statement.sql}")
        values = f"({', '.join('NULL' for _ in statement.names)})" if statement.names else ""
        rows = await driver.fetch(f"EXPLAIN EXECUTE asked{values}")
        await driver.execute("DEALLOCATE asked")
    return "\n".join(row[0] for row in rows)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("name", LISTS)
async def test_people_are_taken_from_the_index_of_terms_first(session: AsyncSession, name: str) -> None:
    of: Searched = LISTS[name]
    for names in ((), tuple(sorted(of.filters))):
        for has_low in (True, False):
            part = select_between(
                of, names, (), has_low=has_low, only_active=has_low, has_place=has_low, sorted_at_once=3_001
            )
            for made in (part, select_all(of, names, (), are_few=has_low)):
                plan = await _plan(session, Statement(made))
                assert "Bitmap Index Scan on ix_person_search_terms" in plan, plan
                for table in ("person", "person_search", "patient", "patient_lead"):
                    assert f"Seq Scan on {table} " not in plan, plan


@pytest.mark.usefixtures("many")
async def test_what_hangs_on_people_is_looked_up_by_them(session: AsyncSession, actor: Actor) -> None:
    """And not read as a whole: who is looked for is few, what hangs on all people is much."""
    # What hangs on nobody is read as cheaply as an index.
    await session.execute(text("SET LOCAL enable_seqscan = off"))
    of_calls = [calls.filtered(actor, CallFilter(q="a")), calls.filtered(actor, CallFilter(unresolved="true"))]
    of_tasks = [tasks.filtered(actor, TaskFilter(q="a")), tasks.filtered(actor, TaskFilter(owner="me", status="open"))]
    of_documents = [documents.filtered(actor, asked) for asked in (DocumentFilter(q="a"), DocumentFilter(owner="me"))]
    for of, table, asked in (
        (calls._SEARCHED, "call_history", of_calls),
        (tasks._SEARCHED, "task", of_tasks),
        (documents._SEARCHED, "document", of_documents),
    ):
        for ids in asked:
            assert ids.whereclause is not None
            between = select_between(
                of, (), (ids.whereclause,), has_low=True, only_active=True, has_place=True, sorted_at_once=3_001
            )
            for made in (between, select_all(of, (), (ids.whereclause,), are_few=False)):
                plan = await _plan(session, Statement(made))
                assert "Bitmap Index Scan on ix_person_search_terms" in plan, plan
                assert f"on {table}" in plan
                assert f"Seq Scan on {table} " not in plan, plan


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("name", LISTS)
async def test_addresses_phones_and_references_are_looked_up(session: AsyncSession, name: str) -> None:
    for asked, indexes in (
        (queries._OF_EMAILS, ("ix_person_email_key_beginning", "ix_contact_point_email_beginning")),
        (queries._OF_PHONES, ("ix_person_phone_reversed", "ix_contact_point_phone_reversed")),
        (queries._OF_REFERENCE, ("uq_person_reference",)),
    ):
        plan = await _plan(session, Statement(select_among(LISTS[name], (), (), asked, has_place=True)))
        for index in indexes:
            assert index in plan, plan
        assert "Seq Scan on person" not in plan, plan


@pytest.mark.usefixtures("many")
async def test_numbers_of_records_are_looked_up(session: AsyncSession) -> None:
    await session.execute(text("SET LOCAL enable_seqscan = off"))
    for _, asked, _ in queries._NUMBERS:
        plan = await _plan(session, Statement(select_among(LISTS["persons"], (), (), asked, has_place=False)))
        assert "Seq Scan" not in plan, plan


@pytest.mark.usefixtures("many")
async def test_words_near_and_last_activities_are_looked_up(session: AsyncSession) -> None:
    plan_of_words = await _plan(session, near._near(3))
    assert plan_of_words.count("ix_search_word_near_keys") == 3
    assert "ix_search_word_word" in plan_of_words
    assert "Seq Scan on person" not in await _plan(session, queries._activity())
    assert "Seq Scan" not in await _plan(session, walk._NEWEST)
