"""One's own account: password, authenticator app, passkeys, recovery codes, sessions."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Request, Response

from app.access.accounts import feeds, passkeys, passwords, recovery, sessions, sign_in, totp, users
from app.access.accounts.errors import LastSecondFactor
from app.access.accounts.models import PasswordCredential
from app.access.accounts.schemas import PasskeyRead
from app.access.policy import ROLE_DESCRIPTIONS, Role
from app.access.request_guard import DbSession
from app.audit import service as audit
from app.platform import clock, idempotency
from app.platform.errors import AppError
from app.platform.locales import _, ngettext
from app.web.addresses import local_path
from app.web.enrolment import app_context, open_sealed
from app.web.page_guard import NO_ERRORS, CurrentVisitor, form_again, go_to, let_in_again, page_router, signed_in
from app.web.render import Flash, page
from app.web.sign_in import settings_of

router = page_router("/account")


@router.get("", dependencies=[signed_in()])
async def show_account(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    account_id, actor = visitor.account_id, visitor.actor
    credential = await session.get(PasswordCredential, account_id)
    context = {
        "name": actor.name if actor else "",
        "email": visitor.email,
        "signed_in_at": visitor.signed_in_at,
        "password_changed_at": credential.changed_at if credential else None,
        "has_app": await totp.has_totp(session, account_id=account_id),
        "passkeys": [
            PasskeyRead.model_validate(key) for key in await passkeys.list_passkeys(session, account_id=account_id)
        ],
        "codes_left": await recovery.count_left(session, account_id=account_id),
        "feed": await _feed_context(request, session, visitor),
        "roles": [(role, ROLE_DESCRIPTIONS[Role(role)]) for role in sorted(actor.roles)] if actor else [],
    }
    return page(request, "account/account.html", context)


async def _feed_context(request: Request, session: DbSession, visitor: CurrentVisitor) -> dict[str, Any] | None:
    """When the calendar feed was made, if there is one; None where the account can have none."""
    if visitor.actor is None or not (settings_of(request).call_feeds and visitor.actor.may(feeds.OWN_FEED)):
        return None
    return {"made_at": await feeds.made_at(session, account_id=visitor.account_id)}


@router.get("/password", dependencies=[signed_in(recent=True)])
async def show_password(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    return page(request, "account/password.html", {**NO_ERRORS, **await _password_context(session, visitor)})


async def _password_context(session: DbSession, visitor: CurrentVisitor) -> dict[str, Any]:
    has_one = await sign_in.has_second_factor(session, account_id=visitor.account_id)
    least = passwords.WITH_SECOND_FACTOR_LENGTH if has_one else passwords.ALONE_LENGTH
    return {"least": least, "email": visitor.email}


@router.post("/password", dependencies=[signed_in(recent=True, hashes=True)])
async def change_password(
    request: Request, session: DbSession, visitor: CurrentVisitor, password: Annotated[str, Form()] = ""
) -> Response:
    """A new password, which ends every other session of the account."""
    has_one = await sign_in.has_second_factor(session, account_id=visitor.account_id)
    await session.rollback()
    try:
        hashed = await passwords.check_and_hash(
            password,
            has_second_factor=has_one,
            context=(visitor.email, visitor.actor.name if visitor.actor else ""),
        )
    except AppError as error:
        return form_again(request, "account/password.html", await _password_context(session, visitor), error)
    await let_in_again(session, request)
    await users.store_password(
        session, account_id=visitor.account_id, password_hash=hashed, now=clock.now(), but=visitor.session_id
    )
    return go_to(request, "/account", flash=Flash(_("Password changed. All your other sessions have ended.")))


@router.get("/app", dependencies=[signed_in(recent=True)])
async def show_app(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    context = app_context(request, visitor.account_id, visitor.email)
    context["has_app"] = await totp.has_totp(session, account_id=visitor.account_id)
    return page(request, "account/app.html", context)


@router.post("/app", dependencies=[signed_in(recent=True)])
async def set_up_app(
    request: Request,
    session: DbSession,
    visitor: CurrentVisitor,
    sealed: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
) -> Response:
    has_app = await totp.has_totp(session, account_id=visitor.account_id)
    kept: str | None = None
    try:
        secret = open_sealed(request, visitor.account_id, sealed)
        kept = sealed
        await totp.set_up(
            session,
            account_id=visitor.account_id,
            secret=secret,
            code=code,
            keys=settings_of(request).keys,
            now=clock.now(),
        )
    except AppError as error:
        context = app_context(request, visitor.account_id, visitor.email, kept)
        return form_again(request, "account/app.html", {**context, "has_app": has_app}, error)
    audit.note(session, record_type="user_account", record_id=visitor.account_id, fields=["totp_credential"])
    return go_to(request, "/account", flash=Flash(_("Your authenticator app is set up.")))


@router.post("/app/remove", dependencies=[signed_in(recent=True)])
async def remove_app(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    if not await passkeys.list_passkeys(session, account_id=visitor.account_id):
        raise LastSecondFactor
    await totp.remove(session, account_id=visitor.account_id)
    audit.note(session, record_type="user_account", record_id=visitor.account_id, fields=["totp_credential"])
    return go_to(request, "/account", flash=Flash(_("The authenticator app is removed.")))


@router.post("/passkeys/{passkey_id}/remove", dependencies=[signed_in(recent=True)])
async def remove_passkey(request: Request, session: DbSession, visitor: CurrentVisitor, passkey_id: UUID) -> Response:
    await passkeys.remove_passkey(session, account_id=visitor.account_id, passkey_id=passkey_id)
    return go_to(request, "/account", flash=Flash(_("The passkey is removed.")))


@router.get("/recovery-codes", dependencies=[signed_in(recent=True)])
async def show_recovery_codes(
    request: Request,
    session: DbSession,
    visitor: CurrentVisitor,
    next: str = "/account",  # noqa: A002
) -> Response:
    left = await recovery.count_left(session, account_id=visitor.account_id)
    return page(request, "account/recovery_codes.html", {"left": left, "next": local_path(next), "codes": ()})


@router.post("/recovery-codes", dependencies=[signed_in(recent=True)])
async def make_recovery_codes(
    request: Request,
    session: DbSession,
    visitor: CurrentVisitor,
    next: Annotated[str, Form()] = "/account",  # noqa: A002
) -> Response:
    """New codes, shown in this very answer and never again."""
    codes = await recovery.replace_codes(session, account_id=visitor.account_id)
    audit.note(session, record_type="user_account", record_id=visitor.account_id, fields=["recovery_code"])
    idempotency.show_once(session)
    return page(request, "account/recovery_codes.html", {"left": 0, "next": local_path(next), "codes": codes})


@router.get("/sessions", dependencies=[signed_in()])
async def show_sessions(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    found = await sessions.list_sessions(session, account_id=visitor.account_id, now=clock.now())
    return page(request, "account/sessions.html", {"sessions": found, "own": visitor.session_id})


@router.post("/sessions/end-others", dependencies=[signed_in()])
async def end_other_sessions(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    ended = await sessions.end_sessions(
        session, account_id=visitor.account_id, reason="ended_by_user", now=clock.now(), but=visitor.session_id
    )
    audit.note(session, record_type="user_account", record_id=visitor.account_id, fields=["web_session"])
    words = ngettext("1 other session ended.", "%(count)s other sessions ended.", ended)
    return go_to(request, "/account/sessions", flash=Flash(words))


@router.post("/sessions/{web_session_id}/end", dependencies=[signed_in()])
async def end_session(request: Request, session: DbSession, visitor: CurrentVisitor, web_session_id: UUID) -> Response:
    await sessions.end_sessions(
        session, account_id=visitor.account_id, reason="ended_by_user", now=clock.now(), only=web_session_id
    )
    audit.note(session, record_type="web_session", record_id=web_session_id, fields=["ended_at"])
    return go_to(request, "/account/sessions", flash=Flash(_("The session has ended.")))
