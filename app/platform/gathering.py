"""
Several short lists by one statement, for a page that shows a few rows of many tables.

Each list is a subquery that the database answers as JSON. Its rows are plain objects with the columns by their names:
they belong to no session, so they are read and never changed.
"""

from collections.abc import Callable
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Date, DateTime, Select, Uuid, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from app.platform.paging import SortKey, cut_to

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


async def gathered(session: AsyncSession, **lists: Select[Any]) -> dict[str, list[Any]]:
    """The rows of each list, by its name."""
    columns = []
    for name, query in lists.items():
        rows = query.subquery(f"{name}_rows")
        columns.append(select(func.jsonb_agg(func.to_jsonb(rows.table_valued()))).scalar_subquery().label(name))
    found = (await session.execute(select(*columns))).one() if columns else ()
    return {name: _rows(lists[name], values or []) for name, values in zip(lists, found, strict=True)}


def _rows(query: Select[Any], values: list[dict[str, Any]]) -> list[Any]:
    reads = {
        column.key: read
        for column in query.selected_columns
        for kind, read in _READ
        if column.key is not None and isinstance(column.type, kind)
    }
    return [
        SimpleNamespace(
            **{
                name: reads[name](value) if name in reads and value is not None else value
                for name, value in one.items()
            }
        )
        for one in values
    ]
