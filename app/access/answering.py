"""
What stands between an endpoint and its answer at every entry point, JSON route and page alike.

While a guard is `answering`, nobody asks by what they see masked: no filter of a list can be made that does, and one by
case detail finds the people alone whose case is open to the asker. What the
endpoint returns is shown to the actor (views.show): masked, with openings and caseload applied and noted. A response
that an endpoint has made itself carries no content, unless it is one that is filled with what may be shown.
"""

import functools
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from app.access import sealed_cursors, views
from app.access.masking import asks_for_detail, refuse_masked_questions
from app.access.openings.queries import case_is_open
from app.access.policy import masked_classes_of
from app.access.views import AccessContext
from app.platform import clock, paging
from app.platform.actor import Actor
from app.platform.paging import PageQuery, PersonColumn

Endpoint = Callable[..., Awaitable[Any]]


class NotShown(TypeError):
    """An endpoint hands over what cannot be masked. The message names its place and kind, never a value."""


@dataclass(frozen=True)
class Asked:
    """Who asks within which session, and by which permission."""

    session: AsyncSession
    actor: Actor
    access: AccessContext

    @property
    def closed(self) -> frozenset[str]:
        return masked_classes_of(self.actor.roles, self.access.permission)

    def open_cursor(self, query: PageQuery) -> PageQuery:
        return sealed_cursors.opened(query, self.access.secret_key, self.actor) if self.closed else query

    def narrow(self, query: BaseModel, person: PersonColumn | None) -> ColumnElement[bool] | None:
        """
        Whose rows a list may find that is asked by case detail, None where all: the hits would tell it.

        NotShown when such a list does not say whose its rows are.
        """
        if not views.is_bound(self.actor, self.access) or not asks_for_detail(query):
            return None
        if person is None:
            raise NotShown(f"{type(query).__name__} asks by case detail; give fetch_page the person of each row")
        return case_is_open(person, self.actor, now=clock.now())

    async def show(self, answer: Any) -> Any:
        """`answer` as the actor may see it, its cursor sealed where something is masked."""
        (shown,) = await self.show_together([answer])
        return shown

    async def show_together(self, answers: Sequence[Any]) -> list[Any]:
        """Each of `answers` as the actor may see it: it is asked once what is closed to them."""
        shown = await views.show(self.session, self.actor, self.access, answers)
        if not self.closed:
            return shown
        return [sealed_cursors.sealed(answer, self.access.secret_key, self.actor) for answer in shown]


class Filled(Response):
    """A response that holds typed answers, and is filled with what the actor may see of them."""

    @abstractmethod
    async def fill(self, asked: Asked) -> None:
        """Make the content out of the answers, each shown by `asked.show`."""


_asked: ContextVar[Asked] = ContextVar("asked")


@contextmanager
def answering(asked: Asked) -> Iterator[None]:
    """Within the block `asked` is who asks."""
    closed = asked.closed
    token = _asked.set(asked)
    admits = paging.admits.set(lambda query: refuse_masked_questions(query, closed))
    narrows = paging.narrows.set(asked.narrow)
    try:
        yield
    finally:
        paging.narrows.reset(narrows)
        paging.admits.reset(admits)
        _asked.reset(token)


def current() -> Asked:
    """Who asks in the request that is being answered."""
    return _asked.get()


def current_access() -> AccessContext | None:
    """How the actor came in; None where nobody asks for an answer, as in a command."""
    asked = _asked.get(None)
    return None if asked is None else asked.access


def shown(endpoint: Endpoint) -> Endpoint:
    """`endpoint` with its answer as the actor may see it."""

    @functools.wraps(endpoint)
    async def answered(*args: Any, **kwargs: Any) -> Any:
        asked = current()
        for name, value in kwargs.items():
            if isinstance(value, PageQuery):
                kwargs[name] = asked.open_cursor(value)
        answer = await endpoint(*args, **kwargs)
        if isinstance(answer, Filled):
            await answer.fill(asked)
            return answer
        if isinstance(answer, Response):
            refuse_own_content(answer)
            return answer
        if any(isinstance(value, Response) and value.status_code == HTTPStatus.OK for value in kwargs.values()):
            # A route that makes says 200 when it has found what was there.
            asked = replace(asked, access=replace(asked.access, makes_new=False))
        return await asked.show(answer)

    return answered


def refuse_own_content(answer: Response) -> None:
    """NotShown for a response with content that was not masked: only a redirect or an empty answer is made by hand."""
    if getattr(answer, "body", None) != b"":
        raise NotShown(f"a {type(answer).__name__} with content of its own; return the typed answer, a page or a file")
