"""Two real servers: reads that may be old are answered by the standby, and by the primary where it cannot."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.audit import service as audit
from app.conditions.models import MedicalCondition
from app.main import create_app
from app.platform import schema
from app.platform.db import Database, create_engine, create_replica
from app.platform.replica import may_be_old
from app.platform.settings import Settings, SettingsError
from app.setup import add_reference_data
from tests.conftest import passable_folder
from tests.two_servers import Node, primary_and_standby

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Node, Node]]:
    with passable_folder() as folder, primary_and_standby(folder) as pair:
        schema.upgrade(pair[0].url)
        yield pair


@asynccontextmanager
async def database_of(
    settings: Settings, primary: Node, replica_url: str, *, lag: float = 3600
) -> AsyncIterator[Database]:
    names_replica = Settings.from_environment({"CRM_REPLICA_URL": replica_url, "CRM_REPLICA_LAG": str(lag)})
    with_replica = settings.model_copy(
        update={"replica_url": names_replica.replica_url, "replica_lag_seconds": names_replica.replica_lag_seconds}
    )
    database = Database(create_engine(settings, primary.url), replica=create_replica(with_replica))
    yield database
    await database.close()


@may_be_old
async def port_of_who_answers(session: AsyncSession) -> int:
    return int((await session.execute(text("SELECT inet_server_port()"))).scalar_one())


async def answered_by(database: Database) -> int:
    async with database.session() as session:
        return await port_of_who_answers(session)


async def test_a_standby_that_follows_answers_and_a_session_of_its_own_does_not_write(
    both: tuple[Node, Node], settings: Settings
) -> None:
    primary, standby = both

    @may_be_old
    async def tries_to_write(session: AsyncSession) -> int:
        await session.execute(text("CREATE TEMPORARY TABLE written (port int) ON COMMIT DROP"))
        return int((await session.execute(text("SELECT inet_server_port()"))).scalar_one())

    async with database_of(settings, primary, standby.url) as database:
        assert await answered_by(database) == standby.port
        async with database.session() as session:
            assert await tries_to_write(session) == primary.port


async def test_whom_a_query_notes_on_the_standby_is_in_the_event_of_the_request(
    both: tuple[Node, Node], settings: Settings
) -> None:
    primary, standby = both
    shown = uuid4()

    @may_be_old
    async def shows_somebody(session: AsyncSession) -> int:
        audit.note(session, record_type="person", person_ids=[shown])
        return int((await session.execute(text("SELECT inet_server_port()"))).scalar_one())

    async with database_of(settings, primary, standby.url) as database, database.session() as session:
        assert await shows_somebody(session) == standby.port
        assert audit.persons(session) == {shown}


async def test_a_question_that_fails_on_the_standby_is_answered_by_the_primary(
    both: tuple[Node, Node], settings: Settings
) -> None:
    primary, standby = both

    @may_be_old
    async def fails_there(session: AsyncSession) -> int:
        await session.execute(text("SELECT 1 / (CASE WHEN pg_is_in_recovery() THEN 0 ELSE 1 END)"))
        return int((await session.execute(text("SELECT inet_server_port()"))).scalar_one())

    async with database_of(settings, primary, standby.url) as database, database.session() as session:
        assert await fails_there(session) == primary.port


async def test_nothing_that_answers_there_is_no_error(both: tuple[Node, Node], settings: Settings) -> None:
    primary, standby = both

    async with database_of(settings, primary, standby.url.replace(str(standby.port), "9")) as database:
        assert await answered_by(database) == primary.port


async def test_a_server_that_is_no_standby_is_not_asked(both: tuple[Node, Node], settings: Settings) -> None:
    primary, _ = both

    async with database_of(settings, primary, primary.url) as database, database.session() as session:
        replica = database.replica
        assert replica is not None
        assert await port_of_who_answers(session) == primary.port
        assert not replica.may_be_asked()


async def test_the_trail_is_read_on_the_standby_and_written_on_the_primary_while_it_is_near(
    both: tuple[Node, Node], settings: Settings
) -> None:
    primary, standby = both
    setting_up = Database(create_engine(settings, primary.url))
    await add_reference_data(setting_up)
    async with setting_up.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.AUDITOR, name="replica")
    await setting_up.close()
    headers = {"Authorization": f"Bearer {key}"}

    async def asked(database: Database) -> int:
        """How many events of this question the answer tells of."""
        transport = httpx.ASGITransport(app=create_app(settings, database), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            answer = await client.get("/api/v1/audit-events", params={"action": "list_audit_events"})
        assert answer.status_code == 200, answer.text
        return int(answer.json()["total"])

    async def on_record() -> int:
        counted = "SELECT count(*) FROM audit_event WHERE action = 'list_audit_events'"
        return int(str(primary.ask(counted)))

    standby.do("SELECT pg_wal_replay_pause()")
    try:
        async with database_of(settings, primary, standby.url) as database:
            assert await asked(database) == 0
            assert await asked(database) == 0, "the standby stands still"
            assert await on_record() == 2
        async with database_of(settings, primary, standby.url, lag=0.001) as database:
            assert await asked(database) == 2, "it is behind"
            assert await on_record() == 3
    finally:
        standby.do("SELECT pg_wal_replay_resume()")


async def test_what_is_found_on_the_standby_is_whole(both: tuple[Node, Node], settings: Settings) -> None:
    primary, standby = both

    @may_be_old
    async def first(session: AsyncSession) -> MedicalCondition | None:
        return (await session.scalars(select(MedicalCondition).order_by(MedicalCondition.name).limit(1))).first()

    async with database_of(settings, primary, standby.url) as database:
        await add_reference_data(database)
        async with database.session() as session:
            found = await first(session)
        assert found is not None
        assert found.name


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://crm@one:5432,two:5432/crm",
        "postgresql://crm@one:5432,two:5432/crm?target_session_attrs=read-write",
    ],
)
def test_several_hosts_are_refused_with_a_sentence(address: str) -> None:
    with pytest.raises(SettingsError, match="CRM_REPLICA_URL names one host"):
        Settings.from_environment({"CRM_REPLICA_URL": address})
