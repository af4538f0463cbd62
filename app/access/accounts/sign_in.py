"""
Signing in: a password or a passkey, then a second factor, then an open session.

A try at a secret is counted in a transaction of its own before the secret is looked at; hashing happens while no
transaction is open.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import rate_limits
from app.access.accounts import passwords, recovery, sessions, totp
from app.access.accounts.addresses import account_key
from app.access.accounts.errors import SignInRefused
from app.access.accounts.models import Passkey, PasswordCredential
from app.access.accounts.sessions import Origin, Visitor
from app.access.models import UserAccount
from app.access.standing import hold_rights
from app.audit import service as audit
from app.platform import clock
from app.platform.actor import Actor
from app.platform.db import Database
from app.platform.settings import Settings

NOBODY = UUID(int=0)


@dataclass(frozen=True)
class SignedIn:
    """A sign-in that went well: the cookie's new reference, and what the session still lacks."""

    reference: str
    stage: str
    account_id: UUID


class Verified(NamedTuple):
    """A password that was right: whose, the hash that it was compared with, and a new one if its cost has changed."""

    account_id: UUID
    hash: str
    new_hash: str | None


def _actor(account: UserAccount, session_id: UUID) -> Actor:
    return Actor(
        account_id=account.user_account_id,
        name=account.display_name,
        roles=frozenset(),
        permissions=frozenset(),
        person_id=account.person_id,
        session_id=session_id,
    )


async def check_password(
    database: Database,
    *,
    email: str,
    password: str,
    device: str | None,
    source: str,
    settings: Settings,
    now: datetime,
) -> Verified:
    """
    The account that e-mail and password open.

    SignInRefused, alike for an unknown account, a wrong password, a disabled account; TooMany. Call it before the
    request's session has begun its work: counting and hashing are not part of its transaction.
    """
    key = account_key(email)
    async with database.unit_of_work() as counting:
        row = (
            await counting.execute(
                select(UserAccount.user_account_id, UserAccount.is_active, PasswordCredential.hash)
                .outerjoin(PasswordCredential, PasswordCredential.user_account_id == UserAccount.user_account_id)
                .where(UserAccount.email_key == key, UserAccount.kind == "human")
            )
        ).first()
        known = await sessions.is_known_device(
            counting, account_id=row.user_account_id if row else NOBODY, reference=device, now=now
        )
        tried = rate_limits.Try(rate_limits.account_digest(key), source, known)
        attempt = await rate_limits.count_try(counting, tried, settings=settings, now=now)
    right, new_hash = await passwords.verify(row.hash if row else None, password)
    if row is None or not right or not row.is_active:
        raise SignInRefused
    async with database.unit_of_work() as counting:
        await rate_limits.mark_success(counting, attempt)
    return Verified(row.user_account_id, row.hash, new_hash)


async def lacking(session: AsyncSession, *, account_id: UUID) -> str:
    """The stage after the first factor: `second_factor` where the account has one, else `enrolment`."""
    has_one = await has_second_factor(session, account_id=account_id)
    return "second_factor" if has_one else "enrolment"


async def has_second_factor(session: AsyncSession, *, account_id: UUID) -> bool:
    """Whether the account has an authenticator app or a passkey."""
    passkey = await session.execute(select(Passkey.passkey_id).where(Passkey.user_account_id == account_id).limit(1))
    return passkey.first() is not None or await totp.has_totp(session, account_id=account_id)


async def begin(
    session: AsyncSession, *, account_id: UUID, stage: str, origin: Origin, now: datetime, earlier: Visitor | None
) -> SignedIn:
    """
    Open a session at `stage` for somebody whose first factor was right.

    The browser's earlier session ends: whatever reference it had, planted or not, is worth nothing. SignInRefused when
    the account was closed or its password changed since `now`: the first factor was looked at without a transaction.
    """
    await hold_rights(session, account_id)
    account = await session.get_one(UserAccount, account_id, populate_existing=True)
    changed = select(PasswordCredential.changed_at).where(PasswordCredential.user_account_id == account_id)
    changed_at = await session.scalar(changed)
    # A change that lies ahead was made by a clock that has been set back since: that is no reason.
    if not account.is_active or (changed_at is not None and now < changed_at <= clock.now()):
        raise SignInRefused
    if earlier is not None and earlier.session_id is not None and earlier.actor is not None:
        await sessions.end_sessions(
            session, account_id=earlier.account_id, reason="signed_out", now=now, only=earlier.session_id
        )
    made, reference = await sessions.open_session(session, account_id=account_id, stage=stage, origin=origin, now=now)
    session.info["actor"] = _actor(account, made.web_session_id)
    audit.note(session, record_type="user_account", record_id=account_id, fields=["web_session"])
    return SignedIn(reference, stage, account_id)


async def store_rehash(session: AsyncSession, verified: Verified) -> None:
    """Keep the password under the present cost, unless it was changed since it was verified."""
    if verified.new_hash is not None:
        await session.execute(
            update(PasswordCredential)
            .where(PasswordCredential.user_account_id == verified.account_id, PasswordCredential.hash == verified.hash)
            .values(hash=verified.new_hash)
        )


async def give_code(
    database: Database,
    session: AsyncSession,
    visitor: Visitor,
    *,
    code: str,
    source: str,
    settings: Settings,
    now: datetime,
) -> str:
    """
    The second factor by a code of the app: the session is open, its new reference is returned.

    CodeRefused, ClockIsOff, TooMany: 20 codes an hour, no matter who sends them, since only a right password leads
    here.
    """
    async with database.unit_of_work() as counting:
        account = rate_limits.account_digest(str(visitor.account_id))
        tried = rate_limits.Try(account, source, known_device=True, purpose="code")
        attempt = await rate_limits.count_try(counting, tried, settings=settings, now=now)
    await totp.use_code(session, account_id=visitor.account_id, code=code, keys=settings.keys, now=now)
    await rate_limits.mark_success(session, attempt)
    return await open_fully(session, visitor, now=now)


async def give_recovery_code(session: AsyncSession, visitor: Visitor, *, code: str, now: datetime) -> str:
    """The second factor by a recovery code. Not throttled: 120 bits are not guessed. CodeRefused."""
    await recovery.use_code(session, account_id=visitor.account_id, code=code, now=now)
    return await open_fully(session, visitor, now=now)


async def open_fully(session: AsyncSession, visitor: Visitor, *, now: datetime) -> str:
    """The session is open; its new reference."""
    assert visitor.session_id is not None  # noqa: S101 - only half-signed-in visitors get here
    audit.note(session, record_type="user_account", record_id=visitor.account_id, fields=["web_session"])
    return await sessions.move_on(session, session_id=visitor.session_id, stage="open", now=now)
