"""Signing in by password, the second factor, signing out."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse

from app.access.accounts import recovery, sessions, sign_in, totp
from app.access.accounts.models import WebSession
from app.access.accounts.sessions import State as SessionState
from app.access.accounts.sessions import Visitor
from app.access.request_guard import DbSession
from app.access.serving import State
from app.audit import service as audit
from app.platform import clock
from app.platform.errors import AppError
from app.platform.locales import _
from app.platform.settings import Settings
from app.platform.sources import is_from_this_machine
from app.preferences.service import preferences_of
from app.web import cookies, csrf
from app.web.addresses import local_path, origin_of, with_next
from app.web.frame import landing_of
from app.web.page_guard import NO_ERRORS, CurrentVisitor, anyone, form_again, in_state, page_router
from app.web.render import page

router = page_router()

WHY_ENDED = {
    "ended_by_user": (_("You signed this browser out from another one."), "info"),
    "ended_by_admin": (_("An administrator ended your sessions. Sign in again."), "warning"),
    "role_changed": (_("Your roles have changed. Sign in again to work with them."), "info"),
    "password_changed": (
        _("The password was changed, which ended all other sessions. Sign in with the new one."),
        "info",
    ),
    "expired": (_("Sessions end after 12 hours. Sign in again to carry on where you left off."), "info"),
    "disabled": (_("This account is closed. If that is a mistake, ask an administrator."), "warning"),
}
_PLACE_OF_STAGE = {"second_factor": "/sign-in/second-factor", "enrolment": "/sign-in/enrolment", "open": "/"}


def settings_of(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def shows_mailbox(request: Request) -> bool:
    """Whether `/mailbox` is there for this request: in development, and for this machine alone."""
    return not settings_of(request).is_production and is_from_this_machine(request)


def database_of(request: Request) -> Any:
    state: State = request.app.state.serving
    return state.database


def _sign_in_context(request: Request, next_path: str, visitor: Visitor, email: str = "") -> dict[str, Any]:
    settings = settings_of(request)
    why = None if "out" in request.query_params else WHY_ENDED.get(visitor.end_reason or "")
    return {
        **NO_ERRORS,
        "csrf_token": csrf.masked(visitor.csrf_token),
        "next": next_path,
        "email": email,
        "why": why,
        "kept": next_path.startswith("/resume/"),
        "signed_out": "out" in request.query_params,
        "oidc_label": settings.oidc_label if settings.oidc_issuer else None,
        "has_mailbox": shows_mailbox(request),
    }


@router.get("/sign-in", dependencies=[anyone()])
async def show_sign_in(request: Request, visitor: CurrentVisitor, next: str = "/") -> Response:  # noqa: A002
    if visitor.state is SessionState.OPEN:
        return RedirectResponse(local_path(next), HTTPStatus.SEE_OTHER)
    return page(request, "sign_in/sign_in.html", _sign_in_context(request, local_path(next), visitor))


@router.post("/sign-in", dependencies=[anyone(hashes=True)])
async def sign_in_with_password(
    request: Request,
    session: DbSession,
    visitor: CurrentVisitor,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    now, next_path, origin = clock.now(), local_path(next), origin_of(request)
    try:
        verified = await sign_in.check_password(
            database_of(request),
            email=email,
            password=password,
            device=cookies.device_reference(request),
            source=origin.source,
            settings=settings_of(request),
            now=now,
        )
    except AppError as error:
        context = _sign_in_context(request, next_path, visitor, email[:254])
        return form_again(request, "sign_in/sign_in.html", {**context, "why": None}, error)
    account_id = verified.account_id
    stage = await sign_in.lacking(session, account_id=account_id)
    begun = await sign_in.begin(session, account_id=account_id, stage=stage, origin=origin, now=now, earlier=visitor)
    await sign_in.store_rehash(session, verified)
    return await after_step(request, session, begun, next_path)


async def begin_at(request: Request, session: DbSession, step: sign_in.SignedIn, next_path: str) -> str:
    """Where somebody goes whose session has just opened: to what they wanted, else to where their account begins."""
    visitor = await sessions.find_visitor(session, step.reference, now=clock.now()) if next_path == "/" else None
    if visitor is None or visitor.actor is None:
        return next_path
    preferences = await preferences_of(session, settings_of(request), account_id=step.account_id)
    return landing_of(visitor.actor, preferences)


async def after_step(request: Request, session: DbSession, step: sign_in.SignedIn, next_path: str) -> Response:
    """The browser gets the session's new reference and goes to what is next."""
    place = (
        await begin_at(request, session, step, next_path)
        if step.stage == "open"
        else with_next(_PLACE_OF_STAGE[step.stage], next_path)
    )
    response = RedirectResponse(place, HTTPStatus.SEE_OTHER)
    cookies.set_session(request, response, step.reference)
    if step.stage == "open":
        device = await sessions.remember_device(
            session,
            account_id=step.account_id,
            reference=cookies.device_reference(request),
            now=clock.now(),
        )
        cookies.set_device(request, response, device)
    return response


