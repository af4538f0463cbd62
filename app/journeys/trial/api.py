"""`/clinical-trials` and `/clinical-trial-journeys`, with their transitions and events."""

from typing import Annotated

from fastapi import Query, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.conditions.schemas import ConditionSummary
from app.events.models import JourneyEvent
from app.events.queries import list_events
from app.journeys.queries import people_of
from app.journeys.schemas import JourneyEventRead, JourneyPatient
from app.journeys.trial import queries, service
from app.journeys.trial.models import ClinicalTrialJourney
from app.journeys.trial.schemas import (
    TrialCreate,
    TrialFilter,
    TrialJourneyCreate,
    TrialJourneyFilter,
    TrialJourneyRead,
    TrialJourneyUpdate,
    TrialRead,
    TrialSummary,
    TrialTransition,
    TrialUpdate,
)
from app.journeys.trial.states import TRIAL_JOURNEY
from app.physicians.schemas import PhysicianSummary
from app.platform.etags import etag
from app.platform.paging import Page, PageQuery
from app.platform.problems import described
from app.platform.text import Id

trial_router = api_router("/clinical-trials", "clinical trials")
router = api_router("/clinical-trial-journeys", "clinical-trial journeys")


@trial_router.post("", status_code=201, response_model=TrialRead, dependencies=[allow("trial.write")])
async def create_clinical_trial(
    new: TrialCreate, session: DbSession, actor: CurrentActor, response: Response
) -> TrialRead:
    """Add a trial by its registry number."""
    trial = await service.add_trial(session, actor, new=new)
    response.headers["etag"] = etag(trial.version)
    response.headers["location"] = f"{trial_router.prefix}/{trial.clinical_trial_id}"
    return TrialRead.model_validate(trial)


