"""Booked calls as a calendar (RFC 5545): when they are, and nothing of what they are about."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event

from app.calls.schemas import CallOfFeed
from app.platform.locales import _

MEDIA_TYPE = "text/calendar; charset=utf-8"
_MAKER = "-//myTomorrows//CRM//EN"


def calendar(calls: Iterable[CallOfFeed], *, host: str, now: datetime) -> bytes:
    """
    The calendar of these calls, in the language of the reader. A call keeps its identifier, which ends with `host`;
    one that is changed has a higher number.
    """
    made = Calendar()
    made.add("prodid", _MAKER)
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    for call in calls:
        if call.booking_date is not None:
            made.add_component(_event(call, call.booking_date.astimezone(UTC), host=host, now=now))
    written: bytes = made.to_ical()
    return written


def _event(call: CallOfFeed, starts_at: datetime, *, host: str, now: datetime) -> Event:
    event = Event()
    event.add("uid", f"{call.call_id}@{host}")
    event.add("dtstamp", now)
    event.add("dtstart", starts_at)
    event.add("dtend", starts_at + timedelta(minutes=call.minutes))
    event.add("summary", str(_("Call") if call.initials is None else _("Call %(initials)s", initials=call.initials)))
    event.add("sequence", call.version)
    event.add("class", "PRIVATE")
    return event
