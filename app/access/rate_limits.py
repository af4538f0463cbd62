"""
How often somebody may ask, and how often a secret may be tried: every limit of the application. All are settings.

**API keys and requests**, counted in each worker process over the last minute. Failed authentications per client
address: keys have 256 bits and cannot be guessed, but each failure leaves an event; above the limit the answer is 429,
and keys from that address are looked up two at a time, so that a valid one is never held up by the failures of others
and a flood takes no more than two connections. And requests per account, all its keys together. A refusal is on record
once a minute for whom it meets: the trail tells of a flood and is not flooded.

**Sign-ins and password resets**, counted in PostgreSQL, so that every process counts the same: per account and source,
per account, and per source, each purpose for itself. A browser that has signed in before has a count of its own: a
flood on an account from elsewhere does not keep its owner out. A passkey is never held up, since there is nothing to
guess.

Source: NIST SP 800-63B-4, 3.2.2 (at most 100 failures in a row); here an account sees at most 100 tries an hour.
"""

import asyncio
import hashlib
import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts.models import SignInAttempt
from app.platform.advisory_locks import LockOf, lock_until_commit
from app.platform.errors import TooMany
from app.platform.locales import _
from app.platform.settings import Settings

_FAILURES, _REQUESTS, _RECORDED = "failures", "requests", "recorded"
_ONCE = RateLimitItemPerMinute(1)


class RateLimits:
    """Both limits are per minute and process; 0 means none."""

    def __init__(self, *, failures_per_address: int = 0, requests_per_account: int = 0) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())
        self._failures = RateLimitItemPerMinute(failures_per_address) if failures_per_address else None
        self._requests = RateLimitItemPerMinute(requests_per_account) if requests_per_account else None
        self.lookups_in_a_flood = asyncio.Semaphore(2)
        """For keys from an address that is over its limit of failures."""

    def is_over_failures(self, source: str) -> bool:
        """Whether this address has failed to authenticate as often as it may."""
        return self._failures is not None and not self._window.test(self._failures, _FAILURES, source)

    def refuse_after_failures(self, source: str) -> None:
        """TooMany when this address has failed to authenticate as often as it may."""
        if self._failures is not None and self.is_over_failures(source):
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
        return TooMany(_("Too many requests in a short time. Try again after a while."), extra={"retry_after": wait})


HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
TRIES_KEPT_FOR = timedelta(days=2)

Purpose = Literal["sign_in", "code", "reset"]


@dataclass(frozen=True)
class Try:
    """Who tries: the key of the account as typed, where from, and whether with a browser known for this account."""

    account: bytes
    source: str
    known_device: bool
    purpose: Purpose = "sign_in"


class _Limit(NamedTuple):
    """At most so many tries within this time; of one account or of all, from one source or from everywhere."""

    most: int
    within: timedelta
    of_account: bool
    of_source: bool


def _limits_of(tried: Try, settings: Settings) -> list[_Limit]:
    if tried.known_device:
        return [_Limit(settings.sign_in_browser_limit, HOUR, of_account=True, of_source=False)]
    of_all = settings.reset_address_limit if tried.purpose == "reset" else settings.sign_in_address_limit
    return [
        _Limit(settings.sign_in_account_limit, HOUR, of_account=True, of_source=False),
        _Limit(settings.sign_in_limit, QUARTER, of_account=True, of_source=True),
        # An office behind one address may mistype, a list of passwords may not run.
        _Limit(of_all, HOUR, of_account=False, of_source=True),
    ]


def account_digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


async def count_try(session: AsyncSession, tried: Try, *, settings: Settings, now: datetime) -> UUID:
    """
    Put a try on record before its secret is looked at, so that many at once cannot slip through; its id.

    TooMany with `retry_after` in seconds when a limit is reached. Successes are taken out of the count by
    `mark_success`.
    """
    await lock_until_commit(session, LockOf.SIGN_IN, tried.account.hex())
    failed = select(SignInAttempt.at).where(
        SignInAttempt.purpose == tried.purpose, SignInAttempt.succeeded.is_(False), SignInAttempt.at > now - HOUR
    )
    of_account = (SignInAttempt.account_sha256 == tried.account, SignInAttempt.known_device.is_(tried.known_device))
    for limit in _limits_of(tried, settings):
        counted = failed.where(SignInAttempt.at > now - limit.within)
        if limit.of_account:
            counted = counted.where(*of_account)
        if limit.of_source:
            counted = counted.where(SignInAttempt.source == tried.source)
        # The newest `most` tries: if there are that many, the oldest of them says when the next one is free.
        newest = counted.order_by(SignInAttempt.at.desc()).limit(limit.most).subquery()
        found = (await session.execute(select(func.count(), func.min(newest.c.at)))).one()
        if found[0] >= limit.most:
            wait = max(1, int((found[1] + limit.within - now).total_seconds()) + 1)
            raise TooMany(_sentence(tried.purpose, wait), extra={"retry_after": wait})
    attempt = SignInAttempt(
        at=now,
        purpose=tried.purpose,
        account_sha256=tried.account,
        source=tried.source,
        known_device=tried.known_device,
    )
    session.add(attempt)
    await session.flush()
    return attempt.sign_in_attempt_id


def _sentence(purpose: Purpose, seconds: int) -> str:
    minutes = max(1, round(seconds / 60))
    again = f"Too many tries. Nothing is locked: try again in {minutes} minute{'s' if minutes > 1 else ''}"
    return f"{again}." if purpose == "reset" else f"{again}, or sign in with a passkey."


async def mark_success(session: AsyncSession, attempt_id: UUID) -> None:
    """Take a try out of the count: it was right."""
    await session.execute(
        update(SignInAttempt).where(SignInAttempt.sign_in_attempt_id == attempt_id).values(succeeded=True)
    )


async def forget_old_tries(session: AsyncSession, *, now: datetime) -> None:
    """Remove tries older than two days."""
    await session.execute(delete(SignInAttempt).where(SignInAttempt.at < now - TRIES_KEPT_FOR))
