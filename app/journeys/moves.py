"""
How a journey moves: the machine has the move, the reason fits, the guards are met, and an event stays.

Both kinds of journey go through here, by every entry point.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.journeys import errors
from app.patients.events import JourneyEvent
from app.platform.actor import Actor
from app.platform.states import Machine

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far ahead of ours a caller's clock may be."""
OTHER = "other"


class Finding(StrEnum):
    """
    What a move condition was found to be; `not_checked` where the table it would ask does not exist yet or nothing is
    known.
    """

    MET = "met"
    NOT_MET = "not_met"
    NOT_CHECKED = "not_checked"

    @classmethod
    def of(cls, fact: bool | None) -> "Finding":  # noqa: FBT001 - the one thing it is asked about
        return cls.NOT_CHECKED if fact is None else cls.MET if fact else cls.NOT_MET


@dataclass(frozen=True)
class Step:
    """A move as it was asked for: `to` is a state's or a seed's word, `happened_at` now when it is None."""

    to: str
    happened_at: datetime | None = None
    reason_code: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Move:
    """A step that the machine has and whose reason and time are right."""

    from_status: str | None
    to: str
    happened_at: datetime
    reason_code: str | None
    reason: str | None


def settle(
    machine: Machine, step: Step, *, state: str | None, now: datetime, codes: Callable[[str], Collection[str]]
) -> Move:
    """
    The move that `step` means from `state` (None: the journey begins there).

    `codes(to)` are the reason codes of a state. A reason in words alone counts as the code `other`.
    TransitionNotAllowed, ReasonNeeded, or Invalid for a wrong time or code.
    """
    to = machine.state_of(step.to) or step.to
    if state is not None:
        machine.require_move(state, to)
    happened_at = step.happened_at or now
    if happened_at > now + CLOCKS_DIFFER:
        raise errors.in_the_future()
    needed = to in machine.needs_reason
    code = step.reason_code
    if code is None and needed:
        if step.reason is None:
            raise errors.ReasonNeeded(codes(to))
        code = OTHER
    if code is not None and code not in codes(to):
        raise errors.reason_not_of_this_state()
    if code == OTHER and step.reason is None:
        raise errors.words_needed()
    return Move(state, to, happened_at, code, step.reason)


def require_met(guards: Mapping[str, Finding]) -> None:
    """
    GuardNotMet, naming them, when a move condition is not met; one that could not be checked does not hold a journey
    up.
    """
    if Finding.NOT_MET in guards.values():
        raise errors.GuardNotMet(guards)


async def record(
    session: AsyncSession,
    actor: Actor,
    *,
    move: Move,
    guards: Mapping[str, Finding],
    via: str,
    ct_journey_id: UUID | None = None,
    eap_journey_id: UUID | None = None,
) -> None:
    """File the move of one journey as an event, which is never changed."""
    session.add(
        JourneyEvent(
            ct_journey_id=ct_journey_id,
            eap_journey_id=eap_journey_id,
            from_status=move.from_status,
            to_status=move.to,
            happened_at=move.happened_at,
            entered_by=actor.account_id,
            via=via,
            reason_code=move.reason_code,
            reason=move.reason,
            guards={name: str(answer) for name, answer in guards.items()},
        )
    )
    await session.flush()
