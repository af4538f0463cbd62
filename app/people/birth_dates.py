"""
Birth dates as far as they are known: a year, a month, or a day.

A partial one is stored as the first day that it may be and its precision, and is a string in JSON: `1967`, `1967-03`.
"""

import re
from calendar import monthrange
from datetime import date
from typing import Any, Final, Literal, Self, get_args

from sqlalchemy import ColumnElement, Dialect, Text, case, func, literal_column
from sqlalchemy.types import TypeDecorator

Precision = Literal["year", "month", "day"]
PRECISIONS: Final[tuple[Precision, ...]] = get_args(Precision)
_FORMATS: Final = {"year": "YYYY", "month": "YYYY-MM", "day": "YYYY-MM-DD"}
_WRITTEN: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?\Z", re.ASCII)


class BirthDate(date):
    """
    The first day that the birth date may be, with what is known of it; `str` and `isoformat` give that much.

    A date, so that a full one is one everywhere. Equal when as much is known: 1967 is not 1967-01-01.
    """

    precision: Precision = "day"

    @classmethod
    def of(cls, day: date, precision: Precision = "day") -> Self:
        """The birth date that begins on `day`."""
        made = cls(day.year, day.month if precision != "year" else 1, day.day if precision == "day" else 1)
        made.precision = precision
        return made

    def isoformat(self) -> str:
        return super().isoformat()[: len(_FORMATS[self.precision])]

    __str__ = isoformat

    @property
    def last(self) -> date:
        """The last day that it may be."""
        match self.precision:
            case "year":
                return date(self.year, 12, 31)
            case "month":
                return date(self.year, self.month, monthrange(self.year, self.month)[1])
            case "day":
                return date(self.year, self.month, self.day)

    @property
    def precisions_inside(self) -> list[Precision]:
        """How much is known of birth dates that surely lie inside this one."""
        return list(PRECISIONS[PRECISIONS.index(self.precision) :])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, date) and super().__eq__(other) is True and self.precision == precision_of(other)

    __hash__ = date.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return BirthDate.of, (date(self.year, self.month, self.day), self.precision)


def precision_of(born: date) -> Precision:
    """How much is known of a birth date; a plain date is a day."""
    return born.precision if isinstance(born, BirthDate) else "day"


def read_birth_date(written: str) -> BirthDate | None:
    """The birth date of `1967`, `1967-03` or `1967-03-14`; None for what is none."""
    found = _WRITTEN.match(written)
    if found is None:
        return None
    year, month, day = found.groups()
    try:
        first = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    return BirthDate.of(first, "day" if day else "month" if month else "year")


def agree_as_far_as_known(a: date, b: date) -> bool:
    """Whether two birth dates are the same in all that is known of both."""
    return a.isoformat().startswith(b.isoformat()) or b.isoformat().startswith(a.isoformat())


class _Written(TypeDecorator[BirthDate]):
    """The string in a statement, a BirthDate in the row."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else value.isoformat()

    def process_result_value(self, value: str | None, dialect: Dialect) -> BirthDate | None:
        del dialect
        return None if value is None else read_birth_date(value)


def written(day: ColumnElement[Any], precision: ColumnElement[Any]) -> ColumnElement[BirthDate | None]:
    """The birth date of two columns as JSON has it."""
    by_precision = {name: literal_column(f"'{form}'", Text) for name, form in _FORMATS.items()}
    form = case(
        *((precision == literal_column(f"'{name}'", Text), by_precision[name]) for name in ("year", "month")),
        else_=by_precision["day"],
    )
    return func.to_char(day, form, type_=_Written())


def written_sql(table: str) -> str:
    """The same as text, for the statements of the migration; `table` is an alias of person."""
    return (
        f"to_char({table}.date_of_birth, CASE {table}.date_of_birth_precision"
        " WHEN 'year' THEN 'YYYY' WHEN 'month' THEN 'YYYY-MM' ELSE 'YYYY-MM-DD' END)"
    )