async def _second_factor_context(
    session: DbSession, visitor: Visitor, next_path: str, request: Request
) -> dict[str, Any]:
    return {
        **NO_ERRORS,
        "csrf_token": csrf.masked(visitor.csrf_token),
        "next": next_path,
        "has_app": await totp.has_totp(session, account_id=visitor.account_id),
        "has_codes": await recovery.count_left(session, account_id=visitor.account_id) > 0,
        "has_mailbox": shows_mailbox(request),
    }


@router.get("/sign-in/second-factor", dependencies=[in_state(SessionState.SECOND_FACTOR)])
async def show_second_factor(
    request: Request,
    session: DbSession,
    visitor: CurrentVisitor,
    next: str = "/",  # noqa: A002
) -> Response:
    context = await _second_factor_context(session, visitor, local_path(next), request)
    return page(request, "sign_in/second_factor.html", context)


@router.post("/sign-in/second-factor", dependencies=[in_state(SessionState.SECOND_FACTOR)])
async def give_second_factor(
    request: Request,
    session: DbSession,
    visitor: CurrentVisitor,
    code: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    next_path = local_path(next)
    try:
        reference = await sign_in.give_code(
            database_of(request),
            session,
            visitor,
            code=code,
            source=origin_of(request).source,
            settings=settings_of(request),
            now=clock.now(),
        )
    except AppError as error:
        context = await _second_factor_context(session, visitor, next_path, request)
        return form_again(request, "sign_in/second_factor.html", context, error)
    session.info["actor"] = visitor.actor
    return await after_step(request, session, sign_in.SignedIn(reference, "open", visitor.account_id), next_path)


@router.get("/sign-in/recovery", dependencies=[in_state(SessionState.SECOND_FACTOR)])
async def show_recovery(request: Request, visitor: CurrentVisitor, next: str = "/") -> Response:  # noqa: A002
    context = {**NO_ERRORS, "csrf_token": csrf.masked(visitor.csrf_token), "next": local_path(next)}
    return page(request, "sign_in/recovery.html", context)


@router.post("/sign-in/recovery", dependencies=[in_state(SessionState.SECOND_FACTOR)])
async def give_recovery_code(
    request: Request,
    session: DbSession,
    visitor: CurrentVisitor,
    code: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    try:
        reference = await sign_in.give_recovery_code(session, visitor, code=code, now=clock.now())
    except AppError as error:
        context = {"csrf_token": csrf.masked(visitor.csrf_token), "next": local_path(next)}
        return form_again(request, "sign_in/recovery.html", context, error)
    session.info["actor"] = visitor.actor
    return await after_step(request, session, sign_in.SignedIn(reference, "open", visitor.account_id), local_path(next))


@router.post("/sign-out", dependencies=[in_state(*(set(SessionState) - {SessionState.NONE, SessionState.ENDED}))])
async def sign_out(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    session.info["actor"] = visitor.actor
    await sessions.end_sessions(
        session, account_id=visitor.account_id, reason="signed_out", now=clock.now(), only=visitor.session_id
    )
    audit.note(session, record_type=WebSession.__tablename__, record_id=visitor.session_id)
    response = RedirectResponse("/sign-in?out", HTTPStatus.SEE_OTHER)
    cookies.drop_session(request, response)
    # What the browser kept of our pages goes with the session.
    response.headers["clear-site-data"] = '"cache"'
    return response
