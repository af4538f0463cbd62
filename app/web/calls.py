"""Log a call, or book one: the same pages for a lead and for a patient."""

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.calls import answers, queries, service
from app.calls.errors import BookingsOverlap
from app.calls.schemas import CallForLead, CallForPatient, CallUpdate
from app.calls.states import CHANNELS, DIRECTIONS, OUTCOMES
from app.people.time_zones import is_zone
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, NotFound
from app.web.about import LEADS, PATIENTS, About
from app.web.forms import Typed, read_form, typed_in
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.render import Flash, page
from app.web.words import words

router = page_router()


_USUAL: Typed = {"direction": "outbound", "channel": "phone"}


_CHOICES = {
    "outcomes": [(code, words(code)) for code in OUTCOMES],
    "directions": [(code, words(code)) for code in DIRECTIONS],
    "channels": [(code, words(code)) for code in CHANNELS],
}
_SAID = frozenset({"outcome", "adverse_event_heard", "notes", "call_duration_minutes"})
"""What is said of a call after it took place."""


async def _context(session: AsyncSession, actor: Actor, about: About, record_id: UUID, typed: Typed) -> dict[str, Any]:
    return {
        **await about.context(session, actor, record_id),
        "zone": "",
        "typed": typed,
        "overlaps": False,
        **_CHOICES,
    }


def _add_log(about: About, model: type[CallForPatient] | type[CallForLead]) -> None:
    key = Path(alias=about.key)

    @router.get(f"{about.address}/calls/new", name="show_new_call", dependencies=[allow("call.create")])
    async def show_new_call(
        request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key
    ) -> Response:
        typed = dict.fromkeys(model.model_fields, "") | _USUAL
        return page(request, "calls/new.html", await _context(session, actor, about, record_id, typed))

    @router.post(f"{about.address}/calls", name="log_call", dependencies=[allow("call.create")])
    async def log_call(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        """A call that took place: now, unless another moment is given."""
        typed = await typed_in(request, model)
        shown = await _context(session, actor, about, record_id, typed)
        given = {name: value for name, value in typed.items() if value != ""} | {about.key: str(record_id)}
        given.setdefault("call_date", clock.now().isoformat())
        try:
            new = read_form(model, given, zone=request.state.frame.zone)
            async with known_errors(request, session):
                await service.log_call(session, actor, new=new)
        except NotFound:
            raise
        except AppError as error:
            return form_again(request, "calls/new.html", shown, error)
        return go_to(request, shown["here"], flash=Flash("The call is logged."))


def _add_booking(about: About, model: type[CallForPatient] | type[CallForLead]) -> None:
    key = Path(alias=about.key)

    @router.get(f"{about.address}/bookings/new", name="show_new_booking", dependencies=[allow("call.create")])
    async def show_new_booking(
        request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key
    ) -> Response:
        typed = dict.fromkeys(model.model_fields, "") | _USUAL
        shown = await _context(session, actor, about, record_id, typed)
        return page(request, "calls/book.html", {**shown, "zone": str(request.state.frame.zone)})

    @router.post(f"{about.address}/bookings", name="book_call", dependencies=[allow("call.create")])
    async def book_call(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        """A booking, on the clock of the zone that is given with it."""
        typed = await typed_in(request, model)
        zone = typed["booking_time_zone"].strip()
        shown = await _context(session, actor, about, record_id, typed)
        given = {name: value for name, value in typed.items() if value != ""} | {about.key: str(record_id)}
        try:
            new = read_form(model, given, zone=ZoneInfo(zone) if is_zone(zone) else None)
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


@router.get("/calls/{call_id}/outcome", dependencies=[allow("call.write")])
async def show_outcome(request: Request, session: DbSession, actor: CurrentActor, call_id: UUID) -> Response:
    call = answers.read(await queries.get_call(session, actor, call_id=call_id), clock.now())
    audit.note(session, record_type="call_history", record_id=call_id)
    typed = dict.fromkeys(CallUpdate.model_fields, "")
    return page(request, "calls/outcome.html", {**NO_ERRORS, **_CHOICES, "call": call, "typed": typed})


@router.post("/calls/{call_id}/outcome", dependencies=[allow("call.write")])
async def say_outcome(request: Request, session: DbSession, actor: CurrentActor, call_id: UUID) -> Response:
    """What came of a call that is on record: its outcome, the answer about side effects, and notes."""
    call = answers.read(await queries.get_call(session, actor, call_id=call_id), clock.now())
    typed = await typed_in(request, CallUpdate)
    given = {name: value for name, value in typed.items() if value != "" and name in _SAID}
    try:
        change = read_form(CallUpdate, given)
        async with known_errors(request, session):
            await service.correct_call(session, actor, call_id=call_id, change=change)
    except NotFound:
        raise
    except AppError as error:
        context = {**_CHOICES, "call": call, "typed": typed}
        return form_again(request, "calls/outcome.html", context, error)
    return go_to(request, "/today", flash=Flash("What came of the call is saved."))


for _about, _model in ((PATIENTS, CallForPatient), (LEADS, CallForLead)):
    _add_log(_about, _model)
    _add_booking(_about, _model)
