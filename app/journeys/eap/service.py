from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.events.moves import Finding, Step, decide_move
from app.events.service import file_event, make_move
from app.journeys.eap import queries
from app.journeys.eap.conditions import EAP_MOVES
from app.journeys.eap.models import EapGate, EapJourney, EapProgram
from app.journeys.eap.schemas import (
    EapJourneyCreate,
    EapJourneyUpdate,
    EapTransition,
    GateUpdate,
    ProgrammeCreate,
    ProgrammeUpdate,
)
from app.journeys.eap.states import EAP_JOURNEY
from app.journeys.errors import happened_at_needed, hold_reason_needed, only_with_a_move
from app.journeys.queries import people_of, require_patient
from app.people import suggestions
from app.platform import clock
from app.platform.actor import Actor
from app.platform.etags import etag, require_match

_OF_THE_MOVE = {"status", "happened_at", "reason_code", "reason"}
NOT_RECORDED = etag(0)
"""The entity tag of a gate that is not recorded yet."""


async def add_programme(session: AsyncSession, actor: Actor, *, new: ProgrammeCreate) -> EapProgram:
    """A new programme; ProgrammeExists when the name is used already, whatever its case."""
    programme = EapProgram(**new.model_dump(), updated_by=actor.account_id)
    session.add(programme)
    await session.flush()
    audit.note(session, record_type="eap_program", record_id=programme.eap_program_id)
    return programme


async def change_programme(
    session: AsyncSession, actor: Actor, *, eap_program_id: UUID, change: ProgrammeUpdate, if_match: str | None = None
) -> EapProgram:
    """Change the fields given; Stale when `if_match` names another version."""
    programme = await queries.get_programme(session, actor, eap_program_id=eap_program_id, for_update=True)
    require_match(if_match, etag(programme.version))
    for field in change.model_fields_set:
        setattr(programme, field, getattr(change, field))
    await session.flush()
    audit.note(session, record_type="eap_program", record_id=eap_program_id, fields=change.model_fields_set)
    return programme


async def open_eap_journey(session: AsyncSession, actor: Actor, *, new: EapJourneyCreate) -> EapJourney:
    """
    A new journey of a patient to a product, beside all others, with its first event.

    It starts as `inquiry`. A later `status` is for what was so before it was entered: it needs `happened_at`, its
    reason where the state has one, and no move condition is checked. EapNumberTaken.
    """
    await require_patient(session, patient_id=new.patient_id)
    status = EAP_JOURNEY.initial if new.status is None else new.status
    if EAP_JOURNEY.state_of(status) != EAP_JOURNEY.initial and new.happened_at is None:
        raise happened_at_needed()
    step = Step(status, new.happened_at, new.reason_code, new.reason)
    move = decide_move(EAP_MOVES, step, state=None, now=clock.now())
    journey = EapJourney(
        **new.model_dump(exclude=_OF_THE_MOVE),
        status=move.to,
        status_changed_at=move.happened_at,
        updated_by=actor.account_id,
    )
    session.add(journey)
    await session.flush()
    findings = {condition.name: Finding.NOT_CHECKED for condition in EAP_MOVES.conditions_of(None, move.to)}
    file_event(session, actor, record=journey, move=move, findings=findings, via="opened")
    return await _noted(session, actor, journey.eap_journey_id)


async def move_eap_journey(
    session: AsyncSession, actor: Actor, *, eap_journey_id: UUID, transition: EapTransition, if_match: str | None = None
) -> EapJourney:
    """
    Take the journey to another state and file the event.

    TransitionNotAllowed with the moves there are, ReasonNeeded, ConditionNotMet with what is missing, Stale.
    """
    journey = await queries.get_eap_journey(session, actor, eap_journey_id=eap_journey_id, for_update=True)
    require_match(if_match, etag(journey.version))
    step = Step(transition.to, transition.happened_at, transition.reason_code, transition.reason)
    await _move(session, actor, journey, step, via="transition")
    return await _noted(session, actor, eap_journey_id, {"status"})


async def change_eap_journey(
    session: AsyncSession, actor: Actor, *, eap_journey_id: UUID, change: EapJourneyUpdate, if_match: str | None = None
) -> EapJourney:
    """
    Change the fields given, and after them the status as a transition does; its present status is no change.

    EapNumberTaken; Stale when `if_match` names another version.
    """
    journey = await queries.get_eap_journey(session, actor, eap_journey_id=eap_journey_id, for_update=True)
    require_match(if_match, etag(journey.version))
    given = change.model_fields_set
    for field in given - _OF_THE_MOVE:
        setattr(journey, field, getattr(change, field))
    if journey.on_hold_reason is None:
        if change.on_hold_until is not None:
            raise hold_reason_needed()
        journey.on_hold_until = None
    await session.flush()
    if "status" in given and EAP_JOURNEY.state_of(change.status) != journey.status:
        step = Step(change.status, change.happened_at, change.reason_code, change.reason)
        await _move(session, actor, journey, step, via="update")
    elif change.happened_at or change.reason_code or change.reason:
        raise only_with_a_move()
    return await _noted(session, actor, eap_journey_id, given)


async def change_gate(
    session: AsyncSession,
    actor: Actor,
    *,
    eap_journey_id: UUID,
    gate: str,
    change: GateUpdate,
    if_match: str | None = None,
) -> EapGate:
    """Record or change one gate of the journey; Stale when `if_match` names another version."""
    # The journey's row lets two first records of one gate follow each other, and no move pass by in between.
    journey = await queries.get_eap_journey(session, actor, eap_journey_id=eap_journey_id, for_update=True)
    found = await queries.find_gate(session, actor, eap_journey_id=eap_journey_id, gate=gate)
    require_match(if_match, etag(found.version) if found else NOT_RECORDED)
    values = change.model_dump(include=change.model_fields_set)
    if found is None:
        found = EapGate(eap_journey_id=eap_journey_id, gate=gate, **values, updated_by=actor.account_id)
        session.add(found)
    else:
        for field, value in values.items():
            setattr(found, field, value)
    await session.flush()
    audit.note(
        session,
        record_type="eap_gate",
        record_id=found.eap_gate_id,
        person_ids=[journey.patient.person_id],
        fields=change.model_fields_set,
    )
    return found


async def _noted(session: AsyncSession, actor: Actor, eap_journey_id: UUID, fields: Iterable[str] = ()) -> EapJourney:
    journey = await queries.get_eap_journey(session, actor, eap_journey_id=eap_journey_id)
    audit.note(
        session, record_type="eap_journey", record_id=eap_journey_id, person_ids=people_of(journey), fields=fields
    )
    return journey


async def _move(session: AsyncSession, actor: Actor, journey: EapJourney, step: Step, *, via: str) -> None:
    move = await make_move(session, actor, record=journey, moves=EAP_MOVES, step=step, via=via)
    journey.status_changed_at = move.happened_at
    await session.flush()


suggestions.register(
    EapJourney.__tablename__,
    suggestions.changed_by(
        EapJourneyUpdate, key="eap_journey_id", lock=queries.get_eap_journey, change=change_eap_journey
    ),
)
