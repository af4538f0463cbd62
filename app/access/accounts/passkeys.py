"""
Passkeys (WebAuthn): a key that stays in a device and proves its owner to this site alone.

A passkey that has checked its holder (PIN, finger, face) is two factors by itself, so it opens a session alone. It is
bound to the host's name, so it cannot be given away to a page that looks like ours.
"""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import totp
from app.access.accounts.errors import LastSecondFactor, PasskeyRefused
from app.access.accounts.models import Passkey, PasskeyChallenge
from app.access.models import UserAccount
from app.access.standing import hold_rights
from app.audit import service as audit
from app.platform.crypto import digest
from app.platform.errors import Invalid, NotFound
from app.platform.locales import _

GOOD_FOR = timedelta(minutes=5)


@dataclass(frozen=True)
class Site:
    """The site a passkey is for: the host's name, and the origin that the browser must report."""

    host: str
    origin: str

    def check(self) -> None:
        """Invalid where passkeys cannot work: at a bare address."""
        try:
            ipaddress.ip_address(self.host.strip("[]"))
        except ValueError:
            return
        raise Invalid(
            _("Passkeys are bound to a name: open the CRM as http://localhost instead of a number."),
            code="no_host_name",
        )


async def _keep_challenge(
    session: AsyncSession, *, holder: str, ceremony: str, challenge: bytes, now: datetime
) -> None:
    values = {"challenge": challenge, "expires_at": now + GOOD_FOR, "created_at": now}
    await session.execute(
        insert(PasskeyChallenge)
        .values(holder_sha256=digest(holder), ceremony=ceremony, **values)
        .on_conflict_do_update(constraint="pk_passkey_challenge", set_=values)
    )


async def _take_challenge(session: AsyncSession, *, holder: str, ceremony: str, now: datetime) -> bytes:
    """The challenge this browser was given, gone afterwards. PasskeyRefused when there is none, or it is old."""
    taken = (
        await session.execute(
            delete(PasskeyChallenge)
            .where(PasskeyChallenge.holder_sha256 == digest(holder), PasskeyChallenge.ceremony == ceremony)
            .returning(PasskeyChallenge.challenge, PasskeyChallenge.expires_at)
        )
    ).first()
    if taken is None or taken.expires_at <= now:
        raise PasskeyRefused(_("That took longer than five minutes. Try again."))
    return bytes(taken.challenge)


async def list_passkeys(session: AsyncSession, *, account_id: UUID) -> list[Passkey]:
    """The account's passkeys, oldest first; at most 50."""
    found = await session.scalars(
        select(Passkey).where(Passkey.user_account_id == account_id).order_by(Passkey.created_at).limit(50)
    )
    return list(found)


async def enrolment_options(
    session: AsyncSession, *, account_id: UUID, holder: str, site: Site, now: datetime
) -> dict[str, Any]:
    """What the browser needs to make a passkey for the account, in WebAuthn's JSON form."""
    site.check()
    account = await session.get_one(UserAccount, account_id)
    known = await list_passkeys(session, account_id=account_id)
    from app.access.accounts import ceremonies  # noqa: PLC0415 - see there

    asked = ceremonies.ask_to_make(
        host=site.host,
        account_id=account_id,
        user_name=account.email or account.display_name,
        display_name=account.display_name,
        known=known,
    )
    await _keep_challenge(session, holder=holder, ceremony="enrol", challenge=asked.challenge, now=now)
    return asked.options


async def enrol(
    session: AsyncSession,
    *,
    account_id: UUID,
    holder: str,
    credential: dict[str, Any],
    name: str,
    site: Site,
    now: datetime,
) -> None:
    """Keep the passkey that the browser has made. PasskeyRefused, AlreadyEnrolled."""
    challenge = await _take_challenge(session, holder=holder, ceremony="enrol", now=now)
    from app.access.accounts import ceremonies  # noqa: PLC0415 - see there

    made = ceremonies.check_made(credential, challenge=challenge, host=site.host, origin=site.origin)
    passkey = Passkey(user_account_id=account_id, name=name, **made._asdict())
    session.add(passkey)
    await session.flush()
    audit.note(session, record_type="user_account", record_id=account_id, fields=["passkey"])


async def sign_in_options(
    session: AsyncSession, *, holder: str, ceremony: str, site: Site, now: datetime, account_id: UUID | None = None
) -> dict[str, Any]:
    """
    What the browser needs to use a passkey. Without an account it offers those that it has for this site, so the
    answer tells nothing about who has an account.
    """
    site.check()
    known = await list_passkeys(session, account_id=account_id) if account_id else []
    from app.access.accounts import ceremonies  # noqa: PLC0415 - see there

    asked = ceremonies.ask_to_use(host=site.host, known=known)
    await _keep_challenge(session, holder=holder, ceremony=ceremony, challenge=asked.challenge, now=now)
    return asked.options


async def use_passkey(
    session: AsyncSession,
    *,
    holder: str,
    ceremony: str,
    credential: dict[str, Any],
    site: Site,
    now: datetime,
    account_id: UUID | None = None,
) -> UUID:
    """
    The account whose passkey has answered, checked with its holder's PIN, finger or face. PasskeyRefused otherwise,
    also for a passkey of another account than `account_id`, a disabled account, or a counter that went back.
    """
    challenge = await _take_challenge(session, holder=holder, ceremony=ceremony, now=now)
    from app.access.accounts import ceremonies  # noqa: PLC0415 - see there

    credential_id = ceremonies.credential_id_of(credential)
    owner_id = await session.scalar(select(Passkey.user_account_id).where(Passkey.credential_id == credential_id))
    if owner_id is None:
        raise PasskeyRefused
    # Before the passkey's row, as by those who take it away.
    await hold_rights(session, owner_id)
    row = (
        await session.execute(
            select(Passkey, UserAccount.is_active)
            .join(UserAccount, Passkey.user_account_id == UserAccount.user_account_id)
            .where(Passkey.credential_id == credential_id)
            .with_for_update(of=Passkey)
        )
    ).first()
    if row is None or not row.is_active or account_id not in {None, row.Passkey.user_account_id}:
        raise PasskeyRefused
    passkey = row.Passkey
    sign_count = ceremonies.check_used(
        credential, passkey=passkey, challenge=challenge, host=site.host, origin=site.origin
    )
    await session.execute(
        update(Passkey).where(Passkey.passkey_id == passkey.passkey_id).values(sign_count=sign_count, last_used_at=now)
    )
    found: UUID = passkey.user_account_id
    return found


async def remove_passkey(session: AsyncSession, *, account_id: UUID, passkey_id: UUID) -> None:
    """Forget a passkey of the account. NotFound; LastSecondFactor when nothing else would be left."""
    known = await list_passkeys(session, account_id=account_id)
    if passkey_id not in {key.passkey_id for key in known}:
        raise NotFound(_("There is no such passkey."))
    if len(known) == 1 and not await totp.has_totp(session, account_id=account_id):
        raise LastSecondFactor
    await session.execute(
        delete(Passkey).where(Passkey.passkey_id == passkey_id, Passkey.user_account_id == account_id)
    )
    audit.note(session, record_type="user_account", record_id=account_id, fields=["passkey"])
