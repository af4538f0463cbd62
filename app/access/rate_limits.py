"""
How often the JSON entry point may be used, counted in each worker process over the last minute.

Two limits. Failed authentications per client address: keys have 256 bits and cannot be guessed, but each failure asks
the database and leaves an event; above the limit the answer is 429 before either. A key that has opened in this
process is not held up by the failures of others behind its address. And requests per account, all its keys together.

A refusal is on record once a minute for whom it meets: the trail tells of a flood and is not flooded.
"""

import math
import time
from uuid import UUID

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from app.platform.errors import TooMany

_FAILURES, _REQUESTS, _RECORDED = "failures", "requests", "recorded"
_ONCE = RateLimitItemPerMinute(1)


class RateLimits:
    """Both limits are per minute and process; 0 means none."""

    def __init__(self, *, failures_per_address: int = 0, requests_per_account: int = 0) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())
        self._failures = RateLimitItemPerMinute(failures_per_address) if failures_per_address else None
        self._requests = RateLimitItemPerMinute(requests_per_account) if requests_per_account else None

    def refuse_after_failures(self, source: str) -> None:
        """TooMany when this address has failed to authenticate as often as it may."""
        if self._failures is not None and not self._window.test(self._failures, _FAILURES, source):
            raise self._too_many(self._failures, _FAILURES, source)

    def count_failure(self, source: str) -> None:
        if self._failures is not None:
            self._window.hit(self._failures, _FAILURES, source)

    def count_request(self, account_id: UUID) -> None:
        """TooMany when this account has asked as often as it may; refused requests do not count."""
        if self._requests is not None and not self._window.hit(self._requests, _REQUESTS, str(account_id)):
            raise self._too_many(self._requests, _REQUESTS, str(account_id))

    def is_news(self, subject: str) -> bool:
        """Whether this account or address is refused for the first time in a minute, by a limit of any kind."""
        return self._window.hit(_ONCE, _RECORDED, subject)

    def _too_many(self, limit: RateLimitItemPerMinute, *names: str) -> TooMany:
        # The moment at which the oldest counted one leaves the window.
        reset = self._window.get_window_stats(limit, *names).reset_time
        wait = min(max(math.ceil(reset - time.time()), 1), 60)
        return TooMany("Too many requests in a short time. Try again after a while.", extra={"retry_after": wait})
