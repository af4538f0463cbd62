"""
Persons by the terms of the index, newest first, without reading all whom a frequent word finds.

An index of words has no order. The buckets of running numbers give it one: `ma` among the newest two thousand people is
as cheap as any word. How many have been found there tells how far the next step has to go.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.selectable import CTE

from app.people.models import Person
from app.people.search.models import PersonSearch
from app.people.search.terms import every, some, term
from app.platform.db import Base
from app.platform.fast_path import Rows, Statement
from app.platform.paging import PageQuery

IN_HAND: Final = 200
"""So many are read at once and ordered as they should be; where there are more, buckets are gone through."""
SORTED_AT_ONCE: Final = 3_000
"""So many PostgreSQL sorts to give the newest of them; where there are more, a smaller step is taken."""
_PROBE: Final = 2_048
_LEAST: Final = 1_024
_WIDER: Final = 8
_A_BIT_MORE: Final = 1.4
_SHIFTS: Final = (10, 13, 16, 19)
_MOST_BUCKETS: Final = 9

Key = ColumnElement[UUID] | InstrumentedAttribute[UUID]
Filters = Mapping[str, ColumnElement[bool]]


@dataclass(frozen=True, eq=False)
class Searched:
    """
    A list that is searched: its rows by their `key`, whose they are, and its filters by name.

    A filter takes its value as the parameter of its name, so that statements are made once for all values.
    """

    key: Key
    person_id: Key
    filters: Filters

    def given(self, query: PageQuery) -> dict[str, Any]:
        """The values of the filters that a list's query has fields for."""
        return {name: value for name in self.filters if (value := getattr(query, name, None)) is not None}


@dataclass(frozen=True)
class Hits:
    """
    What a list shows of the persons that are found: the values of its filters by name.

    `marks` say in the index what some of them say, so that few are read for a rare one: each is one mark, or several of
    which one is enough. `conditions` are further ones that come with their values.
    """

    of: Searched
    values: Mapping[str, Any] = field(default_factory=dict)
    marks: Sequence[str | tuple[str, ...]] = ()
    conditions: Sequence[ColumnElement[bool]] = ()

    def within(self, condition: ColumnElement[bool]) -> "Hits":
        """The same with one condition more."""
        return replace(self, conditions=(*self.conditions, condition))


@dataclass(frozen=True, eq=False)
class People:
    """
    A query of person_id with parameters, made once; and what is asked this time.

    Where there may be very many, `terms` are a query of the index that all of them meet, and `condition` says of a row
    of the list, by its person, whether it is one of theirs.
    """

    query: Select[*tuple[Any, ...]]
    values: Mapping[str, Any]
    terms: str | None = None
    condition: Callable[[Key], ColumnElement[bool]] | None = None


class Hit(NamedTuple):
    """A row of a list; `num` and then `key` are its place among those that are met as well."""

    person_id: UUID
    num: int
    is_active: bool
    words: str
    key: UUID


class Met(NamedTuple):
    """
    `rows` when all are read, newest first, else None; `total` is None where they were not counted.

    `newest` are the first IN_HAND where there are more and all were sorted, else None. Where not all are read, `about`
    is a guess at how many they are, and `sample` has the words of some.
    """

    rows: list[Hit] | None
    total: int | None
    newest: list[Hit] | None = None
    about: int = 0
    sample: Sequence[str] = ()


