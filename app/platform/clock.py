"""The one place that asks what time it is, and on which clock."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present instant, aware, UTC."""
    return datetime.now(UTC)


def today() -> date:
    """The present calendar day in UTC."""
    return now().date()


def zone_named(name: str | None) -> tzinfo:
    """
    The IANA zone of that name; UTC for none, and for one that is not known.

    Every zone that is stored is read so: a later tzdata may not have it, and a migration took it as it stood.
    """
    try:
        return ZoneInfo(name) if name else UTC
    except (OSError, KeyError, ValueError):
        return UTC


def end_of_day(now: datetime, zone: tzinfo) -> datetime:
    """The midnight that ends the day which it is in this zone."""
    return datetime.combine(now.astimezone(zone).date() + timedelta(days=1), time(), zone)
