"""A worker process of the server ends when the server does, a kill -9 of the server included."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

SERVER_PID = "CRM_SERVER_PID"
"""Set by `crm serve` for its worker processes."""
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where several processes count requests together: a variable of prometheus_client, read when that is imported."""
_LOOK_EVERY_SECONDS = 0.5


@asynccontextmanager
async def ending_with_the_server() -> AsyncIterator[None]:
    """
    While inside, a worker whose server is gone exits at once.

    A worker left behind would hold the port and answer beside its successor. What it has not committed is rolled back,
    as it would be had the kill hit the worker itself.
    """
    server = os.environ.get(SERVER_PID)
    watch = asyncio.create_task(_watch(int(server))) if server and server != str(os.getpid()) else None
    yield
    if watch is not None:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _watch(server: int) -> None:
    while os.getppid() == server:  # noqa: ASYNC110 - no event tells of a parent that was killed
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
    os._exit(1)
