"""The calls of a day or a week on the clock of the one who looks: one's own, or the team's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.availability.queries import Colleague, colleague_of_account, colleagues_who_call
from app.availability.rules import Period, shifts
from app.calls import answers
from app.calls.queries import list_calls
from app.calls.rules import USUAL_CALL_MINUTES
from app.calls.schemas import CallFilter, CallRead
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import FieldError, Invalid
from app.platform.locales import _, day_of_year
from app.platform.paging import MAX_LIMIT
from app.platform.settings import Settings
from app.platform.text import EARLIEST, LATEST
from app.web.availability import WEEKDAYS
from app.web.page_guard import NO_ERRORS, allow, form_again, page_router
from app.web.render import page
from app.web.typed_dates import read_day

router = page_router()

QUARTER: Final = timedelta(minutes=15)
LONGEST, MOST_BESIDE = 16, 6
"""Quarters that a call is drawn long at most, and calls beside each other."""
_DAY_BEGINS, _DAY_ENDS = 8, 18
"""The hours that are shown at least."""
_MOST_UNRESOLVED = 3
_NOT_SHOWN = frozenset({"cancelled", "rescheduled"})
_VIEWS, _OF = ("day", "week"), ("me", "team")


@dataclass(frozen=True)
class Drawn:
    """A call at its place: quarters from the first hour that is shown, how long, which of those beside each other."""

    call: CallRead
    at: int
    long: int
    beside: int


@dataclass(frozen=True)
class Shade:
    """A time in which somebody does not work: `off` outside of their hours, `absent`."""

    kind: str
    at: int
    long: int


@dataclass
class AgendaColumn:
    """A column: a day, or a colleague's day."""

    day: date
    starts_at: datetime
    title: str | None = None
    calls: list[Drawn] = field(default_factory=list)
    shades: list[Shade] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    now_at: int | None = None
    beside: int = 1

    @property
    def heading(self) -> str:
        return f"{WEEKDAYS[self.day.weekday()]}, {day_of_year(self.day)}"

    @property
    def is_colleagues(self) -> bool:
        return self.title is not None


@dataclass(frozen=True)
class Asked:
    """What the address asks for, and the time that it is on the viewer's clock."""

    view: str
    of: str
    day: date
    zone: tzinfo

    @property
    def days(self) -> list[date]:
        if self.view == "day":
            return [self.day]
        monday = self.day - timedelta(days=self.day.weekday())
        return [monday + timedelta(days=number) for number in range(7)]

    def midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone)

    @property
    def time(self) -> Period:
        return Period(self.midnight(self.days[0]), self.midnight(self.days[-1] + timedelta(days=1)))

    def address(
        self, *, view: str | None = None, of: str | None = None, steps: int = 0, day: date | None = None
    ) -> str:
        there = (day or self.day) + steps * timedelta(days=1 if self.view == "day" else 7)
        return f"/calls/agenda?view={view or self.view}&of={of or self.of}&date={there.isoformat()}"


@router.get("/calls/agenda", dependencies=[allow("call.write")])
async def show_agenda(
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    view: str = "day",
    of: str = "",
    date: str = "",
) -> Response:
    """Those of one's own, unless one takes no calls oneself; what lacks an outcome stands above."""
    zone: tzinfo = request.state.frame.zone
    now = clock.now()
    own = of or ("me" if actor.person_id else "team")
    try:
        asked = _asked(view, own, date, zone, now)
    except Invalid as error:
        asked = Asked("day", own if own in _OF else "me", now.astimezone(zone).date(), zone)
        shown = await _context(request, session, actor, asked, now)
        return form_again(request, "calls/agenda.html", shown, error)
    return page(request, "calls/agenda.html", await _context(request, session, actor, asked, now))


def _asked(view: str, of: str, day: str, zone: tzinfo, now: datetime) -> Asked:
    wrong = [
        FieldError(name, "literal_error", str(_("There is no such view.")))
        for name, value, known in (("view", view, _VIEWS), ("of", of, _OF))
        if value not in known
    ]
    meant = now.astimezone(zone).date()
    if day:
        typed = read_day(day, today=meant)
        # A week around it is reckoned too.
        if typed is None or not EARLIEST + timedelta(days=14) < typed < LATEST - timedelta(days=14):
            wrong.append(FieldError("date", "day", ""))
        else:
            meant = typed
    if wrong:
        raise Invalid(fields=wrong)
    return Asked(view, of, meant, zone)


