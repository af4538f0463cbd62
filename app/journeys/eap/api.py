"""`/eap-programs`, and the gates of `/eap-journeys`."""

from typing import Annotated

from fastapi import Path, Query, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.journeys.eap import queries, service
from app.journeys.eap.kind import EAP
from app.journeys.eap.schemas import (
    GateName,
    GateRead,
    GateUpdate,
    ProgrammeCreate,
    ProgrammeFilter,
    ProgrammeRead,
    ProgrammeUpdate,
)
from app.journeys.queries import get_journey
from app.platform.etags import etag
from app.platform.paging import Page
from app.platform.text import Id

programme_router = api_router("/eap-programs", "expanded-access programmes")
gate_router = api_router(EAP.path, EAP.tag)


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
    found = await queries.list_programmes(session, actor, query=query)
    return audit.show_page(session, found, map(ProgrammeRead.model_validate, found.rows))


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


@gate_router.get("/{eap_journey_id}/gates", response_model=Page[GateRead], dependencies=[allow("journey.read")])
async def list_eap_gates(eap_journey_id: Id, session: DbSession, actor: CurrentActor) -> Page[GateRead]:
    """The gates recorded for the journey by name, all on one page: there is at most one of each kind."""
    journey = await get_journey(session, actor, kind=EAP, journey_id=eap_journey_id)
    audit.note(
        session,
        record_type="eap_gate",
        person_ids=[journey.patient.person_id],
        subject=journey.patient.person_id,
    )
    gates = await queries.list_gates(session, eap_journey_ids=[eap_journey_id])
    items = [GateRead.model_validate(gate) for gate in gates]
    return Page(items=items, next_cursor=None, total=len(items), total_is_capped=False)


@gate_router.put("/{eap_journey_id}/gates/{gate}", response_model=GateRead, dependencies=[allow("gate.write")])
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
