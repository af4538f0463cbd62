"""
Pairs of people who may be one human: their list, and the two side by side with what was found and what differs.

Somebody says that they are different people, which lasts until somebody opens the pair again, or goes on without a
decision. That they are one is decided where they can be made one.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal, get_args
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.calls import answers as call_answers
from app.calls.queries import list_calls
from app.calls.schemas import CallFilter, CallRead
from app.casework.finding import cases_of
from app.casework.schemas import CaseSummary
from app.leads.models import PatientLead
from app.people import suggestions
from app.people.models import DuplicateCandidate, Person
from app.people.queries import get_duplicate_candidate, list_duplicate_candidates
from app.people.schemas import CandidateDecision, DuplicateCandidateFilter, DuplicateCandidateRead, PersonRead
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, NotFound
from app.platform.locales import _
from app.platform.text import Body, Reason
from app.web.addresses import came_from
from app.web.forms import read_form, typed_in
from app.web.listing import Column, Filter, ListPage, View, add_list
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.people import COMPARED
from app.web.render import Flash, page
from app.web.undoing import Version, undo_at, undone
from app.web.words import words

router = page_router()

LIST = ListPage(
    path="/duplicates",
    title=_("Duplicates"),
    permission="suggestion.read",
    noun=(_("pair"), _("pairs")),
    order=_("newest first"),
    sort="",
    question=DuplicateCandidateFilter,
    find=list_duplicate_candidates,
    answer=DuplicateCandidateRead,
    key="duplicate_candidate_id",
    columns=(
        Column("name", _("Person"), 0, "person", "person"),
        Column("other", _("May be"), 0, "other_person", "person_beside"),
        Column("reasons", _("Why"), 1, "reasons", "words_list"),
        Column("created", _("Found"), 2, "created_at", "day_of"),
        Column("decision", _("Decision"), 4, "decision", "words"),
    ),
    opens=("/duplicates/{duplicate_candidate_id}",),
    begins=lambda _actor: {"decision": "open"},
    filters=lambda _seen: [
        Filter("decision", _("Decision"), [(code, words(code)) for code in get_args(CandidateDecision)]),
    ],
    views=lambda _seen: [
        View(_("To decide"), {"decision": "open"}),
        View(_("Different people"), {"decision": "different_people"}),
        View(_("All"), {}),
    ],
    empty=(
        _("No pair is here"),
        _("When a form or a call brings somebody who may be known already, the pair stands here."),
        "copy",
    ),
)
add_list(router, LIST)
_NEWEST_CALLS = 3
_CONVERSION = re.compile(r"/leads/[0-9a-f-]{36}/convert", re.ASCII)
"""The page from which a pair is decided on the way: one goes back there."""


class Different(Body):
    """What is said of a pair; the two being one is decided where they can be made one."""

    decision: Literal["different_people"] = "different_people"
    reason: Reason | None = None


@dataclass(frozen=True)
class Side:
    """One of the two: who they are, what there is of them, and their newest calls."""

    person: PersonRead
    case: CaseSummary | None
    leads: int
    calls: list[CallRead]
    calls_total: int


@router.get("/duplicates/{duplicate_candidate_id}", dependencies=[allow("suggestion.read")])
async def show_pair(
    request: Request, session: DbSession, actor: CurrentActor, duplicate_candidate_id: UUID
) -> Response:
    context = await _context(session, actor, duplicate_candidate_id, back=came_from(request))
    return page(request, "duplicates/pair.html", {**context, "typed": dict.fromkeys(Different.model_fields, "")})


@router.post("/duplicates/{duplicate_candidate_id}/different", dependencies=[allow("suggestion.decide")])
async def say_different(
    request: Request, session: DbSession, actor: CurrentActor, duplicate_candidate_id: UUID
) -> Response:
    typed = await typed_in(request, Different)
    back = str((await request.form()).get("back", ""))
    context = await _context(session, actor, duplicate_candidate_id, back=back)
    try:
        said = read_form(Different, {"reason": typed["reason"]})
        async with known_errors(request, session):
            decided = await suggestions.decide_duplicate(
                session,
                actor,
                duplicate_candidate_id=duplicate_candidate_id,
                decision=said.decision,
                reason=said.reason,
            )
    except NotFound:
        raise
    except AppError as error:
        return form_again(request, "duplicates/pair.html", {**context, "typed": typed}, error)
    undo = undo_at(context["here"], (context["pair"].version, decided.version))
    told = str(_("They are different people. Nobody is asked again."))
    return go_to(request, context["onward"], flash=Flash(told, undo=undo))


@router.post("/duplicates/{duplicate_candidate_id}/undo", dependencies=[allow("suggestion.decide")])
async def undo_different(
    request: Request, session: DbSession, actor: CurrentActor, duplicate_candidate_id: UUID, until: Version = 0
) -> Response:
    """What one has just decided is taken back, while nobody has changed the pair since."""
    undo = suggestions.reopen_duplicate(
        session, actor, duplicate_candidate_id=duplicate_candidate_id, version=until, by_me=True
    )
    flash = await undone(request, session, undo)
    return go_to(request, f"/duplicates/{duplicate_candidate_id}", flash=flash)


@router.post("/duplicates/{duplicate_candidate_id}/reopen", dependencies=[allow("suggestion.decide")])
async def reopen_pair(
    request: Request, session: DbSession, actor: CurrentActor, duplicate_candidate_id: UUID, until: Version = 0
) -> Response:
    """The pair waits for a decision again, also one that a colleague has decided."""
    reopened = suggestions.reopen_duplicate(
        session, actor, duplicate_candidate_id=duplicate_candidate_id, version=until
    )
    flash = await undone(request, session, reopened, str(_("The pair waits for a decision again.")))
    return go_to(request, f"/duplicates/{duplicate_candidate_id}", flash=flash)


async def _context(session: AsyncSession, actor: Actor, duplicate_candidate_id: UUID, *, back: str) -> dict[str, Any]:
    """What the page shows; `back` is where somebody came from, which counts when it is a conversion."""
    back = back if _CONVERSION.fullmatch(back) else ""
    pair = await get_duplicate_candidate(session, actor, duplicate_candidate_id=duplicate_candidate_id)
    both = [pair.person, pair.other_person]
    ids = [one.person_id for one in both]
    audit.note(session, record_type="duplicate_candidate", record_id=duplicate_candidate_id, person_ids=ids)
    cases = await cases_of(session, actor, person_ids=ids)
    counted: dict[UUID, int] = {}
    if actor.may("lead.read"):
        of_each = select(PatientLead.person_id, func.count()).where(PatientLead.person_id.in_(ids))
        counted = {row[0]: row[1] for row in await session.execute(of_each.group_by(PatientLead.person_id))}
    sides = [await _side(session, actor, one, cases.get(one.person_id), counted.get(one.person_id, 0)) for one in both]
    following = await _next_open(session, pair)
    return {
        **NO_ERRORS,
        "pair": DuplicateCandidateRead.model_validate(pair),
        "sides": sides,
        "compared": COMPARED,
        "following": following,
        "back": back,
        "onward": back or (f"/duplicates/{following}" if following else "/duplicates"),
        "here": f"/duplicates/{duplicate_candidate_id}",
        "may_decide": actor.may("suggestion.decide"),
    }


async def _side(session: AsyncSession, actor: Actor, person: Person, case: CaseSummary | None, leads: int) -> Side:
    calls, total = [], 0
    if actor.may("call.read"):
        query = CallFilter(person_id=person.person_id, limit=_NEWEST_CALLS)
        found = await list_calls(session, actor, query=query)
        calls, total = [call_answers.read(row, clock.now()) for row in found.rows], found.total
    return Side(PersonRead.model_validate(person), case, leads, calls, total)


async def _next_open(session: AsyncSession, pair: DuplicateCandidate) -> UUID | None:
    """The pair that waits behind this one in the list, from the beginning again after its end."""
    row = DuplicateCandidate
    waiting = select(row.duplicate_candidate_id).where(
        row.decision == "open", row.duplicate_candidate_id != pair.duplicate_candidate_id
    )
    newest_first = (row.created_at.desc(), row.duplicate_candidate_id.desc())
    behind = waiting.where(row.created_at <= pair.created_at).order_by(*newest_first).limit(1)
    found: UUID | None = await session.scalar(behind)
    return found or await session.scalar(waiting.order_by(*newest_first).limit(1))
