"""Matching text in SQL without letting what was typed act as a pattern."""

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute


def begins_with(column: ColumnElement[Any] | InstrumentedAttribute[Any], typed: str) -> ColumnElement[bool]:
    """Whether the column begins with `typed`, to the letter; an index with text_pattern_ops serves it."""
    return column.startswith(typed, autoescape=True)


def contains(column: ColumnElement[Any] | InstrumentedAttribute[Any], typed: str) -> ColumnElement[bool]:
    """Whether `typed` stands anywhere in the column; a trigram index serves it from three letters on."""
    return column.contains(typed, autoescape=True)
