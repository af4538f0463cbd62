"""
What a template may be given: plain values, the API's answers (`…Read`), and lists and dataclasses of a page's own.

Every answer is shown to the viewer before the template gets it. What the renderer cannot look into is refused: a row of
the database, an object of another package that holds one, a function, a generator.
"""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, RowMapping
from sqlalchemy import inspect as inspected

from app.access.answering import Asked, NotShown
from app.platform.locales import Message, Number
from app.platform.paging import Page
from app.platform.text import Answer
from app.web.masked import marked

_PLAIN = (str, int, float, bool, type(None), date, time, timedelta, tzinfo, UUID, Decimal, Enum)
_LISTS = (list, tuple, set, frozenset)
# What most values are, found by their type alone: a long record has ten thousand of them.
_PLAIN_TYPES: Final = frozenset({*_PLAIN, datetime, Message, Number})
_USUAL_TYPES: Final = frozenset({dict, *_LISTS})
OWN_PACKAGE = "app.web."
"""Dataclasses of this package are looked into; those of other packages may hold what nobody has masked."""


@dataclasses.dataclass(frozen=True)
class Found:
    """An answer among the values for a template. `single`: it stands for itself, not as one of several."""

    answer: Answer
    single: bool


def answers_in(value: Any, place: str = "context", *, single: bool = True) -> list[Found]:
    """Every answer within `value`. NotShown for what no template may be given."""
    found: list[Found] = []
    _look(value, place, found, single=single)
    return found


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN_TYPES or isinstance(value, _PLAIN)


def _look(value: Any, place: str, found: list[Found], *, single: bool) -> None:
    if isinstance(value, Answer):
        found.append(Found(value, single))
    elif not _is_plain(value):
        _look_within(value, place, found, single=single)


def _look_within(value: Any, place: str, found: list[Found], *, single: bool) -> None:
    kind: type = type(value)
    if kind not in _USUAL_TYPES and _is_of_the_database(value):
        raise NotShown(f"{place}: a row of the database ({kind.__name__}); give the template its …Read model")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not _is_plain(key):
                raise NotShown(f"{place}: a {type(key).__name__} as key")
            # Only the names of a context are a page's own words; other keys may be data.
            named = f"{place}[{key!r}]" if place == "context" else f"{place}[…]"
            _look(item, named, found, single=single and place == "context")
    elif isinstance(value, _LISTS):
        of_item = f"{place}[…]"
        for item in value:
            _look(item, of_item, found, single=False)
    elif (names := _fields_of_a_page(kind)) is not None:
        for name in names:
            _look(getattr(value, name), f"{place}.{name}", found, single=single)
    else:
        raise NotShown(
            f"{place}: a {kind.__module__}.{kind.__qualname__}; give the template plain values, …Read models, or lists "
            "and dataclasses of the page's own"
        )


def _is_of_the_database(value: Any) -> bool:
    return isinstance(value, (Row, RowMapping)) or inspected(value, raiseerr=False) is not None


@cache
def _fields_of_a_page(kind: type) -> tuple[str, ...] | None:
    """The fields of a dataclass of a page; None for any other type."""
    if not dataclasses.is_dataclass(kind) or not kind.__module__.startswith(OWN_PACKAGE):
        return None
    return tuple(field.name for field in dataclasses.fields(kind))


@cache
def _given_fields(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind) if field.init)


async def shown_to(asked: Asked, value: Any, *, on_a_page: bool = False) -> Any:
    """`value` with each of its answers as the actor may see it; `on_a_page` with stand-ins for what is masked."""
    found = answers_in(value)
    # A page of a list has a cursor to be sealed; a single record may need a reason to be opened.
    alone = [one.answer for one in found if one.single or isinstance(one.answer, Page)]
    several = [one.answer for one in found if not one.single and not isinstance(one.answer, Page)]
    if not found:
        return value
    *shown_alone, shown_several = await asked.show_together([*alone, several])
    pairs = zip((*several, *alone), (*shown_several, *shown_alone), strict=True)
    closed = asked.closed
    by_id = {id(before): marked(before, after, closed) if on_a_page else after for before, after in pairs}
    return _replaced(value, by_id.__getitem__)


def _replaced(value: Any, shown: Callable[[int], Answer]) -> Any:
    """`value` with what is shown in the place of each answer; what holds none is the same as before."""
    if isinstance(value, Answer):
        return shown(id(value))
    if _is_plain(value):
        return value
    if isinstance(value, Mapping):
        named = {key: _replaced(item, shown) for key, item in value.items()}
        return named if any(named[key] is not item for key, item in value.items()) else value
    if isinstance(value, _LISTS):
        items = [_replaced(item, shown) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        return type(value)._make(items) if hasattr(value, "_make") else type(value)(items)
    kind: type = type(value)
    changed = {
        name: new for name in _given_fields(kind) if (new := _replaced(old := getattr(value, name), shown)) is not old
    }
    return dataclasses.replace(value, **changed) if changed else value
