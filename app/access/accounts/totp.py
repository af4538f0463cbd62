"""
Codes of an authenticator app (RFC 6238: SHA-1, 6 digits, 30 seconds, which every app knows).

A code is taken from the present step or its two neighbours, and no step twice.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pyotp
import segno
from markupsafe import Markup
from pydantic import SecretStr
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts.errors import ClockIsOff, CodeRefused
from app.access.accounts.models import TotpCredential
from app.platform.crypto import MasterKeys, same, seal, unseal

STEP_SECONDS = 30
ISSUER = "myTomorrows CRM"
PURPOSE = "totp"
"""What seeds are sealed for."""
_NEIGHBOURS = (0, -1, 1)
_CLOCK_OFF_STEPS = 20
"""Codes of up to ten minutes away are refused, but tell that a clock is wrong."""


@dataclass(frozen=True)
class Enrolment:
    """What somebody needs to set up their app: `secret` in Base32, the `otpauth:` address, its QR code as SVG."""

    secret: str
    address: str
    qr_svg: Markup

    @property
    def in_groups(self) -> str:
        """The secret to be typed by hand, in groups of four."""
        return " ".join(self.secret[place : place + 4] for place in range(0, len(self.secret), 4))


def new_secret() -> str:
    """160 random bits in Base32."""
    return pyotp.random_base32(32)


def enrolment(secret: str, *, email: str) -> Enrolment:
    address = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)
    # Drawn by attributes alone: the content security policy allows no style in it.
    svg = segno.make(address, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=True)
    return Enrolment(secret, address, Markup(svg))  # noqa: S704  # nosec B704 - segno draws numbers, no text


def seal_pending(secret_key: SecretStr, *, account_id: UUID, secret: str) -> str:
    """A secret that is being set up, to travel in the form: only this account's confirmation can use it."""
    return seal(secret_key, purpose="totp-pending", owner=str(account_id), plain=secret.encode()).hex()


def open_pending(secret_key: SecretStr, *, account_id: UUID, sealed: str) -> str:
    """The secret of `seal_pending`. Unreadable or ValueError for anything else."""
    plain = unseal(secret_key, purpose="totp-pending", owner=str(account_id), sealed=bytes.fromhex(sealed))
    return plain.decode()


def step_of(now: datetime) -> int:
    return int(now.timestamp()) // STEP_SECONDS


def code_at(secret: str, step: int) -> str:
    return pyotp.TOTP(secret).generate_otp(step)


def matching_step(secret: str, code: str, *, now: datetime, after: int) -> int:
    """
    The step that `code` belongs to, later than `after`.

    CodeRefused for a wrong or used code; ClockIsOff for one of another minute.
    """
    typed = "".join(code.split())
    present = step_of(now)
    for away in _NEIGHBOURS:
        if same(code_at(secret, present + away), typed) and present + away > after:
            return present + away
    for away in range(2, _CLOCK_OFF_STEPS + 1):
        if same(code_at(secret, present - away), typed) or same(code_at(secret, present + away), typed):
            raise ClockIsOff if present - away > after else CodeRefused
    raise CodeRefused


async def set_up(
    session: AsyncSession, *, account_id: UUID, secret: str, code: str, keys: MasterKeys, now: datetime
) -> None:
    """Make `secret` the account's, once a code shows that the app has it. It replaces an earlier one."""
    step = matching_step(secret, code, now=now, after=0)
    version, sealed = keys.seal(purpose=PURPOSE, owner=str(account_id), plain=secret.encode())
    values = {"secret_encrypted": sealed, "key_version": version, "last_step": step, "created_at": now}
    await session.execute(
        insert(TotpCredential)
        .values(user_account_id=account_id, **values)
        .on_conflict_do_update(index_elements=["user_account_id"], set_=values)
    )


async def use_code(session: AsyncSession, *, account_id: UUID, code: str, keys: MasterKeys, now: datetime) -> None:
    """Take a code of the account's app, once. CodeRefused, ClockIsOff."""
    row = (
        await session.execute(
            select(TotpCredential.secret_encrypted, TotpCredential.key_version, TotpCredential.last_step).where(
                TotpCredential.user_account_id == account_id
            )
        )
    ).first()
    if row is None:
        raise CodeRefused
    plain = keys.unseal(row.key_version, purpose=PURPOSE, owner=str(account_id), sealed=row.secret_encrypted)
    secret = plain.decode()
    step = matching_step(secret, code, now=now, after=row.last_step)
    used = await session.execute(
        update(TotpCredential)
        .where(TotpCredential.user_account_id == account_id, TotpCredential.last_step < step)
        .values(last_step=step)
        .returning(TotpCredential.last_step)
    )
    if used.first() is None:
        # Two requests brought the same code: the first one had it.
        raise CodeRefused


async def has_totp(session: AsyncSession, *, account_id: UUID) -> bool:
    found = await session.execute(
        select(TotpCredential.user_account_id).where(TotpCredential.user_account_id == account_id)
    )
    return found.first() is not None


async def remove(session: AsyncSession, *, account_id: UUID) -> None:
    await session.execute(delete(TotpCredential).where(TotpCredential.user_account_id == account_id))
