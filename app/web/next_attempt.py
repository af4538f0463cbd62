"""The next call with somebody, booked in the form that says how this one ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Final
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls import service
from app.calls.errors import BookingsOverlap
from app.calls.next_attempt import propose_attempt
from app.calls.rules import is_night_there
from app.calls.schemas import CallForLead, CallForPatient
from app.calls.states import FOLLOWED
from app.leads.service import call_is_booked
from app.people.schemas import PersonRead
from app.people.time_zones import is_zone
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import FieldError, Invalid
from app.platform.locales import Message, _
from app.platform.settings import Settings
from app.web.about import LEADS, About
from app.web.availability import WEEKDAYS
from app.web.forms import Typed, as_typed, read_form
from app.web.words import booked_for, clock_in, shown_in, words

WANTED, WHEN, AT_NIGHT = "book_next", "next_attempt", "at_night"
FIELDS: Final = (WANTED, WHEN, AT_NIGHT)
"""
What the form has of it beside the call: whether it is booked, when, on their clock, and the time that it is wanted at
though it is night there.
"""
_OF_THE_FORM: Final = {"booking_date": WHEN}
Attempt = CallForPatient | CallForLead


def zone_of(request: Request, person: PersonRead) -> tzinfo:
    """The clock on which the time is typed: theirs, else the viewer's."""
    viewers: tzinfo = request.state.frame.zone
    return clock.zone_named(person.time_zone) if person.time_zone and is_zone(person.time_zone) else viewers


async def proposed(
    request: Request, session: AsyncSession, actor: Actor, person: PersonRead, *, on: tzinfo | None = None
) -> str:
    """
    The time that stands in the field before anything is typed, `on` this clock, else theirs; empty where there is none.
    """
    settings: Settings = request.app.state.settings
    zone = zone_of(request, person)
    at = await propose_attempt(
        session, actor, their_zone=zone, now=clock.now(), default_zone=settings.default_time_zone
    )
    if at is None:
        return ""
    with shown_in(on or zone):
        return as_typed(at)


def weekday_of(proposal: str) -> Message | str:
    """The day of the week of a time that is proposed; empty where there is none."""
    return WEEKDAYS[datetime.fromisoformat(proposal).weekday()] if proposal else ""


def read_attempt(
    request: Request, model: type[Attempt], typed: Typed, *, person: PersonRead, about_it: Mapping[str, str]
) -> tuple[Attempt | None, Sequence[FieldError]]:
    """The booking that is wanted, None where it is not or makes no sense, and what is wrong by the form's fields."""
    if typed[WANTED] != "true" or typed["outcome"] not in FOLLOWED:
        return None, ()
    zone = zone_of(request, person)
    given = {
        **about_it,
        "booking_date": typed[WHEN],
        "booking_time_zone": str(zone),
        "direction": "outbound",
        "channel": typed["channel"],
        "contact_reason": typed.get("contact_reason", ""),
    }
    try:
        new = read_form(
            model, {name: value for name, value in given.items() if value or name == "booking_date"}, zone=zone
        )
    except Invalid as error:
        return None, list(_named(error.fields))
    if new.booking_date is None:
        return None, [FieldError(WHEN, "blank", _("Say when, or do not book it."))]
    if new.booking_date <= clock.now():
        return None, [FieldError(WHEN, "past", _("That time is over."))]
    # Another time is asked about anew.
    if is_night_there(new.booking_date, person.time_zone) and typed[AT_NIGHT] != typed[WHEN]:
        there = clock_in(new.booking_date, str(zone))
        said = _("It is %(there)s then. Tick this to book it all the same.", there=there)
        return None, [FieldError(AT_NIGHT, "night_there", said)]
    return new, ()


def _named(errors: Sequence[FieldError]) -> list[FieldError]:
    return [FieldError(_OF_THE_FORM.get(one.field, one.field), one.code, one.message) for one in errors]


async def book_attempt(
    request: Request, session: AsyncSession, actor: Actor, *, new: Attempt | None, about: About, record_id: UUID
) -> str:
    """
    Book it, and tell what was booked and what moved with it; empty where nothing is wanted.

    Invalid by the form's field, for a time at which somebody has another call too.
    """
    if new is None:
        return ""
    try:
        booked = await service.log_call(session, actor, new=new)
    except Invalid as error:
        raise Invalid(fields=_named(error.fields)) from error
    except BookingsOverlap:
        said = _("You or they have another call at that time. Choose another one.")
        raise Invalid(fields=[FieldError(WHEN, "overlaps", said)]) from None
    is_moved = about is LEADS and await call_is_booked(session, actor, lead_id=record_id)
    assert booked.booking_date is not None  # noqa: S101 - it was given
    with shown_in(request.state.frame.zone):
        when = booked_for(booked.booking_date, booked.person.time_zone, booked.booking_time_zone, in_sentence=True)
    told = [_("The next call is booked for %(when)s.", when=when)]
    if is_moved:
        told.append(_("The lead is moved to %(status)s.", status=words("call_booked").lower()))
    return " ".join(map(str, told))
