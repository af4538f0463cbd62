"""
The booked calls of a navigator in their own calendar program: an address that is made, renewed and switched off on the
page of the account, and what a program gets that asks for it.

The address is a credential: it is shown once, and stands in no log, since those name routes and not addresses. What is
refused is refused in one way, whatever the reason.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import feeds
from app.access.accounts.feeds import OWN_FEED, Feed
from app.access.answering import Asked, Filled
from app.access.request_guard import DbSession
from app.access.serving import State
from app.access.views import AccessContext
from app.audit import service as audit
from app.calls import answers
from app.calls.calendar import MEDIA_TYPE, calendar
from app.calls.queries import booked_calls
from app.calls.schemas import CallOfFeed
from app.platform import clock, idempotency
from app.platform.errors import NotFound
from app.platform.locales import _, read_in
from app.platform.settings import Settings
from app.platform.sources import source_of
from app.preferences.schemas import PreferencesRead
from app.preferences.service import preferences_of
from app.web.page_guard import CurrentVisitor, allow, anyone, go_to, page_router
from app.web.render import Flash, page

router = page_router()

AHEAD = timedelta(days=28)
RECORD = "calendar_feed"


class CalendarFile(Filled):
    """The calendar of these calls as the account of the feed may see them; the browser that asks says nothing of it."""

    def __init__(self, settings: Settings, feed: Feed, calls: list[CallOfFeed], preferences: PreferencesRead) -> None:
        super().__init__(b"", headers={"content-type": MEDIA_TYPE})
        self._settings, self._feed, self._calls, self._preferences = settings, feed, calls, preferences

    async def fill(self, asked: Asked) -> None:
        settings = self._settings
        context = AccessContext(OWN_FEED, secret_key=settings.secret_key, caseload=settings.caseload)
        shown = await replace(asked, actor=self._feed.actor, access=context).show(self._calls)
        host = urlsplit(settings.base_url).hostname or ""
        with read_in(self._preferences.language):
            self.body = calendar(shown, host=host, now=clock.now())
        self.headers["content-length"] = str(len(self.body))


@router.get("/feeds/calls/{token}.ics", dependencies=[anyone(recorded=True)])
async def fetch_calls_feed(request: Request, session: DbSession, token: str) -> Response:
    """The calls of today and of the four weeks to come, to anyone who knows the address."""
    settings: Settings = request.app.state.settings
    feed = await _living(request, session, settings, token)
    session.info["actor"] = feed.actor
    audit.note(session, record_type=RECORD, record_id=feed.feed_id)
    preferences = await preferences_of(session, settings, account_id=feed.actor.account_id)
    starts_at = _begin_of_day(clock.now(), preferences.time_zone)
    person_id = feed.actor.person_id
    booked = (
        []
        if person_id is None
        else await booked_calls(session, navigator_id=person_id, starts_at=starts_at, ends_at=clock.now() + AHEAD)
    )
    calls = [answers.of_feed(call, with_initials=settings.call_feed_initials) for call in booked]
    return CalendarFile(settings, feed, calls, preferences)


async def _living(request: Request, session: AsyncSession, settings: Settings, token: str) -> Feed:
    """The feed of this token. NotFound; TooMany for an account or a place that asks too often."""
    state: State = request.app.state.serving
    source = source_of(request, proxy_hops=settings.proxy_hops)
    feed = await feeds.find_feed(session, token=token) if settings.call_feeds else None
    if feed is None or feed.actor.account_id is None:
        state.rate_limits.refuse_after_failures(source)
        state.rate_limits.count_failure(source)
        raise NotFound
    state.rate_limits.count_request(feed.actor.account_id)
    return feed


def _begin_of_day(now: datetime, zone: str) -> datetime:
    return now.astimezone(clock.zone_named(zone)).replace(hour=0, minute=0, second=0, microsecond=0)


def _offered(request: Request) -> None:
    """NotFound where the settings allow no feeds."""
    settings: Settings = request.app.state.settings
    if not settings.call_feeds:
        raise NotFound


@router.post("/account/calendar-feed", dependencies=[allow(OWN_FEED, recent=True)])
async def make_calendar_feed(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    """A new address, shown in this very answer and never again; an earlier one no longer works."""
    _offered(request)
    token = await feeds.make_feed(session, account_id=visitor.account_id, now=clock.now())
    settings: Settings = request.app.state.settings
    context = {"address": f"{settings.base_url}/feeds/calls/{token}.ics", "with_initials": settings.call_feed_initials}
    idempotency.show_once(session)
    return page(request, "account/calendar_feed.html", context)


@router.post("/account/calendar-feed/end", dependencies=[allow(OWN_FEED)])
async def end_calendar_feed(request: Request, session: DbSession, visitor: CurrentVisitor) -> Response:
    ended: UUID | None = await feeds.end_feed(session, account_id=visitor.account_id, now=clock.now())
    audit.note(session, record_type=RECORD, record_id=ended, fields=["ended_at"])
    return go_to(request, "/account", flash=Flash(_("The calendar feed is switched off. Its address no longer works.")))
