"""Whether a worker lives, as the job tables tell it."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

ALIVE_WITHIN = timedelta(seconds=60)
"""A worker says every 10 seconds that it lives."""


async def worker_is_alive(session: AsyncSession) -> bool:
    """Whether some worker has said within the last minute that it lives."""
    found = await session.execute(
        text(
            "SELECT EXISTS (SELECT FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :s))"
        ),
        {"s": ALIVE_WITHIN.total_seconds()},
    )
    return bool(found.scalar_one())
