"""What happens to a journey of any kind: opened, moved, changed."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.history import before_own_change
from app.conditions.queries import require_current
from app.events.moves import Finding, Move, Step, decide_move
from app.events.service import UNDONE, file_event, make_move, put_back, take_over
from app.journeys import queries
from app.journeys.errors import PatientInactive, happened_at_needed, hold_reason_needed, only_with_a_move
from app.journeys.kind import Kind
from app.journeys.models import Journey
from app.journeys.rules import needs_presence, opens
from app.journeys.schemas import JourneyCreate, JourneyTransition, JourneyUpdate
from app.patients.models import Patient
from app.people import suggestions
from app.people.departures.queries import require_present
from app.people.errors import ValueNotAllowed
from app.people.lives import life_of
from app.people.models import SuggestedChange
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import Stale
from app.platform.etags import etag, require_match
from app.platform.faults import require_none
from app.platform.plausibility import dates_of, implausible


async def open_journey(session: AsyncSession, actor: Actor, *, kind: Kind, new: JourneyCreate) -> Journey:
    """
    A new journey of a patient, beside all others, with its first event.

    It starts in the machine's first state. A later `status` is for what was so before it was entered: it needs
    `happened_at`, its reason where the state has one, and no move condition is checked. PatientInactive for an open
    journey of somebody who was put aside; PersonDeceased, PersonWithdrawn.
    """
    patient = await queries.require_patient(session, patient_id=new.patient_id)
    await require_present(session, person_id=patient.person_id)
    machine = kind.moves.machine
    status = machine.initial if new.status is None else new.status
    if kind.moves.state_of(status) != machine.initial and new.happened_at is None:
        raise happened_at_needed()
    step = Step(status, new.happened_at, new.reason_code, new.reason)
    life = await life_of(session, patient.person)
    move = decide_move(kind.moves, step, state=None, now=clock.now(), life=life)
    _require_active(kind, patient, move)
    journey = kind.model(
        **kind.stored_when_new.values(new),
        **await kind.further_columns(session, actor, new),
        status=move.to,
        status_changed_at=move.happened_at,
        updated_by=actor.account_id,
    )
    kind.arrive(journey, move)
    if new.medical_condition_id is not None:
        await require_current(session, actor, medical_condition_id=new.medical_condition_id)
    require_none(implausible(kind.name, dates_of(journey), life=life, now=clock.now()))
    await kind.require_only(session, actor, journey)
    session.add(journey)
    await session.flush()
    findings = {condition.name: Finding.NOT_CHECKED for condition in kind.moves.conditions_of(None, move.to)}
    file_event(session, actor, record=journey, move=move, findings=findings, via="opened")
    return await _noted(session, actor, kind, kind.id_of(journey))


async def move_journey(
    session: AsyncSession,
    actor: Actor,
    *,
    kind: Kind,
    journey_id: UUID,
    transition: JourneyTransition,
    if_match: str | None = None,
) -> Journey:
    """
    Take the journey to another state and file the event.

    TransitionNotAllowed with the moves there are, ReasonNeeded, ConditionNotMet with what is missing, Stale.
    """
    journey = await queries.get_journey(session, actor, kind=kind, journey_id=journey_id, for_update=True)
    require_match(if_match, etag(journey.version))
    await _move(session, actor, kind, journey, _step(transition.to, transition), via="transition")
    return await _noted(session, actor, kind, journey_id, {"status"})


async def change_journey(
    session: AsyncSession,
    actor: Actor,
    *,
    kind: Kind,
    journey_id: UUID,
    change: JourneyUpdate,
    if_match: str | None = None,
) -> Journey:
    """
    Change the fields given, and after them the status as a transition does; its present status is no change.

    Stale when `if_match` names another version; the kind's own refusals.
    """
    journey = await queries.get_journey(session, actor, kind=kind, journey_id=journey_id, for_update=True)
    require_match(if_match, etag(journey.version))
    given = change.model_fields_set
    kind.check_change(journey, change)
    life = await life_of(session, journey.patient.person)
    before = implausible(kind.name, dates_of(journey), life=life, now=clock.now())
    condition = journey.medical_condition_id
    kind.stored_when_changed.set_given(journey, change)
    if journey.medical_condition_id is not None and journey.medical_condition_id != condition:
        await require_current(session, actor, medical_condition_id=journey.medical_condition_id)
    if journey.on_hold_reason is None:
        if change.on_hold_until is not None:
            raise hold_reason_needed()
        journey.on_hold_until = None
    faults = implausible(kind.name, dates_of(journey), life=life, now=clock.now())
    require_none(faults, before=before, touched=given)
    await kind.require_only(session, actor, journey)
    await session.flush()
    if "status" in given and kind.moves.state_of(change.status) != journey.status:
        # The move conditions look at what the journey names, which may just have been given.
        journey = await queries.get_journey(session, actor, kind=kind, journey_id=journey_id, for_update=True)
        await _move(session, actor, kind, journey, _step(change.status, change), via="update")
    elif change.happened_at or change.reason_code or change.reason or change.is_correction:
        raise only_with_a_move()
    return await _noted(session, actor, kind, journey_id, given)


async def undo_move(
    session: AsyncSession, actor: Actor, *, kind: Kind, journey_id: UUID, since: int, until: int
) -> Journey:
    """
    Put back the state that the actor's own move from version `since` to `until` took away, with the dates that it set.

    Stale when the journey is no longer as that move left it; PatientInactive, PersonDeceased and PersonWithdrawn where
    it would be open again for somebody for whom none is.
    """
    journey = await queries.get_journey(session, actor, kind=kind, journey_id=journey_id, for_update=True)
    if journey.version != until:
        raise Stale
    before = await before_own_change(
        session, record_id=journey_id, account_id=actor.account_id, since=since, until=until
    )
    machine, to = kind.moves.machine, str(before["status"])
    if to == journey.status:
        raise Stale
    if machine.is_open(to) and not machine.is_open(journey.status):
        await require_present(session, person_id=journey.patient.person_id)
        if journey.patient.status == "inactive":
            raise PatientInactive
    await put_back(session, actor, record=journey, to=to, reason=None, via=UNDONE)
    journey.status_changed_at = datetime.fromisoformat(before["status_changed_at"])
    # The dates that it set, or left: nothing else of the journey has changed since.
    columns = kind.model.__table__.columns
    dated = [name for name in kind.update.model_fields if name in columns and isinstance(columns[name].type, Date)]
    update = kind.update.model_validate({name: before[name] for name in dated})
    kind.stored_when_changed.set_given(journey, update)
    await session.flush()
    return await _noted(session, actor, kind, journey_id, {"status"})


def changeable(kind: Kind) -> suggestions.Changeable:
    """How an accepted suggestion changes a journey: as the PUT of its field, but for a status of the old system."""

    async def lock(session: AsyncSession, actor: Actor, journey_id: UUID) -> Journey:
        return await queries.get_journey(session, actor, kind=kind, journey_id=journey_id, for_update=True)

    async def change(
        session: AsyncSession, actor: Actor, journey: Any, suggestion: SuggestedChange, why: suggestions.Why
    ) -> None:
        if (suggestion.field, suggestion.source) == ("status", suggestions.IMPORT):
            if suggestion.theirs not in kind.moves.machine.states:
                raise ValueNotAllowed
            to = str(suggestion.theirs)
            await take_over(session, actor, record=journey, to=to, reason=why.reason, via=suggestions.IMPORT)
            journey.status_changed_at = clock.now()
            await session.flush()
            return
        body = kind.update.model_validate({suggestion.field: suggestion.theirs})
        await change_journey(session, actor, kind=kind, journey_id=kind.id_of(journey), change=body)

    return suggestions.Changeable(lock, change)


async def _noted(
    session: AsyncSession, actor: Actor, kind: Kind, journey_id: UUID, fields: Iterable[str] = ()
) -> Journey:
    journey = await queries.get_journey(session, actor, kind=kind, journey_id=journey_id)
    people = [journey.patient.person_id]
    audit.note(session, record_type=kind.name, record_id=journey_id, person_ids=people, fields=fields)
    return journey


def _require_active(kind: Kind, patient: Patient, move: Move) -> None:
    """PatientInactive when the move opens a journey, or opens it again, for a patient who was put aside."""
    if patient.status == "inactive" and opens(kind.moves, move.from_status, move.to):
        raise PatientInactive


def _step(to: str, asked: JourneyTransition | JourneyUpdate) -> Step:
    return Step(to, asked.happened_at, asked.reason_code, asked.reason, is_correction=bool(asked.is_correction))


async def _move(session: AsyncSession, actor: Actor, kind: Kind, journey: Journey, step: Step, *, via: str) -> None:
    if needs_presence(kind.moves, journey.status, kind.moves.state_of(step.to)):
        await require_present(session, person_id=journey.patient.person_id)
    life = await life_of(session, journey.patient.person)
    move = await make_move(session, actor, record=journey, moves=kind.moves, step=step, via=via, life=life)
    _require_active(kind, journey.patient, move)
    journey.status_changed_at = move.happened_at
    kind.arrive(journey, move)
    await session.flush()
