"""The JSON that passes between the browser and passkeys: options, then the browser's answer."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict

from app.access.accounts import passkeys, sessions, sign_in
from app.access.accounts.passkeys import Site
from app.access.accounts.sessions import State as SessionState
from app.access.request_guard import DbSession
from app.audit import service as audit
from app.platform import clock
from app.platform.errors import AppError, Unauthenticated
from app.web import cookies
from app.web.addresses import local_path, origin_of, with_next
from app.web.page_guard import CurrentVisitor, anyone, in_state, known_errors, page_router, signed_in, status_of
from app.web.render import DataAnswer
from app.web.sign_in import begin_at, settings_of

router = page_router()


class BrowsersAnswer(BaseModel):
    """A credential as WebAuthn's JSON form has it; the library checks it, field by field."""

    model_config = ConfigDict(extra="forbid")

    credential: dict[str, Any]
    next: str = "/"


def site_of(request: Request) -> Site:
    """The site whose passkeys are used: the address users see; for a developer the one that is open."""
    settings = settings_of(request)
    own = urlsplit(settings.base_url)
    if settings.is_production:
        return Site(own.hostname or "", f"{own.scheme}://{own.netloc}")
    return Site(request.url.hostname or "", f"{request.url.scheme}://{request.url.netloc}")


async def _answer(request: Request, work: Callable[[], Awaitable[Response]]) -> Response:
    """The answer of `work`, or its refusal as JSON, which the page guard puts on record."""
    try:
        return await work()
    except AppError as error:
        request.state.refusal = error
        return DataAnswer({"error": error.error_detail}, status_of(error))


async def _options(
    request: Request, session: DbSession, visitor: CurrentVisitor, ceremony: str, *, of_account: bool
) -> Response:
    async def work() -> Response:
        options = await passkeys.sign_in_options(
            session,
            holder=visitor.reference,
            ceremony=ceremony,
            site=site_of(request),
            now=clock.now(),
            account_id=visitor.account_id if of_account else None,
        )
        return DataAnswer(options)

    return await _answer(request, work)


@router.post("/sign-in/passkey/options", dependencies=[anyone()])
async def passkey_options_for_sign_in(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    return await _options(request, session, visitor, "sign_in", of_account=False)


@router.post("/sign-in/passkey", dependencies=[anyone()])
async def sign_in_with_passkey(
    request: Request, session: DbSession, visitor: CurrentVisitor, body: BrowsersAnswer
) -> Response:
    async def work() -> Response:
        now = clock.now()
        account_id = await passkeys.use_passkey(
            session,
            holder=visitor.reference,
            ceremony="sign_in",
            credential=body.credential,
            site=site_of(request),
            now=now,
        )
        begun = await sign_in.begin(
            session, account_id=account_id, stage="open", origin=origin_of(request), now=now, earlier=visitor
        )
        return await opened(request, session, begun, body.next)

    return await _answer(request, work)


async def opened(request: Request, session: DbSession, step: sign_in.SignedIn, next_path: str) -> Response:
    """The session is open: its new reference, and where to go."""
    response = DataAnswer({"next": await begin_at(request, session, step, local_path(next_path))})
    cookies.set_session(request, response, step.reference)
    device = await sessions.remember_device(
        session, account_id=step.account_id, reference=cookies.device_reference(request), now=clock.now()
    )
    cookies.set_device(request, response, device)
    return response


@router.post("/sign-in/second-factor/passkey/options", dependencies=[in_state(SessionState.SECOND_FACTOR)])
async def passkey_options_for_second_factor(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    return await _options(request, session, visitor, "second_factor", of_account=True)


@router.post("/sign-in/second-factor/passkey", dependencies=[in_state(SessionState.SECOND_FACTOR)])
async def give_passkey(request: Request, session: DbSession, visitor: CurrentVisitor, body: BrowsersAnswer) -> Response:
    async def work() -> Response:
        now = clock.now()
        await passkeys.use_passkey(
            session,
            holder=visitor.reference,
            ceremony="second_factor",
            credential=body.credential,
            site=site_of(request),
            now=now,
            account_id=visitor.account_id,
        )
        session.info["actor"] = visitor.actor
        reference = await sign_in.open_fully(session, visitor, now=now)
        return await opened(request, session, sign_in.SignedIn(reference, "open", visitor.account_id), body.next)

    return await _answer(request, work)


@router.post("/unlock/passkey/options", dependencies=[in_state(SessionState.LOCKED, SessionState.OPEN)])
async def passkey_options_for_unlock(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    return await _options(request, session, visitor, "unlock", of_account=True)


@router.post("/unlock/passkey", dependencies=[in_state(SessionState.LOCKED, SessionState.OPEN)])
async def unlock_with_passkey(
    request: Request, session: DbSession, visitor: CurrentVisitor, body: BrowsersAnswer
) -> Response:
    async def work() -> Response:
        now = clock.now()
        await passkeys.use_passkey(
            session,
            holder=visitor.reference,
            ceremony="unlock",
            credential=body.credential,
            site=site_of(request),
            now=now,
            account_id=visitor.account_id,
        )
        assert visitor.session_id is not None  # noqa: S101 - a locked session is one
        if not await sessions.unlock(session, session_id=visitor.session_id, now=now):
            raise Unauthenticated
        session.info["actor"] = visitor.actor
        audit.note(session, record_type="web_session", record_id=visitor.session_id, fields=["proved_at"])
        return DataAnswer({"next": local_path(body.next)})

    return await _answer(request, work)


async def _enrolment_options(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    async def work() -> Response:
        options = await passkeys.enrolment_options(
            session, account_id=visitor.account_id, holder=visitor.reference, site=site_of(request), now=clock.now()
        )
        return DataAnswer(options)

    return await _answer(request, work)


async def _enrol(request: Request, session: DbSession, visitor: CurrentVisitor, body: BrowsersAnswer) -> None:
    async with known_errors(request, session):
        await passkeys.enrol(
            session,
            account_id=visitor.account_id,
            holder=visitor.reference,
            credential=body.credential,
            name=origin_of(request).browser,
            site=site_of(request),
            now=clock.now(),
        )


@router.post("/sign-in/enrolment/passkey/options", dependencies=[in_state(SessionState.ENROLMENT)])
async def passkey_options_for_enrolment(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    return await _enrolment_options(request, session, visitor)


@router.post("/sign-in/enrolment/passkey", dependencies=[in_state(SessionState.ENROLMENT)])
async def enrol_first_passkey(
    request: Request, session: DbSession, visitor: CurrentVisitor, body: BrowsersAnswer
) -> Response:
    """The first second factor is a passkey: the session is open, and recovery codes follow."""

    async def work() -> Response:
        await _enrol(request, session, visitor, body)
        session.info["actor"] = visitor.actor
        reference = await sign_in.open_fully(session, visitor, now=clock.now())
        codes = with_next("/account/recovery-codes", local_path(body.next))
        return await opened(request, session, sign_in.SignedIn(reference, "open", visitor.account_id), codes)

    return await _answer(request, work)


@router.post("/account/passkeys/options", dependencies=[signed_in(recent=True)])
async def passkey_options_for_account(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    return await _enrolment_options(request, session, visitor)


@router.post("/account/passkeys", dependencies=[signed_in(recent=True)])
async def enrol_passkey(
    request: Request, session: DbSession, visitor: CurrentVisitor, body: BrowsersAnswer
) -> Response:
    async def work() -> Response:
        await _enrol(request, session, visitor, body)
        return DataAnswer({"next": "/account"})

    return await _answer(request, work)
