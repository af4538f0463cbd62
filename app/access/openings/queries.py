from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import RoleGrant, UserAccount
from app.access.openings.errors import OpeningNotFound
from app.access.openings.models import AccessOpening
from app.access.openings.schemas import OpeningFilter
from app.access.policy import Role
from app.platform import clock
from app.platform.actor import Actor
from app.platform.db import tables_that_say
from app.platform.paging import Found, PersonColumn, SortKey, fetch_page

_NEWEST = SortKey((AccessOpening.created_at, AccessOpening.access_opening_id), (datetime, UUID))


def _is_open(now: datetime) -> ColumnElement[bool]:
    return and_(AccessOpening.expires_at > now, AccessOpening.ended_at.is_(None))


async def opened_persons(session: AsyncSession, actor: Actor, *, kind: str, now: datetime) -> frozenset[UUID]:
    """The persons whose data is open to the actor at this moment by an opening of this kind."""
    found = await session.scalars(
        select(AccessOpening.person_id).where(
            AccessOpening.user_account_id == actor.account_id, AccessOpening.kind == kind, _is_open(now)
        )
    )
    return frozenset(found)


async def own_openings(session: AsyncSession, actor: Actor) -> list[AccessOpening]:
    """The actor's own break-glass accesses, newest first, at most fifty."""
    found = await session.scalars(
        select(AccessOpening)
        .where(AccessOpening.user_account_id == actor.account_id, AccessOpening.kind == "break_glass")
        .order_by(AccessOpening.created_at.desc())
        .limit(50)
    )
    return list(found)


async def open_break_glass(session: AsyncSession, actor: Actor) -> list[AccessOpening]:
    """The actor's own break-glass accesses that are open at this moment, the one that ends first at the front."""
    found = await session.scalars(
        select(AccessOpening)
        .where(
            AccessOpening.user_account_id == actor.account_id,
            AccessOpening.kind == "break_glass",
            _is_open(clock.now()),
        )
        .order_by(AccessOpening.expires_at)
    )
    return list(found)


async def get_opening(
    session: AsyncSession, _actor: Actor, *, access_opening_id: UUID, for_update: bool = False
) -> AccessOpening:
    """The opening; OpeningNotFound."""
    found = await session.get(AccessOpening, access_opening_id, with_for_update=for_update or None)
    if found is None:
        raise OpeningNotFound
    return found


async def list_openings(session: AsyncSession, _actor: Actor, *, query: OpeningFilter) -> Found[AccessOpening]:
    """A page of openings of one kind, newest first."""
    ids = select(AccessOpening.access_opening_id, *_NEWEST.columns).where(AccessOpening.kind == query.kind)
    if query.reviewed is not None:
        reviewed = AccessOpening.reviewed_at.is_not(None)
        ids = ids.where(reviewed if query.reviewed == "true" else AccessOpening.reviewed_at.is_(None))
    if query.person_id is not None:
        ids = ids.where(AccessOpening.person_id == query.person_id)

    return await fetch_page(session, ids=ids, query=query, sort=_NEWEST, rows=select(AccessOpening))


async def lock_overdue_reviews(session: AsyncSession, *, before: datetime) -> list[AccessOpening]:
    """
    Break-glass accesses from `before` or earlier that wait for a review and of which nobody was reminded, oldest first.

    At most 1,000, locked until the transaction ends; those that somebody else has locked are left out.
    """
    found = await session.scalars(
        select(AccessOpening)
        .where(
            AccessOpening.kind == "break_glass",
            AccessOpening.reviewed_at.is_(None),
            AccessOpening.review_reminded_at.is_(None),
            AccessOpening.created_at <= before,
        )
        .order_by(AccessOpening.created_at)
        .limit(1_000)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return list(found)


async def privacy_officers(session: AsyncSession) -> list[tuple[UUID, str]]:
    """The privacy officers who can be reached by mail: account and address."""
    found = await session.execute(
        select(UserAccount.user_account_id, UserAccount.email)
        .join(RoleGrant, RoleGrant.user_account_id == UserAccount.user_account_id)
        .where(
            RoleGrant.role == Role.PRIVACY_OFFICER.value,
            RoleGrant.revoked_at.is_(None),
            UserAccount.is_active,
            UserAccount.email.is_not(None),
        )
        .order_by(UserAccount.user_account_id)
    )
    return [(row.user_account_id, row.email) for row in found]


async def reasons_about(
    session: AsyncSession, *, person_id: UUID, account_ids: Collection[UUID]
) -> list[AccessOpening]:
    """The reasons these accounts have stated for looking at the person, oldest first, at most 2,000."""
    found = await session.scalars(
        select(AccessOpening)
        .where(AccessOpening.person_id == person_id, AccessOpening.user_account_id.in_(account_ids))
        .order_by(AccessOpening.created_at)
        .limit(2_000)
    )
    return list(found)


async def outside_caseload(session: AsyncSession, actor: Actor, *, person_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of `person_ids` that are not in the actor's caseload."""
    if not person_ids:
        return frozenset()
    (people,) = tables_that_say("people")
    person = people.c.person_id
    outside = select(person).where(person.in_(person_ids), not_(_is_in_caseload(person, actor)))
    return frozenset(await session.scalars(outside))


def case_is_open(person: PersonColumn, actor: Actor, *, now: datetime) -> ColumnElement[bool]:
    """Whether the case of a person is open to the actor: it is in their caseload, or they have stated why they look."""
    stated = exists().where(
        AccessOpening.person_id == person,
        AccessOpening.user_account_id == actor.account_id,
        AccessOpening.kind == "outside_caseload",
        _is_open(now),
    )
    return or_(_is_in_caseload(person, actor), stated)


def _is_in_caseload(person: PersonColumn, actor: Actor) -> ColumnElement[bool]:
    """
    Whether a person is in the actor's caseload.

    In it are the people one owns as patient or lead, and those whom nobody owns: the common queue. A deleted patient
    still has their owner: else deleting somebody would open their case. Somebody without a record of care (a physician,
    a caregiver) is owned by nobody: they have no case to be closed.
    """
    # Under names of their own: `person` may be a column of one of them, in the query that asks.
    records = [record.alias() for record in tables_that_say("cases")]
    of_person = [(exists().where(record.c.person_id == person), record.c.owner_id) for record in records]
    mine = [record.where(owner == actor.account_id) for record, owner in of_person]
    owned = [record.where(owner.is_not(None)) for record, owner in of_person]
    return or_(*mine, not_(or_(*owned)))
