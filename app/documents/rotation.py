"""Everything that a master key has sealed, sealed anew under the newest one: keys of documents, seeds of apps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.access.accounts import totp
from app.access.accounts.models import TotpCredential
from app.documents.models import DocumentKey, DocumentVersion
from app.platform import files
from app.platform.crypto import MasterKeys, Unreadable
from app.platform.db import Database

BATCH = 100
"""What is committed at once: as much as a killed rotation does again."""


@dataclass
class Rotated:
    """How many were sealed anew; `unreadable` are those of which the master key is not given."""

    documents: int = 0
    seeds: int = 0
    unreadable: int = 0


@dataclass(frozen=True)
class _Sealed:
    """The rows of a table that hold something sealed: where, for what, and whose it is."""

    key: InstrumentedAttribute[UUID]
    value: InstrumentedAttribute[bytes]
    version: InstrumentedAttribute[int]
    purpose: str
    owner: Callable[[AsyncSession, UUID], Any]


async def rotate(database: Database, keys: MasterKeys) -> Rotated:
    """Seal all that is of an older version anew, in batches that are each committed. Rows in use are waited for."""
    documents, unread = await _rotate(database, keys, _DOCUMENTS)
    seeds, unread_seeds = await _rotate(database, keys, _SEEDS)
    return Rotated(documents, seeds, unread + unread_seeds)


async def _rotate(database: Database, keys: MasterKeys, sealed: _Sealed) -> tuple[int, int]:
    done, unreadable, after = 0, 0, UUID(int=0)
    while True:
        async with database.unit_of_work() as session:
            query = (
                select(sealed.key.class_)
                .where(sealed.version != keys.newest, sealed.key > after)
                .order_by(sealed.key)
                .limit(BATCH)
                .with_for_update()
            )
            rows = list(await session.scalars(query))
            for row in rows:
                after = getattr(row, sealed.key.key)
                version, value = getattr(row, sealed.version.key), getattr(row, sealed.value.key)
                owner = await sealed.owner(session, after)
                try:
                    plain = keys.unseal(version, purpose=sealed.purpose, owner=owner, sealed=value)
                except Unreadable:
                    unreadable += 1
                    continue
                newest, anew = keys.seal(purpose=sealed.purpose, owner=owner, plain=plain)
                setattr(row, sealed.version.key, newest)
                setattr(row, sealed.value.key, anew)
                done += 1
        if len(rows) < BATCH:
            return done, unreadable


async def _name_in_the_store(session: AsyncSession, version_id: UUID) -> str:
    query = select(DocumentVersion.stored_as).where(DocumentVersion.document_version_id == version_id)
    return (await session.execute(query)).scalar_one()


async def _account(_session: AsyncSession, account_id: UUID) -> str:
    return str(account_id)


_DOCUMENTS = _Sealed(
    DocumentKey.document_version_id,
    DocumentKey.wrapped_key,
    DocumentKey.key_version,
    files.PURPOSE,
    _name_in_the_store,
)
_SEEDS = _Sealed(
    TotpCredential.user_account_id,
    TotpCredential.secret_encrypted,
    TotpCredential.key_version,
    totp.PURPOSE,
    _account,
)
