"""Working hours and absences: one's own below the account, those of colleagues, and who is there today."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.availability import answers, queries, service
from app.availability.errors import ColleagueNotFound
from app.availability.rules import Span, clock_text
from app.availability.schemas import (
    AbsenceCreate,
    AbsenceFilter,
    AbsenceRead,
    AvailabilityUpdate,
    HoursOfDay,
)
from app.availability.words import KINDS
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError, Invalid
from app.platform.etags import etag
from app.platform.locales import _
from app.platform.paging import MAX_LIMIT
from app.platform.settings import Settings
from app.platform.text import Answer
from app.web.colleagues import hand_over_by
from app.web.forms import Typed, read_form, typed_in
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, page_router
from app.web.render import Flash, page
from app.web.typed_dates import read_day, read_moment
from app.web.words import words

router = page_router()

WEEKDAYS: Final = (
    *(_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday")),
)
_DAYS: Final = {f"day_{number}": number for number in range(1, 8)}
"""The fields of the form by their weekday."""
_SPAN: Final = re.compile(r"(\d{1,2})(?:[:.](\d{2}))? ?(?:-|–|to) ?(\d{1,2})(?:[:.](\d{2}))?\Z", re.ASCII)  # noqa: RUF001 - as people type it
_LONGEST_VERSION, _AHEAD = 10, timedelta(days=28)


class ColleagueRead(Answer):
    """A colleague on the page of all: whether they are absent now, and when they are next."""

    user_account_id: UUID
    display_name: str
    time_zone: str
    hours: list[HoursOfDay]
    absences: list[AbsenceRead]
    is_absent: bool


def read_hours(typed: Typed) -> list[HoursOfDay]:
    """The hours of a week, typed by day: `9-12:30, 13-17`. Invalid names every day that is not understood."""
    found: list[HoursOfDay] = []
    wrong = []
    for field, weekday in _DAYS.items():
        for text in re.split(r",|;|\band\b", str(typed.get(field, ""))):
            if not text.strip():
                continue
            span = _span(weekday, " ".join(text.lower().split()))
            if span is None:
                wrong.append(
                    FieldError(
                        field, "hours", _("%(day)s: write hours such as 9-12:30, 13-17.", day=WEEKDAYS[weekday - 1])
                    )
                )
                break
            found.append(HoursOfDay(weekday=weekday, starts=clock_text(span[1]), ends=clock_text(span[2])))
    if wrong:
        raise Invalid(fields=wrong)
    return found


def _span(weekday: int, text: str) -> Span | None:
    found = _SPAN.match(text)
    if found is None:
        return None
    starts, ends = (int(found[at]) * 60 + int(found[at + 1] or 0) for at in (1, 3))
    is_clock = all(int(found[at] or 0) < 60 for at in (2, 4))  # noqa: PLR2004 - minutes of an hour
    return Span(weekday, starts, ends) if is_clock and starts < ends <= 24 * 60 else None


def hours_texts(hours: Sequence[HoursOfDay]) -> dict[str, str]:
    """The hours of each weekday as its field holds them."""
    return {
        field: ", ".join(f"{one.starts}-{one.ends}" for one in hours if one.weekday == weekday)
        for field, weekday in _DAYS.items()
    }


def _edge(text: str, zone: tzinfo) -> str:
    """The moment that is typed; of a day alone its first one."""
    day, moment = _read(text, zone)
    if moment is not None:
        return moment.isoformat()
    return text if day is None else datetime.combine(day, time(), zone).isoformat()


def _end(text: str, zone: tzinfo, *, begins: str) -> str:
    """The moment that is typed; of a day alone the one after it, and without a year of the first from `begins` on."""
    day, moment = _read(text, zone)
    if moment is not None:
        return moment.isoformat()
    if day is None:
        return text
    later = read_day(text, today=_first_day(begins, zone) or day)
    # Words as `tomorrow` are said of today, and days with a year of that year.
    if later and (later.day, later.month) == (day.day, day.month):
        day = later
    return datetime.combine(day + timedelta(days=1), time(), zone).isoformat()


def _read(text: str, zone: tzinfo) -> tuple[date | None, datetime | None]:
    now = clock.now().astimezone(zone)
    return read_day(text, today=now.date()), read_moment(text, now=now)


def _first_day(begins: str, zone: tzinfo) -> date | None:
    try:
        return datetime.fromisoformat(begins).astimezone(zone).date()
    except ValueError:
        return None


@router.get("/availability", dependencies=[allow("availability.read")])
async def show_availabilities(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    """Who takes calls: their hours, and the absences of the next four weeks."""
    now = clock.now()
    found = await queries.colleagues_who_call(
        session, starts_at=now, ends_at=now + _AHEAD, default_zone=_default_zone(request)
    )
    colleagues = [
        ColleagueRead(
            **dict(answers.read(one, one.spans, version=0)),
            absences=[AbsenceRead.model_validate(absence) for absence in one.absences],
            is_absent=any(absence.starts_at <= now for absence in one.absences),
        )
        for one in found
    ]
    texts = {str(one.user_account_id): _week_text(one.hours) for one in colleagues}
    return page(
        request,
        "availability/list.html",
        {
            "colleagues": colleagues,
            "texts": texts,
            "may_hand_over": actor.may("work.hand_over"),
            "hand_over_by": await hand_over_by(session, actor),
            "may_own": actor.may("availability.write_own"),
        },
    )


def _week_text(hours: Sequence[HoursOfDay]) -> str:
    """The hours of a week in a line, days that are alike together: `Mon to Fri 09:00-17:00`."""
    parts: list[tuple[list[str], str]] = []
    for name, text in zip(WEEKDAYS, hours_texts(hours).values(), strict=True):
        if parts and parts[-1][1] == text:
            parts[-1][0].append(str(name)[:3])
        else:
            parts.append(([str(name)[:3]], text))
    return "; ".join(f"{days[0]}{f' to {days[-1]}' if len(days) > 1 else ''} {text}" for days, text in parts if text)


def _default_zone(request: Request) -> str:
    settings: Settings = request.app.state.settings
    return settings.default_time_zone


async def _context(
    request: Request, session: AsyncSession, actor: Actor, account_id: UUID, typed: Typed
) -> dict[str, Any]:
    found = await service.availability_of(session, actor, account_id=account_id, default_zone=_default_zone(request))
    query = AbsenceFilter(ends_after=clock.now(), limit=MAX_LIMIT)
    absences = await queries.list_absences(session, actor, account_id=account_id, query=query)
    return {
        **NO_ERRORS,
        "colleague": found,
        "absences": [AbsenceRead.model_validate(row) for row in absences.rows],
        "weekdays": list(zip(_DAYS, WEEKDAYS, strict=True)),
        "kinds": [(kind, words(kind)) for kind in KINDS],
        "may_change": account_id == actor.account_id or actor.may("availability.write_any"),
        "typed": hours_texts(found.hours) | {"kind": "holiday", "starts_at": "", "ends_at": ""} | typed,
        "seen": found.version,
        "may_hand_over": actor.may("work.hand_over"),
        "hand_over_by": await hand_over_by(session, actor),
    }


def _add_pages(router: APIRouter, address: str, whose: Callable[[Request, Actor], UUID | None], *, own: bool) -> None:
    """The page of one colleague, with its forms: one's own, and that of any other."""

    def account_of(request: Request, actor: Actor) -> UUID:
        account_id = whose(request, actor)
        assert account_id is not None  # noqa: S101 - pages are for accounts
        return account_id

    def here(account_id: UUID) -> str:
        return address.replace("{user_account_id}", str(account_id))

    async def context(request: Request, session: AsyncSession, actor: Actor, **typed: Any) -> dict[str, Any]:
        account_id = account_of(request, actor)
        shown = await _context(request, session, actor, account_id, typed)
        return {**shown, "here": here(account_id), "own": own}

    reads = allow("availability.write_own" if own else "availability.read")
    writes = allow("availability.write_own" if own else "availability.write_any")

    @router.get(address, name=f"show_{'own_' if own else ''}availability", dependencies=[reads])
    async def show_availability(request: Request, session: DbSession, actor: CurrentActor) -> Response:
        return page(request, "availability/one.html", await context(request, session, actor))

    @router.post(address, name=f"set_{'own_' if own else ''}availability", dependencies=[writes])
    async def set_availability(request: Request, session: DbSession, actor: CurrentActor) -> Response:
        form = await request.form()
        typed = {field: str(form.get(field, "")) for field in _DAYS}
        seen = str(form.get("seen", ""))
        if_match = etag(int(seen)) if seen.isascii() and seen.isdigit() and len(seen) < _LONGEST_VERSION else None
        account_id = account_of(request, actor)
        shown = await context(request, session, actor, **typed)
        zone = _default_zone(request)
        try:
            change = AvailabilityUpdate(hours=read_hours(typed))
            await service.change_hours(
                session, actor, account_id=account_id, change=change, default_zone=zone, if_match=if_match
            )
        except AppError as error:
            return form_again(request, "availability/one.html", shown, _of_the_form(error))
        return go_to(request, here(account_id), flash=Flash(_("The working hours are saved.")))

    @router.post(f"{address}/absences", name=f"add_{'own_' if own else ''}absence", dependencies=[writes])
    async def add_absence(request: Request, session: DbSession, actor: CurrentActor) -> Response:
        """A day alone is the whole day, the last one too."""
        typed = await typed_in(request, AbsenceCreate)
        account_id = account_of(request, actor)
        shown = await context(request, session, actor, **typed)
        zone = clock.zone_named(shown["colleague"].time_zone)
        try:
            starts_at = _edge(typed["starts_at"].strip(), zone)
            ends_at = _end(typed["ends_at"].strip(), zone, begins=starts_at)
            new = read_form(AbsenceCreate, typed | {"starts_at": starts_at, "ends_at": ends_at})
            await service.add_absence(session, actor, account_id=account_id, new=new)
        except AppError as error:
            return form_again(request, "availability/one.html", shown, error)
        return go_to(request, here(account_id), flash=Flash(_("The absence is saved.")))

    @router.post(
        f"{address}/absences/{{absence_id}}/remove",
        name=f"remove_{'own_' if own else ''}absence",
        dependencies=[writes],
    )
    async def remove_absence(request: Request, session: DbSession, actor: CurrentActor, absence_id: UUID) -> Response:
        account_id = account_of(request, actor)
        await service.remove_absence(session, actor, account_id=account_id, absence_id=absence_id)
        return go_to(request, here(account_id), flash=Flash(_("The absence is taken out.")))


def _of_the_form(error: AppError) -> AppError:
    """What is wrong with the week as a whole is told at its first day."""
    if not isinstance(error, Invalid) or error.fields[0].field != "hours":
        return error
    return Invalid(fields=[FieldError("day_1", error.fields[0].code, error.fields[0].message)])


def _of_address(request: Request, _actor: Actor) -> UUID:
    try:
        return UUID(request.path_params["user_account_id"])
    except ValueError:
        raise ColleagueNotFound from None


_add_pages(router, "/account/availability", lambda _request, actor: actor.account_id, own=True)
_add_pages(router, "/availability/{user_account_id}", _of_address, own=False)
