"""
What of a record does not fit together. The state a record ends in is validated, not the fields that were sent.

A fault that stood before the edit, as migrated rows have some, refuses an edit of these very fields and no other. Until
somebody mends it, it is listed (oversight/standing_faults.py).
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from app.platform.errors import FieldError, Invalid


@dataclass(frozen=True)
class Fault:
    """What is wrong with a record; `about` are the fields that it lies in, one of which the error names."""

    error: FieldError
    about: frozenset[str]


def fault(field: str, code: str, message: str, *, with_: Collection[str] = ()) -> Fault:
    """A fault that names `field` and lies in it and the fields `with_`."""
    return Fault(FieldError(field, code, message), frozenset({field, *with_}))


def require_none(faults: Iterable[Fault], *, before: Iterable[Fault] = (), touched: Collection[str] = ()) -> None:
    """Invalid with every fault but those that stood `before` and lie in no field that was `touched`."""
    standing = {old.error for old in before if not old.about & set(touched)}
    if found := [new.error for new in faults if new.error not in standing]:
        raise Invalid(fields=found)


@dataclass(frozen=True)
class Rule:
    """
    A rule for the rows of a table. Migrated rows may break it, unless a constraint says it too.

    Said twice: `is_broken` asks it of a row, `sql` of the table. The latter has constants and no parameters, so that
    the planner recognises the index of the rows that break one (`ix_<table>_faulty`).
    """

    fault: Fault
    is_broken: Callable[[Any], bool]
    sql: str


def faults_in(record: Any, rules: Iterable[Rule]) -> list[Fault]:
    """The faults of a row."""
    return [rule.fault for rule in rules if rule.is_broken(record)]


def in_list(words: Iterable[str]) -> str:
    """Words of ours as the right side of SQL's IN."""
    return f"({', '.join(map(repr, words))})"


def breaks_any(rules: Iterable[Rule]) -> str:
    """The rows that break one of the rules, as SQL."""
    return " OR ".join(f"({rule.sql})" for rule in rules)
