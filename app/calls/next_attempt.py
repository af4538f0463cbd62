"""When to try again to reach somebody who was not reached: a proposal, for somebody to take or to change."""

from datetime import datetime, timedelta, tzinfo
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from app.availability.queries import colleague_of_account
from app.availability.rules import Period, Span, first_free, shifts
from app.calls import queries
from app.calls.rules import USUAL_CALL_MINUTES
from app.platform.actor import Actor

_LOOKED_AHEAD: Final = timedelta(days=14)
_LENGTH: Final = timedelta(minutes=USUAL_CALL_MINUTES)
_USUAL_HOURS: Final = [Span(weekday, 9 * 60, 17 * 60) for weekday in range(1, 6)]
"""Of a colleague who has not said when they work."""
_FROM, _NOON, _UNTIL = 9, 13, 18
_SATURDAY: Final = 6


async def propose_attempt(
    session: AsyncSession, actor: Actor, *, their_zone: tzinfo | None, now: datetime, default_zone: str
) -> datetime | None:
    """
    A free half hour of one's own from tomorrow on, by day on their clock, in the other part of the day than now: who
    is out in the morning may be in by the afternoon. None where two weeks have none.
    """
    assert actor.account_id is not None  # noqa: S101 - a human
    until = now + _LOOKED_AHEAD
    mine = await colleague_of_account(
        session, account_id=actor.account_id, starts_at=now, ends_at=until, default_zone=default_zone
    )
    taken = [*mine.absent]
    if mine.person_id is not None:
        booked = await queries.booked_calls(session, navigator_id=mine.person_id, starts_at=now, ends_at=until)
        taken += [Period(call.occurs_at, call.occurs_at + _LENGTH) for call in booked]
    there = their_zone or mine.zone
    tomorrow = (now + timedelta(days=1)).astimezone(mine.zone).date()
    hours = shifts(mine.spans or _USUAL_HOURS, mine.zone, first=tomorrow, last=until.astimezone(mine.zone).date())
    is_morning = now.astimezone(there).hour < _NOON

    def by_day(at: datetime) -> bool:
        begins, ends = at.astimezone(there), (at + _LENGTH - timedelta(minutes=1)).astimezone(there)
        return begins.isoweekday() < _SATURDAY and begins.hour >= _FROM and ends.hour < _UNTIL

    def at_another_time(at: datetime) -> bool:
        return by_day(at) and (at.astimezone(there).hour < _NOON) != is_morning

    proposals = (first_free(hours, taken=taken, length=_LENGTH, fits=fits) for fits in (at_another_time, by_day))
    return next((at for at in proposals if at is not None), None)
