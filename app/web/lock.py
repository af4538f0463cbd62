"""The lock in place: a session that was idle goes on after a proof; and the forms that were kept meanwhile."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse

from app.access.accounts import held_forms, sessions, sign_in
from app.access.accounts.errors import SignInRefused
from app.access.accounts.sessions import State as SessionState
from app.access.accounts.sessions import Visitor
from app.access.request_guard import DbSession
from app.audit import service as audit
from app.platform import clock
from app.platform.errors import AppError, Unauthenticated
from app.platform.locales import _
from app.web import cookies, csrf
from app.web.addresses import local_path, origin_of
from app.web.page_guard import NO_ERRORS, CurrentVisitor, form_again, in_state, page_router, signed_in, status_of
from app.web.render import DataAnswer, page
from app.web.sign_in import database_of, settings_of

router = page_router()


@router.get("/unlock", dependencies=[in_state(SessionState.LOCKED, SessionState.OPEN)])
async def show_lock(request: Request, visitor: CurrentVisitor, next: str = "/") -> Response:  # noqa: A002
    request.state.frame = None
    return page(request, "sign_in/unlock.html", {**NO_ERRORS, **_lock_context(visitor, next)})


def _lock_context(visitor: Visitor, next_path: str) -> dict[str, Any]:
    return {
        "is_locked": visitor.state is SessionState.LOCKED,
        "name": visitor.actor.name if visitor.actor else "",
        "email": visitor.email,
        "csrf_token": csrf.masked(visitor.csrf_token),
        "next": local_path(next_path),
    }


@router.post("/unlock", dependencies=[in_state(SessionState.LOCKED, SessionState.OPEN, hashes=True)])
async def unlock(
    request: Request,
    session: DbSession,
    visitor: CurrentVisitor,
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002
    stay: Annotated[str, Form()] = "",
) -> Response:
    """The session goes on. With `stay` the page that is open asks: it gets 204, or the refusal as JSON."""
    now = clock.now()
    try:
        verified = await sign_in.check_password(
            database_of(request),
            email=visitor.email,
            password=password,
            device=cookies.device_reference(request),
            source=origin_of(request).source,
            settings=settings_of(request),
            now=now,
        )
        if verified.account_id != visitor.account_id:
            raise SignInRefused
    except AppError as error:
        request.state.frame = None
        shown = (
            SignInRefused(_("That is not the password of this account.")) if error.code == SignInRefused.code else error
        )
        if stay:
            request.state.refusal = shown
            return DataAnswer({"error": shown.error_detail}, status_of(shown))
        return form_again(request, "sign_in/unlock.html", _lock_context(visitor, next), shown)
    await sign_in.store_rehash(session, verified)
    assert visitor.session_id is not None  # noqa: S101 - a locked session is one
    if not await sessions.unlock(session, session_id=visitor.session_id, now=now):
        raise Unauthenticated
    session.info["actor"] = visitor.actor
    audit.note(session, record_type="web_session", record_id=visitor.session_id, fields=["proved_at"])
    if stay:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return RedirectResponse(local_path(next), HTTPStatus.SEE_OTHER)


@router.get("/resume/{held_form_id}", dependencies=[signed_in(recorded=True)])
async def show_held_form(request: Request, session: DbSession, visitor: CurrentVisitor, held_form_id: UUID) -> Response:
    path, fields = await held_forms.fetch(
        session, account_id=visitor.account_id, held_form_id=held_form_id, now=clock.now()
    )
    audit.note(session, record_type="held_form", record_id=held_form_id)
    return page(request, "sign_in/resume.html", {"held_form_id": held_form_id, "place": path, "fields": fields})


@router.post("/resume/{held_form_id}", dependencies=[signed_in()])
async def send_held_form(session: DbSession, visitor: CurrentVisitor, held_form_id: UUID) -> Response:
    path, _ = await held_forms.fetch(session, account_id=visitor.account_id, held_form_id=held_form_id, now=clock.now())
    await held_forms.drop(session, account_id=visitor.account_id, held_form_id=held_form_id)
    audit.note(session, record_type="held_form", record_id=held_form_id)
    # 307: the browser sends the same form again, to where it was meant to go.
    return RedirectResponse(local_path(path), HTTPStatus.TEMPORARY_REDIRECT)
