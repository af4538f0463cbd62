"""Matching text in SQL without letting what was typed act as a pattern."""

from typing import Any

from sqlalchemy import ColumnElement, Index, false, func, literal_column, text
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
    end = behind_prefix(typed)
    return from_here if end is None else from_here & column.op("~<~", is_comparison=True)(end)


def behind_prefix(prefix: str) -> str | None:
    """The least text, by code points, that stands behind all texts beginning with `prefix`; None when none does."""
    bare = prefix.rstrip(_LAST)
    if not bare:
        return None
    following = ord(bare[-1]) + 1
    return bare[:-1] + chr(_BEHIND_SURROGATES if following == _SURROGATES else following)


def index_of_words(table: str, names: str) -> Index:
    """The index by which the rows of a table are found by any word of `names`, up to three columns of its own."""
    return Index(
        f"ix_{table}_words",
        text(f"word_terms({names})"),
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )


def has_words(names: str, typed: str) -> ColumnElement[bool]:
    """
    Whether each typed word begins one in `names`, the columns of the table's index, marks and spelling aside.

    Nothing has the words of a text without any. The table stands alone in its query: the columns are named bare.
    """
    return literal_column(f"word_terms({names})").op("@@", is_comparison=True)(func.word_query(typed))
