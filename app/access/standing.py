"""
Which comes first, an effect or the end of the right to it: a lock for each account.

Whatever changes something holds the lock of its account together with others, and authenticates under it; what ends a
key, a role, a session or an account holds it alone. So an effect is either committed before the end, or sees it.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, func, literal, select
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


def rights_are_held(account_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """`hold_rights` as the condition of a single statement: false while a right of the account is being ended."""
    return func.pg_try_advisory_xact_lock_shared(key_of(LockOf.RIGHTS, cast(account_id, Text)))
