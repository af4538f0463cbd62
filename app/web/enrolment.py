"""Setting up the second factor, which everybody must: an authenticator app or a passkey, then recovery codes."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Request, Response

from app.access.accounts import recovery, sign_in, totp
from app.access.accounts.errors import CodeRefused
from app.access.accounts.sessions import State as SessionState
from app.access.request_guard import DbSession
from app.platform import clock
from app.platform.crypto import Unreadable
from app.platform.errors import AppError
from app.platform.locales import _
from app.web import csrf
from app.web.addresses import local_path
from app.web.page_guard import NO_ERRORS, CurrentVisitor, form_again, in_state, page_router
from app.web.render import page
from app.web.sign_in import after_step, settings_of

router = page_router()


def app_context(request: Request, account_id: UUID, email: str, sealed: str | None = None) -> dict[str, Any]:
    """What the page of an authenticator app shows: the secret of `sealed`, or a new one."""
    key = settings_of(request).secret_key
    secret = open_sealed(request, account_id, sealed) if sealed else totp.new_secret()
    enrolment = totp.enrolment(secret, email=email)
    return {
        **NO_ERRORS,
        "qr_svg": enrolment.qr_svg,
        "totp_key": enrolment.in_groups,
        "sealed": totp.seal_pending(key, account_id=account_id, secret=secret),
    }


def open_sealed(request: Request, account_id: UUID, sealed: str) -> str:
    """The secret that the form brought back. CodeRefused when it is not one that we sent to this account."""
    try:
        return totp.open_pending(settings_of(request).secret_key, account_id=account_id, sealed=sealed)
    except (Unreadable, ValueError):
        raise CodeRefused(_("This page is too old. Load it again and scan the new picture.")) from None


@router.get("/sign-in/enrolment", dependencies=[in_state(SessionState.ENROLMENT)])
async def show_enrolment(request: Request, visitor: CurrentVisitor, next: str = "/") -> Response:  # noqa: A002
    context = app_context(request, visitor.account_id, visitor.email)
    context |= {"csrf_token": csrf.masked(visitor.csrf_token), "next": local_path(next)}
    return page(request, "sign_in/enrolment.html", context)


@router.post("/sign-in/enrolment", dependencies=[in_state(SessionState.ENROLMENT)])
async def enrol_app(
    request: Request,
    session: DbSession,
    visitor: CurrentVisitor,
    sealed: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """
    The app is set up and the session open. The recovery codes stand in this very answer, since they are stored
    nowhere in a form that could be shown again.
    """
    now, next_path = clock.now(), local_path(next)
    try:
        secret = open_sealed(request, visitor.account_id, sealed)
    except AppError as error:
        context = app_context(request, visitor.account_id, visitor.email)
        context |= {"csrf_token": csrf.masked(visitor.csrf_token), "next": next_path}
        return form_again(request, "sign_in/enrolment.html", context, error)
    try:
        await totp.set_up(
            session,
            account_id=visitor.account_id,
            secret=secret,
            code=code,
            keys=settings_of(request).keys,
            now=now,
        )
    except AppError as error:
        context = app_context(request, visitor.account_id, visitor.email, sealed)
        context |= {"csrf_token": csrf.masked(visitor.csrf_token), "next": next_path}
        return form_again(request, "sign_in/enrolment.html", context, error)
    session.info["actor"] = visitor.actor
    codes = await recovery.replace_codes(session, account_id=visitor.account_id)
    reference = await sign_in.open_fully(session, visitor, now=now)
    step = sign_in.SignedIn(reference, "open", visitor.account_id)
    response = page(request, "sign_in/codes.html", {"codes": codes, "next": next_path})
    return with_cookies_of(await after_step(request, session, step, next_path), response)


def with_cookies_of(source: Response, response: Response) -> Response:
    """`response` with the cookies that `source` sets."""
    response.raw_headers += [(name, value) for name, value in source.raw_headers if name == b"set-cookie"]
    return response
