"""
Connections that are not used again: those that have ended, and after a failover all of before.

When a server goes, or says that it is no primary any more, every connection made until then is suspect, and each would
cost somebody an error. They are replaced as they are asked for, those of sessions and of fast statements alike.
"""

from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry, ManagesConnection

_GONE: Final = frozenset({"25006", "57P01", "57P02", "57P03"})
"""SQLSTATEs of a server that takes no writes, that shuts down, has crashed or starts. Others end by closing."""


class _Time:
    """What the connections made between two failures share."""

    is_over = False


def is_gone(error: BaseException | None) -> bool:
    """Whether a database error, from a session or the driver, says that the server is no primary that serves."""
    return getattr(error, "sqlstate", None) in _GONE


def is_lost(connection: ManagesConnection) -> bool:
    """Whether a connection of the pool is not to be used again. A local look, no round trip."""
    driver: Any = connection.driver_connection
    return connection.info["time"].is_over or driver is None or driver.is_closed()


def throw_lost_connections_away(engine: AsyncEngine) -> None:
    """Let the engine's pool give out no connection that is lost."""
    time = _Time()

    @event.listens_for(engine.sync_engine, "connect")
    def stamp(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["time"] = time

    @event.listens_for(engine.sync_engine, "handle_error")
    def look_at_error(context: ExceptionContext) -> None:
        if is_gone(context.original_exception):
            context.is_disconnect = True

    @event.listens_for(engine.sync_engine, "invalidate")
    def end_time(_connection: Any, record: ConnectionPoolEntry, error: BaseException | None) -> None:
        nonlocal time
        # A request that was cancelled and a connection that is thrown away below say nothing about the server.
        if isinstance(error, Exception) and not isinstance(error, DisconnectionError):
            record.info["time"].is_over = True
            if time.is_over:
                time = _Time()

    @event.listens_for(engine.sync_engine, "checkout")
    def look(_connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if is_lost(record):
            raise DisconnectionError
