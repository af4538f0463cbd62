"""The one place that asks what time it is."""

from datetime import UTC, date, datetime


def now() -> datetime:
    """The present instant, aware, UTC."""
    return datetime.now(UTC)


def today() -> date:
    """The present calendar day in UTC."""
    return now().date()