@trial_router.get("", response_model=Page[TrialRead], dependencies=[allow("trial.read")])
async def list_clinical_trials(
    query: Annotated[TrialFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[TrialRead]:
    """Trials, newest first."""
    rows, cursor, total, capped = await queries.list_trials(session, actor, query=query)
    items = [TrialRead.model_validate(row) for row in rows]
    return Page(items=items, next_cursor=cursor, total=total, total_is_capped=capped)


@trial_router.get("/{clinical_trial_id}", response_model=TrialRead, dependencies=[allow("trial.read")])
async def get_clinical_trial(
    clinical_trial_id: Id, session: DbSession, actor: CurrentActor, response: Response
) -> TrialRead:
    trial = await queries.get_trial(session, actor, clinical_trial_id=clinical_trial_id)
    response.headers["etag"] = etag(trial.version)
    return TrialRead.model_validate(trial)


@trial_router.put("/{clinical_trial_id}", response_model=TrialRead, dependencies=[allow("trial.write")])
async def update_clinical_trial(
    clinical_trial_id: Id,
    change: TrialUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> TrialRead:
    """Change the fields given; an empty body changes nothing."""
    trial = await service.change_trial(
        session, actor, clinical_trial_id=clinical_trial_id, change=change, if_match=if_match
    )
    response.headers["etag"] = etag(trial.version)
    return TrialRead.model_validate(trial)


def read(journey: ClinicalTrialJourney) -> TrialJourneyRead:
    trial, condition, physician = journey.clinical_trial, journey.medical_condition, journey.physician
    return TrialJourneyRead(
        ct_journey_id=journey.ct_journey_id,
        patient_id=journey.patient_id,
        patient=JourneyPatient.model_validate(journey.patient),
        physician_id=journey.physician_id,
        physician=PhysicianSummary.model_validate(physician) if physician else None,
        clinical_trial_id=journey.clinical_trial_id,
        trial_id=trial.trial_id if trial else None,
        trial_name=trial.title if trial else None,
        clinical_trial=TrialSummary.model_validate(trial) if trial else None,
        trial_reference=journey.trial_reference,
        medical_condition_id=journey.medical_condition_id,
        medical_condition=ConditionSummary.model_validate(condition) if condition else None,
        referral_date=journey.referral_date,
        eligible=journey.eligible,
        eligibility_assessment_date=journey.eligibility_assessment_date,
        ineligible_reason=journey.ineligible_reason,
        outcome=journey.outcome,
        enrollment_date=journey.enrollment_date,
        completion_date=journey.completion_date,
        status=journey.status,
        status_group=TRIAL_JOURNEY.groups[journey.status],
        status_changed_at=journey.status_changed_at,
        allowed_transitions=list(TRIAL_JOURNEY.allowed(journey.status)),
        on_hold=journey.on_hold_reason is not None,
        on_hold_reason=journey.on_hold_reason,
        on_hold_until=journey.on_hold_until,
        notes=journey.notes,
        created_at=journey.created_at,
        updated_at=journey.updated_at,
        version=journey.version,
    )


@router.post("", status_code=201, response_model=TrialJourneyRead, dependencies=[allow("journey.write")])
async def create_clinical_trial_journey(
    new: TrialJourneyCreate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
) -> TrialJourneyRead:
    """Open a journey of a patient into a trial, named by its registry number or by clinical_trial_id."""
    journey = await service.open_trial_journey(session, actor, new=new)
    response.headers["etag"] = etag(journey.version)
    response.headers["location"] = f"{router.prefix}/{journey.ct_journey_id}"
    return read(journey)


@router.get("", response_model=Page[TrialJourneyRead], dependencies=[allow("journey.read")])
async def list_clinical_trial_journeys(
    query: Annotated[TrialJourneyFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[TrialJourneyRead]:
    """Journeys, newest first."""
    rows, cursor, total, capped = await queries.list_trial_journeys(session, actor, query=query)
    people = {person_id for row in rows for person_id in people_of(row)}
    audit.note(session, record_type="clinical_trial_journey", person_ids=people)
    return Page(items=[read(row) for row in rows], next_cursor=cursor, total=total, total_is_capped=capped)


@router.get("/{ct_journey_id}", response_model=TrialJourneyRead, dependencies=[allow("journey.read")])
async def get_clinical_trial_journey(
    ct_journey_id: Id, session: DbSession, actor: CurrentActor, response: Response
) -> TrialJourneyRead:
    journey = await queries.get_trial_journey(session, actor, ct_journey_id=ct_journey_id)
    audit.note(session, record_type="clinical_trial_journey", record_id=ct_journey_id, person_ids=people_of(journey))
    response.headers["etag"] = etag(journey.version)
    return read(journey)


@router.put("/{ct_journey_id}", response_model=TrialJourneyRead, dependencies=[allow("journey.write")])
async def update_clinical_trial_journey(
    ct_journey_id: Id,
    change: TrialJourneyUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> TrialJourneyRead:
    """Change the fields given; a `status` moves the journey as a transition does. An empty body changes nothing."""
    journey = await service.change_trial_journey(
        session, actor, ct_journey_id=ct_journey_id, change=change, if_match=if_match
    )
    response.headers["etag"] = etag(journey.version)
    return read(journey)


@router.post(
    "/{ct_journey_id}/transitions",
    response_model=TrialJourneyRead,
    responses=described(412),
    dependencies=[allow("journey.write")],
)
async def move_clinical_trial_journey(
    ct_journey_id: Id,
    transition: TrialTransition,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> TrialJourneyRead:
    """Take the journey to another state; the answer is the journey there. A refusal lists the moves there are."""
    journey = await service.move_trial_journey(
        session, actor, ct_journey_id=ct_journey_id, transition=transition, if_match=if_match
    )
    response.headers["etag"] = etag(journey.version)
    return read(journey)


@router.get("/{ct_journey_id}/events", response_model=Page[JourneyEventRead], dependencies=[allow("journey.read")])
async def list_clinical_trial_journey_events(
    ct_journey_id: Id, query: Annotated[PageQuery, Query()], session: DbSession, actor: CurrentActor
) -> Page[JourneyEventRead]:
    """Every stage change of the journey, in the order of entry."""
    journey = await queries.get_trial_journey(session, actor, ct_journey_id=ct_journey_id)
    audit.note(
        session,
        record_type="clinical_trial_journey",
        record_id=ct_journey_id,
        person_ids=people_of(journey),
        subject=journey.patient.person_id,
    )
    rows, cursor, total, capped = await list_events(
        session, actor, of=JourneyEvent.ct_journey_id == ct_journey_id, query=query
    )
    items = [JourneyEventRead.model_validate(row) for row in rows]
    return Page(items=items, next_cursor=cursor, total=total, total_is_capped=capped)
