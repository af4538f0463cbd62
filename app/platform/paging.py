"""
Lists whose cost does not grow with the table: a page by key, an opaque cursor bound to its filter, a capped count.

There is no OFFSET and no count over everything: `total` is exact up to 1,000 and then says that it is capped.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    case,
    func,
    literal,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.platform.errors import FieldError, Invalid
from app.platform.locales import _
from app.platform.text import Answer, Body, line

COUNT_CAP = 1_000
DEFAULT_LIMIT, MAX_LIMIT = 50, 200
PAGE_SIZES = (DEFAULT_LIMIT, MAX_LIMIT)
"""What is read of a list: the least of these that is not smaller than the limit asked for, so that plans are few."""

admits: ContextVar[Callable[[BaseModel], None] | None] = ContextVar("admits", default=None)
"""Set by an entry point while it answers: raises for a question that its asker may not ask."""

PersonColumn = ColumnElement[UUID] | InstrumentedAttribute[UUID]
Narrows = Callable[[BaseModel, PersonColumn | None], ColumnElement[bool] | None]
narrows: ContextVar[Narrows | None] = ContextVar("narrows", default=None)
"""Set by an entry point while it answers: the rows that a list may find for its asker, None where all."""


def admit(question: BaseModel) -> None:
    """Raise for a question that the asker of the request that is answered may not ask."""
    check = admits.get()
    if check is not None:
        check(question)


Cursor: Any = line(2000)
T = TypeVar("T")
Row = TypeVar("Row")


class Page(Answer, Generic[T]):
    """One page of a list. `next_cursor` is null on the last page."""

    items: list[T]
    next_cursor: str | None
    total: int
    total_is_capped: bool


def _limit(value: Any) -> Any:
    # Query values arrive as text; a lax int would take " 5 ", "1_0" and "5.0" too.
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= 4):  # noqa: PLR2004
        raise PydanticCustomError("number", "Send a whole number from 1 to 200.")
    return int(value) if isinstance(value, str) else value


@dataclass(frozen=True)
class Found(Generic[Row]):
    """
    A page of a list as its query finds it: rows in order, and what Page tells beside them.

    `record_type` is the table of the rows, where they are rows of one.
    """

    rows: list[Row]
    next_cursor: str | None
    total: int
    total_is_capped: bool
    record_type: str | None = None

    def page(self, items: Iterable[T]) -> Page[T]:
        """The page of these answers, one for each row."""
        return Page(
            items=list(items),
            next_cursor=self.next_cursor,
            total=self.total,
            total_is_capped=self.total_is_capped,
        )


class PageQuery(Body):
    """
    The paging part of a list's query string; each list's filter adds its own fields.

    While a request is answered, one that its asker may not ask cannot be made (`admits`).
    """

    limit: Annotated[
        int,
        Field(ge=1, le=MAX_LIMIT),
        BeforeValidator(_limit),
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}),
    ] = DEFAULT_LIMIT
    cursor: Cursor | None = None

    def model_post_init(self, _context: Any) -> None:
        admit(self)

    def fingerprint(self) -> str:
        """What a cursor is bound to: every filter but the page's own size and place."""
        asked = self.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)
        return hashlib.sha256(orjson.dumps([type(self).__name__, asked], option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


@dataclass(frozen=True)
class SortKey:
    """The columns a list is ordered by, newest or largest first unless `ascending`; the last one is unique."""

    columns: tuple[ColumnElement[Any] | InstrumentedAttribute[Any], ...]
    kinds: tuple[type, ...]
    ascending: bool = False

    def ordered(self) -> list[ColumnElement[Any]]:
        """What a statement is ordered by."""
        return [column.asc() if self.ascending else column.desc() for column in self.columns]


def sorted_by(asked: str | None, usual: SortKey, **sorts: SortKey) -> SortKey:
    """The order that a word of `sorts` asks for, the other way round with a minus before it; without one the usual."""
    if asked is None:
        return usual
    return replace(sorts[asked.removeprefix("-")], ascending=not asked.startswith("-"))


def _dump(value: Any) -> Any:
    return (
        value.isoformat() if isinstance(value, (datetime, date)) else str(value) if isinstance(value, UUID) else value
    )


def _instant(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(text)
    return value.astimezone(UTC)


_LOAD: dict[type, Callable[[Any], Any]] = {
    datetime: _instant,
    date: date.fromisoformat,
    UUID: UUID,
    str: str,
    int: int,
}


def encode_cursor(fingerprint: str, values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([fingerprint, *map(_dump, values)])).rstrip(b"=").decode()


def decode_cursor(cursor: str, fingerprint: str, kinds: Sequence[type]) -> list[Any]:
    """
    The values after which the page begins.

    Invalid `cursor_mismatch` for a cursor of another filter or sort, `invalid_cursor` for one we never made.
    """
    try:
        bound_to, *values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if len(values) != len(kinds):
            raise ValueError(cursor)
        loaded = [_LOAD[kind](value) for kind, value in zip(kinds, values, strict=True)]
        if any(isinstance(value, str) and "\x00" in value for value in loaded):
            raise ValueError(cursor)
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise invalid_cursor() from None
    if bound_to != fingerprint:
        raise _cursor_error("cursor_mismatch", "This cursor belongs to another filter; start from the first page.")
    return loaded


def invalid_cursor() -> Invalid:
    """For a cursor that no page of the list was given."""
    return _cursor_error("invalid_cursor", _("This is not a cursor of this list."))


def _cursor_error(code: str, message: str) -> Invalid:
    return Invalid(message, code=code, fields=[FieldError("cursor", code, message)])


def after(sort: SortKey, values: Sequence[Any]) -> ColumnElement[bool]:
    """The rows that come after `values` in the order of `sort`: a row comparison, so one index range."""
    left = tuple_(*sort.columns)
    right = tuple_(*(literal(value, column.type) for value, column in zip(values, sort.columns, strict=True)))
    return left > right if sort.ascending else left < right


OneOf = tuple[Any, Sequence[Any]]
"""A column and the values it may have."""


def _branches(ids: Select[Any], one_of: OneOf | None) -> list[Select[Any]]:
    if one_of is None or len(one_of[1]) < 2:  # noqa: PLR2004 - one value is no choice
        return [ids]
    column, values = one_of
    return [ids.where(column == value) for value in values]


def _limit_of(rows: int) -> ColumnElement[int]:
    # In the text: a parameter would be planned for a tenth of the table, that is by reading all of it.
    return literal_column(str(rows), Integer)


def cut_to(ids: Select[Any], sort: SortKey, most: int) -> Select[Any]:
    """The first `most` of `ids`, which selects the key and then the columns of `sort`."""
    return ids.order_by(*sort.ordered()).limit(_limit_of(most))


Branch = tuple[Select[Any], SortKey]
"""A part of a list that is read by itself, and its order: the parts are merged by the columns after the key."""


def counted(branches: Sequence[Branch]) -> Select[Any]:
    """How many rows these parts of a list have together, up to one more than COUNT_CAP."""
    most = _limit_of(COUNT_CAP + 1)
    # In the page's order, although a count has none: so the page's index is used, however rare the value. Left to
    # itself a generic plan reads the table from its beginning, and all of it for a value that hardly occurs.
    cuts = [cut_to(ids, sort, COUNT_CAP + 1) for ids, sort in branches]
    rows = cuts[0] if len(cuts) == 1 else select(union_all(*cuts).subquery()).limit(most)
    return select(func.count()).select_from(rows.subquery())


def _cut(branches: Sequence[Branch], last: Sequence[Any] | None, rows: int) -> Select[Any]:
    placed = [(ids if last is None else ids.where(after(sort, last)), sort) for ids, sort in branches]
    cuts = [cut_to(ids, sort, rows) for ids, sort in placed]
    if len(cuts) == 1:
        return cuts[0]
    merged = union_all(*cuts).subquery()
    by, ascending = list(merged.c)[1:], branches[0][1].ascending
    return (
        select(merged).order_by(*(column.asc() if ascending else column.desc() for column in by)).limit(_limit_of(rows))
    )


def for_asker(ids: Select[*tuple[Any, ...]], query: PageQuery, person: PersonColumn | None) -> Select[Any]:
    """Those of `ids` that a list may find for its asker (`narrows`)."""
    narrow = narrows.get()
    inside = None if narrow is None else narrow(query, person)
    return ids if inside is None else ids.where(inside)


def total_of(page: CTE, limit: int, branches: Sequence[Branch]) -> ColumnElement[int]:
    """How many rows a list has of which `page` is the beginning: one that ends within `limit` is counted already."""
    here = select(func.count()).select_from(page).scalar_subquery()
    # PostgreSQL runs a subquery of a branch of CASE only when it takes that branch.
    return case((here > limit, counted(branches).scalar_subquery()), else_=here)


async def fetch_keys(
    session: AsyncSession,
    *,
    ids: Select[*tuple[Any, ...]],
    query: PageQuery,
    sort: SortKey,
    one_of: OneOf | None = None,
    person: PersonColumn | None = None,
    further: Sequence[Branch] = (),
) -> Found[Any]:
    """
    The keys of a page in order.

    `ids` selects the key and then the columns of `sort` (filters applied, no order).

    `one_of` names a filter of `ids` by several values of one column. An index on that column has each value's rows in
    order, but not those of all together: so each value is read by itself, and the beginnings are merged. So are those
    of `further` tables on the same list.

    `person` tells whose a row is: a list that can be asked by case detail has it (`narrows`).
    """
    # No one column tells whose the rows of several tables are.
    ids = for_asker(ids, query, None if further else person)
    branches = [*((branch, sort) for branch in _branches(ids, one_of)), *further]
    last = None
    if query.cursor is not None:
        last = decode_cursor(query.cursor, query.fingerprint(), sort.kinds)
    size = next(size for size in PAGE_SIZES if query.limit <= size)
    page = _cut(branches, last, size + 1).cte("page")
    total = counted(branches).scalar_subquery() if last is not None else total_of(page, query.limit, branches)
    by = (column.asc() if sort.ascending else column.desc() for column in list(page.c)[1:])
    found = (await session.execute(select(page, total).order_by(*by))).all()[: query.limit + 1]
    shown = [row[:-1] for row in found[: query.limit]]
    is_last = len(found) <= query.limit
    next_cursor = None if is_last else encode_cursor(query.fingerprint(), shown[-1][1:])
    count = found[0][-1] if found else 0
    if not found and last is not None:
        # Behind a cursor there may be no row any more, which would tell it.
        count = (await session.execute(counted(branches))).scalar_one()
    return Found([row[0] for row in shown], next_cursor, min(count, COUNT_CAP), count > COUNT_CAP)


async def fetch_page(
    session: AsyncSession,
    *,
    ids: Select[*tuple[Any, ...]],
    query: PageQuery,
    sort: SortKey,
    rows: Select[Row],
    one_of: OneOf | None = None,
    person: PersonColumn | None = None,
) -> Found[Row]:
    """
    A page cut before it is joined: what `fetch_keys` finds, with the rows in place of their keys.

    `rows` selects what is shown, of all rows; those of the page are asked for by the last column of `sort`, their key.
    """
    keys = await fetch_keys(session, ids=ids, query=query, sort=sort, one_of=one_of, person=person)
    key = sort.columns[-1]
    found = (await session.scalars(rows.where(key.in_(keys.rows)))).unique().all() if keys.rows else []
    by_key = {getattr(row, str(key.key)): row for row in found}
    record_type = rows.column_descriptions[0]["entity"].__tablename__
    return replace(keys, rows=[by_key[key] for key in keys.rows if key in by_key], record_type=record_type)
