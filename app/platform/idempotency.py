"""
Same key, one effect: the answer to a POST is stored in the transaction of its effect and given again.

The key belongs to its owner (the account). A second sender waits on the first one's row for up to 4 seconds.
An answer that may be seen but once is not stored: the key stays used, and a repeated request is told so.
How old a key is, the database says: by the clock of a machine that is a day ahead, each would be forgotten at once.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, SmallInteger, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.db import HEALTH, INTERNAL, Base, CreatedAt, Rows, sqlstate
from app.platform.errors import Conflict, Invalid, invalid_field
from app.platform.locales import _

KEPT_FOR = timedelta(hours=24)
WAIT_MS = 4_000
"""Shorter than a statement may take (CRM_STATEMENT_TIMEOUT), so that the wait ends with a word of ours."""
_LOCK_NOT_AVAILABLE = "55P03"


class IdempotencyKey(Base, rows=Rows.DISPOSABLE):
    """
    One used key. The stored answer may name a person: it is health data and goes after 24 hours.

    A status without an answer: carried out, and the answer was for one look.
    """

    __tablename__ = "idempotency_key"

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), primary_key=True, info=INTERNAL)
    key: Mapped[str] = mapped_column(primary_key=True, info=INTERNAL)
    created_at: Mapped[CreatedAt]
    request_hash: Mapped[bytes] = mapped_column(LargeBinary, info=INTERNAL)
    status: Mapped[int | None] = mapped_column(SmallInteger, info=INTERNAL)
    headers: Mapped[dict[str, Any] | None] = mapped_column(info=INTERNAL)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary, info=HEALTH)


class KeyReused(Invalid):
    code = "idempotency_key_reused"
    detail = _("This Idempotency-Key was used for another request.")


class StillRunning(Conflict):
    code = "idempotency_in_progress"
    detail = _("A request with this Idempotency-Key is still running. Try again shortly.")


class AnswerNotKept(Conflict):
    code = "answer_not_kept"
    detail = _(
        "This request was carried out. Its answer is shown once and not kept: to see it again, ask again with another "
        "Idempotency-Key."
    )


@dataclass(frozen=True)
class StoredAnswer:
    """An answer to be given again. Without a `body` it was for one look."""

    status: int
    headers: dict[str, str]
    body: bytes | None


def check_key(key: str) -> str:
    """`key` when it is 1-255 visible ASCII characters; Invalid otherwise."""
    if not (1 <= len(key) <= 255 and all("!" <= letter <= "~" for letter in key)):  # noqa: PLR2004
        raise invalid_field("Idempotency-Key", "idempotency_key", "Send 1 to 255 visible ASCII characters.")
    return key


def request_hash(method: str, path: str, body: bytes) -> bytes:
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).digest()


async def claim(session: AsyncSession, *, owner_id: UUID, key: str, fingerprint: bytes) -> StoredAnswer | None:
    """
    Take the key for this transaction, or give the answer that is stored under it.

    KeyReused when the key stands for another request; StillRunning when its first sender has not ended in 4 seconds;
    AnswerNotKept when the request was carried out and its answer was for one look.
    """
    await session.execute(text(f"SET LOCAL lock_timeout = {WAIT_MS}"))
    old = delete(IdempotencyKey).where(
        IdempotencyKey.owner_id == owner_id,
        IdempotencyKey.key == key,
        IdempotencyKey.created_at < func.now() - KEPT_FOR,
    )
    try:
        await session.execute(old)
        made = await session.execute(
            insert(IdempotencyKey)
            .values(owner_id=owner_id, key=key, request_hash=fingerprint)
            .on_conflict_do_nothing()
            .returning(IdempotencyKey.key)
        )
    except DBAPIError as error:
        if sqlstate(error) == _LOCK_NOT_AVAILABLE:
            raise StillRunning from error
        raise
    if made.first() is not None:
        await session.execute(text("SET LOCAL lock_timeout = 0"))
        return None
    stored = (
        await session.execute(
            select(
                IdempotencyKey.request_hash,
                IdempotencyKey.status,
                IdempotencyKey.headers,
                IdempotencyKey.answer,
            ).where(IdempotencyKey.owner_id == owner_id, IdempotencyKey.key == key)
        )
    ).first()
    if stored is None or stored.status is None:
        raise StillRunning
    if stored.request_hash != fingerprint:
        raise KeyReused
    if stored.answer is None:
        raise AnswerNotKept
    return StoredAnswer(stored.status, stored.headers or {}, stored.answer)


def show_once(session: AsyncSession) -> None:
    """Note that the answer of this unit of work is for one look, such as the text of a new key."""
    session.info["shown_once"] = True


def is_shown_once(session: AsyncSession) -> bool:
    return bool(session.info.get("shown_once"))


async def store(session: AsyncSession, *, owner_id: UUID, key: str, answer: StoredAnswer) -> None:
    """File the answer under the key that this transaction claimed."""
    await session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.owner_id == owner_id, IdempotencyKey.key == key)
        .values(status=answer.status, headers=answer.headers, answer=answer.body)
    )


async def keep_first(session: AsyncSession, *, owner_id: UUID, key: str, answer: StoredAnswer) -> bool:
    """
    File the answer of what this transaction has done under a key that stands for the whole request; False when another
    transaction did it before, and this one is to be taken back. One that does it now is waited for.
    """
    digest = hashlib.sha256(key.encode()).digest()
    filed = insert(IdempotencyKey).values(
        owner_id=owner_id,
        key=key,
        request_hash=digest,
        status=answer.status,
        headers=answer.headers,
        answer=answer.body,
    )
    made = await session.execute(filed.on_conflict_do_nothing().returning(IdempotencyKey.key))
    return made.first() is not None


async def find_answer(session: AsyncSession, *, owner_id: UUID, key: str) -> StoredAnswer | None:
    """What was filed under a key in the last 24 hours."""
    row = IdempotencyKey
    stored = (
        await session.execute(
            select(row.status, row.headers, row.answer).where(
                row.owner_id == owner_id, row.key == key, row.created_at >= func.now() - KEPT_FOR
            )
        )
    ).first()
    return StoredAnswer(stored.status, stored.headers or {}, stored.answer) if stored and stored.status else None


async def forget_old_keys(session: AsyncSession) -> int:
    """Remove keys older than 24 hours; the number removed."""
    gone = delete(IdempotencyKey).where(IdempotencyKey.created_at < func.now() - KEPT_FOR).returning(IdempotencyKey.key)
    counted = select(func.count()).select_from(gone.cte("gone"))
    return (await session.execute(counted)).scalar_one()
