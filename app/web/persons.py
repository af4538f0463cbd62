"""The page of one person, whatever they are to us: who they are, and every record that leads on from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.casework.finding import cases_of
from app.casework.schemas import CaseSummary, TimelineQuery
from app.leads import answers as lead_answers
from app.leads.queries import list_leads
from app.leads.schemas import LeadFilter, LeadRead
from app.people.queries import get_person
from app.people.schemas import PersonRead
from app.platform import clock
from app.platform.actor import Actor
from app.web.forms import asked_in, read_query
from app.web.page_guard import NO_ERRORS, allow, page_router
from app.web.people import Relation, around
from app.web.render import page

router = page_router()

_FEW = 20


@dataclass(frozen=True)
class Known:
    """Somebody with what there is of them; `href` is the nearest record to work in."""

    relation: Relation
    case: CaseSummary | None

    @property
    def href(self) -> str | None:
        """The patient's page, else that of the person."""
        if self.case is not None and self.case.patient_id is not None:
            return f"/patients/{self.case.patient_id}"
        return None if self.relation.other is None else f"/people/{self.relation.other.person_id}"


@router.get("/people/{person_id}", dependencies=[allow("person.read")])
async def show_person(request: Request, session: DbSession, actor: CurrentActor, person_id: UUID) -> Response:
    return page(request, "people/record.html", await record_context(request, session, actor, person_id))


async def record_context(request: Request, session: AsyncSession, actor: Actor, person_id: UUID) -> dict[str, Any]:
    """What the page shows; a part of it the same."""
    query = read_query(request, TimelineQuery, asked_in(request, TimelineQuery))
    person = await get_person(session, actor, person_id=person_id)
    audit.note(session, record_type="person", record_id=person_id, person_ids=[person_id], subject=person_id)
    own = (await cases_of(session, actor, person_ids=[person_id])).get(person_id)
    patient_id = own.patient_id if own else None
    shown = await around(session, actor, person=person, patient_id=patient_id, owner_id=None, query=query)
    others = [one.other.person_id for one in shown["relations"] if one.other is not None]
    cases: Mapping[UUID, CaseSummary] = await cases_of(session, actor, person_ids=others)
    return {
        **NO_ERRORS,
        **shown,
        "person": PersonRead.model_validate(person),
        "here": f"/people/{person_id}",
        "case": own,
        "leads": await _leads(session, actor, person_id),
        "related": [Known(one, cases.get(one.other.person_id) if one.other else None) for one in shown["relations"]],
    }


async def _leads(session: AsyncSession, actor: Actor, person_id: UUID) -> list[LeadRead]:
    if not actor.may("lead.read"):
        return []
    found = await list_leads(session, actor, query=LeadFilter(person_id=person_id, limit=_FEW))
    return [lead_answers.read(row, clock.now()) for row in found.rows]
