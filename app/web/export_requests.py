"""Exports that need a second person: the list of what was asked for, and one of them, where it is decided and taken."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.queries import account_names
from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.exports import answers, queries, service
from app.exports.schemas import ExportDecision, ExportRequestFilter, ExportRequestRead
from app.exports.words import STATES
from app.platform.actor import Actor
from app.platform.errors import AppError, NotFound
from app.platform.locales import _
from app.web.exports import choices_of
from app.web.forms import read_form, typed_in
from app.web.listing import LISTS, Column, Filter, ListPage, Seen, View, add_list
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.render import Flash, page
from app.web.words import words

router = page_router()

LIST = ListPage(
    path="/exports",
    title=_("Large exports"),
    permission="export.read",
    noun=(_("large export"), _("large exports")),
    order=_("newest first"),
    sort="",
    question=ExportRequestFilter,
    find=answers.find,
    answer=ExportRequestRead,
    read=lambda row: row,
    key="export_request_id",
    columns=(
        Column("name", _("List"), 0, "list_name", "named_words"),
        Column("status", _("State"), 0, "state", "status"),
        Column("by", _("Asked by"), 1, "requested_by_name"),
        Column("reason", _("Reason"), 1, "reason"),
        Column("created", _("Asked"), 2, "created_at", "day_of"),
        Column("ends", _("Until"), 3, "expires_at", "moment"),
    ),
    opens=("/exports/{export_request_id}",),
    begins=lambda _actor: {"state": "open"},
    filters=lambda _seen: [Filter("state", _("State"), [(code, words(code)) for code in STATES])],
    views=lambda _seen: [
        View(_("To decide"), {"state": "open"}),
        View(_("Approved"), {"state": "approved"}),
        View(_("All"), {}),
    ],
    empty=(
        _("No export waits"),
        _("An export of more rows than one person may take out is asked for on the page of its list."),
        "file-export",
    ),
)
add_list(router, LIST)


async def _context(session: AsyncSession, actor: Actor, export_request_id: UUID) -> dict[str, Any]:
    request = await queries.get_request(session, actor, export_request_id=export_request_id)
    audit.note(session, record_type="export_request", record_id=export_request_id)
    (asked,) = await answers.read(session, [request])
    shown = LISTS[f"/{asked.list_name}"]
    is_own = asked.requested_by == actor.account_id
    return {
        **NO_ERRORS,
        "asked": asked,
        "things": shown.noun[1],
        "of_list": (shown.title, shown.path),
        "filters": await _in_words(session, actor, shown, asked.question),
        "choices": [one for one in choices_of(shown) if one.key in asked.columns],
        "place": (LIST.title, LIST.path),
        "is_own": is_own,
        "may_read": actor.may(shown.permission),
        "may_decide": asked.state == "open" and actor.may("export.decide") and not is_own,
        "typed": {"decision": "", "note": ""},
        "decisions": [("approved", _("Agree")), ("refused", _("Refuse"))],
    }


async def _in_words(
    session: AsyncSession, actor: Actor, shown: ListPage, question: Mapping[str, str]
) -> list[tuple[str, str]]:
    """The filters of a request as the list itself says them."""
    owner = UUID(question["owner_id"]) if "owner_id" in question else None
    labels = {} if shown.labels is None else await shown.labels(session, dict(question))
    seen = Seen(actor, dict(question), (), await account_names(session, [owner]), labels=labels)
    known = {one.name: one for one in shown.filters(seen)}
    return [
        (known[name].label, known[name].words_of(value)) if name in known else (words(name), words(value))
        for name, value in question.items()
        if name != "sort"
    ]


@router.get("/exports/{export_request_id}", dependencies=[allow("export.read")])
async def show_export_request(
    request: Request, session: DbSession, actor: CurrentActor, export_request_id: UUID
) -> Response:
    return page(request, "exports/request.html", await _context(session, actor, export_request_id))


@router.post("/exports/{export_request_id}/decide", dependencies=[allow("export.decide")])
async def decide_export(request: Request, session: DbSession, actor: CurrentActor, export_request_id: UUID) -> Response:
    context = await _context(session, actor, export_request_id)
    typed = await typed_in(request, ExportDecision)
    try:
        wanted = read_form(ExportDecision, typed)
        async with known_errors(request, session):
            await service.decide(session, actor, export_request_id=export_request_id, wanted=wanted)
    except NotFound:
        raise
    except AppError as error:
        return form_again(request, "exports/request.html", {**context, "typed": typed}, error)
    said = _("You have agreed to the export.") if wanted.decision == "approved" else _("The export is refused.")
    return go_to(request, f"/exports/{export_request_id}", flash=Flash(said))


@router.post("/exports/{export_request_id}/withdraw", dependencies=[allow("export.read")])
async def withdraw_export(
    request: Request, session: DbSession, actor: CurrentActor, export_request_id: UUID
) -> Response:
    await service.withdraw(session, actor, export_request_id=export_request_id)
    return go_to(request, f"/exports/{export_request_id}", flash=Flash(_("The request is withdrawn.")))
