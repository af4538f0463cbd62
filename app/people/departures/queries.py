from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.people.departures.errors import CameBackNotFound, DepartureNotFound, PersonDeceased, PersonWithdrawn
from app.people.departures.models import DEPARTURES, CameBack, PersonDeparture
from app.people.departures.schemas import CameBackFilter
from app.people.queries import get_person
from app.platform.actor import Actor
from app.platform.paging import Found, PageQuery, SortKey, fetch_page

_NEWEST = (datetime, UUID)
_DEPARTURES = SortKey((PersonDeparture.created_at, PersonDeparture.person_departure_id), _NEWEST)
ITEMS_NEWEST_FIRST = SortKey((CameBack.created_at, CameBack.came_back_id), _NEWEST)


async def current_departure(session: AsyncSession, *, person_id: UUID, kind: str) -> PersonDeparture | None:
    """The death or the withdrawal that is on record and has not ended. For who has locked the person."""
    found = await session.scalars(
        select(PersonDeparture).where(
            PersonDeparture.person_id == person_id, PersonDeparture.kind == kind, PersonDeparture.ended_at.is_(None)
        )
    )
    return found.one_or_none()


async def current_departures(session: AsyncSession, *, person_id: UUID) -> Sequence[PersonDeparture]:
    """The death and the withdrawal that are on record and have not ended, a death first."""
    found = await session.scalars(
        select(PersonDeparture)
        .where(PersonDeparture.person_id == person_id, PersonDeparture.ended_at.is_(None))
        .order_by(PersonDeparture.kind)
    )
    return found.all()


async def kinds_of_departure(session: AsyncSession, *, person_id: UUID) -> tuple[str, ...]:
    """Whether the person has died or withdrawn, a death first."""
    found = set(
        await session.scalars(
            select(PersonDeparture.kind).where(
                PersonDeparture.person_id == person_id, PersonDeparture.ended_at.is_(None)
            )
        )
    )
    return tuple(kind for kind in DEPARTURES if kind in found)


def refusal_of(departed: Sequence[str]) -> PersonDeceased | PersonWithdrawn:
    """Why nothing is opened or booked for somebody who has departed so; a death counts first."""
    return PersonDeceased() if departed[0] == "deceased" else PersonWithdrawn()


async def require_present(session: AsyncSession, *, person_id: UUID) -> None:
    """PersonDeceased, PersonWithdrawn. For who has locked the person, or a record that the step would lock."""
    departed = await kinds_of_departure(session, person_id=person_id)
    if departed:
        raise refusal_of(departed)


async def get_departure(
    session: AsyncSession, _actor: Actor, *, person_id: UUID, person_departure_id: UUID
) -> PersonDeparture:
    """DepartureNotFound."""
    found = await session.scalars(
        select(PersonDeparture)
        .where(PersonDeparture.person_departure_id == person_departure_id, PersonDeparture.person_id == person_id)
        .execution_options(populate_existing=True)
    )
    departure = found.one_or_none()
    if departure is None:
        raise DepartureNotFound
    return departure


async def list_departures(
    session: AsyncSession, actor: Actor, *, person_id: UUID, query: PageQuery
) -> Found[PersonDeparture]:
    """A page of a person's departures, newest first; PersonNotFound."""
    await get_person(session, actor, person_id=person_id)
    return await fetch_page(
        session,
        ids=select(PersonDeparture.person_departure_id, *_DEPARTURES.columns).where(
            PersonDeparture.person_id == person_id
        ),
        query=query,
        sort=_DEPARTURES,
        rows=select(PersonDeparture),
    )


def came_back_ids(actor: Actor, query: CameBackFilter) -> Select[Any]:
    """The keys of the items that a filter asks for, with the columns they are ordered by."""
    ids = select(CameBack.came_back_id, *ITEMS_NEWEST_FIRST.columns)
    if query.state is not None:
        ids = ids.where(CameBack.closed_at.is_(None) if query.state == "open" else CameBack.closed_at.is_not(None))
    if not actor.may("came_back.read_all"):
        ids = ids.where(or_(CameBack.owner_id == actor.account_id, CameBack.owner_id.is_(None)))
    return ids


async def list_came_back(session: AsyncSession, actor: Actor, *, query: CameBackFilter) -> Found[CameBack]:
    """
    A page of items, newest first: those whose owner the actor is and those that nobody owns, all for who reads all.
    """
    return await fetch_page(
        session,
        ids=came_back_ids(actor, query),
        query=query,
        sort=ITEMS_NEWEST_FIRST,
        rows=select(CameBack).options(joinedload(CameBack.person)),
    )


async def get_came_back(
    session: AsyncSession, actor: Actor, *, came_back_id: UUID, for_update: bool = False
) -> CameBack:
    """The item with its person; CameBackNotFound, for one of another owner too."""
    query = select(CameBack).where(CameBack.came_back_id == came_back_id)
    if not actor.may("came_back.read_all"):
        query = query.where(or_(CameBack.owner_id == actor.account_id, CameBack.owner_id.is_(None)))
    if for_update:
        query = query.with_for_update(of=CameBack)
    query = query.options(joinedload(CameBack.person)).execution_options(populate_existing=True)
    found = (await session.scalars(query)).one_or_none()
    if found is None:
        raise CameBackNotFound
    return found


async def person_of_receipt(session: AsyncSession, *, receipt: UUID) -> UUID | None:
    """The person whose submission from outside was answered with this id instead of a record's."""
    found: UUID | None = await session.scalar(
        select(CameBack.person_id).where(CameBack.intake_submission_id == receipt, CameBack.kind.in_(DEPARTURES))
    )
    return found
