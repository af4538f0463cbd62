"""The page of one person, whatever they are to us: who they are, edited in place, and the records that lead on."""

from collections.abc import Mapping, Sequence
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
from app.web.people import ABOUT, Relation, around
from app.web.render import page, wanted_block

router = page_router()

_FEW = 20


_SHOWN_RIGHTS = ("person.write", "call.create")


@dataclass(frozen=True)
class Known:
    """Somebody around this person who is a patient; `speaks` where this person speaks or acts for them now."""

    person: PersonRead
    case: CaseSummary
    speaks: bool


@router.get("/people/{person_id}", dependencies=[allow("person.read")])
async def show_person(request: Request, session: DbSession, actor: CurrentActor, person_id: UUID) -> Response:
    return page(request, "people/record.html", await record_context(request, session, actor, person_id))


async def record_context(request: Request, session: AsyncSession, actor: Actor, person_id: UUID) -> dict[str, Any]:
    """What the page shows; a part of it the same."""
    query = read_query(request, TimelineQuery, asked_in(request, TimelineQuery))
    person = await get_person(session, actor, person_id=person_id)
    audit.note(session, record_type="person", record_id=person_id, person_ids=[person_id], subject=person_id)
    is_part = wanted_block(request) == ABOUT
    shown: dict[str, Any] = {
        **NO_ERRORS,
        "person": PersonRead.model_validate(person),
        "here": f"/people/{person_id}",
        "may": {code: actor.may(code) for code in _SHOWN_RIGHTS},
        "case": None,
    }
    own = (await cases_of(session, actor, person_ids=[person_id])).get(person_id)
    patient_id = own.patient_id if own else None
    shown |= await around(
        session, actor, person=person, patient_id=patient_id, owner_id=None, query=query, is_part=is_part
    )
    if not is_part:
        others = [one.other.person_id for one in shown["relations"] if one.other is not None]
        cases: Mapping[UUID, CaseSummary] = await cases_of(session, actor, person_ids=others)
        shown["related"] = _patients_in(shown["relations"], cases)
        shown["leads"] = await _leads(session, actor, person_id)
    return shown | {"case": own}


def _patients_in(relations: Sequence[Relation], cases: Mapping[UUID, CaseSummary]) -> list[Known]:
    """Those around somebody who are patients, each once."""
    others = {one.other.person_id: one.other for one in relations if one.other is not None}
    speaks = {one.other.person_id for one in relations if one.other is not None and one.acts and not one.is_over}
    known = [Known(other, cases[key], key in speaks) for key, other in others.items() if key in cases]
    return [one for one in known if one.case.patient_id is not None]


async def _leads(session: AsyncSession, actor: Actor, person_id: UUID) -> list[LeadRead]:
    if not actor.may("lead.read"):
        return []
    found = await list_leads(session, actor, query=LeadFilter(person_id=person_id, limit=_FEW))
    return [lead_answers.read(row, clock.now()) for row in found.rows]
