"""The pages behind links of mails: an invitation, a forgotten password."""

from typing import Annotated, Any

import structlog
from fastapi import Form, Request, Response
from starlette.background import BackgroundTask

from app.access import rate_limits
from app.access.accounts import links, passwords, sign_in, users
from app.access.accounts.addresses import account_key
from app.access.accounts.errors import LinkIsDead
from app.access.models import UserAccount
from app.access.request_guard import DbSession
from app.access.serving import write_event
from app.platform import clock
from app.platform.errors import AppError
from app.platform.logs import describe_error
from app.web import csrf
from app.web.addresses import origin_of
from app.web.page_guard import NO_ERRORS, CurrentVisitor, anyone, form_again, go_to, page_router
from app.web.render import page
from app.web.sign_in import after_step, database_of, settings_of, shows_mailbox

log = structlog.get_logger()

router = page_router()


@router.get("/forgot-password", dependencies=[anyone()])
async def show_forgotten(request: Request, visitor: CurrentVisitor) -> Response:
    return page(request, "sign_in/forgotten.html", _forgotten_context(request, visitor))


def _forgotten_context(request: Request, visitor: CurrentVisitor) -> dict[str, Any]:
    settings = settings_of(request)
    return {
        **NO_ERRORS,
        "csrf_token": csrf.masked(visitor.csrf_token),
        "sent": "sent" in request.query_params,
        "has_mail": settings.smtp_host is not None or not settings.is_production,
        "has_mailbox": shows_mailbox(request),
    }


@router.post("/forgot-password", dependencies=[anyone(hashes=True)])
async def ask_for_reset(request: Request, visitor: CurrentVisitor, email: Annotated[str, Form()] = "") -> Response:
    """The same answer, after the same time, whether or not there is such an account."""
    now, source = clock.now(), origin_of(request).source
    try:
        async with database_of(request).unit_of_work() as counting:
            account = rate_limits.account_digest(account_key(email))
            asked = rate_limits.Try(account, source, known_device=False, purpose="reset")
            await rate_limits.count_try(counting, asked, settings=settings_of(request), now=now)
    except AppError as error:
        return form_again(request, "sign_in/forgotten.html", _forgotten_context(request, visitor), error)
    response = go_to(request, "/forgot-password?sent")
    # Looked for when the answer has left: its time would tell whether the address is somebody's.
    response.background = BackgroundTask(_offer_reset, request, email)
    return response


async def _offer_reset(request: Request, email: str) -> None:
    try:
        async with database_of(request).unit_of_work() as session:
            base_url = settings_of(request).base_url
            if await users.offer_reset(session, email=email, base_url=base_url, now=clock.now()):
                await write_event(session, None, request, action="send_reset_link")
    except Exception as error:  # noqa: BLE001 - the answer has left
        log.error("reset_link_not_sent", request_id=request.scope.get("request_id", ""), **describe_error(error))  # noqa: TRY400 - by place, no text


def _dead_link(request: Request, error: AppError, purpose: str) -> Response:
    request.state.refusal = error
    return page(request, "sign_in/dead_link.html", {"purpose": purpose}, status=404)


def _choose_context(purpose: str, token: str, account: UserAccount, least: int, csrf_token: str) -> dict[str, Any]:
    return {
        **NO_ERRORS,
        "purpose": purpose,
        "action": f"/{purpose}/{token}",
        "email": account.email,
        "name": account.display_name,
        "least": least,
        "csrf_token": csrf_token,
    }


async def _show(request: Request, session: DbSession, visitor: CurrentVisitor, purpose: str, token: str) -> Response:
    """The form; looking at it uses nothing up, since mail filters open links too."""
    try:
        _, account = await links.find_link(session, token=token, purpose=purpose, now=clock.now())
    except LinkIsDead as error:
        return _dead_link(request, error, purpose)
    least = await _least(session, account)
    form_token = csrf.masked(visitor.csrf_token)
    return page(request, "sign_in/choose_password.html", _choose_context(purpose, token, account, least, form_token))


async def _least(session: DbSession, account: UserAccount) -> int:
    has_one = await sign_in.has_second_factor(session, account_id=account.user_account_id)
    return passwords.WITH_SECOND_FACTOR_LENGTH if has_one else passwords.ALONE_LENGTH


async def _choose(
    request: Request, session: DbSession, visitor: CurrentVisitor, purpose: str, token: str, password: str
) -> Response:
    """The password is chosen, the link used up; what follows is the second factor, given or set up."""
    now = clock.now()
    try:
        _, account = await links.find_link(session, token=token, purpose=purpose, now=now)
    except LinkIsDead as error:
        return _dead_link(request, error, purpose)
    account_id, words = account.user_account_id, (account.email or "", account.display_name)
    least = await _least(session, account)
    context = _choose_context(purpose, token, account, least, csrf.masked(visitor.csrf_token))
    await session.rollback()
    try:
        hashed = await passwords.check_and_hash(
            password, has_second_factor=least == passwords.WITH_SECOND_FACTOR_LENGTH, context=words
        )
    except AppError as error:
        return form_again(request, "sign_in/choose_password.html", context, error)
    now = clock.now()
    try:
        await users.use_link(
            session, account_id=account_id, token=token, purpose=purpose, password_hash=hashed, now=now
        )
    except LinkIsDead as error:
        return _dead_link(request, error, purpose)
    stage = await sign_in.lacking(session, account_id=account_id)
    begun = await sign_in.begin(
        session, account_id=account_id, stage=stage, origin=origin_of(request), now=now, earlier=visitor
    )
    return await after_step(request, session, begun, "/")


@router.get("/invitation/{token}", dependencies=[anyone()])
async def show_invitation(request: Request, session: DbSession, visitor: CurrentVisitor, token: str) -> Response:
    return await _show(request, session, visitor, "invitation", token)


@router.post("/invitation/{token}", dependencies=[anyone(hashes=True)])
async def accept_invitation(
    request: Request, session: DbSession, visitor: CurrentVisitor, token: str, password: Annotated[str, Form()] = ""
) -> Response:
    return await _choose(request, session, visitor, "invitation", token, password)


@router.get("/reset/{token}", dependencies=[anyone()])
async def show_reset(request: Request, session: DbSession, visitor: CurrentVisitor, token: str) -> Response:
    return await _show(request, session, visitor, "reset", token)


@router.post("/reset/{token}", dependencies=[anyone(hashes=True)])
async def reset_password(
    request: Request, session: DbSession, visitor: CurrentVisitor, token: str, password: Annotated[str, Form()] = ""
) -> Response:
    return await _choose(request, session, visitor, "reset", token, password)
