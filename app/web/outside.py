"""Signing in at the organisation's identity provider: to it, and back."""

from datetime import datetime
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from app.access.accounts import sign_in
from app.access.accounts.errors import OutsideRefused
from app.access.request_guard import DbSession
from app.audit import service as audit
from app.people import colleagues
from app.platform import clock
from app.web.addresses import local_path, origin_of
from app.web.page_guard import CurrentVisitor, anyone, page_router
from app.web.sign_in import after_step, database_of, settings_of

router = page_router("/sign-in/outside")


@router.get("", dependencies=[anyone(recorded=True)])
async def go_outside(
    request: Request,
    session: DbSession,
    visitor: CurrentVisitor,
    next: str = "/",  # noqa: A002
) -> Response:
    # Its libraries take 6 MiB in every worker; few deployments have a provider.
    from app.access.accounts import oidc  # noqa: PLC0415

    settings = settings_of(request)
    # Nothing of this request has been written yet: no transaction waits for the provider.
    await session.rollback()
    async with oidc.http_client() as client:
        provider = await oidc.discover(settings, client)
    address = await oidc.begin(
        session, settings, provider, holder=visitor.reference, next_path=local_path(next), now=clock.now()
    )
    return RedirectResponse(address, 303)


@router.get("/callback", dependencies=[anyone(recorded=True)])
async def come_back(
    request: Request, session: DbSession, visitor: CurrentVisitor, state: str = "", code: str = "", error: str = ""
) -> Response:
    """
    The browser comes back with a code. The state belongs to the browser that began, so nobody can be signed in to
    somebody else's account by a link.
    """
    from app.access.accounts import oidc  # noqa: PLC0415 - as above

    now = clock.now()
    await session.rollback()
    if not hasattr(request.state, "outside"):
        # State and code are good for once, and what follows may be tried again after a deadlock.
        request.state.outside = await _what_the_provider_says(request, visitor, state, "" if error else code, now)
    claims, next_path = request.state.outside
    async with database_of(request).unit_of_work() as leaving:
        left = await oidc.withdraw_roles(leaving, claims, now=now)
        if left is not None:
            await colleagues.settle(leaving, oidc.provider_actor(), account_id=left, now=now)
            request_id = request.scope.get("request_id")
            await audit.write_event(leaving, oidc.provider_actor(), action="withdraw_roles", request_id=request_id)
    account = await oidc.account_of(session, claims, now=now)
    account_id = account.user_account_id
    await colleagues.settle(session, oidc.provider_actor(), account_id=account_id, now=now)
    stage = "open" if claims.has_second_factor else await sign_in.lacking(session, account_id=account_id)
    done = await sign_in.begin(
        session, account_id=account_id, stage=stage, origin=origin_of(request), now=now, earlier=visitor
    )
    return await after_step(request, session, done, next_path)


async def _what_the_provider_says(
    request: Request, visitor: CurrentVisitor, state: str, code: str, now: datetime
) -> tuple[Any, str]:
    """The claims of who came back with this state and code, and the page they wanted; state and code are used up."""
    from app.access.accounts import oidc  # noqa: PLC0415 - as above

    settings = settings_of(request)
    async with database_of(request).unit_of_work() as taking:
        begun = await oidc.take_begun(taking, state=state[:200], holder=visitor.reference, now=now)
    if not code:
        raise OutsideRefused("Your organisation did not let you in. Start again, or use another way.")
    async with oidc.http_client() as client:
        provider = await oidc.discover(settings, client)
        claims = await oidc.exchange(settings, provider, client, code=code[:4000], begun=begun, now=now)
    return claims, begun.next_path
