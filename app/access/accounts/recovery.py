"""Recovery codes: ten, each good for one sign-in without the second factor, shown once."""

import base64
import hashlib
import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts.errors import CodeRefused
from app.access.accounts.models import RecoveryCode
from app.platform.locales import _

COUNT = 10
_BYTES = 15
"""120 bits, 24 letters of Base32: beyond the 112 that NIST asks for, so a plain SHA-256 keeps them."""


def new_code() -> str:
    """Such as `k7ma-22qd-…`: six groups of four."""
    text = base64.b32encode(secrets.token_bytes(_BYTES)).decode().lower()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))


def code_digest(code: str) -> bytes:
    """However it is typed: capitals, blanks and dashes do not matter."""
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(plain.encode("utf-8", "replace")).digest()


async def replace_codes(session: AsyncSession, *, account_id: UUID) -> list[str]:
    """New codes; all earlier ones are dead."""
    await session.execute(delete(RecoveryCode).where(RecoveryCode.user_account_id == account_id))
    codes = [new_code() for _ in range(COUNT)]
    session.add_all(RecoveryCode(user_account_id=account_id, code_sha256=code_digest(code)) for code in codes)
    await session.flush()
    return codes


async def use_code(session: AsyncSession, *, account_id: UUID, code: str, now: datetime) -> None:
    """Take one code, once. CodeRefused."""
    used = await session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_account_id == account_id,
            RecoveryCode.code_sha256 == code_digest(code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.recovery_code_id)
    )
    if used.first() is None:
        raise CodeRefused(_("That recovery code is not right, or was used before."))


async def count_left(session: AsyncSession, *, account_id: UUID) -> int:
    found = await session.execute(
        select(func.count())
        .select_from(RecoveryCode)
        .where(RecoveryCode.user_account_id == account_id, RecoveryCode.used_at.is_(None))
    )
    return found.scalar_one()
