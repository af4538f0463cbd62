"""
Sessions of browsers: a random reference in a cookie, everything else in the database.

After 30 minutes without a request a session is locked: it needs a password or passkey again and goes on where it was.
After 12 hours it is over. Its reference changes at sign-in and with the second factor; when an account is disabled,
its roles or its password change, all its sessions end.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Text, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts.models import HeldForm, KnownDevice, PasskeyChallenge, WebSession
from app.access.accounts.schemas import SessionRead
from app.access.models import UserAccount
from app.access.policy import permissions_of
from app.access.queries import current_roles
from app.access.standing import end_rights
from app.platform.actor import Actor
from app.platform.crypto import derived_token, digest, new_reference
from app.platform.db import name_in_the_database, named_in_the_database

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
HALF_OPEN = timedelta(minutes=15)
"""How long a session may lack its second factor; setting one up may take longer."""
ENROLMENT = timedelta(hours=1)
TOUCHED_EVERY = timedelta(minutes=1)
DEVICE_KEPT_FOR = timedelta(days=180)
ENDED_KEPT_FOR = timedelta(days=30)


class State(StrEnum):
    """What a browser's session allows now."""

    NONE = "none"
    ENDED = "ended"
    SECOND_FACTOR = "second_factor"
    ENROLMENT = "enrolment"
    LOCKED = "locked"
    OPEN = "open"


@dataclass(frozen=True)
class Visitor:
    """Who comes with a browser. Without a session only `state` and `reference` say something."""

    state: State
    reference: str
    session_id: UUID | None = None
    actor: Actor | None = None
    email: str = ""
    end_reason: str | None = None
    signed_in_at: datetime | None = None
    last_seen_at: datetime | None = None
    proved_at: datetime | None = None

    @property
    def csrf_token(self) -> str:
        """The token of every form of this session; made from its reference, so a new reference is a new token."""
        return derived_token(self.reference, "csrf")

    @property
    def account_id(self) -> UUID:
        """The account behind the session; only where there is one."""
        assert self.actor is not None  # noqa: S101 - the request guard lets nobody without a session to where this is asked
        assert self.actor.account_id is not None  # noqa: S101
        return self.actor.account_id


@dataclass(frozen=True)
class Origin:
    """Where a browser comes from: its address (IPv6 as its /64) and what it says of itself."""

    source: str
    browser: str


async def open_session(
    session: AsyncSession, *, account_id: UUID, stage: str, origin: Origin, now: datetime
) -> tuple[WebSession, str]:
    """A new session and its reference, the only time that the reference is known here."""
    reference = new_reference()
    made = WebSession(
        user_account_id=account_id,
        reference_sha256=digest(reference),
        stage=stage,
        signed_in_at=now,
        last_seen_at=now,
        proved_at=now,
        browser=origin.browser,
        source=origin.source,
    )
    session.add(made)
    await session.flush()
    return made, reference


_VISITOR = (
    select(
        WebSession.web_session_id,
        WebSession.stage,
        WebSession.signed_in_at,
        WebSession.last_seen_at,
        WebSession.proved_at,
        WebSession.end_reason,
        UserAccount.user_account_id,
        UserAccount.display_name,
        UserAccount.email,
        UserAccount.person_id,
        UserAccount.is_active,
        current_roles().label("roles"),
        named_in_the_database(bindparam("name", type_=Text)),
    )
    .join(UserAccount, WebSession.user_account_id == UserAccount.user_account_id)
    .where(WebSession.reference_sha256 == bindparam("reference_sha256", type_=WebSession.reference_sha256.type))
)
"""Asked for each page, so it is put together once."""


async def find_visitor(
    session: AsyncSession, reference: str | None, *, now: datetime, route: str = "-"
) -> Visitor | None:
    """
    The session of this reference with its account's rights at this moment; None when there never was one.

    `route` is the template that is asked for: the transaction is named after it.
    """
    if not reference:
        return None
    asked = {"reference_sha256": digest(reference), "name": name_in_the_database(route)}
    row = (await session.execute(_VISITOR, asked)).first()
    if row is None:
        return None
    state, reason = _state(row.stage, row.signed_in_at, row.last_seen_at, row.end_reason, row.is_active, now)
    held = frozenset(row.roles or ())
    return Visitor(
        state=state,
        reference=reference,
        session_id=row.web_session_id,
        actor=Actor(
            account_id=row.user_account_id,
            name=row.display_name,
            roles=held,
            permissions=permissions_of(held) if state is State.OPEN else frozenset(),
            person_id=row.person_id,
            session_id=row.web_session_id,
        ),
        email=row.email or "",
        end_reason=reason,
        signed_in_at=row.signed_in_at,
        last_seen_at=row.last_seen_at,
        proved_at=row.proved_at,
    )


