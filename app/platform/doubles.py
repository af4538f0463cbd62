"""
One row for one thing: what is here already, in whatever writing, is recognised by keys in its row.

A unique index holds the keys of a table. It leaves out the rows marked `is_double`: those that stood beside an older
one when the rule came, and those that a migration has to load. They are listed for a data steward, who mends them.
Nothing new comes beside them: `find_same` looks at marked rows too.

Source: docs/MATCHING.md, "One row for one thing".
"""

import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Index, and_, event, inspect, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.actor import Actor
from app.platform.advisory_locks import LockOf, lock_values_until_commit
from app.platform.db import INTERNAL
from app.platform.errors import Conflict
from app.platform.folding import fold_words, reduced, spellings

_NOT_OF_NUMBERS: Final = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Pd"})
_SHORTEST_REDUCED: Final = 3
"""Letters of a word: Süd and Sued are one, Doe and Do are not."""
_MINUS: Final = "\N{MINUS SIGN}"
_IS_MARKED: Final = text("is_double")
_IS_NOT_MARKED: Final = text("NOT is_double")


def key_of_name(name: str | None) -> str:
    """
    The words of a name as the migration folds them, and ue as ü (`Köln`, `koeln`, `KOLN.`); empty for no name.

    A name of signs alone is its own key.
    """
    if not name:
        return ""
    words = [reduced(spellings(word)[0], with_ae=True, shortest=_SHORTEST_REDUCED) for word in fold_words(name).split()]
    return " ".join(filter(None, words)) or " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def key_of_number(number: str | None) -> str:
    """A licence's or dossier's number in capitals, without blanks and dashes; one of dashes alone is its own key."""
    if not number:
        return ""
    written = unicodedata.normalize("NFKC", number)
    bare = (c for c in written if c != _MINUS and unicodedata.category(c) not in _NOT_OF_NUMBERS)
    return "".join(bare).upper() or written


class Keyed:
    """
    A table with one row for one thing.

    `keys` says how each key column is made from a row. Rows of the same keys are two things where both fill a column of
    `apart`, and differently.
    """

    is_double: Mapped[bool] = mapped_column(server_default=text("false"), info=INTERNAL, sort_order=900)

    keys: ClassVar[Mapping[str, Callable[[Any], str]]]
    apart: ClassVar[tuple[str, ...]] = ()


Row = TypeVar("Row", bound=Keyed)
KEY_OF_NAME: Final[Mapping[str, Callable[[Any], str]]] = MappingProxyType(
    {"name_key": lambda row: key_of_name(row.name)}
)
"""`Keyed.keys` of a table whose rows are told by their name."""


def indexes_of_keys(table: str, key: str, *columns: str) -> tuple[Index, Index]:
    """The unique index of the key columns, and the one by which doubles are listed; `key` is the primary key."""
    return (
        Index(
            f"uq_{table}_keys",
            *columns,
            unique=True,
            postgresql_where=_IS_NOT_MARKED,
            postgresql_nulls_not_distinct=True,
        ),
        Index(f"ix_{table}_double", key, postgresql_where=_IS_MARKED),
    )


class AlreadyHere(Conflict):
    """What was sent is here, in some writing. `existing` in the answer shows it to anyone who may read it."""

    def __init__(self, existing: Mapping[str, Any] | None = None, *, about: UUID | None = None) -> None:
        is_inactive = existing is not None and existing.get("is_active") is False
        way_on = " It is inactive: set it active again." if is_inactive else ""
        shown = {"existing": dict(existing)} if existing is not None else None
        super().__init__(self.detail + way_on, extra=shown, about=about)


def shown_to(actor: Actor, permission: str, row: Any, *fields: str) -> dict[str, Any] | None:
    """These fields of a row for a problem's answer; None for who may not read such rows."""
    if not actor.may(permission):
        return None
    values = {name: getattr(row, name) for name in fields}
    return {name: str(value) if isinstance(value, UUID) else value for name, value in values.items()}


async def find_same(session: AsyncSession, row: Row) -> Row | None:
    """
    Another row that is the same thing as this new or changed one, which is not flushed yet; None when there is none.

    Nothing is asked for a change that leaves a row the thing that it was. Two at once follow each other until they
    commit.
    """
    state = inspect(row)
    if state.persistent and not _has_moved(row):
        return None
    model, made = type(row), _keys_of(row)
    await lock_things(session, model, [" ".join(made.values())])
    same = [getattr(model, column) == value for column, value in made.items()]
    same += [
        or_(getattr(model, column).is_(None), getattr(model, column) == value)
        for column in model.apart
        if (value := getattr(row, column)) is not None
    ]
    key = _key(model)
    if state.persistent:
        same.append(key != getattr(row, key.key))
    with session.no_autoflush:
        # Two look-ups, as there are two indexes.
        for marked in (~model.is_double, model.is_double):
            other = (await session.scalars(select(model).where(marked, *same).order_by(key).limit(1))).first()
            if other is not None:
                return other
    return None


async def lock_things(session: AsyncSession, model: Any, keys: list[str]) -> None:
    """Let transactions that are about the same things of one table follow each other until they commit."""
    with session.no_autoflush:
        await lock_values_until_commit(session, {LockOf.THING: [f"{model.__tablename__} {key}" for key in keys]})


def are_the_same(model: Any, other: Any) -> ColumnElement[bool]:
    """Whether two rows of a table are one thing; `other` is an alias of `model`."""
    key = _key(model).key
    return and_(
        getattr(model, key) != getattr(other, key),
        *(getattr(model, column) == getattr(other, column) for column in model.keys),
        *(
            or_(
                getattr(model, column).is_(None),
                getattr(other, column).is_(None),
                getattr(model, column) == getattr(other, column),
            )
            for column in model.apart
        ),
    )


def _key(model: Any) -> Any:
    return getattr(model, inspect(model).primary_key[0].name)


def _keys_of(row: Any) -> dict[str, str]:
    return {column: make(row) for column, make in row.keys.items()}


def _has_moved(row: Any) -> bool:
    """Whether a changed row is another thing than it was. What tells a double apart better makes nothing of it."""
    if any(getattr(row, column) != made for column, made in _keys_of(row).items()):
        return True
    return not row.is_double and any(inspect(row).attrs[column].history.has_changes() for column in row.apart)


@event.listens_for(Keyed, "before_insert", propagate=True)
def _key_new(_mapper: Any, _connection: Any, row: Any) -> None:
    for column, made in _keys_of(row).items():
        setattr(row, column, made)


@event.listens_for(Keyed, "before_update", propagate=True)
def _key_changed(_mapper: Any, _connection: Any, row: Any) -> None:
    # A row that becomes another thing takes its place in the unique index.
    if _has_moved(row):
        row.is_double = False
        _key_new(_mapper, _connection, row)
