"""One-time links: an invitation, a password reset. Good once and for a while; a newer one ends the earlier ones."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts.errors import LinkIsDead
from app.access.accounts.models import OneTimeLink
from app.access.models import UserAccount
from app.platform.crypto import digest, new_reference

GOOD_FOR = {"invitation": timedelta(days=7), "reset": timedelta(minutes=30)}


async def make_link(session: AsyncSession, *, account_id: UUID, purpose: str, now: datetime) -> str:
    """
    The token of a new link, the only time that it is known; earlier links of the account are dead.

    But anybody may ask for a reset of any address: it ends earlier resets alone, and leaves an invitation alive.
    """
    await end_links(session, account_id=account_id, now=now, only="reset" if purpose == "reset" else None)
    token = new_reference()
    session.add(
        OneTimeLink(
            user_account_id=account_id, purpose=purpose, token_sha256=digest(token), expires_at=now + GOOD_FOR[purpose]
        )
    )
    await session.flush()
    return token


async def end_links(session: AsyncSession, *, account_id: UUID, now: datetime, only: str | None = None) -> None:
    """No link of this account works any more, or none of the purpose `only`."""
    ended = update(OneTimeLink).where(OneTimeLink.user_account_id == account_id, OneTimeLink.used_at.is_(None))
    if only is not None:
        ended = ended.where(OneTimeLink.purpose == only)
    await session.execute(ended.values(used_at=now))


async def find_link(
    session: AsyncSession, *, token: str, purpose: str, now: datetime
) -> tuple[OneTimeLink, UserAccount]:
    """The living link and its account, the link locked against a second use. LinkIsDead."""
    found = (
        await session.execute(
            select(OneTimeLink, UserAccount)
            .join(UserAccount, OneTimeLink.user_account_id == UserAccount.user_account_id)
            .where(
                OneTimeLink.token_sha256 == digest(token),
                OneTimeLink.purpose == purpose,
                OneTimeLink.used_at.is_(None),
                OneTimeLink.expires_at > now,
                UserAccount.is_active,
            )
            .with_for_update(of=OneTimeLink)
        )
    ).first()
    if found is None:
        raise LinkIsDead
    return found[0], found[1]
