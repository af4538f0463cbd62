"""No statement of a page that is open all day reads a whole table: each is explained where an index is cheaper."""

import re
from typing import Any

import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.platform.settings import Settings
from tests.browsing import signed_in, somebody
from tests.canaries import World, a_world
from tests.conftest import BoundDatabase

GROW = (
    "person", "patient", "patient_lead", "patient_order", "call_history", "task", "note", "document",
    "document_version", "contact_point", "person_contact_type", "person_relationship", "suggested_change",
    "duplicate_candidate", "clinical_trial_journey", "eap_journey", "journey_event", "person_departure", "draft",
    "patient_physician_relationship", "notification", "intake_submission",
)  # fmt: skip
"""Tables that have more rows each year."""
_READS_ALL = re.compile(rf"Seq Scan on ({'|'.join(GROW)})\b")
PAGES = {
    "/patients/{patient_id}": "what is gathered round a patient",
    "/leads/{lead_id}": "what is gathered round a lead",
    "/people/{person_id}": "the records of a person",
    "/duplicates/{duplicate_candidate_id}": "a pair, and the next that waits",
    "/availability/{user_account_id}/hand-over": "the open work of a colleague, by kind",
    "/patients?sort=next_call": "patients by their next call",
    "/patients?journey=eap": "patients by an open journey",
    "/today": "all sections of a day",
    "/calls/agenda": "one's own calls of a day, and those without an outcome",
    "/calls/agenda?of=team": "everybody's",
    "/standing-faults": "what breaks a rule, and a part of every table",
}


@pytest.fixture
async def world(session: AsyncSession) -> World:
    return await a_world(session)


@pytest.mark.parametrize("page", PAGES)
async def test_no_statement_of_a_page_reads_a_whole_table(
    client: httpx.AsyncClient, session: AsyncSession, bound: BoundDatabase, settings: Settings, world: World, page: str
) -> None:
    who = await somebody(session, settings, "navigator", "data_steward", "programme_manager")
    (await session.get_one(UserAccount, who.account_id)).person_id = world.person_id
    await signed_in(client, session, who.account_id)
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "SELECT" in statement and not statement.lstrip().startswith(("INSERT", "SAVEPOINT", "SET")):
            sent.append((statement, parameters))

    event.listen(bound.connection.sync_connection, "before_cursor_execute", note)
    answer = await client.get(page.format(**world.ids))
    event.remove(bound.connection.sync_connection, "before_cursor_execute", note)
    assert answer.status_code == 200, answer.text[:300]
    assert len(sent) > 2
    reading = []
    async with session.begin_nested() as undo:
        for way in ("seqscan", "bitmapscan", "mergejoin", "hashjoin", "sort"):
            await session.execute(text(f"SET LOCAL enable_{way} = off"))
        for statement, parameters in sent:
            plan = "\n".join((await bound.connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)).scalars())
            reading += [f"{table}: {statement}" for table in _READS_ALL.findall(plan)]
        await undo.rollback()
    assert reading == [], page


async def test_a_statement_without_an_index_would_be_seen(session: AsyncSession) -> None:
    await session.execute(text("SET LOCAL enable_seqscan = off"))
    plan = await session.scalars(text("EXPLAIN SELECT person_id FROM person WHERE middle_name = 'x'"))
    assert _READS_ALL.findall("\n".join(plan)) == ["person"]
