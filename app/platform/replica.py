"""
Reads that a replica may answer: long ones, of which an answer some seconds old is as good as one of now.

A query says so by `@may_be_old`. It runs on the replica of CRM_REPLICA_URL while that follows the primary closely, else
on the primary, as without a replica. What it shows is noted in the session it was asked with, so the audit event of the
request is committed on the primary before the answer leaves. Rights, masking, and what somebody has just changed are
never read from a replica.
"""

import functools
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

log = structlog.get_logger()
Given = ParamSpec("Given")
T = TypeVar("T")

IN_SESSION: Final = "replica"
"""Where a session of `Database` has the replica, in its `info`."""
_REST_SECONDS: Final = 10
"""How long a replica that could not answer is left alone: finding that out takes up to CRM_POOL_TIMEOUT_SECONDS."""

_WRITTEN = text("SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint")
# A standby that has replayed all that was written is not behind, however long ago that was. One that has not is as old
# as the newest commit it has replayed. A server that is promoted is no replica, and one that has replayed nothing since
# its start does not know its age.
_AGE = text("""
    SELECT CASE WHEN NOT pg_is_in_recovery() THEN NULL
                WHEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint >= CAST(:written AS bigint) THEN 0
                ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END::float
""")


class ReplicaCannotAnswer(Exception):
    """The replica does not answer, or is too far behind; says why."""


class Replica:
    """A standby for reads, at most `most_seconds` behind the primary."""

    def __init__(self, engine: AsyncEngine, *, most_seconds: float) -> None:
        self.engine = engine
        self._most_seconds = most_seconds
        self._rests_until = 0.0
        self._why_not: str | None = None

    def may_be_asked(self) -> bool:
        return time.monotonic() >= self._rests_until

    async def answer(self, primary: AsyncSession, query: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """What `query` finds in a session of the replica. ReplicaCannotAnswer."""
        written = (await primary.execute(_WRITTEN)).scalar_one()
        try:
            async with AsyncSession(self.engine, expire_on_commit=False, info=dict(primary.info)) as session:
                age = (await session.execute(_AGE, {"written": written})).scalar_one()
                if age is None or age > self._most_seconds:
                    raise ReplicaCannotAnswer("is not a standby" if age is None else f"is {age:.0f} s behind")
                found = await query(session)
                # Whom the query has noted belongs to the event of the request.
                primary.info.update(session.info)
        except ReplicaCannotAnswer as error:
            self._left_alone(str(error))
            raise
        except (DBAPIError, OSError, PoolTimeoutError, TimeoutError) as error:
            # A question that runs into what the standby replays is cancelled there; the primary answers it.
            why = f"does not answer ({type(error).__name__})"
            self._left_alone(why)
            raise ReplicaCannotAnswer(why) from error
        if self._why_not is not None:
            log.info("replica_is_asked_again")
            self._why_not = None
        return found

    def _left_alone(self, why: str) -> None:
        self._rests_until = time.monotonic() + _REST_SECONDS
        if self._why_not is None:
            log.warning("replica_is_not_asked", error=why)
        self._why_not = why


def may_be_old(
    query: Callable[Concatenate[AsyncSession, Given], Awaitable[T]],
) -> Callable[Concatenate[AsyncSession, Given], Coroutine[Any, Any, T]]:
    """
    A query `(session, …)` that the replica may answer. It must only read, and may be run a second time, on the primary.

    Rows that it gives are loaded whole: their session has ended.
    """

    @functools.wraps(query)
    async def asked(session: AsyncSession, /, *args: Given.args, **kwargs: Given.kwargs) -> T:
        replica: Replica | None = session.info.get(IN_SESSION)
        if replica is not None and replica.may_be_asked():
            try:
                return await replica.answer(session, lambda reader: query(reader, *args, **kwargs))
            except ReplicaCannotAnswer:
                pass
        return await query(session, *args, **kwargs)

    return asked
