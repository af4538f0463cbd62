"""Oversight, for privacy officers and auditors: the audit trail, who looked at a person, accesses with a reason."""

from datetime import datetime, tzinfo
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Form, Request, Response
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.openings import api as openings_api
from app.access.openings import queries as openings
from app.access.openings import service as opening_service
from app.access.openings.models import VERDICTS
from app.access.openings.schemas import BreakGlass, OpeningFilter, Review
from app.access.queries import find_account_id
from app.access.request_guard import CurrentActor, DbSession
from app.audit import queries as audit_queries
from app.audit import service as audit
from app.audit.models import OUTCOMES
from app.audit.schemas import AuditEventFilter
from app.oversight import access_report, words
from app.oversight import api as oversight_api
from app.oversight.records import BY_TYPE
from app.oversight.schemas import AccessRead, AccessReportFilter
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, Invalid, invalid_field
from app.platform.problems import invalid_fields
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.render import Flash, page
from app.web.words import words as as_words

router = page_router()

PURPOSES = [(code, text) for code, text in words.PURPOSES.items()]
MOST_ON_PAPER = 2_000
"""Looks at one person that a report prints; more than that is asked for by shorter periods."""


def local_instant(name: str, typed: str, zone: tzinfo) -> datetime | None:
    """The instant of a `datetime-local` field on the viewer's clock; None for an empty one."""
    if not typed.strip():
        return None
    try:
        moment = datetime.fromisoformat(typed.strip())
    except ValueError:
        raise invalid_field(name, "instant", "Give a day and a time, such as 2026-11-24 09:30.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def zone_of(request: Request) -> tzinfo:
    zone: tzinfo = request.state.frame.zone
    return zone


def _filter(kind: type[Any], values: dict[str, Any]) -> Any:
    try:
        return kind.model_validate({name: value for name, value in values.items() if value not in (None, "")})
    except ValidationError as error:
        raise Invalid(fields=invalid_fields(error.errors())) from None


_TYPED = ("who", "person_id", "record_id", "action", "outcome", "purpose", "from_at", "to_at")


async def _question(request: Request, session: AsyncSession) -> AuditEventFilter:
    """The filter that the address asks for; Invalid that names the field that cannot be meant."""
    typed = request.query_params
    zone = zone_of(request)
    who, actor_id = typed.get("who", "").strip(), None
    if who:
        actor_id = await find_account_id(session, who[:255])
        if actor_id is None:
            raise invalid_field("who", "unknown_account", "No account has this name, e-mail or id.")
    question: AuditEventFilter = _filter(
        AuditEventFilter,
        {
            **{name: typed.get(name) for name in ("person_id", "record_id", "action", "outcome", "purpose", "cursor")},
            "actor_id": actor_id,
            "from_at": local_instant("from_at", typed.get("from_at", ""), zone),
            "to_at": local_instant("to_at", typed.get("to_at", ""), zone),
        },
    )
    return question


def _trail_context(request: Request) -> dict[str, Any]:
    typed = {name: request.query_params.get(name, "")[:255] for name in _TYPED}
    asked = {name: value for name, value in typed.items() if value}
    return {
        **NO_ERRORS,
        "typed": typed,
        "asked": asked,
        "outcomes": [(code, as_words(code)) for code in OUTCOMES],
        "purposes": PURPOSES,
        "export_href": f"/audit/export?{urlencode(asked)}",
        "first_href": f"/audit?{urlencode(asked)}" if "cursor" in request.query_params else None,
        "next_href": None,
        "events": [],
        "total": 0,
        "is_capped": False,
        "did": words.did,
        "kinds": BY_TYPE,
    }


@router.get("/audit", dependencies=[allow("audit.read")])
async def show_audit_trail(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    context = _trail_context(request)
    try:
        question = await _question(request, session)
        oversight_api.note_question(session, question)
        rows, cursor, total, capped = await audit_queries.list_events(session, actor, query=question)
    except Invalid as error:
        return form_again(request, "oversight/trail.html", context, error)
    events = await oversight_api.read(session, rows)
    next_href = f"/audit?{urlencode({**context['asked'], 'cursor': cursor})}" if cursor else None
    found = {"events": events, "next_href": next_href, "total": total, "is_capped": capped}
    return page(request, "oversight/trail.html", {**context, **found})


@router.get("/audit/export", dependencies=[allow("audit.export")])
async def export_audit_trail(request: Request, session: DbSession) -> Response:
    question = await _question(request, session)
    oversight_api.note_question(session, question)
    return oversight_api.csv_answer(request, question)


@router.get("/audit/persons/{person_id}", dependencies=[allow("audit.read")])
async def show_access_report(
    request: Request, session: DbSession, actor: CurrentActor, person_id: UUID, from_at: str = "", to_at: str = ""
) -> Response:
    zone = zone_of(request)
    context: dict[str, Any] = {
        **NO_ERRORS,
        "person_id": person_id,
        "typed": {"from_at": from_at[:40], "to_at": to_at[:40]},
        "looks": [],
        "is_cut": False,
        "made_at": clock.now(),
        "from_at": None,
        "to_at": None,
    }
    try:
        period = {"from_at": local_instant("from_at", from_at, zone), "to_at": local_instant("to_at", to_at, zone)}
    except Invalid as error:
        return form_again(request, "oversight/access_report.html", context, error)
    looks, is_cut = await _all_looks(session, actor, person_id, period)
    return page(request, "oversight/access_report.html", {**context, **period, "looks": looks, "is_cut": is_cut})


async def _all_looks(
    session: AsyncSession, actor: Actor, person_id: UUID, period: dict[str, datetime | None]
) -> tuple[list[AccessRead], bool]:
    looks: list[AccessRead] = []
    cursor: str | None = None
    while True:
        query = _filter(AccessReportFilter, {**period, "limit": 200, "cursor": cursor})
        found = await access_report.who_looked_at(session, actor, person_id=person_id, query=query)
        looks += found.items
        cursor = found.next_cursor
        if cursor is None or len(looks) >= MOST_ON_PAPER:
            return looks, cursor is not None


@router.get("/break-glass", dependencies=[allow("audit.read")])
async def show_break_glass_list(
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    kind: str = "break_glass",
    state: str = "waiting",
    cursor: str = "",
) -> Response:
    """What was opened with a stated reason; those that wait for a review come first."""
    reviewed = {"waiting": "false", "reviewed": "true"}.get(state)
    query = _filter(OpeningFilter, {"kind": kind, "reviewed": reviewed, "cursor": cursor})
    rows, next_cursor, total, capped = await openings.list_openings(session, actor, query=query)
    audit.note(session, record_type="access_opening", person_ids=[row.person_id for row in rows])
    here = {"kind": kind, "state": state}
    context = {
        "openings": await openings_api.read(session, rows),
        "kind": kind,
        "state": state,
        "total": total,
        "is_capped": capped,
        "next_href": f"/break-glass?{urlencode({**here, 'cursor': next_cursor})}" if next_cursor else None,
        "first_href": f"/break-glass?{urlencode(here)}" if cursor else None,
        "may_open": actor.may("break_glass.use"),
        "now": clock.now(),
        "review_time": opening_service.REVIEWED_WITHIN,
    }
    return page(request, "oversight/openings.html", context)


@router.get("/break-glass/new", dependencies=[allow("break_glass.use", recent=True)])
async def show_break_glass(request: Request, person_id: str = "") -> Response:
    return page(request, "oversight/break_glass.html", {**NO_ERRORS, "person_id": person_id[:36], "reason": ""})


@router.post("/break-glass", dependencies=[allow("break_glass.use", recent=True)])
async def break_glass(
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    person_id: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    try:
        asked = _read_form(BreakGlass, {"person_id": person_id.strip(), "reason": reason})
        async with known_errors(request, session):
            await opening_service.break_glass(session, actor, asked=asked)
    except AppError as error:
        typed = {"person_id": person_id[:36], "reason": reason[:2000]}
        return form_again(request, "oversight/break_glass.html", typed, error)
    return go_to(
        request,
        "/break-glass/mine",
        flash=Flash("The records are open for one hour. Every use is logged and reviewed.", tone="warning"),
    )


def _read_form(kind: type[Any], values: dict[str, Any]) -> Any:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise Invalid(fields=invalid_fields(error.errors())) from None


@router.get("/break-glass/mine", dependencies=[allow("break_glass.use")])
async def show_my_break_glass(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    mine = await openings.own_openings(session, actor)
    audit.note(session, record_type="access_opening", person_ids=[row.person_id for row in mine])
    shown = await openings_api.read(session, mine)
    opened = {row.access_opening_id for row in await openings.open_break_glass(session, actor)}
    return page(request, "oversight/mine.html", {"openings": shown, "opened": opened})


@router.get("/break-glass/{access_opening_id}", dependencies=[allow("audit.read")])
async def show_opening(request: Request, session: DbSession, actor: CurrentActor, access_opening_id: UUID) -> Response:
    return page(request, "oversight/opening.html", await _opening_context(session, actor, access_opening_id))


async def _opening_context(session: AsyncSession, actor: Actor, access_opening_id: UUID) -> dict[str, Any]:
    """The opening, and what was done by it."""
    opening = await openings.get_opening(session, actor, access_opening_id=access_opening_id)
    audit.note(session, record_type="access_opening", record_id=access_opening_id, person_ids=[opening.person_id])
    uses, _, _, more = await audit_queries.list_events(
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
    names = await openings_api.read(session, [opening])
    return {
        **NO_ERRORS,
        "opening": names[0],
        "uses": uses,
        "has_more_uses": more,
        "did": words.did,
        "purpose": words.PURPOSES[opening.kind],
        "now": clock.now(),
        "verdicts": [(code, as_words(code)) for code in VERDICTS],
        "typed": {"verdict": None, "note": ""},
        "may_review": actor.may("break_glass.review")
        and opening.reviewed_at is None
        and opening.user_account_id != actor.account_id,
    }


@router.post("/break-glass/{access_opening_id}/end", dependencies=[allow("break_glass.use")])
async def end_break_glass(
    request: Request, session: DbSession, actor: CurrentActor, access_opening_id: UUID
) -> Response:
    await opening_service.end_opening(session, actor, access_opening_id=access_opening_id)
    return go_to(request, "/break-glass/mine", flash=Flash("The access has ended."))


@router.post("/break-glass/{access_opening_id}/review", dependencies=[allow("break_glass.review")])
async def review_break_glass(
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    access_opening_id: UUID,
    verdict: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    try:
        review = _read_form(Review, {"verdict": verdict, "note": note or None})
        await opening_service.review_opening(session, actor, access_opening_id=access_opening_id, review=review)
    except AppError as error:
        context = await _opening_context(session, actor, access_opening_id)
        typed = {"typed": {"verdict": verdict[:30], "note": note[:2000]}}
        return form_again(request, "oversight/opening.html", {**context, **typed}, error)
    return go_to(request, "/break-glass", flash=Flash("Your review is saved."))
