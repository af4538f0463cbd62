"""
A list page, declared: its columns, filters and views. The macros `ui.list_…` draw head, chips, table and foot from it.

The address holds codes and ids alone; what somebody typed is posted, so that no history and no log keeps it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from fastapi import Request

from app.people.search.queries import SearchFound
from app.platform.errors import FieldError
from app.platform.paging import Page

NOTHING: SearchFound[Any] = SearchFound([], None, 0, total_is_capped=False)
"""What a list whose question was refused has found: nobody was looked for, and nobody is noted as shown."""


def typed_into_the_address(request: Request) -> list[FieldError]:
    """What is wrong with a search that stands in an address, where histories and logs keep it."""
    if not request.query_params.get("q"):
        return []
    return [FieldError("q", "not_in_an_address", "Type what you search for into the list's own field.")]


@dataclass(frozen=True)
class Column:
    """A column by its key. The one with the highest `priority` is the first to leave where there is little room."""

    key: str
    label: str
    priority: int = 0


@dataclass(frozen=True)
class Filter:
    """A field of the list's question with the values that the menu offers: (code, label)."""

    name: str
    label: str
    choices: Sequence[tuple[str, str]]

    def words_of(self, value: str) -> str:
        """The label of a value; one that is not offered shows as it is."""
        return dict(self.choices).get(value, value)


@dataclass(frozen=True)
class View:
    """A tab over the list: the filters that it stands for."""

    label: str
    chosen: Mapping[str, str]


@dataclass(frozen=True)
class Listing:
    """
    A page of a list as its template gets it.

    `chosen` are the filters by name that are set, `typed` what is searched for, `found` the page of answers.
    """

    path: str
    noun: tuple[str, str]
    columns: Sequence[Column]
    filters: Sequence[Filter]
    views: Sequence[View]
    chosen: Mapping[str, str]
    found: Page[Any]
    typed: str = ""
    cursor: str = ""
    beside: Mapping[Any, Any] = field(default_factory=dict)

    def address(self, **changes: str | None) -> str:
        """The list's address with some filters changed; None takes one away."""
        asked = {name: value for name, value in {**self.chosen, **changes}.items() if value}
        return f"{self.path}?{urlencode(asked)}" if asked else self.path

    def address_of(self, view: View) -> str:
        """The address of a view."""
        return f"{self.path}?{urlencode(dict(view.chosen))}" if view.chosen else self.path

    def is_at(self, view: View) -> bool:
        """Whether the list shows just this view."""
        return not self.typed and dict(view.chosen) == dict(self.chosen)

    def next_address(self) -> str:
        """The address of the page behind this one."""
        return self.address(cursor=self.found.next_cursor)