def _state(
    stage: str,
    signed_in_at: datetime,
    last_seen_at: datetime,
    end_reason: str | None,
    is_active: bool,  # noqa: FBT001 - a column
    now: datetime,
) -> tuple[State, str | None]:
    if end_reason is not None:
        return State.ENDED, end_reason
    if not is_active:
        return State.ENDED, "disabled"
    longest = {"second_factor": HALF_OPEN, "enrolment": ENROLMENT}.get(stage, ABSOLUTE)
    # A clock that was set back must not lengthen a session: what began in the future is over too.
    if not signed_in_at - TOUCHED_EVERY <= now < signed_in_at + longest:
        return State.ENDED, "expired"
    if stage != "open":
        return State(stage), None
    return (State.LOCKED if now - last_seen_at >= IDLE else State.OPEN), None


async def touch(session: AsyncSession, visitor: Visitor, *, now: datetime) -> None:
    """Note that the session is in use, at most once a minute."""
    if visitor.last_seen_at is not None and now - visitor.last_seen_at >= TOUCHED_EVERY:
        await session.execute(
            update(WebSession)
            .where(WebSession.web_session_id == visitor.session_id, WebSession.ended_at.is_(None))
            .values(last_seen_at=now)
        )


async def move_on(session: AsyncSession, *, session_id: UUID, stage: str, now: datetime) -> str:
    """The session reaches another stage under a new reference, which is returned; the old one is dead."""
    reference = new_reference()
    await session.execute(
        update(WebSession)
        .where(WebSession.web_session_id == session_id, WebSession.ended_at.is_(None))
        .values(reference_sha256=digest(reference), stage=stage, last_seen_at=now, proved_at=now)
    )
    return reference


async def unlock(session: AsyncSession, *, session_id: UUID, now: datetime) -> bool:
    """
    The session goes on where it was; False when it has ended. It keeps its reference: forms that are open in the
    browser stay valid, which is what the lock in place is for, and anyone who unlocks it has proved more than holding
    the cookie.
    """
    unlocked = await session.execute(
        update(WebSession)
        .where(WebSession.web_session_id == session_id, WebSession.ended_at.is_(None))
        .values(last_seen_at=now, proved_at=now)
        .returning(WebSession.web_session_id)
    )
    return unlocked.first() is not None


async def end_sessions(
    session: AsyncSession,
    *,
    account_id: UUID,
    reason: str,
    now: datetime,
    only: UUID | None = None,
    but: UUID | None = None,
) -> int:
    """End the account's sessions, or `only` one, or all `but` one; the number ended."""
    await end_rights(session, account_id)
    ended = (
        update(WebSession)
        .where(WebSession.user_account_id == account_id, WebSession.ended_at.is_(None))
        .values(ended_at=now, end_reason=reason)
        .returning(WebSession.web_session_id)
    )
    if only is not None:
        ended = ended.where(WebSession.web_session_id == only)
    if but is not None:
        ended = ended.where(WebSession.web_session_id != but)
    return len((await session.execute(ended)).all())


async def list_sessions(session: AsyncSession, *, account_id: UUID, now: datetime) -> list[SessionRead]:
    """The account's living sessions, the last used first; at most 100."""
    found = await session.scalars(
        select(WebSession)
        .where(
            WebSession.user_account_id == account_id,
            WebSession.ended_at.is_(None),
            WebSession.signed_in_at > now - ABSOLUTE,
        )
        .order_by(WebSession.last_seen_at.desc())
        .limit(100)
    )
    return [SessionRead.model_validate(row) for row in found]


async def is_known_device(session: AsyncSession, *, account_id: UUID, reference: str | None, now: datetime) -> bool:
    """Whether this browser has signed in to the account in the last 180 days."""
    if not reference:
        return False
    found = await session.execute(
        select(KnownDevice.known_device_id).where(
            KnownDevice.user_account_id == account_id,
            KnownDevice.reference_sha256 == digest(reference),
            KnownDevice.last_used_at > now - DEVICE_KEPT_FOR,
        )
    )
    return found.first() is not None


async def remember_device(session: AsyncSession, *, account_id: UUID, reference: str | None, now: datetime) -> str:
    """Know this browser from now on; its reference, a new one where nobody has signed in with it before."""
    # A browser that two people use keeps one reference, known for both.
    kept = reference if reference and await _is_anybodys(session, reference) else new_reference()
    await session.execute(
        insert(KnownDevice)
        .values(user_account_id=account_id, reference_sha256=digest(kept), last_used_at=now)
        .on_conflict_do_update(
            constraint="uq_known_device_user_account_id_reference_sha256", set_={"last_used_at": now}
        )
    )
    return kept


async def _is_anybodys(session: AsyncSession, reference: str) -> bool:
    found = await session.execute(
        select(KnownDevice.known_device_id).where(KnownDevice.reference_sha256 == digest(reference)).limit(1)
    )
    return found.first() is not None


async def forget_old_sessions(session: AsyncSession, *, now: datetime) -> None:
    """Remove what has outlived its use: long ended sessions, unused devices, old challenges, forms nobody fetched."""
    await session.execute(delete(WebSession).where(WebSession.signed_in_at < now - ENDED_KEPT_FOR))
    await session.execute(delete(KnownDevice).where(KnownDevice.last_used_at < now - DEVICE_KEPT_FOR))
    await session.execute(delete(PasskeyChallenge).where(PasskeyChallenge.expires_at < now))
    await session.execute(delete(HeldForm).where(HeldForm.expires_at < now))
