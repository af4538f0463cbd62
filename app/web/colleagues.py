"""Who of the colleagues does what the reader may not, by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.queries import owners
from app.platform.actor import Actor
from app.platform.locales import _

_NAMED: Final = 3
"""So many of them are named."""


@dataclass(frozen=True)
class Colleagues:
    """Those who may do something: the ids of all of them, by name, and the first few `names` in words."""

    ids: Sequence[str]
    names: str


MANAGERS_WORK: Final = "gate.write"
"""By this, which programme managers alone may do, they are found."""
NO_COLLEAGUES: Final = Colleagues((), "")


async def who_may(session: AsyncSession, permission: str) -> Colleagues:
    """The colleagues whose role has this permission."""
    return colleagues(*await owners(session, (), permission=permission))


def colleagues(names: Mapping[UUID, str], able: Sequence[UUID]) -> Colleagues:
    """Those of these ids, of whom all have a name."""
    said = ", ".join(names[one] for one in able[:_NAMED])
    if len(able) > _NAMED:
        said = str(_("%(names)s and %(more)s more", names=said, more=len(able) - _NAMED))
    return Colleagues([str(one) for one in able], said)


async def hand_over_by(session: AsyncSession, actor: Actor) -> Colleagues | None:
    """Who hands over the work of a colleague; None where the actor does."""
    return None if actor.may("work.hand_over") else await who_may(session, "work.hand_over")
