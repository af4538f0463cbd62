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

import orjson
import webauthn
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app.access.accounts import totp
from app.access.accounts.errors import LastSecondFactor, PasskeyRefused
from app.access.accounts.models import Passkey, PasskeyChallenge
from app.access.models import UserAccount
from app.audit import service as audit
from app.platform.crypto import digest
from app.platform.errors import Invalid, NotFound

GOOD_FOR = timedelta(minutes=5)
RP_NAME = "myTomorrows CRM"
_TRANSPORTS = frozenset(known.value for known in AuthenticatorTransport)
_MALFORMED = (WebAuthnException, ValueError, KeyError, TypeError)


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
            "Passkeys are bound to a name: open the CRM as http://localhost instead of a number.", code="no_host_name"
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
        raise PasskeyRefused("That took longer than five minutes. Try again.")
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
    options = webauthn.generate_registration_options(
        rp_id=site.host,
        rp_name=RP_NAME,
        user_id=account_id.bytes,
        user_name=account.email or account.display_name,
        user_display_name=account.display_name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=key.credential_id) for key in known],
    )
    await _keep_challenge(session, holder=holder, ceremony="enrol", challenge=options.challenge, now=now)
    return dict(orjson.loads(webauthn.options_to_json(options)))


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
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except _MALFORMED:
        raise PasskeyRefused("The new passkey could not be checked. Try again.") from None
    said = credential.get("response", {}).get("transports") or []
    passkey = Passkey(
        user_account_id=account_id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        name=name,
        transports=[way for way in said if isinstance(way, str) and way in _TRANSPORTS],
    )
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
    options = webauthn.generate_authentication_options(
        rp_id=site.host,
        allow_credentials=[
            PublicKeyCredentialDescriptor(
                id=key.credential_id, transports=[AuthenticatorTransport(way) for way in key.transports]
            )
            for key in known
        ],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    await _keep_challenge(session, holder=holder, ceremony=ceremony, challenge=options.challenge, now=now)
    return dict(orjson.loads(webauthn.options_to_json(options)))


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
    try:
        credential_id = base64url_to_bytes(credential["rawId"])
    except _MALFORMED:
        raise PasskeyRefused from None
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
    try:
        done = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except _MALFORMED:
        raise PasskeyRefused from None
    await session.execute(
        update(Passkey)
        .where(Passkey.passkey_id == passkey.passkey_id)
        .values(sign_count=done.new_sign_count, last_used_at=now)
    )
    found: UUID = passkey.user_account_id
    return found


async def remove_passkey(session: AsyncSession, *, account_id: UUID, passkey_id: UUID) -> None:
    """Forget a passkey of the account. NotFound; LastSecondFactor when nothing else would be left."""
    known = await list_passkeys(session, account_id=account_id)
    if passkey_id not in {key.passkey_id for key in known}:
        raise NotFound("There is no such passkey.")
    if len(known) == 1 and not await totp.has_totp(session, account_id=account_id):
        raise LastSecondFactor
    await session.execute(
        delete(Passkey).where(Passkey.passkey_id == passkey_id, Passkey.user_account_id == account_id)
    )
    audit.note(session, record_type="user_account", record_id=account_id, fields=["passkey"])
