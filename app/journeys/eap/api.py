"""`/eap-programs` and `/eap-journeys`, with their transitions, events and gates."""

from typing import Annotated

from fastapi import Path, Query, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.conditions.schemas import ConditionSummary
from app.events.models import JourneyEvent
from app.events.queries import list_events
from app.journeys.eap import queries, service
from app.journeys.eap.models import EapJourney
from app.journeys.eap.schemas import (
    EapJourneyCreate,
    EapJourneyFilter,
    EapJourneyRead,
    EapJourneyUpdate,
    EapTransition,
    GateName,
    GateRead,
    GateUpdate,
    ProgrammeCreate,
    ProgrammeFilter,
    ProgrammeRead,
    ProgrammeSummary,
    ProgrammeUpdate,
)
from app.journeys.eap.states import EAP_JOURNEY, NEXT_STEP
from app.journeys.queries import people_of
from app.journeys.schemas import JourneyEventRead, JourneyPatient
from app.physicians.schemas import PhysicianSummary
from app.platform.etags import etag
from app.platform.paging import Page, PageQuery
from app.platform.problems import described
from app.platform.text import Id

programme_router = api_router("/eap-programs", "expanded-access programmes")
router = api_router("/eap-journeys", "expanded-access journeys")


@programme_router.post("", status_code=201, response_model=ProgrammeRead, dependencies=[allow("programme.write")])
async def create_eap_program(
    new: ProgrammeCreate, session: DbSession, actor: CurrentActor, response: Response
) -> ProgrammeRead:
    """Add a programme."""
    programme = await service.add_programme(session, actor, new=new)
    response.headers["etag"] = etag(programme.version)
    response.headers["location"] = f"{programme_router.prefix}/{programme.eap_program_id}"
    return ProgrammeRead.model_validate(programme)


