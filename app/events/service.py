from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.ownership import is_case_open
from app.events.errors import ConditionNotMet
from app.events.models import JourneyEvent
from app.events.moves import Condition, Finding, Move, Moves, Step, decide_move
from app.events.queries import latest_move_at, owner_of
from app.platform import clock
from app.platform.actor import Actor
from app.platform.db import Base
from app.platform.plausibility import Life


async def make_move(
    session: AsyncSession,
    actor: Actor,
    *,
    record: Any,
    moves: Moves,
    step: Step,
    via: str | None,
    life: Life,
) -> Move:
    """
    Take a locked record to another state and file the event; the caller sets what else the move means, and flushes.

    TransitionNotAllowed and Invalid as for `decide_move`; the condition's own error, or ConditionNotMet, when a move
    condition is not met. One that could not be checked does not hold a record up. What is met is told to those alone to
    whom the person's case is open.
    """
    # What the caller has changed already is stored together with the move.
    with session.no_autoflush:
        since = await latest_move_at(session, record=record) or record.created_at
    move = decide_move(moves, step, state=record.status, now=clock.now(), since=since, life=life)
    conditions = moves.conditions_of(record.status, move.to)
    findings = {condition.name: (await condition.find(session, [record], move))[0] for condition in conditions}
    await _require_met(session, actor, record=record, moves=moves, move=move, conditions=conditions, findings=findings)
    record.status = move.to
    file_event(session, actor, record=record, move=move, findings=findings, via=via)
    return move


async def what_moves_need(
    session: AsyncSession, *, moves: Moves, records: Sequence[Any]
) -> list[dict[str, dict[str, Finding]]]:
    """
    What each move that a record may make now is found to need, by its state and the condition's name; for each record.

    Each condition is asked once, however many records there are. A move without conditions is left out.
    """
    asked: dict[tuple[str, Condition], list[int]] = {}
    for at, record in enumerate(records):
        for to in moves.machine.allowed(record.status):
            for condition in moves.conditions_of(record.status, to):
                asked.setdefault((to, condition), []).append(at)
    found: list[dict[str, dict[str, Finding]]] = [{} for _ in records]
    now = clock.now()
    for (to, condition), places in asked.items():
        move = Move(None, to, now, now, None, Step(to))
        findings = await condition.find(session, [records[at] for at in places], move)
        for at, finding in zip(places, findings, strict=True):
            found[at].setdefault(to, {})[condition.name] = finding
    return found


UNDONE = "undone_by_author"
"""The `via` of a move that its author has taken back."""


async def put_back(session: AsyncSession, actor: Actor, *, record: Any, to: str, reason: str | None, via: str) -> None:
    """
    Give a locked record the state that it had before a mistake, and file it; the caller sets the rest, and flushes.

    No move of its machine: it was there already.
    """
    await _enter(session, actor, record=record, step=Step(to, reason=reason, is_correction=True), via=via)


async def end(session: AsyncSession, actor: Actor, *, record: Any, to: str, reason: str | None, via: str) -> None:
    """
    Close a locked record whose person has departed, and file it; the caller sets the rest, and flushes.

    No move of its machine: a person withdraws from every state, and no state in between is claimed that never was.
    """
    await _enter(session, actor, record=record, step=Step(to, reason=reason), via=via)


async def take_over(session: AsyncSession, actor: Actor, *, record: Any, to: str, reason: str | None, via: str) -> None:
    """
    Give a locked record the state that it has in another system, and file it; the caller sets the rest, and flushes.

    No move of its machine: the moves there are not known.
    """
    await _enter(session, actor, record=record, step=Step(to, reason=reason), via=via)


def file_event(
    session: AsyncSession,
    actor: Actor,
    *,
    record: Base,
    move: Move,
    findings: Mapping[str, Finding],
    via: str | None,
) -> None:
    """File a move of a stored record as its event, which is never changed."""
    session.add(
        JourneyEvent(
            **owner_of(record),
            from_status=move.from_status,
            to_status=move.to,
            happened_at=move.happened_at,
            entered_by=actor.account_id,
            via=via,
            reason_code=move.reason_code,
            reason=move.step.reason,
            is_correction=move.step.is_correction,
            guards={name: str(found) for name, found in findings.items()},
        )
    )


async def _enter(session: AsyncSession, actor: Actor, *, record: Any, step: Step, via: str) -> None:
    with session.no_autoflush:
        since = await latest_move_at(session, record=record) or record.created_at
    now = clock.now()
    move = Move(record.status, step.to, max(now, since), now, None, step)
    record.status = step.to
    file_event(session, actor, record=record, move=move, findings={}, via=via)


async def _require_met(
    session: AsyncSession,
    actor: Actor,
    *,
    record: Any,
    moves: Moves,
    move: Move,
    conditions: tuple[Condition, ...],
    findings: Mapping[str, Finding],
) -> None:
    for condition in conditions:
        if findings[condition.name] is Finding.NOT_MET and condition.refusal is not None:
            raise condition.refusal(moves.machine, move)
    if Finding.NOT_MET in findings.values():
        # Leads and patients name their person, journeys their patient.
        person_id = record.person_id if hasattr(record, "person_id") else record.patient.person_id
        if await is_case_open(session, actor, person_id=person_id):
            raise ConditionNotMet(findings, about=person_id)
        raise ConditionNotMet
