"""A form that is sent twice is carried out once, whatever it does; what is sent from another answer is done anew."""

import asyncio

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.main import create_app
from app.models import metadata
from app.notes.models import Note
from app.platform.db import Database
from app.platform.settings import Settings
from app.web import csrf
from tests.browsing import ORIGIN, signed_in, somebody
from tests.builders import a_patient, a_person
from tests.canaries import a_world
from tests.conftest import BoundDatabase
from tests.web.test_page_canaries import ASKED_BY_FORM, PAGES, _walk

ROLES = ("navigator", "liaison", "programme_manager", "data_steward", "admin")
NOT_COUNTED = {"idempotency_key", "web_session", "outgoing_mail"}
"""Beside the trail: each request leaves its event, and is seen in its session."""
LET_BE = ("/sign-", "/forgot-password", "/invitation", "/reset", "/unlock", "/resume", "/_gallery")
"""Before a sign-in there is nobody whose form it would be; each of these has a rule of its own."""


def _counts() -> str:
    """By table how many rows it has, and the sum of their versions."""
    parts = []
    for table in metadata.sorted_tables:
        if table.name not in NOT_COUNTED and not table.name.startswith("audit_"):
            of_versions = "coalesce(sum(version), 0)" if "version" in table.c else "0"
            parts.append(
                f"SELECT '{table.name}' AS name, count(*) AS rows, {of_versions} AS versions FROM {table.name}"
            )
    return " UNION ALL ".join(parts)


@pytest.mark.long
async def test_every_form_of_every_page_that_is_sent_twice_is_carried_out_once(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    world = await a_world(session)
    transport = httpx.ASGITransport(app=create_app(settings, bound), client=("127.0.0.1", 1))
    headers = {"accept": "text/html", **ORIGIN}
    done, wrong, counts = [], [], text(_counts())
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as browser:
        walk = await _walk(browser, bound, session, settings, world, *ROLES)
        masked = csrf.masked(walk.token)
        for method, route in PAGES:
            if method != "POST" or route.path.startswith(LET_BE):
                continue
            for sent in ASKED_BY_FORM[route.path]:
                walk.token = masked
                undo, cookies = await bound.connection.begin_nested(), httpx.Cookies(browser.cookies)
                one, *_ = await walk.send(method, route, sent, {})
                rows = (await bound.connection.execute(counts)).all()
                again, *_ = await walk.send(method, route, sent, {})
                if one.is_redirect:
                    done.append(route.path)
                    led = [answer.headers.get("location") for answer in (one, again)]
                    changed = set((await bound.connection.execute(counts)).all()) ^ set(rows)
                    if led[0] != led[1] or changed:
                        wrong.append(f"{route.path} {sent}: {led}, {again.status_code}, {sorted(changed)}")
                await undo.rollback()
                browser.cookies = cookies
    assert wrong == []
    assert len(done) > 60


async def test_what_is_sent_at_once_is_carried_out_once_and_from_another_answer_anew(
    settings: Settings, committed_database: Database
) -> None:
    async with committed_database.session() as session:
        who = await somebody(session, settings, "navigator", email="twice@sendings.example")
        patient = await a_patient(session, await a_person(session), owner_id=who.account_id)
        await session.commit()
        transport = httpx.ASGITransport(app=create_app(settings, committed_database))
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=ORIGIN) as browser:
            token = await signed_in(browser, session, who.account_id)
            address, form = (
                f"/patients/{patient.patient_id}/notes",
                {"text": "Asked the site twice.", "adverse_event_heard": "false"},
            )

            async def send(masked: str) -> httpx.Response:
                return await browser.post(address, data=form | {"csrf_token": masked})

            first, other = csrf.masked(token), csrf.masked(token)
            at_once = await asyncio.gather(*(send(first) for _ in range(5)))
            anew = await send(other)
        written = await session.scalar(select(func.count(Note.note_id)).where(Note.text == form["text"]))
        codes = await session.scalars(
            select(AuditEvent.code).where(AuditEvent.actor_id == who.account_id, AuditEvent.action == "write_note")
        )
    assert {(answer.status_code, answer.headers["location"]) for answer in (*at_once, anew)} == {
        (303, at_once[0].headers["location"])
    }
    assert written == 2
    assert sorted(str(code) for code in codes) == ["None"] * 2 + ["replayed"] * 4


async def test_a_key_that_is_shown_once_is_made_once(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "admin", email="keys@sendings.example")
    token = csrf.masked(await signed_in(client, session, who.account_id))
    form = {"name": "System", "role": "auditor", "days": "30", "csrf_token": token}
    one, again = [await client.post("/api-keys", data=form, headers=ORIGIN) for _ in range(2)]
    assert (one.status_code, again.status_code) == (200, 409)
    assert "done already" in again.text
