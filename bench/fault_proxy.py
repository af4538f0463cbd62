"""
A proxy that passes bytes on and, while it is told to, spoils what it passes.

It stands before the application, between a client and its answer, and before the database. Toxiproxy and its like are
servers of their own that no package of this project's registries brings.
"""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_AT_ONCE = 65_536
_LONGEST_STALL = 2.0

Place = Path | int
"""A socket of the file system, or a port of loopback."""


@dataclass
class FaultProxy:
    """
    Each chunk of bytes is spoiled with the chance `spoils`, in one of four ways.

    cut: a part of it comes through, then both ends are cut. swallowed: both ends are cut and nothing of it comes
    through, so that what the server has done stays unsaid. stalled: it comes late. dribbled: it comes byte by byte.
    """

    listens: Place
    upstream: Place
    chance: random.Random
    spoils: float = 0
    faults: Counter[str] = field(default_factory=Counter)
    _pipes: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def serve(self) -> None:
        if isinstance(self.listens, Path):
            self._server = await asyncio.start_unix_server(self._connected, self.listens)
        else:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.listens)

    async def end(self) -> None:
        if self._server is not None:
            self._server.close()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _connected(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            server, to_server = await self._open()
        except OSError:
            to_client.transport.abort()
            return
        ends = (to_client, to_server)
        for reader, writer in ((client, to_server), (server, to_client)):
            task = asyncio.create_task(self._pass_on(reader, writer, ends))
            self._pipes.add(task)
            task.add_done_callback(self._pipes.discard)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.upstream, Path):
            return await asyncio.open_unix_connection(self.upstream)
        return await asyncio.open_connection("127.0.0.1", self.upstream)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ends: tuple[asyncio.StreamWriter, ...]
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_AT_ONCE):
                if not await self._spoiled(chunk, writer):
                    break
            else:
                # The end of one direction is the end of both: neither side of ours speaks after it.
                await writer.drain()
                for end in ends:
                    end.close()
                return
        for end in ends:
            end.transport.abort()

    async def _spoiled(self, chunk: bytes, writer: asyncio.StreamWriter) -> bool:
        """Pass the chunk on, perhaps spoiled; False where the connection is to be cut."""
        fault = ""
        if self.spoils and self.chance.random() < self.spoils:
            fault = self.chance.choice(("cut", "swallowed", "stalled", "dribbled"))
            self.faults[fault] += 1
        if fault == "swallowed":
            return False
        if fault == "cut":
            chunk = chunk[: self.chance.randrange(len(chunk))]
        elif fault == "stalled":
            await asyncio.sleep(self.chance.uniform(0.1, _LONGEST_STALL))
        elif fault == "dribbled":
            for place in range(min(len(chunk), 300)):
                writer.write(chunk[place : place + 1])
                await writer.drain()
                await asyncio.sleep(0)
            chunk = chunk[300:]
        writer.write(chunk)
        await writer.drain()
        return fault != "cut"


@contextmanager
def in_a_thread(*proxies: FaultProxy) -> Iterator[None]:
    """The proxies at work, all in one thread beside this one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def wait(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    try:
        for proxy in proxies:
            wait(proxy.serve())
        yield
    finally:
        for proxy in proxies:
            wait(proxy.end())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
