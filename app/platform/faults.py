"""
What of a record does not fit together. The state a record ends in is validated, not the fields that were sent.

A fault that stood before the edit, as migrated rows have some, refuses an edit of these very fields and no other.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

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
