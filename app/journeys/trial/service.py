from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.events.moves import Finding, Move, Step, decide_move
from app.events.service import file_event, make_move
from app.journeys.errors import happened_at_needed, hold_reason_needed, only_with_a_move
from app.journeys.queries import people_of, require_patient
from app.journeys.trial import queries
from app.journeys.trial.conditions import TRIAL_MOVES
from app.journeys.trial.errors import TrialIsFixed, registry_mismatch, trial_number_not_recognised
from app.journeys.trial.identifiers import read_trial_number
from app.journeys.trial.models import ClinicalTrial, ClinicalTrialJourney
from app.journeys.trial.schemas import (
    TrialCreate,
    TrialJourneyByNumber,
    TrialJourneyIntoTrial,
    TrialJourneyUpdate,
    TrialTransition,
    TrialUpdate,
)
from app.journeys.trial.states import TRIAL_JOURNEY, date_meant
from app.people import suggestions
from app.platform import clock
from app.platform.actor import Actor
from app.platform.etags import etag, require_match

_OF_THE_MOVE = {"status", "happened_at", "reason_code", "reason"}


async def add_trial(session: AsyncSession, actor: Actor, *, new: TrialCreate) -> ClinicalTrial:
    """A new trial; TrialExists when its number is known in whatever spelling."""
    reference = read_trial_number(new.trial_id)
    if reference is None and new.registry_code != "other":
        raise trial_number_not_recognised()
    if reference is not None and new.registry_code not in {None, reference.registry.value}:
        raise registry_mismatch()
    trial = ClinicalTrial(
        trial_id=reference.number if reference else new.trial_id,
        registry_code=reference.registry.value if reference else "other",
        title=new.title,
        phase=new.phase,
        status=new.status,
        sponsor=new.sponsor,
        updated_by=actor.account_id,
    )
    session.add(trial)
    await session.flush()
    audit.note(session, record_type="clinical_trial", record_id=trial.clinical_trial_id)
    return trial


async def change_trial(
    session: AsyncSession,
    actor: Actor,
    *,
    clinical_trial_id: UUID,
    change: TrialUpdate,
    if_match: str | None = None,
) -> ClinicalTrial:
    """Change the fields given; Stale when `if_match` names another version."""
    trial = await queries.get_trial(session, actor, clinical_trial_id=clinical_trial_id, for_update=True)
    require_match(if_match, etag(trial.version))
    for field in change.model_fields_set:
        setattr(trial, field, getattr(change, field))
    await session.flush()
    audit.note(session, record_type="clinical_trial", record_id=clinical_trial_id, fields=change.model_fields_set)
    return trial


async def find_or_add_trial(
    session: AsyncSession, actor: Actor, *, number: str, title: str | None = None
) -> ClinicalTrial:
    """
    The trial with this registry number in whatever spelling; an unknown one is added as `unverified`.

    A trial that we have keeps its own title. Two who name an unknown number at once get the same trial: the second
    insert waits for the first. Invalid when the text is no registry's number and no trial of ours has it.
    """
    reference = read_trial_number(number)
    if reference is None:
        known = await queries.find_trial_by_number(session, trial_id=number)
        if known is None:
            raise trial_number_not_recognised()
        return known
    await session.execute(
        insert(ClinicalTrial)
        .values(
            trial_id=reference.number,
            registry_code=reference.registry.value,
            title=title,
            status="unverified",
            updated_by=actor.account_id,
        )
        .on_conflict_do_nothing(index_elements=["trial_id"])
    )
    trial = await queries.find_trial_by_number(session, trial_id=reference.number)
    if trial is None:
        raise trial_number_not_recognised()
    return trial