async def _context(
    request: Request, session: AsyncSession, actor: Actor, asked: Asked, now: datetime
) -> dict[str, Any]:
    settings: Settings = request.app.state.settings
    is_team = asked.of == "team"
    whose = {} if is_team else {"pn_id": actor.person_id}
    starts_at, ends_at = asked.time
    calls: list[CallRead] = []
    unresolved: Sequence[CallRead] = ()
    more = has_more_unresolved = False
    if is_team or actor.person_id is not None:
        period = {"occurs_from": starts_at, "occurs_to": ends_at, "sort": "occurs", "limit": MAX_LIMIT}
        found = await list_calls(session, actor, query=CallFilter.model_validate({**whose, **period}))
        shown = audit.show_page(session, found, (answers.read(row, now) for row in found.rows))
        calls, more = [one for one in shown.items if one.status not in _NOT_SHOWN], shown.next_cursor is not None
        late = {"unresolved": "true", "occurs_to": now, "limit": _MOST_UNRESOLVED}
        open_ones = await list_calls(session, actor, query=CallFilter.model_validate({**whose, **late}))
        above = audit.show_page(session, open_ones, (answers.read(row, now) for row in open_ones.rows))
        unresolved, has_more_unresolved = above.items, above.next_cursor is not None
    around: dict[str, Any] = {
        "starts_at": starts_at,
        "ends_at": ends_at,
        "default_zone": settings.default_time_zone,
    }
    colleagues = (
        await colleagues_who_call(session, **around)
        if is_team
        else [await colleague_of_account(session, account_id=_account(actor), **around)]
    )
    first, last = _hours(calls, colleagues if not is_team else (), asked)
    columns = _columns(asked, calls, colleagues, first=first, last=last, now=now)
    return {
        **NO_ERRORS,
        "asked": asked,
        "today": now.astimezone(asked.zone).date(),
        "columns": columns,
        "hours": [f"{hour:02d}:00" for hour in range(first, last)],
        "quarters": (last - first) * 4,
        "unresolved": unresolved,
        "has_more_unresolved": has_more_unresolved,
        "more": more,
        "is_team": is_team,
        "is_empty": not calls,
        "takes_calls": actor.person_id is not None,
        "may_book": actor.may("call.create"),
    }


def _account(actor: Actor) -> UUID:
    assert actor.account_id is not None  # noqa: S101 - pages are for accounts
    return actor.account_id


def _end(call: CallRead) -> datetime:
    assert call.occurs_at is not None  # noqa: S101 - shown to those who see it
    minutes = USUAL_CALL_MINUTES if call.call_duration_minutes is None else call.call_duration_minutes
    return call.occurs_at + max(QUARTER, timedelta(minutes=minutes))


def _hours(calls: Iterable[CallRead], colleagues: Sequence[Colleague], asked: Asked) -> tuple[int, int]:
    """The first hour that is shown, and the one after the last: the usual day, with every call and one's own hours."""
    first, last = _DAY_BEGINS, _DAY_ENDS
    for call in calls:
        if call.occurs_at is None:
            continue
        begins, ends = call.occurs_at.astimezone(asked.zone), _end(call).astimezone(asked.zone)
        first = min(first, begins.hour)
        last = 24 if ends.date() > begins.date() else max(last, ends.hour + (1 if ends.minute else 0))
    for one in colleagues:
        for shift in shifts(one.spans, one.zone, first=asked.days[0], last=asked.days[-1]):
            begins, ends = shift.starts_at.astimezone(asked.zone), shift.ends_at.astimezone(asked.zone)
            first = min(first, begins.hour)
            last = 24 if ends.date() > begins.date() else max(last, ends.hour + (1 if ends.minute else 0))
    return first, last


