"""Oversight, for privacy officers and auditors: the audit trail, who looked at a person, accesses with a reason."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.openings import answers as opening_answers
from app.access.openings import queries as openings
from app.access.openings import service as opening_service
from app.access.openings.models import VERDICTS
from app.access.openings.schemas import BreakGlass, OpeningFilter, Review
from app.access.queries import find_account_id
from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.audit.models import OUTCOMES
from app.audit.schemas import AuditEventFilter
from app.casework.finding import find_person_by_reference, find_record_by_reference, references_of
from app.oversight import access_report, words
from app.oversight.events import note_question, page_of_events
from app.oversight.export import file_of_events
from app.oversight.schemas import AccessReportFilter
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError, Invalid
from app.platform.locales import _
from app.web.forms import asked_in, id_in, looking_back, read_form, read_query, typed_in
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.render import Flash, page
from app.web.words import words as as_words

router = page_router()

PURPOSES = [(code, text) for code, text in words.PURPOSES.items()]
_LONGEST_REFERENCE = 100
_NO_SUCH_PERSON = _("Nobody has this reference. Copy it from the record, such as P-7K2Q9XAM.")
_NO_SUCH_RECORD = _("No record has this reference or id. Copy it from the table, such as L-7K2Q9XAM.")
_BY_REFERENCE = {
    "person_id": (find_person_by_reference, _NO_SUCH_PERSON),
    "record_id": (find_record_by_reference, _NO_SUCH_RECORD),
}
"""The fields that take a reference: how it is found, and what is said where it is not."""
MOST_ON_PAPER = 2_000
"""Looks at one person that a report prints; more than that is asked for by shorter periods."""


def zone_of(request: Request) -> tzinfo:
    zone: tzinfo = request.state.frame.zone
    return zone


async def _question(request: Request, session: AsyncSession) -> AuditEventFilter:
    """The filter that the address asks for; Invalid that names the fields that cannot be meant."""
    typed, wrong = asked_in(request, AuditEventFilter), []
    account = request.query_params.get("account", "").strip()
    if account:
        typed["actor_id"] = await find_account_id(session, account[:255])
        if typed["actor_id"] is None:
            wrong.append(FieldError("account", "unknown_account", _("No account has this name, e-mail or id.")))
    for field in _BY_REFERENCE:
        typed[field] = await _meant(session, field, typed[field], wrong)
    typed |= _period(request, typed)
    return read_query(request, AuditEventFilter, typed, beside={"account"}, zone=zone_of(request), wrong=wrong)


def _period(request: Request, typed: Mapping[str, Any]) -> dict[str, str]:
    """From when until when, as the question takes it; a day counts whole."""
    zone = zone_of(request)
    return {
        "from_at": looking_back(typed["from_at"], zone),
        "to_at": looking_back(typed["to_at"], zone, is_end=True),
    }


async def _meant(session: AsyncSession, field: str, typed: str, wrong: list[FieldError]) -> str:
    """The id of what the text of a field names, by reference or by id; what is neither is added to `wrong`."""
    text = typed.strip()
    if not text or id_in(text):
        return text
    find, nothing = _BY_REFERENCE[field]
    found = await find(session, typed=text[:_LONGEST_REFERENCE])
    if found is None:
        wrong.append(FieldError(field, "unknown_reference", nothing))
        return text
    return str(found)


def _trail_context(request: Request) -> dict[str, Any]:
    names = ("account", "person_id", "record_id", "action", "outcome", "purpose", "from_at", "to_at")
    typed = {name: request.query_params.get(name, "")[:255] for name in names}
    filters = {name: value for name, value in typed.items() if value}
    return {
        **NO_ERRORS,
        "typed": typed,
        "filters": filters,
        "outcomes": [(code, as_words(code)) for code in OUTCOMES],
        "purposes": PURPOSES,
        "cursor": request.query_params.get("cursor", "")[:2000],
        "events": None,
        "person_id": None,
        "references": {},
    }


@router.get("/audit", dependencies=[allow("audit.read")])
async def show_audit_trail(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    context = _trail_context(request)
    try:
        question = await _question(request, session)
        note_question(session, question)
        events = await page_of_events(session, actor, query=question)
    except Invalid as error:
        return form_again(request, "oversight/trail.html", context, error)
    named = (key for event in events.items for key in (event.record_id, *event.person_ids))
    references = await references_of(session, ids={key for key in (question.person_id, *named) if key is not None})
    if question.person_id in references:
        # The field says it as the table does.
        context["typed"]["person_id"] = references[question.person_id]
    shown = {"events": events, "person_id": question.person_id, "references": references}
    return page(request, "oversight/trail.html", {**context, **shown})


@router.get("/audit/export", dependencies=[allow("audit.export")])
async def export_audit_trail(request: Request, session: DbSession) -> Response:
    question = await _question(request, session)
    note_question(session, question)
    return file_of_events(request, question)


@router.get("/audit/persons/{person_id}", dependencies=[allow("audit.read")])
async def show_access_report(request: Request, session: DbSession, actor: CurrentActor, person_id: UUID) -> Response:
    typed = asked_in(request, AccessReportFilter)
    context: dict[str, Any] = {
        **NO_ERRORS,
        "person_id": person_id,
        "reference": "",
        "typed": typed,
        "looks": None,
        "is_cut": False,
        "made_at": clock.now(),
        "from_at": None,
        "to_at": None,
    }
    try:
        question = {**typed, **_period(request, typed), "limit": None, "cursor": None}
        query = read_query(request, AccessReportFilter, question, zone=zone_of(request))
    except Invalid as error:
        return form_again(request, "oversight/access_report.html", context, error)
    # In one page: each further one would read the open month of the trail anew.
    looks = await access_report.page_of_looks(session, actor, person_id=person_id, query=query, limit=MOST_ON_PAPER)
    references = await references_of(session, ids=[person_id])
    shown = {
        "looks": looks.items,
        "is_cut": looks.next_cursor is not None,
        "reference": references.get(person_id, str(person_id)),
    }
    return page(
        request,
        "oversight/access_report.html",
        {**context, **shown, "from_at": query.from_at, "to_at": query.to_at},
    )


@router.get("/break-glass", dependencies=[allow("audit.read")])
async def show_break_glass_list(
    request: Request, session: DbSession, actor: CurrentActor, state: str = "waiting"
) -> Response:
    """What was opened with a stated reason; those that wait for a review come first."""
    typed = asked_in(request, OpeningFilter)
    reviewed = {"waiting": "false", "reviewed": "true"}.get(state)
    query = read_query(request, OpeningFilter, {**typed, "reviewed": reviewed}, beside={"state"})
    context = {
        "openings": await opening_answers.page_of_openings(session, actor, query=query),
        "kind": query.kind,
        "state": state[:10],
        "cursor": typed["cursor"],
        "may_open": actor.may("break_glass.use"),
        "now": clock.now(),
        "review_time": opening_service.REVIEWED_WITHIN,
    }
    return page(request, "oversight/openings.html", context)


@router.get("/break-glass/new", dependencies=[allow("break_glass.use", recent=True)])
async def show_break_glass(request: Request) -> Response:
    return page(request, "oversight/break_glass.html", {**NO_ERRORS, "typed": asked_in(request, BreakGlass)})


@router.post("/break-glass", dependencies=[allow("break_glass.use", recent=True)])
async def break_glass(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    typed, wrong = await typed_in(request, BreakGlass), list[FieldError]()
    try:
        meant = await _meant(session, "person_id", typed["person_id"], wrong)
        wanted = read_form(BreakGlass, {**typed, "person_id": meant}, wrong=wrong)
        async with known_errors(request, session):
            await opening_service.break_glass(session, actor, wanted=wanted)
    except AppError as error:
        return form_again(request, "oversight/break_glass.html", {"typed": typed}, error)
    return go_to(
        request,
        "/break-glass/mine",
        flash=Flash(_("The records are open for one hour. Every use is logged and reviewed."), tone="warning"),
    )


@router.get("/break-glass/mine", dependencies=[allow("break_glass.use")])
async def show_my_break_glass(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    mine = await openings.own_openings(session, actor)
    audit.note(session, record_type="access_opening", person_ids=[row.person_id for row in mine])
    shown = await opening_answers.read(session, mine)
    opened = {row.access_opening_id for row in await openings.open_break_glass(session, actor)}
    return page(request, "oversight/mine.html", {"openings": shown, "opened": opened})


@router.get("/break-glass/{access_opening_id}", dependencies=[allow("audit.read")])
async def show_opening(request: Request, session: DbSession, actor: CurrentActor, access_opening_id: UUID) -> Response:
    return page(request, "oversight/opening.html", await _opening_context(session, actor, access_opening_id))


async def _opening_context(session: AsyncSession, actor: Actor, access_opening_id: UUID) -> dict[str, Any]:
    """The opening, and what was done by it."""
    opening = await openings.get_opening(session, actor, access_opening_id=access_opening_id)
    audit.note(session, record_type="access_opening", record_id=access_opening_id, person_ids=[opening.person_id])
    uses = await page_of_events(
        session,
        actor,
        query=AuditEventFilter(
            person_id=opening.person_id,
            actor_id=opening.user_account_id,
            purpose=opening.kind,
            from_at=opening.created_at - access_report.A_REQUEST,
            to_at=opening_service.when_it_ends(opening),
            limit=200,
        ),
    )
    (shown,) = await opening_answers.read(session, [opening])
    return {
        **NO_ERRORS,
        "opening": shown,
        "uses": uses,
        "purpose": words.PURPOSES[opening.kind],
        "now": clock.now(),
        "verdicts": [(code, as_words(code)) for code in VERDICTS],
        "typed": {"verdict": "", "note": ""},
        "may_review": actor.may("break_glass.review")
        and opening.reviewed_at is None
        and opening.user_account_id != actor.account_id,
    }


@router.post("/break-glass/{access_opening_id}/end", dependencies=[allow("break_glass.use")])
async def end_break_glass(
    request: Request, session: DbSession, actor: CurrentActor, access_opening_id: UUID
) -> Response:
    await opening_service.end_opening(session, actor, access_opening_id=access_opening_id)
    return go_to(request, "/break-glass/mine", flash=Flash(_("The access has ended.")))


@router.post("/break-glass/{access_opening_id}/review", dependencies=[allow("break_glass.review")])
async def review_break_glass(
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    access_opening_id: UUID,
) -> Response:
    typed = await typed_in(request, Review)
    try:
        review = read_form(Review, typed)
        await opening_service.review_opening(session, actor, access_opening_id=access_opening_id, review=review)
    except AppError as error:
        context = await _opening_context(session, actor, access_opening_id)
        return form_again(request, "oversight/opening.html", {**context, "typed": typed}, error)
    return go_to(request, "/break-glass", flash=Flash(_("Your review is saved.")))
