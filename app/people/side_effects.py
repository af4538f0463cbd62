"""
A side effect that was heard of in a call or a note is to be reported in time, whichever way it was entered.

Who hears of it is further right than the tasks by which it is reported: they say how, with `register`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.actor import Actor


@dataclass(frozen=True)
class Heard:
    """
    What it is about, by the names of the columns (`call_id`, or those of a note), and what was said, where no call's
    notes say it.
    """

    about: Mapping[str, UUID]
    said: str | None = None


Report = Callable[[AsyncSession, Actor, Heard], Awaitable[None]]
_SEES_TO_IT: list[Report] = []
"""One, once the tasks are there."""


def register(report: Report) -> None:
    """Let `report` see to it that a side effect is reported."""
    _SEES_TO_IT[:] = [report]


async def side_effect_heard(session: AsyncSession, actor: Actor, heard: Heard) -> None:
    """To be called when a side effect is said to have been mentioned, and was not said to be before."""
    if not _SEES_TO_IT:
        raise RuntimeError("nobody sees to it that a side effect is reported")
    await _SEES_TO_IT[0](session, actor, heard)
