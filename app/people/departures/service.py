from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.people import queries as people
from app.people.departures import queries
from app.people.departures.errors import (
    AlreadyClosed,
    AlreadyDeparted,
    AlreadyEnded,
    OnlyWithdrawnReturn,
    of_a_death_missing,
    withdrawal_needs_reason,
)
from app.people.departures.models import CameBack, PersonDeparture
from app.people.departures.schemas import DepartureCreate
from app.people.lives import life_of
from app.people.models import IntakeSubmission, Person
from app.platform import clock
from app.platform.actor import Actor
from app.platform.db import Base
from app.platform.faults import require_none
from app.platform.plausibility import implausible
from app.platform.stored_fields import StoredFields

_NEW = StoredFields(
    PersonDeparture, DepartureCreate, special={"departed_on": "of a withdrawal today when it is left out"}
)
_IN_ORDER: Final = ("patient", "patient_lead", "clinical_trial_journey", "eap_journey", "call_history", "task")
"""The order in which records are locked and closed (docs/decisions/0005-one-order-of-locks.md)."""


@dataclass(frozen=True)
class Touched:
    """
    A record that the step has looked at: what it was, what it has become, what else is needed to put it back.

    `is_done`: closed by the step, or opened again when it is undone; else somebody has to look at it.
    """

    record_type: str
    record_id: UUID
    was: str
    became: str
    is_done: bool
    kept: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        shown = {"record_type": self.record_type, "record_id": str(self.record_id)}
        return {**shown, "was": self.was, "became": self.became, "kept": dict(self.kept or {})}


@dataclass(frozen=True)
class Closing:
    """
    How the open records of one table are closed when their person departs, and opened again when that was a mistake.

    `reopen` gets what `close` has closed, and leaves what has changed since.
    """

    close: Callable[[AsyncSession, Actor, PersonDeparture], Awaitable[list[Touched]]]
    reopen: Callable[[AsyncSession, Actor, PersonDeparture, list[Touched]], Awaitable[list[Touched]]]


_CLOSINGS: dict[str, Closing] = {}


def register(table_name: str, closing: Closing) -> None:
    """Let the step close the records of a table; ValueError for one whose place in the order of locks is not said."""
    if table_name not in _IN_ORDER:
        raise ValueError(f"{table_name} has no place in the order of the step")
    _CLOSINGS[table_name] = closing


async def depart(session: AsyncSession, actor: Actor, *, person_id: UUID, new: DepartureCreate) -> PersonDeparture:
    """
    Somebody has died or has withdrawn: what is open is closed by rule or listed, in one step.

    PersonNotFound; AlreadyDeparted; Invalid for a death without date and source, a withdrawal without a reason, and a
    day that cannot be.
    """
    person = await people.get_person(session, actor, person_id=person_id, for_update=True)
    if await queries.current_departure(session, person_id=person_id, kind=new.kind) is not None:
        raise AlreadyDeparted
    day = _day(new)
    departed = {"departed_on": day}
    require_none(implausible("person_departure", departed, life=await life_of(session, person), now=clock.now()))
    departure = PersonDeparture(
        person_id=person_id,
        departed_on=day,
        **_NEW.values(new),
        entered_by=actor.account_id,
        updated_by=actor.account_id,
    )
    session.add(departure)
    await session.flush()
    touched = [one for closing in _in_order() for one in await closing.close(session, actor, departure)]
    departure.closed = [one.as_json() for one in touched if one.is_done]
    departure.listed = [one.as_json() for one in touched if not one.is_done]
    await session.flush()
    _note(session, departure, ["kind", "departed_on"])
    return departure


async def undo(
    session: AsyncSession, actor: Actor, *, person_id: UUID, person_departure_id: UUID, reason: str
) -> PersonDeparture:
    """
    It was a mistake: what was closed is open again. A booking whose time has passed stays cancelled and is listed, and
    so is what has been changed since.

    DepartureNotFound; AlreadyEnded.
    """
    departure = await _locked(session, actor, person_id=person_id, person_departure_id=person_departure_id)
    await _end(session, actor, departure, how="undone", reason=reason)
    # Of what was only listed the reminder was stopped.
    closed = [_touched(one) for one in (*departure.closed, *departure.listed)]
    touched = [
        one
        for table in _IN_ORDER
        if table in _CLOSINGS
        for one in await _CLOSINGS[table].reopen(
            session, actor, departure, [one for one in closed if one.record_type == table]
        )
    ]
    departure.closed = [one.as_json() for one in touched if not one.is_done]
    departure.listed = []
    await session.flush()
    _note(session, departure, ["ended_at"])
    return departure


