"""
Fast statements: written once with SQLAlchemy, compiled when they are first used, sent in one round trip.

A Statement is text with its parameters in order; a StatementRunner holds a few connections of the engine's own pool for
them. PostgreSQL makes a single statement one transaction, so there is no BEGIN and no COMMIT: what it writes is
committed when its rows arrive. A pool raises asyncpg's exceptions, a session SQLAlchemy's; `problems.translate` reads
both.

Source: docs/BENCHMARK.md; the ordinary way beside every fast statement is a service or a query of its package.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, Protocol, cast

import asyncpg
from sqlalchemy import ClauseElement, PoolProxiedConnection, make_url
from sqlalchemy.connectors.asyncio import AsyncAdapt_Error
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.compiler import SQLCompiler

from app.platform.lost_connections import is_gone, is_lost

_DIALECT = make_url("postgresql+asyncpg://").get_dialect()()

MOST_UNDER_WAY: Final = 2
"""Shared statements of one kind that run at once; four are better where a commit takes milliseconds."""
MOST_TOGETHER: Final = 32

Row = asyncpg.Record
Rows = Sequence[asyncpg.Record]
_Argument = tuple[str, bool, Any, Callable[[Any], Any] | None]


class Statement:
    """
    A Core statement as the driver takes it. `core` is the statement, `sql` its text with $1, $2, …

    Make it once behind `functools.cache`: PostgreSQL keeps a plan for each text and connection, so values never stand
    in it.
    """

    def __init__(self, core: ClauseElement) -> None:
        compiled = cast("SQLCompiler", core.compile(dialect=_DIALECT))
        self.core = core
        self.sql = compiled.string
        self._arguments: list[_Argument] = []
        for name in compiled.positiontup or ():
            bind = compiled.binds[name]
            process = bind.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
            self._arguments.append((name, bind.required, bind.effective_value, process))

    @property
    def names(self) -> list[str]:
        """The parameters' names in the order of $1, $2, …"""
        return [name for name, *_ in self._arguments]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of $1, $2, …; KeyError names one that is missing."""
        found = []
        for name, required, default, process in self._arguments:
            value = values[name] if required else values.get(name, default)
            found.append(value if process is None else process(value))
        return found


class StatementRunner(Protocol):
    """Where fast statements run. Each call of `one` and `all` is a transaction of its own."""

    async def one(self, statement: Statement, values: Mapping[str, Any]) -> Row | None: ...

    async def all(self, statement: Statement, values: Mapping[str, Any]) -> Rows: ...

    async def shared(self, statement: Statement, values: Mapping[str, Any]) -> Row | None: ...

    async def close(self) -> None: ...


class _Waiting(NamedTuple):
    values: Mapping[str, Any]
    answer: asyncio.Future[Row | None]


class StatementPool:
    """
    A StatementRunner on `size` connections of the engine's pool, taken at first use and kept.

    The engine's pool must be larger than this one, or sessions find it empty. A connection that has died while idle is
    replaced without an error; one that dies under a statement raises, and is replaced for the next with all the others.
    """

    def __init__(self, engine: AsyncEngine, *, size: int, timeout_seconds: float) -> None:
        self._engine = engine
        self._timeout = timeout_seconds
        self._free: list[PoolProxiedConnection | None] = [None] * size
        self._in_line: deque[asyncio.Future[PoolProxiedConnection | None]] = deque()
        self._waiting: dict[Statement, deque[_Waiting]] = {}
        self._under_way: dict[Statement, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["asyncpg.Connection[Row]"]:
        """A driver connection for one statement; sqlalchemy's TimeoutError when all stay busy."""
        pooled = self._free.pop() if self._free else await self._wait_in_line()
        try:
            if pooled is not None and is_lost(pooled):
                pooled.invalidate(DisconnectionError())
                pooled = None
            if pooled is None:
                pooled = await self._connect()
            yield _driver(pooled)
        except Exception as error:
            if pooled is not None and (is_gone(error) or is_lost(pooled)):
                # The reason tells the engine's pool that the server has gone (lost_connections.py).
                pooled.invalidate(error)
                pooled = None
            raise
        finally:
            self._give_back(pooled)

    async def _connect(self) -> PoolProxiedConnection:
        try:
            return await self._engine.raw_connection()
        except AsyncAdapt_Error as error:
            # The engine has wrapped the driver's, which alone is known here and to those who ask.
            raise error.driver_exception from None

    async def _wait_in_line(self) -> PoolProxiedConnection | None:
        # First come, first served: asyncio's queue lets newcomers overtake, and the last waited ten times as long.
        place: asyncio.Future[PoolProxiedConnection | None] = asyncio.get_running_loop().create_future()
        self._in_line.append(place)
        try:
            async with asyncio.timeout(self._timeout):
                return await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                self._give_back(place.result())
            if isinstance(error, TimeoutError):
                raise PoolTimeout("no connection of the pool became free") from None
            raise

    def _give_back(self, pooled: PoolProxiedConnection | None) -> None:
        while self._in_line:
            place = self._in_line.popleft()
            if not place.done():
                place.set_result(pooled)
                return
        self._free.append(pooled)

    async def one(self, statement: Statement, values: Mapping[str, Any]) -> Row | None:
        """The first row, or None."""
        rows = await self.all(statement, values)
        return rows[0] if rows else None

    async def all(self, statement: Statement, values: Mapping[str, Any]) -> Rows:
        """Every row. What the statement writes is committed when they are here."""
        async with self.connection() as connection:
            return await connection.fetch(statement.sql, *statement.arguments(values))

    async def shared(self, statement: Statement, values: Mapping[str, Any]) -> Row | None:
        """
        The row for these values from a statement that answers several askers at once, or None.

        Its parameters are arrays, and its column `nr` tells whose row it is, from 1. Askers who come while
        MOST_UNDER_WAY are running go together with the next: one commit for many audit events. An asker never waits
        while one is free; one that goes away leaves the others alone; an error is everybody's. For reads only: one
        broken row would undo its neighbours.
        """
        waiting_one = _Waiting(values, asyncio.get_running_loop().create_future())
        waiting = self._waiting.setdefault(statement, deque())
        waiting.append(waiting_one)
        if self._under_way.get(statement, 0) < MOST_UNDER_WAY:
            self._under_way[statement] = self._under_way.get(statement, 0) + 1
            task = asyncio.create_task(self._serve(statement, waiting))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await waiting_one.answer

    async def _serve(self, statement: Statement, waiting: "deque[_Waiting]") -> None:
        try:
            while waiting:
                together = [waiting.popleft() for _ in range(min(len(waiting), MOST_TOGETHER))]
                await self._answer(
                    statement, [waiting_one for waiting_one in together if not waiting_one.answer.done()]
                )
        finally:
            self._under_way[statement] -= 1

    async def _answer(self, statement: Statement, together: "list[_Waiting]") -> None:
        if not together:
            return
        try:
            columns = {name: [waiting_one.values[name] for waiting_one in together] for name in statement.names}
            rows = await self.all(statement, columns)
        except Exception as error:  # noqa: BLE001 - it is raised where each of them waits
            for waiting_one in together:
                if not waiting_one.answer.done():
                    waiting_one.answer.set_exception(error)
            return
        found = {row["nr"]: row for row in rows}
        for number, waiting_one in enumerate(together, start=1):
            if not waiting_one.answer.done():
                waiting_one.answer.set_result(found.get(number))

    async def close(self) -> None:
        """Give the connections back; call it before the engine is disposed of, when no request runs any more."""
        while self._free:
            pooled = self._free.pop()
            if pooled is not None:
                pooled.close()


def _driver(pooled: PoolProxiedConnection) -> "asyncpg.Connection[Row]":
    connection: asyncpg.Connection[Row] | None = pooled.driver_connection
    assert connection is not None  # noqa: S101 - a connection that was checked out has its driver's
    return connection
