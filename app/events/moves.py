"""
Which move a step means, for every record with a machine and events: pure decisions.

A `Moves` says what a kind of record needs beside its machine's table: reason codes, fields of its own, and the
conditions of its moves.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.events.errors import (
    before_last_move,
    reason_needed,
    time_of_correction_needed,
    words_needed,
)
from app.platform.errors import AppError, FieldError, Invalid
from app.platform.plausibility import CLOCKS_DIFFER, UNKNOWN_LIFE, Life, implausible
from app.platform.states import Machine

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
    """
    A move as it was asked for: `to` is a state's or a seed's word, `happened_at` now when it is None.

    `is_correction`: it happened before moves that are entered already.
    """

    to: str
    happened_at: datetime | None = None
    reason_code: str | None = None
    reason: str | None = None
    is_correction: bool = False


@dataclass(frozen=True)
class Move:
    """
    A step that the machine has and whose reason and time are right; `from_status` is None where the record begins.

    `happened_at` is when it was so in the world, `entered_at` when we were told.
    """

    from_status: str | None
    to: str
    happened_at: datetime
    entered_at: datetime
    reason_code: str | None
    step: Step

    @property
    def checked_on(self) -> date:
        """
        The day (UTC) on which what the move needs must not have run out: today, in a correction the day it happened.

        So an approval that has expired is passed by a date in the past in a marked correction only.
        """
        moment = self.happened_at if self.step.is_correction else max(self.happened_at, self.entered_at)
        return moment.date()


@dataclass(frozen=True)
class Condition:
    """
    A move condition by its name in the events. `find` asks about records, none of which has moved yet, and the move
    that each would make; the findings come in the order of the records, by one statement at most.

    `refusal` is the error when it is not met, made from the machine and the move; None for the common one.
    """

    name: str
    find: Callable[[AsyncSession, Sequence[Any], Move], Awaitable[Sequence[Finding]]]
    refusal: Callable[[Machine, Move], AppError] | None = None


async def not_known_yet(_session: AsyncSession, records: Sequence[Any], _move: Move) -> list[Finding]:
    """A condition whose table does not exist yet."""
    return [Finding.NOT_CHECKED for _ in records]


def _no_codes(_to: str) -> tuple[str, ...]:
    return ()


def _no_faults(_to: str, _step: Any, _today: date) -> Sequence[FieldError]:
    return ()


def _invalid(faults: Sequence[FieldError], _codes: Collection[str]) -> Invalid:
    return Invalid(fields=faults)


@dataclass(frozen=True)
class Moves:
    """
    The moves of one kind of record.

    `conditions` maps a state, or a single move as (from, to), to what it needs. `codes_of` gives the reason codes of a
    state. `faults_of` finds what is wrong with fields that only this kind's steps have. `reason_field` is the name of
    the reason on the wire, `refusal` how faults and the state's codes become an error. `after_death` are the states
    that are entered when somebody has died.
    """

    machine: Machine
    conditions: Mapping[str | tuple[str, str], Sequence[Condition]] = field(default_factory=dict)
    codes_of: Callable[[str], Collection[str]] = _no_codes
    faults_of: Callable[[str, Any, date], Sequence[FieldError]] = _no_faults
    reason_field: str = "reason"
    refusal: Callable[[Sequence[FieldError], Collection[str]], Invalid] = _invalid
    after_death: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if unknown := self.after_death - set(self.machine.states):
            raise ValueError(f"{sorted(unknown)} are no states of {self.machine.name}")
        for place in self.conditions:
            if not (place in self.machine.states if isinstance(place, str) else self.machine.may_move(*place)):
                raise ValueError(f"{place} is no state or move of {self.machine.name}")

    def conditions_of(self, state: str | None, to: str) -> tuple[Condition, ...]:
        """What the move needs, in a fixed order."""
        return (*self.conditions.get(to, ()), *(self.conditions.get((state, to), ()) if state else ()))

    def state_of(self, word: str) -> str:
        """The state that `word` names; the word itself where it names none, which no machine has a move to."""
        return self.machine.state_of(word) or word


def decide_move(
    moves: Moves,
    step: Step,
    *,
    state: str | None,
    now: datetime,
    since: datetime | None = None,
    life: Life = UNKNOWN_LIFE,
) -> Move:
    """
    The move that `step` means from `state` (None: the record begins there).

    `since` is the moment of the record's last move, or of its beginning: nothing happens before it but a correction.
    `life` is that of the person whom the record is about.
    TransitionNotAllowed with the moves there are; Invalid, naming every field, for a wrong time, a reason that is
    missing or not the state's, and whatever the kind's own fields have wrong.
    """
    to = moves.state_of(step.to)
    if state is not None:
        moves.machine.require_move(state, to)
    codes = moves.codes_of(to)
    is_needed = to in moves.machine.needs_reason
    faults = [
        *time_faults(moves, step, to=to, since=since, life=life, now=now),
        *_reason_faults(moves, step, codes, is_needed=is_needed),
        *moves.faults_of(to, step, now.date()),
    ]
    if faults:
        raise moves.refusal(faults, codes)
    return Move(
        from_status=state,
        to=to,
        # A clock that was ahead of ours has told of the last move.
        happened_at=step.happened_at or max(now, since or now),
        entered_at=now,
        # A reason in words alone is one of the code "other".
        reason_code=step.reason_code or (OTHER if is_needed and codes else None),
        step=step,
    )


def time_faults(
    moves: Moves, step: Step, *, to: str, since: datetime | None, life: Life, now: datetime
) -> list[FieldError]:
    """What is wrong with the time of a step to the state `to`; of a stored move too, which is a step with its time."""
    return [*_order_faults(step, since=since), *_life_faults(step, life, now=now, goes_on=to in moves.after_death)]


def _order_faults(step: Step, *, since: datetime | None) -> list[FieldError]:
    if step.happened_at is None:
        return [time_of_correction_needed()] if step.is_correction else []
    if since is not None and step.happened_at < since - CLOCKS_DIFFER and not step.is_correction:
        return [before_last_move()]
    return []


def _life_faults(step: Step, life: Life, *, now: datetime, goes_on: bool) -> list[FieldError]:
    """What is wrong with the moment of a step; one of now is a moment too."""
    moment = {"happened_at": step.happened_at or now}
    errors = [found.error for found in implausible("journey_event", moment, life=life, now=now)]
    return [error for error in errors if not (goes_on and error.code == "after_death")]


def _reason_faults(moves: Moves, step: Step, codes: Collection[str], *, is_needed: bool) -> list[FieldError]:
    if step.is_correction and step.reason is None:
        return [FieldError(moves.reason_field, "reason_needed", "Say in words why this is a correction.")]
    if step.reason_code is None:
        is_missing = is_needed and step.reason is None
        return [reason_needed("reason_code" if codes else moves.reason_field)] if is_missing else []
    if step.reason_code not in codes:
        return [FieldError("reason_code", "not_of_this_status", "This state has other reasons, or none.")]
    return [words_needed(moves.reason_field)] if step.reason_code == OTHER and step.reason is None else []
