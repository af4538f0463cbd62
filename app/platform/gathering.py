"""
Several short lists by one statement, for a page that shows a few rows of many tables.

Each list is a subquery that the database answers as JSON. Its rows are plain objects with the columns by their names:
they belong to no session, so they are read and never changed.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Date, DateTime, Select, Uuid, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from app.platform.db import Base
from app.platform.paging import (
    COUNT_CAP,
    Found,
    PageQuery,
    PersonColumn,
    SortKey,
    cut_to,
    for_asker,
    total_of,
)

_READ: tuple[tuple[type[TypeEngine[Any]], Callable[[str], Any]], ...] = (
    (DateTime, datetime.fromisoformat),
    (Date, date.fromisoformat),
    (Uuid, UUID),
)
"""How a value that JSON has as text becomes what its column holds."""


def first_of(ids: Select[Any], sort: SortKey, most: int, *columns: Any) -> Select[Any]:
    """
    The first rows of a list in its order. `ids` selects the key and the columns of `sort`, as for `fetch_page`.

    `columns` are what is shown of a row, all of its table or some.
    """
    keys = cut_to(ids, sort, most).subquery()
    key = sort.columns[-1]
    return select(*columns).join(keys, key == next(iter(keys.c))).order_by(*sort.ordered())


class Beginning:
    """
    The beginning of a list, as `fetch_page` finds it without a cursor: `query.limit` rows of `table`, and the total.

    `keys` are those of the rows and of one more, for lists of what hangs on them.
    """

    def __init__(
        self,
        name: str,
        table: type[Base],
        *,
        ids: Select[Any],
        query: PageQuery,
        sort: SortKey,
        person: PersonColumn | None = None,
    ) -> None:
        ids = for_asker(ids, query, person)
        self.name, self.table, self.limit = name, table, query.limit
        self.keys = cut_to(ids, sort, query.limit + 1).cte(f"{name}_keys")
        self.key = next(iter(self.keys.c))
        self.rows = select(table).join(self.keys, sort.columns[-1] == self.key).order_by(*sort.ordered())
        self.total = select(total_of(self.keys, query.limit, [(ids, sort)]).label("total"))

    def found(self, rows: list[Any], total: int) -> Found[Any]:
        """Its page; there is no cursor to go on by, `next_cursor` only says whether there is more."""
        more = "more" if len(rows) > self.limit else None
        shown = rows[: self.limit]
        return Found(shown, more, min(total, COUNT_CAP), total > COUNT_CAP, self.table.__tablename__)


async def gathered_beginnings(
    session: AsyncSession, lists: Sequence[Beginning], **beside: Select[Any]
) -> tuple[dict[str, Found[Any]], dict[str, list[Any]]]:
    """The beginnings of lists, and the rows of what is asked beside them, each by its name."""
    rows = await gathered(
        session, **{one.name: one.rows for one in lists}, **{f"{one.name}_total": one.total for one in lists}, **beside
    )
    found = {one.name: one.found(rows[one.name], rows[f"{one.name}_total"][0].total) for one in lists}
    return found, {name: rows[name] for name in beside}


class Gathering:
    """
    The lists of one statement, by their names. One that is asked again and again with other values is made once, with
    a `bindparam` for each value: to put such a statement together takes longer than to ask it.
    """

    def __init__(self, **lists: Select[Any]) -> None:
        columns = []
        for name, query in lists.items():
            rows = query.subquery(f"{name}_rows")
            columns.append(select(func.jsonb_agg(func.to_jsonb(rows.table_valued()))).scalar_subquery().label(name))
        self._lists = {name: _reads(query) for name, query in lists.items()}
        self._statement = select(*columns)

    async def rows(self, session: AsyncSession, **values: Any) -> dict[str, list[Any]]:
        """The rows of each list, by its name."""
        found = (await session.execute(self._statement, values)).one() if self._lists else ()
        return {name: _rows(reads, rows or []) for (name, reads), rows in zip(self._lists.items(), found, strict=True)}


async def gathered(session: AsyncSession, **lists: Select[Any]) -> dict[str, list[Any]]:
    """The rows of each list, by its name."""
    return await Gathering(**lists).rows(session)


def _reads(query: Select[Any]) -> dict[str, Callable[[str], Any]]:
    """By the name of a column what reads its values, where JSON has them as text."""
    return {
        column.key: read
        for column in query.selected_columns
        for kind, read in _READ
        if column.key is not None and isinstance(column.type, kind)
    }


def _rows(reads: Mapping[str, Callable[[str], Any]], values: list[dict[str, Any]]) -> list[Any]:
    return [
        SimpleNamespace(
            **{
                name: reads[name](value) if name in reads and value is not None else value
                for name, value in one.items()
            }
        )
        for one in values
    ]
