"""
Answers from rows: what a `…Read` model shows is taken from the row by its name; the rest is said by the caller.

So a field that is added to the table and to the answer is shown by every path, without a list of fields between them.
"""

from collections.abc import Container, Mapping
from typing import Any, TypeVar

from sqlalchemy import ColumnElement

from app.platform.db import Base
from app.platform.fast_path import Row
from app.platform.text import Answer

Shape = TypeVar("Shape", bound=Answer)


def answer(shape: type[Shape], row: Base, **made: Any) -> Shape:
    """The answer about `row`: `made` as it is given, every other field from the row. Its relationships are loaded."""
    return shape.model_validate(made | {name: getattr(row, name) for name in shape.model_fields if name not in made})


class ShownColumns:
    """
    The same for a fast path: the columns of `table` that `shape` shows, and the document of a row that has them.

    `made` are the fields that are no columns, or that the caller knows already; `prefix` tells the columns of several
    tables in one row apart. TypeError, when the program starts, for a field that is neither.
    """

    def __init__(self, shape: type[Answer], table: type[Base], *, made: tuple[str, ...] = (), prefix: str = "") -> None:
        columns = table.__table__.c
        if unknown := [name for name in shape.model_fields if name not in columns and name not in made]:
            raise TypeError(f"{shape.__name__}: {unknown} are no columns of {table.__tablename__} and not made")
        if unknown := [name for name in made if name not in shape.model_fields]:
            raise TypeError(f"{shape.__name__} has no {unknown}")
        self._empty: dict[str, Any] = dict.fromkeys(shape.model_fields)
        self._names = [name for name in shape.model_fields if name not in made]
        self._places = [(name, prefix + name) for name in self._names]
        self._prefix = prefix
        self.columns = self.of(table)

    def of(self, source: Any) -> tuple[ColumnElement[Any], ...]:
        """The columns of the table, or of an alias of it."""
        return tuple(getattr(source, name).label(self._prefix + name) for name in self._names)

    def without(self, known: Container[str]) -> tuple[ColumnElement[Any], ...]:
        """The columns but those that the caller knows already, by these names."""
        return tuple(column for column in self.columns if column.name not in known)

    def document(self, row: Row | Mapping[str, Any]) -> dict[str, Any]:
        """The answer as JSON has it; a field that was named in `made` is None in its place, for the caller to set."""
        # A page is fifty of these: a copy that has room for every field costs two thirds of a dict that grows.
        document = self._empty.copy()
        for name, label in self._places:
            document[name] = row[label]
        return document
