"""The days between which things happen to a person, and what on record would lie outside of them."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Select,
    Table,
    Uuid,
    and_,
    any_,
    cast,
    exists,
    false,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.departures.models import PersonDeparture
from app.people.models import Person
from app.platform.db import Base
from app.platform.plausibility import EVENT_DATES, FARTHEST_EAST, Life

_OF_A_PERSON = ("person_id", "related_person_id")
"""The columns that name whom a record is about."""
_IS_A_DEATH = and_(PersonDeparture.kind == "deceased", PersonDeparture.ended_at.is_(None))


async def life_of(session: AsyncSession, person: Person) -> Life:
    """The days of a person's birth and death, as far as they are on record. For who has locked the person."""
    # What the caller is about to check is not stored before.
    with session.no_autoflush:
        died = await session.scalar(
            select(PersonDeparture.departed_on).where(PersonDeparture.person_id == person.person_id, _IS_A_DEATH)
        )
    return Life(born=person.date_of_birth, died=died, time_zone=person.time_zone)


async def lives_of(session: AsyncSession, person_ids: Collection[UUID]) -> dict[UUID, Life]:
    """The lives of these people, as they are stored."""
    found = await session.execute(lives_by_person(person_ids))
    return {key: Life(born, died, zone) for key, born, died, zone in found}


def lives_by_person(person_ids: Collection[UUID]) -> Select[UUID, date | None, date, str | None]:
    """The days of birth and death of these people, and their zones."""
    return (
        select(Person.person_id, Person.born_on, PersonDeparture.departed_on, Person.time_zone)
        .outerjoin(PersonDeparture, and_(PersonDeparture.person_id == Person.person_id, _IS_A_DEATH))
        .where(Person.person_id == any_(cast(list(person_ids), ARRAY(Uuid))))
    )


async def has_events_before(session: AsyncSession, person: Person, born: date) -> bool:
    """
    Whether something on record would lie before this birth date, which did not before the present one.

    The tables stand to the left of people: they are found by the table of event dates.
    """
    of_event_dates = {one.table for one in EVENT_DATES} - {"person"}
    limit, present = Life(born).earliest, Life(person.date_of_birth).earliest
    assert limit is not None  # noqa: S101 - it was given
    found = []
    for one in EVENT_DATES:
        if one.table not in of_event_dates:
            continue
        table = Base.metadata.tables[one.table]
        column = table.c[one.field]
        lies_before = column < _beginning(limit, column)
        if present is not None:
            lies_before = and_(lies_before, column >= _beginning(present, column))
        if "voided_at" in table.c:
            lies_before = and_(lies_before, table.c.voided_at.is_(None))
        found.append(exists().where(_is_about(table, person.person_id, of_event_dates), lies_before))
    return bool(await session.scalar(select(or_(*found))))


def _beginning(day: date, column: ColumnElement[Any]) -> date | datetime:
    """The beginning of a day for this column, where it begins first."""
    if isinstance(column.type, DateTime):
        return datetime.combine(day, time(), UTC) - FARTHEST_EAST
    return day


def _is_about(table: Table, person_id: UUID, tables: set[str]) -> ColumnElement[bool]:
    """Whether a row is about the person: it names them, or a record that does."""
    direct = [table.c[name] == person_id for name in _OF_A_PERSON if name in table.c]
    if direct:
        return or_(*direct)
    through = [
        key.parent.in_(select(key.column).where(_is_about(key.column.table, person_id, tables)))
        for key in table.foreign_keys
        if key.column.table.name in tables
    ]
    return or_(false(), *through)
