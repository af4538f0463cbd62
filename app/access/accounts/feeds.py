"""
Addresses of calendar feeds: a credential that stands in an address, and shows less than any other.

One dies with its account, with the role that it was made by, and where a newer one is made; none comes back to life.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts.models import CalendarFeed
from app.access.models import UserAccount
from app.access.policy import permissions_of
from app.access.queries import current_roles
from app.audit import service as audit
from app.platform.actor import Actor
from app.platform.crypto import digest, new_reference

OWN_FEED = "calendar_feed.own"


@dataclass(frozen=True)
class Feed:
    """A feed that lives: its id, whose it is."""

    feed_id: UUID
    actor: Actor


async def make_feed(session: AsyncSession, *, account_id: UUID, now: datetime) -> str:
    """The token of a new feed, the only time that it is known; the earlier one is dead."""
    # Two at once wait for each other, and the later one ends the earlier.
    await session.get(UserAccount, account_id, with_for_update={"key_share": True}, populate_existing=True)
    await end_feed(session, account_id=account_id, now=now)
    token = new_reference()
    made = CalendarFeed(user_account_id=account_id, token_sha256=digest(token))
    session.add(made)
    await session.flush()
    audit.note(session, record_type="calendar_feed", record_id=made.calendar_feed_id, fields=["token_sha256"])
    return token


async def end_feed(session: AsyncSession, *, account_id: UUID, now: datetime) -> UUID | None:
    """The account has no feed any more; the id of the one that it had."""
    ended: UUID | None = await session.scalar(
        update(CalendarFeed)
        .where(CalendarFeed.user_account_id == account_id, CalendarFeed.ended_at.is_(None))
        .values(ended_at=now)
        .returning(CalendarFeed.calendar_feed_id)
    )
    return ended


async def made_at(session: AsyncSession, *, account_id: UUID) -> datetime | None:
    """When the feed of the account was made; None without one."""
    found: datetime | None = await session.scalar(
        select(CalendarFeed.created_at).where(
            CalendarFeed.user_account_id == account_id, CalendarFeed.ended_at.is_(None)
        )
    )
    return found


async def find_feed(session: AsyncSession, *, token: str) -> Feed | None:
    """The feed of this token and its account, with its rights at this moment; None where it shows nothing."""
    row = (
        await session.execute(
            select(
                CalendarFeed.calendar_feed_id,
                UserAccount.user_account_id,
                UserAccount.display_name,
                UserAccount.person_id,
                current_roles().label("roles"),
            )
            .join(UserAccount, CalendarFeed.user_account_id == UserAccount.user_account_id)
            .where(CalendarFeed.token_sha256 == digest(token), CalendarFeed.ended_at.is_(None), UserAccount.is_active)
        )
    ).first()
    if row is None:
        return None
    roles = frozenset(row.roles or ())
    allowed = permissions_of(roles)
    if OWN_FEED not in allowed:
        return None
    actor = Actor(
        account_id=row.user_account_id,
        name=row.display_name,
        roles=roles,
        permissions=allowed,
        person_id=row.person_id,
    )
    return Feed(row.calendar_feed_id, actor)