async def open_trial_journey(
    session: AsyncSession, actor: Actor, *, new: TrialJourneyByNumber | TrialJourneyIntoTrial
) -> ClinicalTrialJourney:
    """
    A new journey of a patient into a trial, beside all others, with its first event.

    It starts as `identified`. A later `status` is for what was so before it was entered: it needs `happened_at`,
    its reason where the state has one, and no move condition is checked.
    """
    await require_patient(session, patient_id=new.patient_id)
    status = TRIAL_JOURNEY.initial if new.status is None else new.status
    if TRIAL_JOURNEY.state_of(status) != TRIAL_JOURNEY.initial and new.happened_at is None:
        raise happened_at_needed()
    step = Step(status, new.happened_at, new.reason_code, new.reason)
    move = decide_move(TRIAL_MOVES, step, state=None, now=clock.now())
    if isinstance(new, TrialJourneyByNumber):
        trial = await find_or_add_trial(session, actor, number=new.trial_id, title=new.trial_name)
        clinical_trial_id = trial.clinical_trial_id
    else:
        clinical_trial_id = new.clinical_trial_id
    journey = ClinicalTrialJourney(
        **new.model_dump(exclude={"clinical_trial_id", "trial_id", "trial_name", *_OF_THE_MOVE}),
        clinical_trial_id=clinical_trial_id,
        status=move.to,
        status_changed_at=move.happened_at,
        updated_by=actor.account_id,
    )
    _fill_date(journey, move)
    session.add(journey)
    await session.flush()
    findings = {condition.name: Finding.NOT_CHECKED for condition in TRIAL_MOVES.conditions_of(None, move.to)}
    file_event(session, actor, record=journey, move=move, findings=findings, via="opened")
    return await _noted(session, actor, journey.ct_journey_id)


async def move_trial_journey(
    session: AsyncSession,
    actor: Actor,
    *,
    ct_journey_id: UUID,
    transition: TrialTransition,
    if_match: str | None = None,
) -> ClinicalTrialJourney:
    """
    Take the journey to another state and file the event.

    TransitionNotAllowed with the moves there are, ReasonNeeded, ConditionNotMet with what is missing, Stale.
    """
    journey = await queries.get_trial_journey(session, actor, ct_journey_id=ct_journey_id, for_update=True)
    require_match(if_match, etag(journey.version))
    step = Step(transition.to, transition.happened_at, transition.reason_code, transition.reason)
    await _move(session, actor, journey, step, via="transition")
    return await _noted(session, actor, ct_journey_id, {"status"})


async def change_trial_journey(
    session: AsyncSession,
    actor: Actor,
    *,
    ct_journey_id: UUID,
    change: TrialJourneyUpdate,
    if_match: str | None = None,
) -> ClinicalTrialJourney:
    """
    Change the fields given, and after them the status as a transition does; its present status is no change.

    Stale when `if_match` names another version.
    """
    journey = await queries.get_trial_journey(session, actor, ct_journey_id=ct_journey_id, for_update=True)
    require_match(if_match, etag(journey.version))
    given = change.model_fields_set
    if "clinical_trial_id" in given and journey.clinical_trial_id not in {None, change.clinical_trial_id}:
        raise TrialIsFixed
    for field in given - _OF_THE_MOVE:
        setattr(journey, field, getattr(change, field))
    if journey.on_hold_reason is None:
        if change.on_hold_until is not None:
            raise hold_reason_needed()
        journey.on_hold_until = None
    await session.flush()
    if "status" in given and TRIAL_JOURNEY.state_of(change.status) != journey.status:
        # The move conditions look at the trial and the physician, which may just have been given.
        journey = await queries.get_trial_journey(session, actor, ct_journey_id=ct_journey_id, for_update=True)
        step = Step(change.status, change.happened_at, change.reason_code, change.reason)
        await _move(session, actor, journey, step, via="update")
    elif change.happened_at or change.reason_code or change.reason:
        raise only_with_a_move()
    return await _noted(session, actor, ct_journey_id, given)


async def _noted(
    session: AsyncSession, actor: Actor, ct_journey_id: UUID, fields: Iterable[str] = ()
) -> ClinicalTrialJourney:
    journey = await queries.get_trial_journey(session, actor, ct_journey_id=ct_journey_id)
    audit.note(
        session,
        record_type="clinical_trial_journey",
        record_id=ct_journey_id,
        person_ids=people_of(journey),
        fields=fields,
    )
    return journey


async def _move(session: AsyncSession, actor: Actor, journey: ClinicalTrialJourney, step: Step, *, via: str) -> None:
    move = await make_move(session, actor, record=journey, moves=TRIAL_MOVES, step=step, via=via)
    journey.status_changed_at = move.happened_at
    _fill_date(journey, move)
    await session.flush()


def _fill_date(journey: ClinicalTrialJourney, move: Move) -> None:
    dates = {
        "referral_date": journey.referral_date,
        "enrollment_date": journey.enrollment_date,
        "completion_date": journey.completion_date,
    }
    meant = date_meant(move.to, move.happened_at.date(), dates)
    if meant is not None:
        setattr(journey, *meant)


suggestions.register(
    ClinicalTrialJourney.__tablename__,
    suggestions.changed_by(
        TrialJourneyUpdate, key="ct_journey_id", lock=queries.get_trial_journey, change=change_trial_journey
    ),
)
