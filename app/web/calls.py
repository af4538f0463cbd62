"""Log a call, or book one: the same pages for a lead and for a patient."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.calls import service
from app.calls.errors import BookingsOverlap
from app.calls.schemas import CallForLead, CallForPatient
from app.calls.states import CHANNELS, DIRECTIONS, OUTCOMES
from app.leads.queries import get_lead
from app.patients.queries import get_patient
from app.people.models import Person
from app.people.schemas import PersonRead
from app.people.time_zones import is_zone
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, NotFound
from app.web.forms import Typed, read_form, typed_in
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.render import Flash, page
from app.web.words import words

router = page_router()


async def _person_of_patient(session: AsyncSession, actor: Actor, record_id: UUID) -> Person:
    return (await get_patient(session, actor, patient_id=record_id)).person


async def _person_of_lead(session: AsyncSession, actor: Actor, record_id: UUID) -> Person:
    return (await get_lead(session, actor, lead_id=record_id)).person


@dataclass(frozen=True)
class _About:
    """What a call may be about: the records of an address, and the model of a new call about one."""

    path: str
    key: str
    place: str
    table: str
    new: type[CallForPatient] | type[CallForLead]
    person: Callable[[AsyncSession, Actor, UUID], Awaitable[Person]]

    @property
    def address(self) -> str:
        return f"{self.path}/{{{self.key}}}"


_ABOUT = (
    _About("/patients", "patient_id", "Patients", "patient", CallForPatient, _person_of_patient),
    _About("/leads", "lead_id", "Leads", "patient_lead", CallForLead, _person_of_lead),
)
_USUAL: Typed = {"direction": "outbound", "channel": "phone"}


async def _context(session: AsyncSession, actor: Actor, about: _About, record_id: UUID, typed: Typed) -> dict[str, Any]:
    person = await about.person(session, actor, record_id)
    audit.note(session, record_type=about.table, record_id=record_id, person_ids=[person.person_id])
    return {
        **NO_ERRORS,
        "person": PersonRead.model_validate(person),
        "zone": "",
        "here": f"{about.path}/{record_id}",
        "place": about.place,
        "place_href": about.path,
        "typed": typed,
        "overlaps": False,
        "outcomes": [(code, words(code)) for code in OUTCOMES],
        "directions": [(code, words(code)) for code in DIRECTIONS],
        "channels": [(code, words(code)) for code in CHANNELS],
    }


def _add_log(about: _About) -> None:
    key = Path(alias=about.key)

    @router.get(f"{about.address}/calls/new", name="show_new_call", dependencies=[allow("call.create")])
    async def show_new_call(
        request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key
    ) -> Response:
        typed = dict.fromkeys(about.new.model_fields, "") | _USUAL
        return page(request, "calls/new.html", await _context(session, actor, about, record_id, typed))

    @router.post(f"{about.address}/calls", name="log_call", dependencies=[allow("call.create")])
    async def log_call(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        """A call that took place: now, unless another moment is given."""
        typed = await typed_in(request, about.new)
        shown = await _context(session, actor, about, record_id, typed)
        given = {name: value for name, value in typed.items() if value != ""} | {about.key: str(record_id)}
        given.setdefault("call_date", clock.now().isoformat())
        try:
            new = read_form(about.new, given, zone=request.state.frame.zone)
            async with known_errors(request, session):
                await service.log_call(session, actor, new=new)
        except NotFound:
            raise
        except AppError as error:
            return form_again(request, "calls/new.html", shown, error)
        return go_to(request, shown["here"], flash=Flash("The call is logged."))


def _add_booking(about: _About) -> None:
    key = Path(alias=about.key)

    @router.get(f"{about.address}/bookings/new", name="show_new_booking", dependencies=[allow("call.create")])
    async def show_new_booking(
        request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key
    ) -> Response:
        typed = dict.fromkeys(about.new.model_fields, "") | _USUAL
        shown = await _context(session, actor, about, record_id, typed)
        return page(request, "calls/book.html", {**shown, "zone": str(request.state.frame.zone)})

    @router.post(f"{about.address}/bookings", name="book_call", dependencies=[allow("call.create")])
    async def book_call(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        """A booking, on the clock of the zone that is given with it."""
        typed = await typed_in(request, about.new)
        zone = typed["booking_time_zone"].strip()
        shown = await _context(session, actor, about, record_id, typed)
        given = {name: value for name, value in typed.items() if value != ""} | {about.key: str(record_id)}
        try:
            new = read_form(about.new, given, zone=ZoneInfo(zone) if is_zone(zone) else None)
            async with known_errors(request, session):
                booked = await service.log_call(session, actor, new=new)
        except NotFound:
            raise
        except AppError as error:
            overlaps = isinstance(error, BookingsOverlap)
            if overlaps:
                error.error_detail = "This overlaps another call of this person or of yours."
            return form_again(request, "calls/book.html", {**shown, "overlaps": overlaps}, error)
        assert booked.booking_date is not None  # noqa: S101 - a booking
        there = booked.booking_date.astimezone(ZoneInfo(zone))
        return go_to(request, shown["here"], flash=Flash(f"Booked for {there:%-d %b %Y, %H:%M} in {zone}."))


for _about in _ABOUT:
    _add_log(_about)
    _add_booking(_about)
