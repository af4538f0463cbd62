"""The booked calls of a navigator as a calendar, behind an address that is a credential."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import structlog
from icalendar import Calendar, Event
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import feeds, users
from app.access.accounts.models import CalendarFeed
from app.access.models import UserAccount
from app.access.service import command_actor
from app.audit.models import AuditEvent
from app.calls.models import CallHistory
from app.main import create_app
from app.patients.models import Patient
from app.platform import clock
from app.platform.crypto import digest
from app.platform.settings import Settings
from tests.browsing import Somebody, as_user, signed_in, somebody
from tests.builders import a_call, a_patient, a_person
from tests.conftest import BoundDatabase

ON = {"call_feeds": True}
FEED = re.compile(r"/feeds/calls/([A-Za-z0-9_-]{43})\.ics")


@asynccontextmanager
async def _browser(settings: Settings, bound: BoundDatabase, **values: Any) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings.model_copy(update=ON | values), bound)
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
        yield browser


async def _a_feed(session: AsyncSession, settings: Settings, *roles: str) -> tuple[Somebody, UUID, str]:
    """Somebody with a feed: their account, their person, the token."""
    who = await somebody(session, settings, *roles)
    person = await a_person(session)
    account = await session.get_one(UserAccount, who.account_id)
    account.person_id = person.person_id
    token = await feeds.make_feed(session, account_id=who.account_id, now=clock.now())
    await session.commit()
    return who, person.person_id, token


async def _patient(session: AsyncSession) -> Patient:
    person = await a_person(session, first_name="Zoë", last_name="Quist", email="zoe.quist@example.org")
    return await a_patient(session, person=person)


def _events(answer: httpx.Response) -> list[Event]:
    assert answer.status_code == 200, answer.text
    return Calendar.from_ical(answer.text).events


async def test_the_calls_of_today_and_of_four_weeks_are_told_and_nothing_of_whom(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    _, navigator, token = await _a_feed(session, settings)
    patient, now = await _patient(session), clock.now().replace(microsecond=0)
    booked = now + timedelta(days=3)
    call = await a_call(
        session,
        patient,
        pn_id=navigator,
        booking_date=booked,
        contact_reason="Asks about ALS",
        call_duration_minutes=45,
    )
    for away, values in (
        (timedelta(days=29), {}),
        (-timedelta(days=2), {}),
        (timedelta(days=1), {"status": "cancelled"}),
        (timedelta(days=1), {"status": "rescheduled"}),
        (timedelta(days=1), {"voided_at": now, "void_reason": "By mistake."}),
    ):
        await a_call(session, patient, **({"pn_id": navigator, "booking_date": now + away} | values))
    await a_call(session, patient, booking_date=booked)
    await session.commit()

    async with _browser(settings, bound) as browser:
        answer = await browser.get(f"/feeds/calls/{token}.ics")

    (event,) = _events(answer)
    assert answer.headers["content-type"].startswith("text/calendar")
    assert str(event["SUMMARY"]) == "Call"
    assert event.decoded("DTSTART") == booked
    assert event.decoded("DTEND") == booked + timedelta(minutes=45)
    assert b"DTSTART:" in event.to_ical()
    assert event.to_ical().count(b"Z\r\n") == 3, "DTSTAMP, DTSTART and DTEND are in UTC"
    assert str(event["UID"]).startswith(str(call.call_id))
    assert set(event) == {"SUMMARY", "DTSTART", "DTEND", "DTSTAMP", "UID", "CLASS", "SEQUENCE"}
    assert not {word for word in ("ALS", "Quist", "Zoë", str(patient.patient_id)) if word in answer.text}
    assert answer.headers["cache-control"] == "no-store"


async def test_the_identifier_stays_when_the_call_is_changed_and_a_cancelled_one_vanishes(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    _, navigator, token = await _a_feed(session, settings)
    call = await a_call(session, await _patient(session), pn_id=navigator, booking_date=clock.now() + timedelta(days=1))
    await session.commit()
    async with _browser(settings, bound) as browser:
        (before,) = _events(await browser.get(f"/feeds/calls/{token}.ics"))
        changed = await session.get_one(CallHistory, call.call_id)
        changed.booking_date = clock.now() + timedelta(days=2)
        await session.commit()
        (after,) = _events(await browser.get(f"/feeds/calls/{token}.ics"))
        changed.status = "cancelled"
        await session.commit()
        cancelled = _events(await browser.get(f"/feeds/calls/{token}.ics"))
    assert before["UID"] == after["UID"]
    assert after.sequence > before.sequence
    assert before.decoded("DTSTART") != after.decoded("DTSTART")
    assert cancelled == []


async def test_initials_are_told_by_a_setting_of_their_own(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    _, navigator, token = await _a_feed(session, settings)
    await a_call(session, await _patient(session), pn_id=navigator, booking_date=clock.now() + timedelta(days=1))
    await session.commit()
    async with _browser(settings, bound, call_feed_initials=True) as browser:
        (event,) = _events(await browser.get(f"/feeds/calls/{token}.ics"))
    assert str(event["SUMMARY"]) == "Call Z.Q."


async def test_the_title_is_in_the_language_of_the_account(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    who, navigator, token = await _a_feed(session, settings)
    await session.execute(
        text("INSERT INTO account_preference (user_account_id, language) VALUES (:id, 'nl')"), {"id": who.account_id}
    )
    await a_call(session, await _patient(session), pn_id=navigator, booking_date=clock.now() + timedelta(days=1))
    await session.commit()
    async with _browser(settings, bound) as browser:
        (event,) = _events(await browser.get(f"/feeds/calls/{token}.ics"))
    assert str(event["SUMMARY"]) == "Gesprek"


async def _dead_by_setting(session: AsyncSession, who: Somebody) -> dict[str, Any]:
    return {"call_feeds": False}


async def _dead_by_closing(session: AsyncSession, who: Somebody) -> dict[str, Any]:
    await users.disable(session, command_actor(), account_id=who.account_id, now=clock.now())
    return {}


async def _dead_after_opening_again(session: AsyncSession, who: Somebody) -> dict[str, Any]:
    await users.disable(session, command_actor(), account_id=who.account_id, now=clock.now())
    await users.enable(session, command_actor(), account_id=who.account_id)
    return {}


async def _dead_without_the_role(session: AsyncSession, who: Somebody) -> dict[str, Any]:
    await users.set_roles(session, command_actor(), account_id=who.account_id, roles=["auditor"], now=clock.now())
    return {}


async def _dead_with_the_role_given_back(session: AsyncSession, who: Somebody) -> dict[str, Any]:
    for roles in (["auditor"], ["navigator"]):
        await users.set_roles(session, command_actor(), account_id=who.account_id, roles=roles, now=clock.now())
    return {}


async def _dead_by_starting_over(session: AsyncSession, who: Somebody) -> dict[str, Any]:
    await users.start_over(session, command_actor(), account_id=who.account_id, base_url="http://test", now=clock.now())
    return {}


async def _dead_by_switching_off(session: AsyncSession, who: Somebody) -> dict[str, Any]:
    await feeds.end_feed(session, account_id=who.account_id, now=clock.now())
    return {}


async def _dead_by_renewing(session: AsyncSession, who: Somebody) -> dict[str, Any]:
    await feeds.make_feed(session, account_id=who.account_id, now=clock.now())
    return {}


@pytest.mark.parametrize(
    "end",
    [
        _dead_by_setting, _dead_by_closing, _dead_after_opening_again, _dead_without_the_role,
        _dead_with_the_role_given_back, _dead_by_starting_over, _dead_by_switching_off, _dead_by_renewing,
    ],
)  # fmt: skip
async def test_a_dead_address_answers_as_one_that_never_was(
    bound: BoundDatabase, session: AsyncSession, settings: Settings, end: Any
) -> None:
    who, _, token = await _a_feed(session, settings)
    async with _browser(settings, bound) as browser:
        alive = await browser.get(f"/feeds/calls/{token}.ics")
    values = await end(session, who)
    await session.commit()
    async with _browser(settings, bound, **values) as browser:
        dead = await browser.get(f"/feeds/calls/{token}.ics", headers={"x-request-id": "the-same-for-both"})
        unknown = await browser.get("/feeds/calls/never-was.ics", headers={"x-request-id": "the-same-for-both"})
    assert alive.status_code == 200
    assert dead.status_code == unknown.status_code == 404
    assert dead.text == unknown.text


async def test_other_roles_of_the_account_leave_the_feed_alive(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    who, _, token = await _a_feed(session, settings)
    await users.set_roles(
        session, command_actor(), account_id=who.account_id, roles=["navigator", "liaison"], now=clock.now()
    )
    await session.commit()
    async with _browser(settings, bound) as browser:
        assert (await browser.get(f"/feeds/calls/{token}.ics")).status_code == 200


async def test_tries_at_unknown_addresses_are_limited_and_hold_up_no_living_one(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    _, _, token = await _a_feed(session, settings)
    async with _browser(settings, bound, failed_keys_per_minute=2) as browser:
        tried = [(await browser.get(f"/feeds/calls/unknown-{number}.ics")).status_code for number in range(4)]
        living = await browser.get(f"/feeds/calls/{token}.ics")
    assert tried == [404, 404, 429, 429]
    assert living.status_code == 200


async def test_an_account_that_fetches_without_end_is_told_to_wait(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    _, _, token = await _a_feed(session, settings)
    async with _browser(settings, bound, rate_limit_per_minute=2) as browser:
        fetched = [(await browser.get(f"/feeds/calls/{token}.ics")).status_code for _ in range(3)]
    assert fetched == [200, 200, 429]


async def test_each_fetch_is_on_record_and_the_token_is_nowhere(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    who, navigator, token = await _a_feed(session, settings)
    patient = await _patient(session)
    await a_call(session, patient, pn_id=navigator, booking_date=clock.now() + timedelta(days=1))
    await session.commit()
    with structlog.testing.capture_logs() as logs:
        async with _browser(settings, bound) as browser:
            for _ in range(2):
                await browser.get(f"/feeds/calls/{token}.ics")
            await browser.get(f"/feeds/calls/{token}x.ics")
            await browser.post(f"/feeds/calls/{token}.ics")
            await browser.get(f"/feeds/calls/{token}")
    fetches = select(AuditEvent).where(AuditEvent.action == "fetch_calls_feed")
    events = (await session.scalars(fetches.order_by(AuditEvent.audit_event_id))).all()
    assert [(e.actor_id, e.record_type, e.person_ids, e.outcome) for e in events] == [
        (who.account_id, "calendar_feed", [patient.person_id], "done"),
        (who.account_id, "calendar_feed", [patient.person_id], "done"),
        (None, "feeds", None, "absent"),
    ]
    assert {line["route"] for line in logs if line["event"] == "request"} == {"/feeds/calls/{token}.ics", "-"}
    assert token not in str(logs)
    everything = [
        str(dict(row._mapping))
        for table in ("audit_event", "calendar_feed", "row_history", "outgoing_mail", "web_session")
        for row in await session.execute(text(f"SELECT * FROM {table}"))
    ]
    assert token not in "".join(everything)
    assert (await session.scalars(select(CalendarFeed.token_sha256))).all() == [digest(token)]


async def test_it_is_made_renewed_and_switched_off_on_the_page_of_the_account(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "navigator")
    async with _browser(settings, bound) as browser:
        csrf = await signed_in(browser, session, who.account_id)
        form = {"csrf_token": csrf}
        before = await browser.get("/account")
        made = await browser.post("/account/calendar-feed", data=form)
        first = FEED.search(made.text)
        after = await browser.get("/account")
        renewed = FEED.search((await browser.post("/account/calendar-feed", data=form)).text)
        assert first is not None
        assert renewed is not None
        old = await browser.get(f"/feeds/calls/{first[1]}.ics")
        new = await browser.get(f"/feeds/calls/{renewed[1]}.ics")
        off = await browser.post("/account/calendar-feed/end", data=form)
        ended = await browser.get(f"/feeds/calls/{renewed[1]}.ics")
    assert "Make an address" in before.text
    assert "Make a new address" in after.text
    assert first[1] not in after.text
    assert [old.status_code, new.status_code, off.status_code, ended.status_code] == [404, 200, 303, 404]
    assert await session.scalar(select(func.count()).where(CalendarFeed.ended_at.is_(None))) == 0
    actions = select(AuditEvent.action).where(AuditEvent.record_type == "calendar_feed", AuditEvent.outcome == "done")
    assert {"make_calendar_feed", "end_calendar_feed"} <= set((await session.scalars(actions)).all())


@pytest.mark.parametrize(("role", "values"), [("navigator", {"call_feeds": False}), ("liaison", {})])
async def test_where_it_is_off_or_not_of_the_role_nobody_is_offered_it(
    bound: BoundDatabase, session: AsyncSession, settings: Settings, role: str, values: dict[str, Any]
) -> None:
    async with _browser(settings, bound, **values) as browser:
        csrf = await as_user(browser, session, settings, role)
        seen = await browser.get("/account")
        made = await browser.post("/account/calendar-feed", data={"csrf_token": csrf})
    assert "calendar-feed" not in seen.text
    assert made.status_code in {403, 404}


async def test_a_proof_of_who_one_is_comes_before_a_new_address(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    async with _browser(settings, bound) as browser:
        csrf = await as_user(browser, session, settings, "navigator")
        await session.execute(text("UPDATE web_session SET proved_at = now() - interval '1 hour'"))
        await session.commit()
        made = await browser.post("/account/calendar-feed", data={"csrf_token": csrf})
    assert made.status_code == 303
    assert made.headers["location"].startswith("/unlock")