@programme_router.get("", response_model=Page[ProgrammeRead], dependencies=[allow("programme.read")])
async def list_eap_programs(
    query: Annotated[ProgrammeFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[ProgrammeRead]:
    """Programmes, newest first."""
    rows, cursor, total, capped = await queries.list_programmes(session, actor, query=query)
    items = [ProgrammeRead.model_validate(row) for row in rows]
    return Page(items=items, next_cursor=cursor, total=total, total_is_capped=capped)


@programme_router.get("/{eap_program_id}", response_model=ProgrammeRead, dependencies=[allow("programme.read")])
async def get_eap_program(
    eap_program_id: Id, session: DbSession, actor: CurrentActor, response: Response
) -> ProgrammeRead:
    programme = await queries.get_programme(session, actor, eap_program_id=eap_program_id)
    response.headers["etag"] = etag(programme.version)
    return ProgrammeRead.model_validate(programme)


@programme_router.put("/{eap_program_id}", response_model=ProgrammeRead, dependencies=[allow("programme.write")])
async def update_eap_program(
    eap_program_id: Id,
    change: ProgrammeUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> ProgrammeRead:
    """Change the fields given; an empty body changes nothing."""
    programme = await service.change_programme(
        session, actor, eap_program_id=eap_program_id, change=change, if_match=if_match
    )
    response.headers["etag"] = etag(programme.version)
    return ProgrammeRead.model_validate(programme)


def read(journey: EapJourney) -> EapJourneyRead:
    programme, condition, physician = journey.eap_program, journey.medical_condition, journey.physician
    return EapJourneyRead(
        eap_journey_id=journey.eap_journey_id,
        patient_id=journey.patient_id,
        patient=JourneyPatient.model_validate(journey.patient),
        physician_id=journey.physician_id,
        physician=PhysicianSummary.model_validate(physician) if physician else None,
        eap_program_id=journey.eap_program_id,
        eap_program=ProgrammeSummary.model_validate(programme) if programme else None,
        eap_number=journey.eap_number,
        product=journey.product,
        medical_condition_id=journey.medical_condition_id,
        medical_condition=ConditionSummary.model_validate(condition) if condition else None,
        enrollment_date=journey.enrollment_date,
        approval_date=journey.approval_date,
        completion_date=journey.completion_date,
        status=journey.status,
        status_group=EAP_JOURNEY.groups[journey.status],
        status_changed_at=journey.status_changed_at,
        allowed_transitions=list(EAP_JOURNEY.allowed(journey.status)),
        next_step=NEXT_STEP.get(journey.status),
        on_hold=journey.on_hold_reason is not None,
        on_hold_reason=journey.on_hold_reason,
        on_hold_until=journey.on_hold_until,
        notes=journey.notes,
        created_at=journey.created_at,
        updated_at=journey.updated_at,
        version=journey.version,
    )


@router.post("", status_code=201, response_model=EapJourneyRead, dependencies=[allow("journey.write")])
async def create_eap_journey(
    new: EapJourneyCreate, session: DbSession, actor: CurrentActor, response: Response
) -> EapJourneyRead:
    """Open a journey of a patient to a product."""
    journey = await service.open_eap_journey(session, actor, new=new)
    response.headers["etag"] = etag(journey.version)
    response.headers["location"] = f"{router.prefix}/{journey.eap_journey_id}"
    return read(journey)


@router.get("", response_model=Page[EapJourneyRead], dependencies=[allow("journey.read")])
async def list_eap_journeys(
    query: Annotated[EapJourneyFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[EapJourneyRead]:
    """Journeys, newest first."""
    rows, cursor, total, capped = await queries.list_eap_journeys(session, actor, query=query)
    people = {person_id for row in rows for person_id in people_of(row)}
    audit.note(session, record_type="eap_journey", person_ids=people)
    return Page(items=[read(row) for row in rows], next_cursor=cursor, total=total, total_is_capped=capped)


@router.get("/{eap_journey_id}", response_model=EapJourneyRead, dependencies=[allow("journey.read")])
async def get_eap_journey(
    eap_journey_id: Id, session: DbSession, actor: CurrentActor, response: Response
) -> EapJourneyRead:
    journey = await queries.get_eap_journey(session, actor, eap_journey_id=eap_journey_id)
    audit.note(session, record_type="eap_journey", record_id=eap_journey_id, person_ids=people_of(journey))
    response.headers["etag"] = etag(journey.version)
    return read(journey)


@router.put("/{eap_journey_id}", response_model=EapJourneyRead, dependencies=[allow("journey.write")])
async def update_eap_journey(
    eap_journey_id: Id,
    change: EapJourneyUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> EapJourneyRead:
    """Change the fields given; a `status` moves the journey as a transition does. An empty body changes nothing."""
    journey = await service.change_eap_journey(
        session, actor, eap_journey_id=eap_journey_id, change=change, if_match=if_match
    )
    response.headers["etag"] = etag(journey.version)
    return read(journey)


@router.post(
    "/{eap_journey_id}/transitions",
    response_model=EapJourneyRead,
    responses=described(412),
    dependencies=[allow("journey.write")],
)
async def move_eap_journey(
    eap_journey_id: Id,
    transition: EapTransition,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> EapJourneyRead:
    """Take the journey to another state; the answer is the journey there. A refusal lists the moves there are."""
    journey = await service.move_eap_journey(
        session, actor, eap_journey_id=eap_journey_id, transition=transition, if_match=if_match
    )
    response.headers["etag"] = etag(journey.version)
    return read(journey)


@router.get("/{eap_journey_id}/events", response_model=Page[JourneyEventRead], dependencies=[allow("journey.read")])
async def list_eap_journey_events(
    eap_journey_id: Id, query: Annotated[PageQuery, Query()], session: DbSession, actor: CurrentActor
) -> Page[JourneyEventRead]:
    """Every stage change of the journey, in the order of entry."""
    journey = await queries.get_eap_journey(session, actor, eap_journey_id=eap_journey_id)
    audit.note(
        session,
        record_type="eap_journey",
        record_id=eap_journey_id,
        person_ids=people_of(journey),
        subject=journey.patient.person_id,
    )
    rows, cursor, total, capped = await list_events(
        session, actor, of=JourneyEvent.eap_journey_id == eap_journey_id, query=query
    )
    items = [JourneyEventRead.model_validate(row) for row in rows]
    return Page(items=items, next_cursor=cursor, total=total, total_is_capped=capped)


@router.get("/{eap_journey_id}/gates", response_model=Page[GateRead], dependencies=[allow("journey.read")])
async def list_eap_gates(eap_journey_id: Id, session: DbSession, actor: CurrentActor) -> Page[GateRead]:
    """The gates recorded for the journey by name, all on one page: there is at most one of each kind."""
    journey = await queries.get_eap_journey(session, actor, eap_journey_id=eap_journey_id)
    audit.note(
        session,
        record_type="eap_gate",
        person_ids=[journey.patient.person_id],
        subject=journey.patient.person_id,
    )
    gates = await queries.list_gates(session, eap_journey_id=eap_journey_id)
    items = [GateRead.model_validate(gate) for gate in gates]
    return Page(items=items, next_cursor=None, total=len(items), total_is_capped=False)


@router.put("/{eap_journey_id}/gates/{gate}", response_model=GateRead, dependencies=[allow("gate.write")])
async def update_eap_gate(
    eap_journey_id: Id,
    gate: Annotated[GateName, Path()],
    change: GateUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> GateRead:
    """Record the gate, or change the fields given of one that is recorded."""
    changed = await service.change_gate(
        session, actor, eap_journey_id=eap_journey_id, gate=gate, change=change, if_match=if_match
    )
    response.headers["etag"] = etag(changed.version)
    return GateRead.model_validate(changed)
