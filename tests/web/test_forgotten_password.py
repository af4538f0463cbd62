"""Asking for a new password: it tells nobody whether an address is known, and takes nothing from its owner."""

import re
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import Message, Receive, Scope, Send

from app.access.accounts import links
from app.audit.models import AuditEvent
from app.main import create_app
from app.platform import clock
from app.platform.mail import OutgoingMail
from app.platform.settings import Settings
from tests.browsing import ORIGIN, somebody, token_in
from tests.conftest import BoundDatabase


async def _ask(client: httpx.AsyncClient, email: str) -> httpx.Response:
    form = {"csrf_token": token_in(await client.get("/forgot-password")), "email": email}
    return await client.post("/forgot-password", data=form, headers=ORIGIN)


async def test_reset_leaves_a_pending_invitation_alive(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, with_app=False)
    invitation = await links.make_link(session, account_id=who.account_id, purpose="invitation", now=clock.now())
    await session.commit()

    assert (await _ask(client, who.email)).status_code == 303
    assert (await _ask(client, who.email)).status_code == 303

    assert (await client.get(f"/invitation/{invitation}")).status_code == 200
    bodies = list(await session.scalars(select(OutgoingMail.body).order_by(OutgoingMail.outgoing_mail_id)))
    earlier, latest = (re.findall(r"/reset/\S+", body or "")[0] for body in bodies)
    assert (await client.get(earlier)).status_code == 404
    assert (await client.get(latest)).status_code == 200
    assert await session.scalar(select(AuditEvent.outcome).where(AuditEvent.action == "send_reset_link")) == "done"


async def test_answer_has_left_before_anybody_looks_whose_address_it_is(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, with_app=False)
    app: FastAPI = create_app(settings, bound)
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(re.sub(r"sa_savepoint_\d+", "savepoint", statement))

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_note(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                said.append("the answer has left")

        await app(scope, receive, send_and_note)

    before: list[list[str]] = []
    transport = httpx.ASGITransport(app=noting)
    for email in (who.email, "nobody@crm.example"):
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            form = {"csrf_token": token_in(await client.get("/forgot-password")), "email": email}
            said.clear()
            event.listen(bound.connection.sync_connection, "before_cursor_execute", note)
            await client.post("/forgot-password", data=form, headers=ORIGIN)
            event.remove(bound.connection.sync_connection, "before_cursor_execute", note)
        before.append(said[: said.index("the answer has left")])
    known, unknown = before
    assert known == unknown
    assert await session.scalar(select(OutgoingMail.to_address)) == who.email
