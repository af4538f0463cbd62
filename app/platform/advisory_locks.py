"""
Every advisory lock of the database, with its key: here two of them can be seen to differ.

A lock keeps apart what no row's lock can, since there is no row yet or the work is longer than a transaction. The
functions `ensure_audit_partitions` and `close_audit_partitions` of the revisions take one each, of their own name;
`is_unknown_person` takes those of e-mail, phone and name, `rights_are_held` those of rights.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum, unique
from typing import Any

from sqlalchemy import ColumnElement, Text, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncSession


@unique
class Lock(IntEnum):
    """There is one of each in a database."""

    SCHEMA = 4_815_162_342
    """Held while the schema is moved."""
    LEGACY_RUN = 7_302_117
    """Held by the one migration run, from its beginning to its end."""
    LEGACY_STAGING = 7_302_118
    """Shared by the workers that read the files; the runner takes it alone: no worker of a killed run is left."""
    REFERENCE_DATA = 7_302_119
    """Held while the contact types and conditions of a new database are added."""
    ADMINISTRATORS = 7_302_120
    """Held while somebody stops being an administrator."""


@unique
class LockOf(StrEnum):
    """There is one of each for a value: its key is the hash of this word and the value."""

    EMAIL = "email"
    """Whose this e-mail key is."""
    PHONE = "phone"
    """Who has this number (E.164)."""
    NAME = "name"
    """Who has this key of a name and is born in this year."""
    THING = "thing"
    """The row of this table with this key."""
    SIGN_IN = "sign-in"
    """The tries of one account."""
    HAND_OVER = "hand-over"
    """The open work of one account, while a piece of it is handed over."""
    VIEWS = "views"
    """The saved views of one account."""
    RIGHTS = "rights"
    """Shared by the effects of one account; held alone by what ends a right of it."""


_LOCK_VALUES = text("SELECT pg_advisory_xact_lock(hashtextextended(key, 0)) FROM unnest(CAST(:keys AS text[])) AS key")


def key_of(lock: LockOf, value: ColumnElement[Any]) -> ColumnElement[int]:
    """The key of a value's lock, for a statement that takes it itself."""
    return func.hashtextextended(literal_column(f"'{lock} '", Text).concat(value), literal_column("0"))


async def lock_until_commit(session: AsyncSession, lock: Lock | LockOf, value: str = "") -> None:
    """Let transactions that are about the same thing follow each other; of a LockOf, the same `value`."""
    key = func.hashtextextended(f"{lock} {value}", 0) if isinstance(lock, LockOf) else lock.value
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def lock_values_until_commit(session: AsyncSession, values: Mapping[LockOf, Sequence[str]]) -> None:
    """Let transactions that share a value follow each other; locks are taken in the order of LockOf and the values."""
    if values:
        keys = [f"{lock} {value}" for lock in LockOf for value in sorted(values.get(lock, ()))]
        await session.execute(_LOCK_VALUES, {"keys": keys})
