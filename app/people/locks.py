"""
What a transaction locks before it decides about people. One order for all, so that no two wait for each other:

1. `lock_identity`: the addresses, numbers and names that say who somebody is;
2. the person's row, several in the order of their ids;
3. the rows of a lead, a patient, a physician, which lock their person first when they are read `for_update`;
4. the rows of a journey;
5. what hangs on these: contact points, roles, suggested changes, calls, gates, links to physicians.

A transaction may begin anywhere and leave out what it does not need, but never goes back. Rows are locked
FOR NO KEY UPDATE: anyone who only adds a row that refers to one of them does not wait.

Source: docs/decisions/0005-one-order-of-locks.md.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.alike import Probe
from app.people.models import Person
from app.platform.advisory_locks import LockOf, lock_values_until_commit

Row = TypeVar("Row")
_held: ContextVar[Mapping[UUID, Any]] = ContextVar("held", default=MappingProxyType({}))


@contextmanager
def holding(rows: Mapping[UUID, Any]) -> Iterator[None]:
    """
    Within the block these records, by their keys, are locked and read already: who asks for one of them, to change it
    or to see it, has it as it is, without a statement. For changes of many at once, in the transaction that locks them.
    """
    token = _held.set(rows)
    try:
        yield
    finally:
        _held.reset(token)


def held(model: type[Row], key: UUID) -> Row | None:
    """The record that is held (`holding`), else None."""
    found = _held.get().get(key)
    return found if isinstance(found, model) else None


async def lock_identity(
    session: AsyncSession,
    *,
    email_key: str | None = None,
    phone: str | None = None,
    alike: Probe | None = None,
) -> None:
    """
    Let transactions that could be about one human follow each other until they commit.

    The unique key decides about one e-mail address anyway; this lets the second one see the first one's row, and is all
    there is for a phone (E.164), and for a name with a birth date (`alike`). The database function `is_unknown_person`
    of the fast path takes the same locks.
    """
    values: dict[LockOf, Sequence[str]] = {}
    if email_key is not None:
        values[LockOf.EMAIL] = [email_key]
    if phone is not None:
        values[LockOf.PHONE] = [phone]
    if alike is not None and alike.keys:
        values[LockOf.NAME] = [f"{key} {alike.birth_dates[0].year}" for key in alike.keys]
    await lock_values_until_commit(session, values)


async def lock_people(session: AsyncSession, person_ids: Collection[UUID]) -> None:
    """Lock these people in the order of their ids; those that are nobody are left out."""
    await session.execute(
        select(Person.person_id)
        .where(Person.person_id.in_(person_ids))
        .order_by(Person.person_id)
        .with_for_update(key_share=True)
    )


async def lock_person_of(session: AsyncSession, person_id: Select[UUID]) -> None:
    """Lock the person whose id this query gives; nobody when it gives none."""
    await session.execute(
        select(Person.person_id)
        .where(Person.person_id == person_id.scalar_subquery())
        .with_for_update(key_share=True, of=Person)
    )
