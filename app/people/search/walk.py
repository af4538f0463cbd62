"""
Persons by the terms of the index, newest first, without reading all whom a frequent word finds.

An index of words has no order. The buckets of running numbers give it one: `ma` among the newest two thousand people is
as cheap as any word. How many have been found there tells how far the next step has to go.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.selectable import CTE

from app.people.search.models import PersonSearch
from app.people.search.terms import every, some, term

IN_HAND: Final = 3_000
"""So many are read at once and sorted as they should be; where there are more, buckets are gone through."""
_PROBE: Final = 2_048
_LEAST: Final = 1_024
_WIDER: Final = 8
_A_BIT_MORE: Final = 1.4
_SHIFTS: Final = (10, 13, 16, 19)
_MOST_BUCKETS: Final = 9

Key = ColumnElement[UUID] | InstrumentedAttribute[UUID]


@dataclass(frozen=True)
class Hits:
    """
    What a list shows of the persons that are found: its rows, `key` and `person_id` of their table, and its filter.

    `conditions` are exact; `marks` say in the index what some of them say, so that few are read for a rare one.
    """

    key: Key
    person_id: Key
    conditions: Sequence[ColumnElement[bool]] = ()
    marks: Sequence[str] = ()


class Hit(NamedTuple):
    """A row of a list; `num` and then `key` are its place among those that are met as well."""

    person_id: UUID
    num: int
    is_active: bool
    words: str
    key: UUID


class Place(NamedTuple):
    """The last row of a page: those that come after it have a lower number, or this number and a lower key."""

    num: int
    key: UUID


@dataclass
class Walk:
    """One search for the rows of a list, in one transaction."""

    session: AsyncSession
    hits: Hits
    _newest: int | None = field(default=None, init=False)

    async def newest(self) -> int:
        """The greatest running number given so far."""
        if self._newest is None:
            self._newest = int(await self.session.scalar(_NEWEST) or 0)
        return self._newest

    async def all_of(self, query: str) -> list[Hit] | None:
        """All who meet the query, newest first; None when they are more than are read at once."""
        top = await self.newest() + 1
        if top > IN_HAND:
            found = await self._between(query, top - _PROBE, top, is_active=True)
            if (len(found) + 1) * top / _PROBE > IN_HAND:
                return None
        found = await self._between(query, None, top, is_active=None)
        return found if len(found) <= IN_HAND else None

    async def newest_of(self, query: str, *, is_active: bool, after: Place | None, most: int) -> list[Hit]:
        """The first `most` of those who meet the query, active or not, that come after a place, newest first."""
        rows: list[Hit] = []
        top = 1 + (after.num if after else await self.newest())
        width, gone_through = _PROBE, 0
        # Few are inactive: they are read as a whole first.
        reads_all, has_read_all = not is_active, False
        while len(rows) < most:
            low = None if reads_all or top <= _LEAST else top - width
            is_least = (top if low is None else width) <= _LEAST
            found = await self._between(query, low, top, is_active=is_active, after=after, reads_every=is_least)
            if len(found) > IN_HAND and not is_least:
                # Too many to be sorted: a smaller step, and no second try at the rest as a whole.
                width = max((width if low is not None else _PROBE) // _WIDER, _LEAST)
                reads_all, has_read_all = False, has_read_all or low is None
                continue
            rows += found
            if low is None or low <= 0:
                break
            gone_through += width
            top = low
            per_person = (len(rows) + 1) / gone_through
            reads_all = per_person * top <= IN_HAND and not has_read_all
            width = int(min(max((most - len(rows)) / per_person * _A_BIT_MORE, _PROBE), width * _WIDER))
        return rows[:most]

    async def among(self, people: Select[Any], *, after: tuple[bool, Place] | None = None) -> list[Hit]:
        """
        Those of `people`, a query of person_id, active ones first, newest first; at most one more than IN_HAND.

        `after` is whether the last row of the page before was active, and its place.
        """
        row = PersonSearch
        m = _materialized(
            select(row.person_id, row.num, row.is_active, row.words).where(row.person_id.in_(people.correlate(None)))
        )
        shown = self._shown(m).subquery("shown")
        order = (shown.c.is_active, shown.c.num, shown.c.key)
        query = select(shown)
        if after is not None:
            is_active, place = after
            query = query.where(tuple_(*order) < tuple_(literal(is_active), *map(literal, place)))
        query = query.order_by(*(column.desc() for column in order)).limit(_number(IN_HAND + 1))
        return [Hit(*found) for found in await self.session.execute(query)]

    async def _between(
        self,
        query: str,
        low: int | None,
        top: int,
        *,
        is_active: bool | None,
        after: Place | None = None,
        reads_every: bool = False,
    ) -> list[Hit]:
        """
        Those who meet the query with numbers from `low` to below `top`, newest first; without `low` all below `top`.

        At most one more than IN_HAND, which are not the newest then; `reads_every` is for few persons of many rows.
        """
        asked = [query, *(term(f"@{mark}") for mark in self.hits.marks)]
        if low is not None:
            asked.append(buckets(low, top, is_active=bool(is_active)))
        elif is_active is False:
            asked.append(term("@off"))
        statement = select_between(
            self.hits,
            has_low=low is not None,
            only_active=is_active is True,
            has_place=after is not None,
            most=None if reads_every else IN_HAND + 1,
        )
        values: dict[str, Any] = {"query": every(asked), "top": top}
        if low is not None:
            values["low"] = low
        if after is not None:
            values |= {"num": after.num, "key": after.key}
        return [Hit(*found) for found in await self.session.execute(statement, values)]

    def _shown(self, m: CTE) -> Select[Any]:
        return shown_of(self.hits, m)


def select_between(hits: Hits, *, has_low: bool, only_active: bool, has_place: bool, most: int | None) -> Select[Any]:
    """
    The persons who meet `query` with numbers below `top`, from `low` on, as rows of the list.

    They are taken from the index first, then the list's filter is looked at, then `most` are sorted. In one
    query PostgreSQL would go along another index and look at everybody.
    """
    row = PersonSearch
    terms = func.search_terms(row.words, row.num, row.is_active, row.date_of_birth, row.marks)
    found = select(row.person_id, row.num, row.is_active, row.words).where(
        terms.op("@@", is_comparison=True)(cast(bindparam("query"), TSQUERY)), row.num < bindparam("top")
    )
    if has_low:
        found = found.where(row.num >= bindparam("low"))
    if only_active:
        found = found.where(row.is_active)
    shown = shown_of(hits, _materialized(found))
    if has_place:
        num, key = shown.selected_columns["num"], shown.selected_columns["key"]
        # A key that is labelled is no column for a condition.
        key = key.element if hasattr(key, "element") else key
        shown = shown.where(
            tuple_(num, key) < tuple_(bindparam("num", type_=num.type), bindparam("key", type_=key.type))
        )
    read = (shown if most is None else shown.limit(_number(most))).subquery("read")
    return select(read).order_by(read.c.num.desc(), read.c.key.desc())


def shown_of(hits: Hits, m: CTE) -> Select[Any]:
    """The rows of the list of the persons in `m`, by the list's filter."""
    columns = (m.c.person_id, m.c.num, m.c.is_active, m.c.words)
    if hits.key is hits.person_id and not hits.conditions:
        return select(*columns, m.c.person_id.label("key"))
    table = hits.key.table
    return (
        select(*columns, hits.key.label("key"))
        .join_from(m, table, hits.person_id == m.c.person_id)
        .where(*hits.conditions)
    )


def buckets(low: int, top: int, *, is_active: bool) -> str:
    """One of the buckets that numbers from `low` to below `top` lie in, as a part of a query."""
    kind = "b" if is_active else "i"
    for place, shift in enumerate(_SHIFTS):
        numbers = range(low >> shift, (top - 1 >> shift) + 1)
        if len(numbers) <= _MOST_BUCKETS or shift == _SHIFTS[-1]:
            return some(term(f"@{kind}{place}:{number}") for number in numbers)
    raise AssertionError


def mark_of(record_id: UUID) -> str:
    """What stands for the id of a record in a mark, as the database function `search_marks` has it."""
    return str(record_id)[-8:]


def _materialized(found: Select[*tuple[Any, ...]]) -> CTE:
    return found.cte("m").prefix_with("MATERIALIZED", dialect="postgresql")


def _number(rows: int) -> ColumnElement[int]:
    # In the text, as paging has it: a parameter is planned for a tenth of the table.
    return literal_column(str(rows), Integer)


_NEWEST = text("SELECT pg_sequence_last_value('person_search_num_seq')")
