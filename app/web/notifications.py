"""One's own notifications as a page. Their words are made here, of what may be seen at this moment."""

from uuid import UUID

from fastapi import Request, Response

from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.calls import answers as call_answers
from app.calls.queries import calls_by_id
from app.notifications import queries, service
from app.notifications.schemas import ChoiceUpdate, NotificationFilter, NotificationRead
from app.notifications.words import IN_THE_APP_ONLY, KINDS
from app.platform import clock
from app.platform.locales import _
from app.web.forms import asked_in, read_query
from app.web.page_guard import NO_ERRORS, allow, go_to, page_router
from app.web.render import Flash, page

router = page_router()
CALL_SOON = "call_soon"
PLACES = {
    "patient_lead": "/leads/",
    "patient": "/patients/",
    "came_back": "/came-back/",
    "access_opening": "/break-glass/",
    "export_request": "/exports/",
}
"""The page of a record, by its kind; tasks and calls stand in their lists."""


@router.get("/notifications", dependencies=[allow("notification.own")])
async def show_notifications(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    query = read_query(request, NotificationFilter, asked_in(request, NotificationFilter))
    found = await queries.list_notifications(session, actor, query=query)
    shown = audit.show_page(session, found, map(NotificationRead.model_validate, found.rows))
    calls = await calls_by_id(session, actor, call_ids=[one.record_id for one in shown.items if one.kind == CALL_SOON])
    context = {"calls": {row.call_id: call_answers.read(row, clock.now()) for row in calls}}
    return page(request, "notifications/list.html", {**NO_ERRORS, "found": shown, "places": PLACES, **context})


@router.post("/notifications/read", dependencies=[allow("notification.own")])
async def mark_all_read(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    await service.mark_all_read(session, actor)
    return go_to(request, "/notifications", flash=Flash(_("All are marked as read.")))


@router.get("/notifications/choices", dependencies=[allow("notification.own")])
async def show_notification_choices(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    audit.note(session, record_type="notification_choice", record_id=actor.account_id)
    choices = await queries.choices_of(session, actor)
    context = {**NO_ERRORS, "choices": choices, "app_only": IN_THE_APP_ONLY}
    return page(request, "notifications/choices.html", context)


@router.post("/notifications/choices", dependencies=[allow("notification.own")])
async def choose_notifications(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    """Each kind at once; a box that is not ticked is off."""
    form = await request.form()
    in_app, by_mail = form.getlist("in_app"), form.getlist("by_mail")
    for kind in KINDS:
        choice = ChoiceUpdate(in_app=kind in in_app, by_mail=kind in by_mail and kind not in IN_THE_APP_ONLY)
        await service.choose(session, actor, kind=kind, choice=choice)
    return go_to(request, "/notifications", flash=Flash(_("Your choice is saved.")))


@router.post("/notifications/{notification_id}/read", dependencies=[allow("notification.own")])
async def mark_read(request: Request, session: DbSession, actor: CurrentActor, notification_id: UUID) -> Response:
    await service.mark_read(session, actor, notification_id=notification_id)
    return go_to(request, "/notifications")