class Counted(NamedTuple):
    rows: list[Hit]
    total: int


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
    _driver: Any = field(default=None, init=False)

    async def all_of(self, query: str, *, are_few: bool = False) -> Met:
        """
        Who meets the query: all of them, where they are no more than are read at once.

        `are_few` says that it is no word that very many have, so that the newest are not asked for first.
        """
        asked = every([query, *self._marks()])
        statement = _statement(select_all, self.hits, are_few=are_few)
        rows = await self.read(statement, {**self.hits.values, "query": asked})
        self._newest, are_all = rows[0]["newest"], rows[0]["are_all"]
        found = [Hit(*tuple(row)[:5]) for row in rows if row["person_id"] is not None] if are_all else []
        total = rows[0]["total"] if are_all else None
        if total is None:
            sample = rows[0]["probed"] or ()
            return Met(None, None, about=len(sample) * rows[0]["newest"] // _PROBE, sample=sample)
        if total > IN_HAND:
            newest = found[:IN_HAND] if total <= SORTED_AT_ONCE else None
            return Met(None, total, newest, about=total, sample=[hit.words for hit in found])
        return Met(found, total)

    async def newest_of(self, query: str, *, is_active: bool, after: Place | None, most: int, about: int) -> list[Hit]:
        """
        The first `most` of those who meet the query, active or not, that come after a place, newest first.

        `about` so many meet it, as far as is known: the first step goes as far as that tells.
        """
        rows: list[Hit] = []
        top = 1 + (after.num if after else await self._newest_number())
        width = max(_PROBE, int(most * top / about * _A_BIT_MORE)) if about else _PROBE
        gone_through, met = 0, 0
        # Few are inactive: they are read as a whole first.
        reads_all, has_read_all = not is_active, False
        while len(rows) < most:
            low = None if reads_all or top <= _LEAST else top - width
            is_least = (top if low is None else width) <= _LEAST
            found = await self._between(
                query, low, top, is_active=is_active, after=after, most=most - len(rows), sorts_all=is_least
            )
            if found.total > SORTED_AT_ONCE and not is_least:
                # Too many to be sorted: a smaller step, and no second try at the rest as a whole.
                width = max((width if low is not None else _PROBE) // _WIDER, _LEAST)
                reads_all, has_read_all = False, has_read_all or low is None
                continue
            rows += found.rows
            if low is None or low <= 0:
                break
            gone_through, met, top = gone_through + width, met + found.total, low
            per_person = (met + 1) / gone_through
            reads_all = per_person * top <= SORTED_AT_ONCE and not has_read_all
            width = int(min(max((most - len(rows)) / per_person * _A_BIT_MORE, _PROBE), width * _WIDER))
        return rows

    async def all_sorted(self, query: str, *, most: int) -> list[Hit] | None:
        """The first `most` who meet the query, active ones first; None where they are more than are sorted at once."""
        top = 1 + await self._newest_number()
        found = await self._between(query, None, top, is_active=None, most=most)
        return found.rows if found.total <= SORTED_AT_ONCE else None

    async def count_of(self, people: People) -> int | None:
        """How many `people` are; None where they are more than PostgreSQL sorts at once."""
        rows = await self.read(_counted(people.query, SORTED_AT_ONCE + 1), people.values)
        count = int(rows[0]["people"])
        return count if count <= SORTED_AT_ONCE else None

    async def among(self, people: People, *, after: tuple[bool, Place] | None = None) -> Counted:
        """
        Those of `people`, active ones first, newest first: one more than are read at once, and how many there are.

        `after` is whether the last row of the page before was active, and its place.
        """
        statement = _statement(select_among, self.hits, people.query, has_place=after is not None)
        values = dict(people.values)
        if after is not None:
            is_active, place = after
            values |= {"is_active": is_active, "num": place.num, "key": place.key}
        return await self._counted(statement, values)

    async def _between(
        self,
        query: str,
        low: int | None,
        top: int,
        *,
        is_active: bool | None,
        most: int,
        after: Place | None = None,
        sorts_all: bool = False,
    ) -> Counted:
        """
        Those who meet the query with numbers from `low` to below `top`; without `low` all below `top`.

        The newest `most` of them, active ones first, and how many there are, at most one more than SORTED_AT_ONCE: then
        these are not the newest. `sorts_all` is for few persons of many rows.
        """
        asked = [query, *self._marks()]
        if low is not None:
            asked.append(buckets(low, top, is_active=bool(is_active)))
        elif is_active is False:
            asked.append(term("@off"))
        statement = _statement(
            select_between,
            self.hits,
            has_low=low is not None,
            only_active=is_active is True,
            has_place=after is not None,
            sorted_at_once=None if sorts_all else SORTED_AT_ONCE + 1,
        )
        values: dict[str, Any] = {"query": every(asked), "top": top, "most": most}
        if low is not None:
            values["low"] = low
        if after is not None:
            values |= {"num": after.num, "key": after.key}
        return await self._counted(statement, values)

    def _marks(self) -> list[str]:
        either = (mark if isinstance(mark, tuple) else (mark,) for mark in self.hits.marks)
        return [some(term(f"@{mark}") for mark in marks) for marks in either]

    async def _newest_number(self) -> int:
        """The greatest running number given so far."""
        if self._newest is None:
            (row,) = await self.read(_NEWEST, {})
            self._newest = row["num"] or 0
        return self._newest

    async def _counted(self, statement: Statement, values: Mapping[str, Any]) -> Counted:
        rows = await self.read(statement, {**self.hits.values, **values})
        return Counted([Hit(*tuple(row)[:5]) for row in rows], rows[0]["total"] if rows else 0)

    async def read(self, statement: Statement, values: Mapping[str, Any]) -> Rows:
        """The rows of a statement on the session's own connection, past the ORM: a search sends several."""
        if self._driver is None:
            self._driver = (await (await self.session.connection()).get_raw_connection()).driver_connection
        found: Rows = await self._driver.fetch(statement.sql, *statement.arguments(values))
        return found


def filters_of(model: type[Base], *equal: str, **further: ColumnElement[bool]) -> dict[str, ColumnElement[bool]]:
    """The filters by columns that are equal to their value, by when the row was made, and further ones."""
    columns = model.__table__.c
    found: dict[str, ColumnElement[bool]] = {
        name: columns[name] == bindparam(name, type_=columns[name].type) for name in equal
    }
    made = columns.created_at
    found["created_from"] = made >= bindparam("created_from", type_=made.type)
    found["created_to"] = made < bindparam("created_to", type_=made.type)
    return found | further


def mark_of_country(country: str | None) -> list[str]:
    """The mark of the people of a country, for a list's filter."""
    return [] if country is None else [f"n{country}"]


def lives_in(person_id: Key, country: str | None = None) -> ColumnElement[bool]:
    """The filter for rows of people of a country; without one it is the parameter `country`."""
    asked = bindparam("country", country, type_=Person.__table__.c.country.type, required=country is None)
    return exists().where(Person.person_id == person_id, Person.country == asked)


def _statement(make: Callable[..., Select[Any]], hits: Hits, *asked: Any, **flags: Any) -> Statement:
    """The statement that `make` makes for these filters, made once where they have no values of their own."""
    if hits.conditions:
        return Statement(make(hits.of, tuple(hits.values), hits.conditions, *asked, **flags))
    return _kept(make, hits.of, tuple(sorted(hits.values)), *asked, **flags)


@cache
def _counted(people: Select[*tuple[Any, ...]], most: int) -> Statement:
    """How many they are, up to a number."""
    return Statement(select(func.count().label("people")).select_from(people.limit(_number(most)).subquery()))


@cache
def _kept(
    make: Callable[..., Select[Any]], of: Searched, names: tuple[str, ...], *asked: Any, **flags: Any
) -> Statement:
    return Statement(make(of, names, (), *asked, **flags))


def select_among(
    of: Searched,
    names: Sequence[str],
    conditions: Sequence[ColumnElement[bool]],
    people: Select[*tuple[Any, ...]],
    *,
    has_place: bool,
) -> Select[Any]:
    """Those of `people` as rows of the list, active ones first, newest first, and how many they are."""
    row = PersonSearch
    m = _materialized(
        select(row.person_id, row.num, row.is_active, row.words).where(row.person_id.in_(people.correlate(None)))
    )
    shown = shown_of(of, names, conditions, m).cte("shown")
    order = (shown.c.is_active, shown.c.num, shown.c.key)
    query = select(shown, select(func.count()).select_from(shown).scalar_subquery().label("total"))
    if has_place:
        last = (bindparam(name, type_=column.type) for name, column in zip(_PLACE, order, strict=True))
        query = query.where(tuple_(*order) < tuple_(*last))
    return query.order_by(*(column.desc() for column in order)).limit(_number(IN_HAND + 1))


def select_all(
    of: Searched, names: Sequence[str], conditions: Sequence[ColumnElement[bool]], *, are_few: bool
) -> Select[Any]:
    """
    All who meet `query` as rows of the list, newest first, unless they are more than are sorted at once.

    How many they are is guessed by the newest of them; `are_few` spares that. There is always a row, which says
    `newest`, the greatest running number, whether `are_all` here, and the words of those who were `probed`.
    """
    row = PersonSearch
    asked = bindparam("query", type_=Text)
    newest = func.coalesce(func.pg_sequence_last_value(literal_column(_SEQUENCE)), literal_column("0"))
    last = select(cast(newest, BigInteger).label("newest")).cte("last").prefix_with("MATERIALIZED")
    number = select(last.c.newest).scalar_subquery()
    are_all: ColumnElement[bool] = true()
    words_of_probe: ColumnElement[Any] = literal_column("NULL")
    if not are_few:
        probed = _materialized(
            _who_meet(_among_newest(asked, number)).where(row.num > number - _number(_PROBE)), "probed"
        )
        hits = shown_of(of, names, conditions, probed).limit(_number(IN_HAND + 1)).subquery()
        count = select(func.count().label("hits"), func.array_agg(hits.c.words).label("words")).subquery()
        guess = select(last.c.newest, count.c.hits, count.c.words).cte("guess").prefix_with("MATERIALIZED")
        so_many = (guess.c.hits + _number(1)) * guess.c.newest <= _number(SORTED_AT_ONCE * _PROBE)
        is_small = guess.c.newest < _number(SORTED_AT_ONCE)
        are_all = select(or_(is_small, and_(guess.c.hits <= _number(IN_HAND), so_many))).scalar_subquery()
        words_of_probe = select(guess.c.words).scalar_subquery()
    met = _materialized(_who_meet(asked).where(row.num <= number, are_all), "m")
    read = shown_of(of, names, conditions, met).limit(_number(SORTED_AT_ONCE + 1)).cte("read")
    first = select(read).order_by(read.c.num.desc(), read.c.key.desc()).limit(_number(IN_HAND + 1)).subquery()
    told = select(
        last.c.newest,
        are_all.label("are_all"),
        words_of_probe.label("probed"),
        select(func.count()).select_from(read).scalar_subquery().label("total"),
    ).subquery()
    return (
        select(first, told).select_from(told.outerjoin(first, true())).order_by(first.c.num.desc(), first.c.key.desc())
    )


def _among_newest(query: ColumnElement[str], newest: ColumnElement[int]) -> ColumnElement[str]:
    """The query for the active ones of the last numbers that are probed."""
    shift = _number(_SHIFTS[0])
    numbers = [newest.op(">>")(shift) - _number(back) for back in range((_PROBE >> _SHIFTS[0]) + 1)]
    either = " | ".join("''@b0:%s''" for _ in numbers)
    return func.format(literal_column(f"'%s & ({either})'"), query, *numbers)


def _who_meet(query: ColumnElement[str]) -> Select[*tuple[Any, ...]]:
    row = PersonSearch
    terms = func.search_terms(row.words, row.num, row.is_active, row.date_of_birth, row.marks)
    return select(row.person_id, row.num, row.is_active, row.words).where(
        terms.op("@@", is_comparison=True)(cast(query, TSQUERY))
    )


def select_between(
    of: Searched,
    names: Sequence[str],
    conditions: Sequence[ColumnElement[bool]],
    *,
    has_low: bool,
    only_active: bool,
    has_place: bool,
    sorted_at_once: int | None,
) -> Select[Any]:
    """
    The persons who meet `query` with numbers below `top`, from `low` on, as rows of the list.

    They are taken from the index first, then the list's filter is looked at, then these are sorted. In one
    query PostgreSQL would go along another index and look at everybody.
    """
    row = PersonSearch
    found = _who_meet(bindparam("query", type_=Text)).where(row.num < bindparam("top", type_=BigInteger))
    if has_low:
        found = found.where(row.num >= bindparam("low", type_=BigInteger))
    if only_active:
        found = found.where(row.is_active)
    shown = shown_of(of, names, conditions, _materialized(found))
    if has_place:
        num, key = shown.selected_columns["num"], shown.selected_columns["key"]
        # A key that is labelled is no column for a condition.
        key = key.element if hasattr(key, "element") else key
        shown = shown.where(
            tuple_(num, key) < tuple_(bindparam("num", type_=num.type), bindparam("key", type_=key.type))
        )
    read = (shown if sorted_at_once is None else shown.limit(_number(sorted_at_once))).cte("read")
    count = select(func.count()).select_from(read).scalar_subquery()
    return (
        select(read, count.label("total"))
        .order_by(read.c.is_active.desc(), read.c.num.desc(), read.c.key.desc())
        .limit(bindparam("most", type_=Integer))
    )


def shown_of(of: Searched, names: Sequence[str], conditions: Sequence[ColumnElement[bool]], m: CTE) -> Select[Any]:
    """The rows of the list of the persons in `m`, by the list's filter."""
    columns = (m.c.person_id, m.c.num, m.c.is_active, m.c.words)
    if of.key is of.person_id and not names and not conditions:
        return select(*columns, m.c.person_id.label("key"))
    wanted = (*(of.filters[name] for name in names), *conditions)
    found = select(*columns, of.key.label("key")).join_from(m, of.key.table, of.person_id == m.c.person_id)
    return found.where(*wanted)


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


def _materialized(found: Select[*tuple[Any, ...]], name: str = "m") -> CTE:
    return found.cte(name).prefix_with("MATERIALIZED", dialect="postgresql")


def _number(rows: int) -> ColumnElement[int]:
    # In the text, as paging has it: a parameter is planned for a tenth of the table.
    return literal_column(str(rows), Integer)


_PLACE: Final = ("is_active", "num", "key")
_SEQUENCE: Final = "'person_search_num_seq'"
_NEWEST = Statement(select(func.pg_sequence_last_value(literal_column(_SEQUENCE)).label("num")))
