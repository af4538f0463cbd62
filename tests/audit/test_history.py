"""Earlier versions: what a row was at any time is rebuilt exactly."""

import itertools
import random
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import ApiKey
from app.audit import history
from app.audit.service import state_change_reason
from app.people.models import Person
from tests.builders import a_person

EDITS = 300
PERSON: Table = Person.__table__  # type: ignore[assignment]  # a Table, whatever the declarative base promises


async def _now(session: AsyncSession) -> datetime:
    moment: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return moment


async def _row(session: AsyncSession, key: Any) -> dict[str, Any]:
    query = text("SELECT to_jsonb(p) FROM person p WHERE person_id = :key")
    row: dict[str, Any] = (await session.execute(query, {"key": key})).scalar_one()
    return {column.name: row[column.name] for column in history.shown_columns(PERSON)}


async def test_row_that_was_removed_and_made_again_has_one_history(session: AsyncSession) -> None:
    person = await a_person(session)
    removed = text(
        "INSERT INTO row_history (table_name, record_id, version, row) SELECT 'person', p.person_id, 1,"
        ' to_jsonb(p) || \'{"first_name": "Removed"}\' FROM person AS p WHERE person_id = :key'
    )
    await session.execute(removed, {"key": person.person_id})
    for versions in ([1], [2, 1]):
        found, _ = await history.list_versions(session, table=PERSON, record_id=person.person_id, limit=10)
        assert [version.version for version in found] == versions
        assert all(version.values["first_name"] != "Removed" for version in found)
        assert found[-1].before is None
        change = text("UPDATE person SET country = 'DE' WHERE person_id = :key")
        await session.execute(change, {"key": person.person_id})


async def test_state_at_any_time_rebuilt_from_history_equals_the_state_then(session: AsyncSession) -> None:
    chance = random.Random(20261124)  # noqa: S311 - a repeatable walk, nothing secret
    person = await a_person(session)
    snapshots: list[tuple[datetime, dict[str, Any]]] = []
    for _ in range(EDITS):
        field = chance.choice(["first_name", "middle_name", "phone", "country", "do_not_contact_channels", "is_active"])
        value: Any = {
            "do_not_contact_channels": chance.choice([[], ["phone"], ["email", "phone"]]),
            "is_active": chance.random() < 0.5,
            "country": chance.choice([None, "NL", "DE"]),
            "middle_name": chance.choice([None, "van", "de'\"\\"]),
            "phone": chance.choice([None, "+31 6 1", "06 • 2"]),
            "first_name": chance.choice(["Anna", "Änne", "Ana"]),
        }[field]
        await session.execute(
            text(f"UPDATE person SET {field} = :value WHERE person_id = :key"),
            {"value": value, "key": person.person_id},
        )
        snapshots.append((await _now(session), await _row(session, person.person_id)))

    for moment, expected in snapshots:
        found = await history.version_at(session, table=PERSON, record_id=person.person_id, moment=moment)
        assert found is not None
        assert found.values == expected

    versions, total = await history.list_versions(session, table=PERSON, record_id=person.person_id, limit=1000)
    assert [version.version for version in versions] == list(range(total, 0, -1))
    assert versions[-1].before is None
    for newer, older in itertools.pairwise(versions):
        assert newer.valid_from == older.valid_to
        assert newer.before == older.values
        assert newer.changed, "an update that changes nothing makes no version"


async def test_pages_of_versions_neither_skip_nor_repeat(session: AsyncSession) -> None:
    person = await a_person(session)
    for number in range(7):
        await session.execute(
            text("UPDATE person SET phone = :p WHERE person_id = :key"),
            {"p": str(number), "key": person.person_id},
        )
    seen: list[int] = []
    before: int | None = None
    while before is None or before > 1:
        page, _ = await history.list_versions(session, table=PERSON, record_id=person.person_id, before=before, limit=3)
        seen += [version.version for version in page]
        before = page[-1].version
    assert seen == [8, 7, 6, 5, 4, 3, 2, 1]


async def test_a_version_tells_who_and_why(session: AsyncSession) -> None:
    person, who = await a_person(session), uuid4()
    await state_change_reason(session, "the caller spelled it")
    await session.execute(
        text("UPDATE person SET last_name = 'Bakker', updated_by = :who WHERE person_id = :key"),
        {"who": who, "key": person.person_id},
    )
    (newest, first), _ = await history.list_versions(session, table=PERSON, record_id=person.person_id, limit=5)
    assert (newest.changed_by, newest.reason, newest.changed) == (who, "the caller spelled it", ["last_name"])
    assert (first.reason, first.changed) == (None, [])


async def test_there_was_nothing_before_the_row(session: AsyncSession) -> None:
    person = await a_person(session)
    before = person.created_at - timedelta(seconds=1)
    assert await history.version_at(session, table=PERSON, record_id=person.person_id, moment=before) is None
    assert await history.list_versions(session, table=PERSON, record_id=uuid4(), limit=5) == ([], 0)


def test_versions_show_no_secret() -> None:
    table: Table = ApiKey.__table__  # type: ignore[assignment]
    assert "secret_sha256" in table.c
    assert "secret_sha256" not in {column.name for column in history.shown_columns(table)}