def _columns(
    asked: Asked,
    calls: Sequence[CallRead],
    colleagues: Sequence[Colleague],
    *,
    first: int,
    last: int,
    now: datetime,
) -> list[AgendaColumn]:
    """A column for each day; of the team's day one for each colleague who works or has a call, and one for nobody's."""
    by_colleague = asked.of == "team" and asked.view == "day"
    found = []
    for day in asked.days:
        of_day = [one for one in calls if one.occurs_at and one.occurs_at.astimezone(asked.zone).date() == day]
        groups: list[tuple[str | None, Colleague | None, list[CallRead]]]
        if by_colleague:
            groups = [
                (one.name, one, [call for call in of_day if call.pn_id == one.person_id])
                for one in colleagues
                if one.person_id
            ]
            known = {one.person_id for one in colleagues}
            others = [call for call in of_day if call.pn_id not in known or call.pn_id is None]
            groups = [group for group in groups if group[2] or (group[1] and (group[1].spans or group[1].absences))]
            groups += [(str(_("Nobody's")), None, others)] if others or not groups else []
        else:
            groups = [(None, colleagues[0] if asked.of == "me" and colleagues else None, of_day)]
        for title, colleague, own in groups:
            starts_at = asked.midnight(day).replace(hour=first)
            ends_at = asked.midnight(day + timedelta(days=1)) if last == 24 else starts_at.replace(hour=last)  # noqa: PLR2004 - the end of a day
            column = AgendaColumn(day, starts_at, title)
            _place(column, own)
            if colleague is not None:
                _shade(column, colleague, Period(starts_at, ends_at))
            elif asked.of == "team":
                window = Period(starts_at, ends_at)
                column.absent = [one.name for one in colleagues if any(_meet(away, window) for away in one.absent)]
            if starts_at <= now < ends_at:
                column.now_at = _quarter(column, now)
            found.append(column)
    return found


def _meet(one: Period, other: Period) -> bool:
    return one.starts_at < other.ends_at and other.starts_at < one.ends_at


def _quarter(column: AgendaColumn, at: datetime) -> int:
    """Quarters from the first hour that is shown, by the clock of the wall, so that the hours beside it are right."""
    there = at.astimezone(column.starts_at.tzinfo)
    days = (there.date() - column.day).days
    return (days * 24 + there.hour - column.starts_at.hour) * 4 + there.minute // 15


def _place(column: AgendaColumn, calls: Sequence[CallRead]) -> None:
    """Calls that overlap stand beside each other."""
    free_from: list[int] = []
    for call in sorted(calls, key=lambda one: (one.occurs_at, one.call_id)):
        assert call.occurs_at is not None  # noqa: S101 - of this day
        at = _quarter(column, call.occurs_at)
        long = min(LONGEST, max(1, -(-(_end(call) - call.occurs_at) // QUARTER)))
        number = next((number for number, free in enumerate(free_from) if free <= at), len(free_from))
        if number >= MOST_BESIDE:
            number = MOST_BESIDE - 1
        elif number == len(free_from):
            free_from.append(0)
        free_from[number] = at + long
        column.calls.append(Drawn(call, at, long, number + 1))
    column.beside = max(1, len(free_from))


def _shade(column: AgendaColumn, colleague: Colleague, shown: Period) -> None:
    """The hours that are not worked; of whose hours nothing is said nothing is shaded."""
    absences = [one for one in colleague.absent if _meet(one, shown)]
    column.absent = [colleague.name] if absences else []
    for away in absences:
        _add_shade(column, "absent", away, shown)
    if not colleague.spans:
        return
    at = shown.starts_at
    day = timedelta(days=1)
    for shift in shifts(colleague.spans, colleague.zone, first=column.day - day, last=column.day + day):
        if shift.starts_at > at:
            _add_shade(column, "off", Period(at, shift.starts_at), shown)
        at = max(at, shift.ends_at)
    _add_shade(column, "off", Period(at, shown.ends_at), shown)


def _add_shade(column: AgendaColumn, kind: str, period: Period, shown: Period) -> None:
    starts_at, ends_at = max(period.starts_at, shown.starts_at), min(period.ends_at, shown.ends_at)
    if starts_at < ends_at:
        at = _quarter(column, starts_at)
        long = _quarter(column, ends_at - timedelta(minutes=1)) + 1 - at
        if long > 0:
            column.shades.append(Shade(kind, at, long))
