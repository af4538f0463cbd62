"""What seals secrets: whether the keys are strong, and open what is there; and the store of documents."""

import asyncio
import os
import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import log2
from pathlib import Path
from typing import Final

from sqlalchemy import Text, cast, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import totp
from app.access.accounts.models import TotpCredential
from app.checks.database import session_of
from app.checks.findings import Finding, Installation, in_words, ok, warning, wrong
from app.documents.models import DocumentKey, DocumentVersion
from app.platform import clock, files
from app.platform.crypto import MasterKeys, Unreadable
from app.platform.file_store import StoreFailed, file_store
from app.platform.secret_key import FILE
from app.platform.settings import Settings

_STRONG_BITS: Final = 100
_ROTATE_AFTER: Final = timedelta(days=730)


async def secret_key(at: Installation) -> Finding:
    """The keys themselves; nothing of them is said but their number and what is wrong."""
    given = at.environ.get("CRM_SECRET_KEY", "")
    if at.settings.is_production and not given:
        return wrong(
            "CRM_SECRET_KEY is not set.", "Set it to what `openssl rand -base64 48` prints, and keep it apart."
        )
    all_keys = {"CRM_SECRET_KEY": given} if given else {}
    all_keys |= {
        f"CRM_MASTER_KEYS number {version}": key.get_secret_value() for version, key in at.settings.master_keys.items()
    }
    if weak := [name for name, key in all_keys.items() if _bits_of(key) < _STRONG_BITS]:
        return wrong(
            f"{' and '.join(weak)} can be guessed: too short, or made of a few characters.",
            "Make a random one (`openssl rand -base64 48`), give it as the next number of CRM_MASTER_KEYS, "
            "and run `crm secret rotate`.",
        )
    values = list(all_keys.values())
    if len(set(values)) < len(values):
        return wrong("Two of the keys are the same.", "Make a random one for each number of CRM_MASTER_KEYS.")
    kept = at.settings.data_dir / FILE
    if not given and kept.exists():
        age = clock.now() - datetime.fromtimestamp(kept.stat().st_mtime, UTC)
        return ok(
            f"The secret key of this development server was made {in_words(age)} ago and is kept beside its data."
        )
    if not given:
        return ok("A development server makes its secret key at its first start.")
    return ok(
        f"{len(values)} keys are given, and none can be guessed." if len(values) > 1 else "The secret key is strong."
    )


def _bits_of(key: str) -> float:
    """What a guess has to get right at most, by the characters that are there: a bound, since words have less."""
    counted = Counter(key)
    return sum(-times * log2(times / len(key)) for times in counted.values())


@dataclass(frozen=True)
class _Sample:
    """Something that a version of the master key has sealed, and since when that version is used."""

    purpose: str
    version: int
    owner: str
    sealed: bytes
    since: datetime


async def sealed(at: Installation) -> Finding:
    """The versions of master keys that documents and authenticator apps are sealed with: whether each opens."""
    async with session_of(at) as session:
        samples = await _samples(session)
    if not samples:
        return ok("Nothing is sealed yet.")
    if not _has_key(at):
        return wrong(
            "Documents or authenticator apps are sealed, and the secret key is not here.",
            "Run this where CRM_SECRET_KEY is set, or with the data folder of the server (CRM_DATA_DIR).",
        )
    keys = at.settings.keys
    if lost := sorted({sample.version for sample in samples if not _opens(keys, sample)}):
        return wrong(
            f"What master key {_numbers(lost)} has sealed does not open: documents and authenticator apps fail.",
            "Give the CRM_SECRET_KEY (number 0) or the CRM_MASTER_KEYS of before again.",
        )
    if old := sorted({sample.version for sample in samples} - {keys.newest}):
        return warning(
            f"Something is still sealed with master key {_numbers(old)}, while {keys.newest} is the newest.",
            "Run `crm secret rotate`; until it has ended without a remark, keep the older keys.",
        )
    used = clock.now() - min(sample.since for sample in samples)
    if used > _ROTATE_AFTER:
        return warning(
            f"Master key {keys.newest} has sealed something {in_words(used)} ago.",
            "Give a new one as the next number of CRM_MASTER_KEYS, and run `crm secret rotate`.",
        )
    return ok(f"What is sealed opens with master key {keys.newest}, the only one in use.")


def _has_key(at: Installation) -> bool:
    return bool(at.environ.get("CRM_SECRET_KEY")) or (at.settings.data_dir / FILE).exists()


def _numbers(versions: list[int]) -> str:
    return " and ".join(map(str, versions))


async def _samples(session: AsyncSession) -> list[_Sample]:
    """For each kind and version that is in use the oldest thing that is sealed by it."""
    documents = (
        select(DocumentKey.key_version, DocumentVersion.stored_as, DocumentKey.wrapped_key, DocumentVersion.created_at)
        .join(DocumentVersion, DocumentVersion.document_version_id == DocumentKey.document_version_id)
        .ext(distinct_on(DocumentKey.key_version))
        .order_by(DocumentKey.key_version, DocumentKey.document_version_id)
    )
    seeds = (
        select(
            TotpCredential.key_version,
            cast(TotpCredential.user_account_id, Text),
            TotpCredential.secret_encrypted,
            TotpCredential.created_at,
        )
        .ext(distinct_on(TotpCredential.key_version))
        .order_by(TotpCredential.key_version, TotpCredential.created_at)
    )
    found = [_Sample(files.PURPOSE, *row) for row in await session.execute(documents)]
    return found + [_Sample(totp.PURPOSE, *row) for row in await session.execute(seeds)]


def _opens(keys: MasterKeys, sample: _Sample) -> bool:
    try:
        keys.unseal(sample.version, purpose=sample.purpose, owner=sample.owner, sealed=sample.sealed)
    except Unreadable:
        return False
    return True


_STORE_ADVICE: Final = (
    "See whether the folder or bucket of CRM_DOCUMENTS is there, has room, and lets this account write."
)


async def documents(at: Installation) -> Finding:
    """Whether the store takes a file, gives it again and removes it."""
    return await asyncio.to_thread(_tried, at.settings)


def _folder(settings: Settings) -> Path | None:
    if settings.documents is None:
        return settings.data_dir / "documents"
    return None if settings.documents.startswith("s3://") else Path(settings.documents)


def _of_a_folder_to_come(folder: Path) -> Finding:
    above = next(parent for parent in folder.resolve().parents if parent.exists())
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return ok("The folder of documents is made with the first of them.")
    return wrong("The folder of documents is not there and cannot be made.", _STORE_ADVICE)


def _tried(settings: Settings) -> Finding:
    folder = _folder(settings)
    if folder is not None and not folder.exists():
        return _of_a_folder_to_come(folder)
    # A name as those of documents: should it stay, it is removed with what no row names.
    name, content = secrets.token_hex(16), secrets.token_bytes(32)
    try:
        store = file_store(settings)
        store.put(name, [content])
        is_same = b"".join(store.open(name)) == content
        store.delete(name)
    except StoreFailed as error:
        return wrong(
            f"The store of documents does not take a file, or does not give it again ({error}).", _STORE_ADVICE
        )
    except Exception as error:  # noqa: BLE001 - an S3 store that cannot be set up raises errors of its own
        return wrong(f"The store of documents cannot be used ({type(error).__name__}).", _STORE_ADVICE)
    if not is_same:
        return wrong("The store of documents gave another content than it was given.", _STORE_ADVICE)
    return ok("The store of documents takes a file, gives it again and removes it.")
