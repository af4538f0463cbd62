"""
How often a secret may be tried.

Counted per account and source, per account, and per source, in PostgreSQL, so that every process counts the same. A
browser that has signed in before has a count of its own: whoever floods an account from elsewhere does not keep its
owner out. A passkey is never held up, since there is nothing to guess.

Source: NIST SP 800-63B-4, 3.2.2 (at most 100 failures in a row); here an account sees at most 100 tries an hour.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts.models import SignInAttempt
from app.platform.advisory_locks import LockOf, lock_until_commit
from app.platform.errors import TooMany

HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
PER_ACCOUNT_AND_SOURCE = 10
"""In a quarter of an hour."""
PER_ACCOUNT, PER_ACCOUNT_KNOWN_DEVICES = 80, 20
"""In an hour: 100 together."""
PER_SOURCE = 300
"""In an hour, over all accounts: an office behind one address may mistype, a list of passwords may not run."""
KEPT_FOR = timedelta(days=2)


@dataclass(frozen=True)
class Try:
    """Who tries: the key of the account as typed, where from, and whether with a browser known for this account."""

    account: bytes
    source: str
    known_device: bool


def account_digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


async def count_try(session: AsyncSession, who: Try, *, now: datetime) -> UUID:
    """
    Put a try on record before its secret is looked at, so that many at once cannot slip through; its id.

    TooMany with `retry_after` in seconds when the limit is reached. Successes are taken out of the count by
    `mark_success`.
    """
    await lock_until_commit(session, LockOf.SIGN_IN, who.account.hex())
    failed = select(SignInAttempt.at).where(SignInAttempt.succeeded.is_(False), SignInAttempt.at > now - HOUR)
    of_account = failed.where(
        SignInAttempt.account_sha256 == who.account, SignInAttempt.known_device.is_(who.known_device)
    )
    limits = [
        (of_account, PER_ACCOUNT_KNOWN_DEVICES if who.known_device else PER_ACCOUNT, HOUR),
    ]
    if not who.known_device:
        here = of_account.where(SignInAttempt.source == who.source, SignInAttempt.at > now - QUARTER)
        limits += [(here, PER_ACCOUNT_AND_SOURCE, QUARTER)]
        limits += [(failed.where(SignInAttempt.source == who.source), PER_SOURCE, HOUR)]
    for counted, most, within in limits:
        # The newest `most` tries: if there are that many, the oldest of them says when the next one is free.
        newest = counted.order_by(SignInAttempt.at.desc()).limit(most).subquery()
        found = (await session.execute(select(func.count(), func.min(newest.c.at)))).one()
        if found[0] >= most:
            wait = max(1, int((found[1] + within - now).total_seconds()) + 1)
            raise TooMany(_sentence(wait), extra={"retry_after": wait})
    attempt = SignInAttempt(at=now, account_sha256=who.account, source=who.source, known_device=who.known_device)
    session.add(attempt)
    await session.flush()
    return attempt.sign_in_attempt_id


def _sentence(seconds: int) -> str:
    minutes = max(1, round(seconds / 60))
    return (
        f"Too many tries. Nothing is locked: try again in {minutes} minute{'s' if minutes > 1 else ''}, "
        "or sign in with a passkey."
    )


async def mark_success(session: AsyncSession, attempt_id: UUID) -> None:
    """Take a try out of the count: it was right."""
    await session.execute(
        update(SignInAttempt).where(SignInAttempt.sign_in_attempt_id == attempt_id).values(succeeded=True)
    )


async def forget_old_tries(session: AsyncSession, *, now: datetime) -> None:
    """Remove tries older than two days."""
    await session.execute(delete(SignInAttempt).where(SignInAttempt.at < now - KEPT_FOR))
