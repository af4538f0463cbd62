"""
Reading the body of a request: bounded in size, in time, and in how many are waited for at once.

A body that comes with its headers, as nearly all do, is read and nothing is counted. One that is still on its way after
a moment is slow: of those only so many are waited for, from one address and in all, and none for longer than ten
seconds. So no number of slow clients takes the server from the others.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from fastapi import Request

from app.platform import errors
from app.platform.errors import AppError
from app.platform.locales import _
from app.platform.settings import Settings
from app.platform.sources import source_of

MAX_BODY_BYTES: Final = 1_048_576
DEADLINE_SECONDS: Final = 10.0
SLOW_AFTER_SECONDS: Final = 0.25
_FAULT: Final = "crm.body_fault"


class SlowBodies:
    """The slow bodies that this process waits for: at most `most` in all, and `most_of_address` from one address."""

    def __init__(self, *, most: int = 200, most_of_address: int = 20) -> None:
        self._most, self._most_of_address = most, most_of_address
        self._waited_for: Counter[str] = Counter()

    def refusal_of_another(self, source: str) -> AppError | None:
        """Why not one more from this address is waited for; None when there is room."""
        if self._waited_for[source] >= self._most_of_address:
            return errors.TooMany(
                _("Too many bodies from your address are still on their way. Try again shortly."),
                extra={"retry_after": 10},
            )
        return errors.Unavailable() if self._waited_for.total() >= self._most else None

    @contextmanager
    def read_within(self, source_of_it: Callable[[], str], limit: asyncio.Timeout) -> Iterator[list[AppError]]:
        """
        Watch over the reading of a body in the block: when it turns out to be slow it is counted until the block ends,
        or `limit` expires at once. The list then holds why. Where it comes from is asked of a slow one alone.
        """
        refused: list[AppError] = []
        counted = False
        source = ""

        def is_slow() -> None:
            nonlocal counted, source
            source = source_of_it()
            if refusal := self.refusal_of_another(source):
                refused.append(refusal)
                limit.reschedule(asyncio.get_running_loop().time())
            else:
                self._waited_for[source] += 1
                counted = True

        timer = asyncio.get_running_loop().call_later(SLOW_AFTER_SECONDS, is_slow)
        try:
            yield refused
        finally:
            timer.cancel()
            if counted:
                self._waited_for[source] -= 1
                if not self._waited_for[source]:
                    del self._waited_for[source]


async def read_bounded(request: Request) -> bytes:
    """At most 1 MiB of the body. TooLarge, TooSlow, TooMany, Unavailable: of the same body always the same."""
    if _FAULT in request.scope:
        # The fast path has tried; what it had read is gone.
        raise request.scope[_FAULT]
    try:
        return await _read_bounded(request)
    except AppError as error:
        request.scope[_FAULT] = error
        raise


async def _read_bounded(request: Request) -> bytes:
    length = request.headers.get("content-length")
    if length is not None and (not length.isdigit() or int(length) > MAX_BODY_BYTES):
        raise errors.TooLarge
    settings: Settings = request.app.state.settings
    slow_bodies: SlowBodies = request.app.state.slow_bodies
    received = bytearray()
    refused: list[AppError] = []
    try:
        async with asyncio.timeout(DEADLINE_SECONDS) as limit:
            with slow_bodies.read_within(lambda: source_of(request, proxy_hops=settings.proxy_hops), limit) as refused:
                async for chunk in request.stream():
                    received += chunk
                    if len(received) > MAX_BODY_BYTES:
                        raise errors.TooLarge
    except TimeoutError:
        raise (refused[0] if refused else errors.TooSlow()) from None
    return bytes(received)
