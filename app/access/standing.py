"""
Which comes first, an effect or the end of the right to it: a lock for each account.

Whatever changes something holds the lock of its account together with others, and authenticates under it; what ends a
key, a role, a session or an account holds it alone. So an effect is either committed before the end, or sees it.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Text, func, literal, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.advisory_locks import LockOf, key_of, lock_until_commit


async def hold_rights(session: AsyncSession, account_id: UUID) -> None:
    """Let no right of this account end before this transaction does. Authenticate after it, not before."""
    await session.execute(
        select(func.pg_advisory_xact_lock_shared(key_of(LockOf.RIGHTS, literal(str(account_id), Text))))
    )


async def end_rights(session: AsyncSession, account_id: UUID) -> None:
    """Wait for the effects of this account that are under way; those that come later see what this transaction ends."""
    await lock_until_commit(session, LockOf.RIGHTS, str(account_id))


def rights_are_held(
    api_key_id: ColumnElement[UUID], account_id: ColumnElement[UUID], roles: Sequence[ColumnElement[str]]
) -> ColumnElement[bool]:
    """
    `hold_rights` as the condition of a single statement: false while a right of the account is being ended.

    The statement's snapshot is older than the lock, so the database function looks once more whether the key opens and
    its account has one of the roles.
    """
    return func.rights_are_held(api_key_id, account_id, array(roles), type_=Boolean())
