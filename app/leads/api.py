"""`/leads`: open, list, change, move. Converting takes a patient as well and stands in casework."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.events.models import JourneyEvent
from app.events.queries import list_events
from app.leads import queries, service
from app.leads.answers import read
from app.leads.attempts import Policy, attempts_at, attempts_read
from app.leads.schemas import (
    AttemptsRead,
    LeadCreated,
    LeadEventRead,
    LeadFilter,
    LeadRead,
    LeadTransition,
    LeadUpdate,
    NewLead,
)
from app.people.schemas import SearchPage
from app.platform import clock
from app.platform.etags import etag
from app.platform.paging import Page, PageQuery
from app.platform.problems import described
from app.platform.text import Id

router = api_router("/leads", "leads")


@router.post(
    "",
    status_code=201,
    response_model=LeadCreated,
    responses={200: {"model": LeadCreated, "description": "The same was sent within a day: this lead."}},
    dependencies=[allow("lead.create")],
)
async def create_lead(
    new: NewLead, session: DbSession, actor: CurrentActor, request: Request, response: Response
) -> LeadCreated:
    """
    Somebody asks for help. The person is found or made, and the submission is kept.

    Each is a lead of its own, but the same content twice within a day: 200 with the open lead, `repeated_lead`.
    """
    opened = await service.open_lead(session, actor, new=new, payload=await request.json())
    lead = opened.lead
    response.status_code = 201 if opened.is_new else 200
    response.headers["etag"] = etag(lead.version)
    response.headers["location"] = f"{router.prefix}/{lead.lead_id}"
    return LeadCreated(**dict(read(lead, clock.now())), match=opened.match)


@router.get("", response_model=SearchPage[LeadRead], dependencies=[allow("lead.read")])
async def list_leads(query: Annotated[LeadFilter, Query()], session: DbSession, actor: CurrentActor) -> Page[LeadRead]:
    """Leads, newest first."""
    found = await queries.list_leads(session, actor, query=query)
    now = clock.now()
    return audit.show_page(session, found, (read(row, now) for row in found.rows))


@router.get("/{lead_id}", response_model=LeadRead, dependencies=[allow("lead.read")])
async def get_lead(lead_id: Id, session: DbSession, actor: CurrentActor, response: Response) -> LeadRead:
    lead = await queries.get_lead(session, actor, lead_id=lead_id)
    service.note(session, lead)
    response.headers["etag"] = etag(lead.version)
    return read(lead, clock.now())


@router.get("/{lead_id}/attempts", response_model=AttemptsRead, dependencies=[allow("lead.read")])
async def get_lead_attempts(lead_id: Id, request: Request, session: DbSession, actor: CurrentActor) -> AttemptsRead:
    """How often it was tried to reach this lead, and whether that suggests that they are unreachable."""
    lead = await queries.get_lead(session, actor, lead_id=lead_id)
    service.note(session, lead)
    policy = Policy.of(request.app.state.settings)
    return attempts_read(lead, await attempts_at(session, lead, policy=policy, now=clock.now()), policy)


@router.put("/{lead_id}", response_model=LeadRead, dependencies=[allow("lead.write")])
async def update_lead(
    lead_id: Id,
    change: LeadUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> LeadRead:
    """Change the fields given; a `status` moves the lead. An empty body changes nothing."""
    lead = await service.change_lead(session, actor, lead_id=lead_id, change=change, if_match=if_match)
    response.headers["etag"] = etag(lead.version)
    return read(lead, clock.now())


@router.post(
    "/{lead_id}/transitions", response_model=LeadRead, responses=described(412), dependencies=[allow("lead.write")]
)
async def move_lead(
    lead_id: Id,
    transition: LeadTransition,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> LeadRead:
    """Move the lead to another state; one that is not allowed is answered with those that are."""
    lead = await service.move_lead(session, actor, lead_id=lead_id, step=transition.step(), if_match=if_match)
    response.headers["etag"] = etag(lead.version)
    return read(lead, clock.now())


@router.get("/{lead_id}/events", response_model=Page[LeadEventRead], dependencies=[allow("lead.read")])
async def list_lead_events(
    lead_id: Id, query: Annotated[PageQuery, Query()], session: DbSession, actor: CurrentActor
) -> Page[LeadEventRead]:
    """What happened to the lead, in the order in which it was entered."""
    lead = await queries.get_lead(session, actor, lead_id=lead_id)
    service.note(session, lead)
    found = await list_events(session, actor, of=JourneyEvent.lead_id == lead_id, query=query)
    return audit.show_page(session, found, map(LeadEventRead.model_validate, found.rows))
