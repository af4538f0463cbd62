"""
What a template may be given: plain values, the API's answers (`…Read`), and lists and dataclasses of a page's own.

Every answer is shown to the viewer before the template gets it. What the renderer cannot look into is refused: a row of
the database, an object of another package that holds one, a function, a generator.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, RowMapping
from sqlalchemy import inspect as inspected

from app.access.answering import Asked, NotShown
from app.platform.paging import Page
from app.platform.text import Answer
from app.web.masked import marked

_PLAIN = (str, int, float, bool, type(None), date, time, timedelta, tzinfo, UUID, Decimal, Enum)
_LISTS = (list, tuple, set, frozenset)
OWN_PACKAGE = "app.web."
"""Dataclasses of this package are looked into; those of other packages may hold what nobody has masked."""


@dataclasses.dataclass(frozen=True)
class Found:
    """An answer among the values for a template. `single`: it stands for itself, not as one of several."""

    answer: Answer
    single: bool


def answers_in(value: Any, place: str = "context", *, single: bool = True) -> Iterator[Found]:
    """Every answer within `value`. NotShown for what no template may be given."""
    if isinstance(value, Answer):
        yield Found(value, single)
    elif not isinstance(value, _PLAIN):
        yield from _within(value, place, single=single)


def _within(value: Any, place: str, *, single: bool) -> Iterator[Found]:
    if isinstance(value, (Row, RowMapping)) or inspected(value, raiseerr=False) is not None:
        raise NotShown(f"{place}: a row of the database ({type(value).__name__}); give the template its …Read model")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, _PLAIN):
                raise NotShown(f"{place}: a {type(key).__name__} as key")
            # Only the names of a context are a page's own words; other keys may be data.
            named = f"{place}[{key!r}]" if place == "context" else f"{place}[…]"
            yield from answers_in(item, named, single=single and place == "context")
    elif isinstance(value, _LISTS):
        for item in value:
            yield from answers_in(item, f"{place}[…]", single=False)
    elif _is_of_a_page(value):
        for field in dataclasses.fields(value):
            yield from answers_in(getattr(value, field.name), f"{place}.{field.name}", single=single)
    else:
        raise NotShown(
            f"{place}: a {type(value).__module__}.{type(value).__qualname__}; give the template plain values, …Read "
            "models, or lists and dataclasses of the page's own"
        )


def _is_of_a_page(value: Any) -> bool:
    is_instance = dataclasses.is_dataclass(value) and not isinstance(value, type)
    return is_instance and type(value).__module__.startswith(OWN_PACKAGE)


async def shown_to(asked: Asked, value: Any, *, on_a_page: bool = False) -> Any:
    """`value` with each of its answers as the actor may see it; `on_a_page` with stand-ins for what is masked."""
    found = list(answers_in(value))
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
    if isinstance(value, Answer):
        return shown(id(value))
    if isinstance(value, Mapping):
        return {key: _replaced(item, shown) for key, item in value.items()}
    if isinstance(value, _LISTS):
        items = [_replaced(item, shown) for item in value]
        return type(value)._make(items) if hasattr(value, "_make") else type(value)(items)
    if _is_of_a_page(value):
        fields = dataclasses.fields(value)
        return dataclasses.replace(
            value, **{f.name: _replaced(getattr(value, f.name), shown) for f in fields if f.init}
        )
    return value