async def take_back_withdrawal(
    session: AsyncSession, actor: Actor, *, person_id: UUID, person_departure_id: UUID, reason: str
) -> PersonDeparture:
    """
    A withdrawn person returns: something may be opened for them again. What was closed stays closed, but their patient
    record is active.

    DepartureNotFound; AlreadyEnded; OnlyWithdrawnReturn for a death.
    """
    departure = await _locked(session, actor, person_id=person_id, person_departure_id=person_departure_id)
    if departure.kind != "withdrawn":
        raise OnlyWithdrawnReturn
    await _end(session, actor, departure, how="returned", reason=reason)
    patients = [replace(_touched(one), was="active") for one in departure.closed if one["record_type"] == "patient"]
    if patients:
        await _CLOSINGS["patient"].reopen(session, actor, departure, patients)
    _note(session, departure, ["ended_at"])
    return departure


async def correct_death(session: AsyncSession, *, person: Person, departed_on: date | None, source: str | None) -> None:
    """Set the date or the source of a death on record; nothing where there is none. For who has locked the person."""
    departure = await queries.current_departure(session, person_id=person.person_id, kind="deceased")
    if departure is None:
        return
    if departed_on is not None:
        departed = {"departed_on": departed_on}
        life = await life_of(session, person)
        require_none(implausible("person_departure", departed, life=life, now=clock.now()))
        departure.departed_on = departed_on
    departure.source = source or departure.source
    await session.flush()


async def file_came_back(
    session: AsyncSession, actor: Actor, *, person_id: UUID, kind: str, submission: IntakeSubmission
) -> None:
    """
    Put a submission on the list of the owner and a privacy officer: of somebody who has died or withdrawn, or that
    says by which channel they are not to be contacted.
    """
    owner_id = await _owner_of(session, person_id=person_id)
    session.add(
        CameBack(
            person_id=person_id,
            kind=kind,
            intake_submission_id=submission.intake_submission_id,
            owner_id=owner_id,
            updated_by=actor.account_id,
        )
    )
    await session.flush()


async def close_came_back(session: AsyncSession, actor: Actor, *, came_back_id: UUID, reason: str) -> CameBack:
    """Close an item with what was decided. CameBackNotFound; AlreadyClosed."""
    item = await queries.get_came_back(session, actor, came_back_id=came_back_id, for_update=True)
    if item.closed_at is not None:
        raise AlreadyClosed
    item.closed_at, item.closed_by, item.close_reason = clock.now(), actor.account_id, reason
    await session.flush()
    audit.note(
        session, record_type="came_back", record_id=came_back_id, person_ids=[item.person_id], fields=["closed_at"]
    )
    return await queries.get_came_back(session, actor, came_back_id=came_back_id)


def _touched(stored: Mapping[str, Any]) -> Touched:
    return Touched(**{**stored, "record_id": UUID(stored["record_id"])}, is_done=True)


def _day(new: DepartureCreate) -> date:
    if new.kind == "deceased":
        missing = [name for name in ("departed_on", "source") if getattr(new, name) is None]
        if missing:
            raise of_a_death_missing(*missing)
    elif new.reason is None:
        raise withdrawal_needs_reason()
    return new.departed_on or clock.today()


def _in_order() -> list[Closing]:
    return [_CLOSINGS[table] for table in _IN_ORDER if table in _CLOSINGS]


async def _locked(
    session: AsyncSession, actor: Actor, *, person_id: UUID, person_departure_id: UUID
) -> PersonDeparture:
    await people.get_person(session, actor, person_id=person_id, for_update=True)
    departure = await queries.get_departure(
        session, actor, person_id=person_id, person_departure_id=person_departure_id
    )
    if departure.ended_at is not None:
        raise AlreadyEnded
    return departure


async def _end(session: AsyncSession, actor: Actor, departure: PersonDeparture, *, how: str, reason: str) -> None:
    departure.ended_at, departure.ended_by = clock.now(), actor.account_id
    departure.ended_how, departure.ended_reason = how, reason
    await session.flush()


async def _owner_of(session: AsyncSession, *, person_id: UUID) -> UUID | None:
    """The owner of the person's patient record, else of their newest lead that has one."""
    # Both stand to the left of people.
    for name in ("patient", "patient_lead"):
        table = Base.metadata.tables[name]
        owner: UUID | None = await session.scalar(
            select(table.c.owner_id)
            .where(table.c.person_id == person_id, table.c.owner_id.is_not(None))
            .order_by(table.c.created_at.desc())
            .limit(1)
        )
        if owner is not None:
            return owner
    return None


def _note(session: AsyncSession, departure: PersonDeparture, fields: Iterable[str]) -> None:
    audit.note(
        session,
        record_type="person_departure",
        record_id=departure.person_departure_id,
        person_ids=[departure.person_id],
        fields=fields,
    )
