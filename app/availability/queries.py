from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from app.access.models import UserAccount
from app.access.queries import does_work
from app.availability.errors import AbsenceNotFound, ColleagueNotFound
from app.availability.models import Absence, WorkingSpan, WorkingWeek
from app.availability.rules import Period, Span
from app.availability.schemas import AbsenceFilter
from app.platform import clock
from app.platform.actor import Actor
from app.platform.paging import Found, SortKey, fetch_page
from app.preferences.models import AccountPreference

TAKES_CALLS = "call.write"
"""The permission of those who can be the navigator of a call."""
MOST_COLLEAGUES = 100
_MOST_ABSENCES = 500
FIRST_OVER = SortKey((Absence.ends_at, Absence.absence_id), (datetime, UUID), ascending=True)


@dataclass(frozen=True)
class Colleague:
    """An account with its zone, its hours, and the absences that were asked about."""

    account_id: UUID
    name: str
    person_id: UUID | None
    time_zone: str
    spans: list[Span] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)

    @property
    def zone(self) -> tzinfo:
        return clock.zone_named(self.time_zone)

    @property
    def absent(self) -> list[Period]:
        return [Period(one.starts_at, one.ends_at) for one in self.absences]


async def get_colleague(
    session: AsyncSession, actor: Actor, *, account_id: UUID, default_zone: str = "UTC", for_change: bool = False
) -> Colleague:
    """
    A colleague without their hours. ColleagueNotFound for what is no human's account.

    Forbidden, `for_change`, for somebody else's without `availability.write_any`.
    """
    row = (
        await session.execute(_accounts().where(UserAccount.user_account_id == account_id, UserAccount.kind == "human"))
    ).first()
    if row is None:
        raise ColleagueNotFound
    if for_change and account_id != actor.account_id:
        actor.require("availability.write_any")
    return _colleague(row, default_zone)


async def get_week(session: AsyncSession, *, account_id: UUID, for_update: bool = False) -> WorkingWeek | None:
    """The week with its spans; None until hours are said."""
    return await session.get(
        WorkingWeek,
        account_id,
        options=[selectinload(WorkingWeek.spans)],
        with_for_update=for_update or None,
        populate_existing=True,
    )


async def list_absences(
    session: AsyncSession, _actor: Actor, *, account_id: UUID, query: AbsenceFilter
) -> Found[Absence]:
    """A page of a colleague's absences, the one that is over first at the front."""
    ids = select(Absence.absence_id, *FIRST_OVER.columns).where(Absence.user_account_id == account_id)
    if query.ends_after is not None:
        ids = ids.where(Absence.ends_at > query.ends_after)
    return await fetch_page(session, ids=ids, query=query, sort=FIRST_OVER, rows=select(Absence))


async def get_absence(
    session: AsyncSession, *, account_id: UUID, absence_id: UUID, for_update: bool = False
) -> Absence:
    """AbsenceNotFound, for one of another account too."""
    found = await session.get(Absence, absence_id, with_for_update=for_update or None, populate_existing=True)
    if found is None or found.user_account_id != account_id:
        raise AbsenceNotFound
    return found


async def colleagues_who_call(
    session: AsyncSession, *, starts_at: datetime, ends_at: datetime, default_zone: str
) -> list[Colleague]:
    """Those who take calls, by name, with their hours and the absences of this time; a hundred at most."""
    return await _loaded(
        session,
        does_work(TAKES_CALLS, true()),
        starts_at=starts_at,
        ends_at=ends_at,
        default_zone=default_zone,
    )


async def colleague_of_account(
    session: AsyncSession, *, account_id: UUID, starts_at: datetime, ends_at: datetime, default_zone: str
) -> Colleague:
    """The colleague with their hours and the absences of this time. ColleagueNotFound."""
    whose = UserAccount.user_account_id == account_id
    found = await _loaded(session, whose, starts_at=starts_at, ends_at=ends_at, default_zone=default_zone)
    if not found:
        raise ColleagueNotFound
    return found[0]


async def colleague_of_person(
    session: AsyncSession, *, person_id: UUID, starts_at: datetime, ends_at: datetime, default_zone: str
) -> Colleague | None:
    """The colleague who is this person, with their hours and the absences of this time; None for no colleague."""
    whose = UserAccount.person_id == person_id
    found = await _loaded(session, whose, starts_at=starts_at, ends_at=ends_at, default_zone=default_zone)
    return next(iter(found), None)


def _accounts() -> Any:
    return select(
        UserAccount.user_account_id, UserAccount.display_name, UserAccount.person_id, AccountPreference.time_zone
    ).outerjoin(AccountPreference, AccountPreference.user_account_id == UserAccount.user_account_id)


def _colleague(row: Row[Any], default_zone: str) -> Colleague:
    return Colleague(row.user_account_id, row.display_name, row.person_id, row.time_zone or default_zone)


async def _loaded(
    session: AsyncSession, whose: ColumnElement[bool], *, starts_at: datetime, ends_at: datetime, default_zone: str
) -> list[Colleague]:
    rows = await session.execute(
        _accounts()
        .where(whose, UserAccount.kind == "human")
        .order_by(UserAccount.display_name, UserAccount.user_account_id)
        .limit(MOST_COLLEAGUES)
    )
    found = {row.user_account_id: _colleague(row, default_zone) for row in rows}
    if found:
        await _add_hours(session, found)
        await _add_absences(session, found, starts_at=starts_at, ends_at=ends_at)
    return list(found.values())


async def _add_hours(session: AsyncSession, of: dict[UUID, Colleague]) -> None:
    columns = (WorkingSpan.user_account_id, WorkingSpan.weekday, WorkingSpan.from_minute, WorkingSpan.until_minute)
    for account_id, *span in await session.execute(select(*columns).where(_is_of(WorkingSpan.user_account_id, of))):
        of[account_id].spans.append(Span(*span))


async def _add_absences(
    session: AsyncSession, of: dict[UUID, Colleague], *, starts_at: datetime, ends_at: datetime
) -> None:
    query = (
        select(Absence)
        .where(_is_of(Absence.user_account_id, of), Absence.ends_at > starts_at, Absence.starts_at < ends_at)
        .order_by(*FIRST_OVER.columns)
        .limit(_MOST_ABSENCES)
    )
    for absence in await session.scalars(query):
        of[absence.user_account_id].absences.append(absence)


def _is_of(column: Any, accounts: Collection[UUID]) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.in_(accounts)
    return found


def hours_of(week: WorkingWeek | None) -> Sequence[Span]:
    spans = week.spans if week is not None else ()
    return [Span(span.weekday, span.from_minute, span.until_minute) for span in spans]
