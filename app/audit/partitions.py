"""
The month partitions of audit_event. Without one for today nothing can be answered, so they are made ahead.

A month that is over takes no more events: it then gets the indexes that would be too dear on the open one.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

MONTHS_AHEAD = 2


async def ensure_partitions(session: AsyncSession, *, months_ahead: int = MONTHS_AHEAD) -> int:
    """
    Make the partitions of this month and of `months_ahead` more, 24 at most; the number made.

    Safe to run at any time.
    """
    made = await session.execute(text("SELECT ensure_audit_partitions(:ahead)"), {"ahead": months_ahead})
    return int(made.scalar_one())


async def close_partitions(session: AsyncSession) -> int:
    """
    Index the persons and actions of the months that ended more than a day ago; the number of months closed.

    Safe to run at any time and again. About a minute for ten million events; only that month is locked meanwhile, and
    only against writing, which nobody does there.
    """
    await session.execute(text("SET LOCAL statement_timeout = 0"))
    closed = await session.execute(text("SELECT close_audit_partitions()"))
    return int(closed.scalar_one())


async def has_partition_ahead(session: AsyncSession) -> bool:
    """Whether an event of tomorrow has a place."""
    found = await session.execute(
        text("SELECT to_regclass('audit_event_' || to_char((now() AT TIME ZONE 'UTC') + interval '1 day', 'YYYY_MM'))")
    )
    return found.scalar_one() is not None
