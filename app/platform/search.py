"""Matching text in SQL without letting what was typed act as a pattern."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, false, literal
from sqlalchemy.orm import InstrumentedAttribute

_LAST = chr(0x10FFFF)
_SURROGATES, _BEHIND_SURROGATES = 0xD800, 0xE000
"""Code points that stand in no text, and the first one behind them."""


def begins_with(column: ColumnElement[Any] | InstrumentedAttribute[Any], typed: str) -> ColumnElement[bool]:
    """
    Whether the column begins with `typed`, to the letter; an index with text_pattern_ops serves it.

    Nothing begins with an empty text: what was typed has folded to nothing, and to find everybody by it would be wrong.

    A range in the order of code points and not LIKE: plans are made once for all values (db.create_engine), and of a
    pattern that is not known yet PostgreSQL cannot make an index range.
    """
    if not typed:
        return false()
    from_here = column.op("~>=~", is_comparison=True)(typed)
    end = _behind_prefix(typed)
    return from_here if end is None else from_here & column.op("~<~", is_comparison=True)(end)


def _behind_prefix(prefix: str) -> str | None:
    """The least text, by code points, that stands behind all texts beginning with `prefix`; None when none does."""
    bare = prefix.rstrip(_LAST)
    if not bare:
        return None
    following = ord(bare[-1]) + 1
    return bare[:-1] + chr(_BEHIND_SURROGATES if following == _SURROGATES else following)


def among(column: ColumnElement[Any] | InstrumentedAttribute[Any], keys: Sequence[UUID]) -> ColumnElement[bool]:
    """Whether the column is one of these ids: one parameter for all, so that any number of them is one plan."""
    return column == any_(literal(list(keys), ARRAY(Uuid())))


def contains(column: ColumnElement[Any] | InstrumentedAttribute[Any], typed: str) -> ColumnElement[bool]:
    """Whether `typed` stands anywhere in the column; a trigram index serves three letters and more. Empty: nowhere."""
    if not typed.strip():
        return false()
    return column.contains(typed, autoescape=True)
