"""What is so now: both ends of a period are compared with the moment, for an end may lie ahead and a beginning too."""

from typing import Any

from sqlalchemy import ColumnElement, or_


def holds(start: Any | None, end: Any | None, *, at: Any) -> bool:
    """Whether a period from `start` until before `end` holds at a moment or day; an empty end has no bound."""
    return (start is None or start <= at) and (end is None or end > at)


def holds_at(start: Any, end: Any, *, at: Any) -> ColumnElement[bool]:
    """The same in SQL, of two columns."""
    return or_(start.is_(None), start <= at) & or_(end.is_(None), end > at)
