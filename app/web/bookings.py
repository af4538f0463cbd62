"""Book a call, move one to another time, or cancel it: the same pages for a lead and for a patient."""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.availability.rules import ABSENT, NIGHT, OUTSIDE, OVERLAPS, WEEKEND
from app.calls import answers, queries, service
from app.calls.models import CallHistory
from app.calls.schemas import CallForLead, CallForPatient, CallRead, CallUpdate, Rebooking
from app.calls.states import CHANNELS
from app.leads.service import call_is_booked
from app.people.time_zones import is_zone
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, Conflict, NotFound
from app.platform.locales import Message, _
from app.platform.settings import Settings
from app.web.about import LEADS, PATIENTS, About
from app.web.addresses import came_from, way_back
from app.web.availability import WEEKDAYS
from app.web.calls import USUAL, about_of
from app.web.forms import Typed, read_form, typed_in
from app.web.next_attempt import proposed
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.render import Flash, page
from app.web.typed_dates import read_moment
from app.web.undoing import Version, undo_at, undone
from app.web.words import booked_for, clock_in, clocks, day_text, instant_text, shown_in, words

router = page_router()

_PAST, _THEIRS = "past", "overlaps_another_call_of_theirs"
_AGAINST: Mapping[str, Message] = {
    _PAST: _("That time is over."),
    WEEKEND: _("That is a Saturday or a Sunday."),
    OUTSIDE: _("That is outside of the working hours of its navigator."),
    ABSENT: _("Its navigator is absent then."),
    OVERLAPS: _("Its navigator has another call at that time."),
    _THEIRS: _("This person has another call at that time."),
}
"""What may speak against a time. It is said once, and the booking is made if it is wanted all the same."""
_AGAINST_ONES_OWN: Mapping[str, Message] = {
    OUTSIDE: _("That is outside of your working hours."),
    ABSENT: _("You are absent then."),
    OVERLAPS: _("You have another call at that time."),
}
"""The same where one is the navigator oneself."""
_TAKEN = (ABSENT, OVERLAPS, _THEIRS)
"""What keeps a booking from being put back at its time."""
_LONGEST = 100


class BookingDoubtful(Conflict):
    """
    What speaks against the time that is wanted, and `asked_about`, which says of which time this was said; `beside` are
    the calls that it overlaps.
    """

    code = "booking_doubtful"
    detail = _("Something speaks against this time.")

    def __init__(self, against: Sequence[Message], asked_about: str, beside: Sequence[CallRead]) -> None:
        super().__init__()
        self.against, self.asked_about, self.beside = against, asked_about, beside


async def _against(request: Request, session: AsyncSession, actor: Actor, call: CallHistory) -> dict[str, Message]:
    """What speaks against the time of a booking, with the sentence that says it (_AGAINST)."""
    if not queries.is_booking_ahead(call):
        return {_PAST: _AGAINST[_PAST]}
    settings: Settings = request.app.state.settings
    found = await queries.booking_warnings(session, call, default_zone=settings.default_time_zone)
    others = await queries.overlapping(session, call, besides=[call.call_id])
    if any("person" in whom for whom in others.values()):
        found.append(_THEIRS)
    said = {**_AGAINST, **(_AGAINST_ONES_OWN if call.pn_id == actor.person_id else {})}
    return {code: _at_night(call) if code == NIGHT else said[code] for code in found}


def _at_night(call: CallHistory) -> Message:
    at, zone = call.booking_date, call.person.time_zone
    assert at is not None and zone is not None  # noqa: S101, PT018 - both are known of a booking at night
    return _("It is %(there)s then.", there=clock_in(at, zone))


async def _require_wanted(request: Request, session: AsyncSession, actor: Actor, call: CallHistory) -> None:
    """BookingDoubtful when something speaks against the time of this booking and it was not said that it is wanted."""
    assert call.booking_date is not None  # noqa: S101 - a booking
    against = await _against(request, session, actor, call)
    # Another time, or what came up meanwhile, is asked about anew.
    asked_about = " ".join([instant_text(call.booking_date), *against])
    if against and (await request.form()).get("all_the_same") != asked_about:
        raise BookingDoubtful(list(against.values()), asked_about, await _beside(session, actor, call, against))


async def _beside(
    session: AsyncSession, actor: Actor, call: CallHistory, against: Collection[str]
) -> Sequence[CallRead]:
    """The calls that a booking overlaps, the first one first."""
    if not {OVERLAPS, _THEIRS} & set(against):
        return ()
    others = await queries.overlapping(session, call, besides=[call.call_id])
    found = {one.call_id: one for one in await queries.calls_by_id(session, actor, call_ids=others)}
    audit.note(session, person_ids=[one.person_id for one in found.values()])
    return [answers.read(found[key], clock.now()) for key in others if key in found]


def _again(request: Request, context: Mapping[str, Any], error: AppError) -> Response:
    doubt = error if isinstance(error, BookingDoubtful) else None
    shown = {
        **context,
        "beside": doubt.beside if doubt else (),
        "against": doubt.against if doubt else [],
        "asked_about": doubt.asked_about if doubt else "",
    }
    return form_again(request, "calls/book.html", shown, error)


def _context(request: Request, actor: Actor, typed: Typed, back: str) -> dict[str, Any]:
    return {
        **NO_ERRORS,
        "channels": [(code, words(code)) for code in CHANNELS],
        "typed": typed,
        "zone": str(request.state.frame.zone),
        "against": [],
        "beside": (),
        "is_proposed": False,
        "own_person_id": actor.person_id,
        "asked_about": "",
        "call": None,
        "back": back,
    }


def _booked(request: Request, call: CallHistory) -> str:
    assert call.booking_date is not None  # noqa: S101 - a booking
    with shown_in(request.state.frame.zone):
        return booked_for(call.booking_date, call.person.time_zone, call.booking_time_zone, in_sentence=True)


def _add_booking(about: About, model: type[CallForPatient] | type[CallForLead]) -> None:
    key = Path(alias=about.key)

    @router.get(f"{about.address}/bookings/new", name="show_new_booking", dependencies=[allow("call.create")])
    async def show_new_booking(
        request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key
    ) -> Response:
        shown = await about.context(session, actor, record_id)
        typed = dict.fromkeys(model.model_fields, "") | USUAL
        return page(request, "calls/book.html", {**shown, **_context(request, actor, typed, shown["here"])})

    @router.post(f"{about.address}/bookings", name="book_call", dependencies=[allow("call.create")])
    async def book_call(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        """A booking, on the clock of the zone that is given with it. A lead that waits for its call is moved on."""
        typed = await typed_in(request, model)
        shown = await about.context(session, actor, record_id)
        shown |= _context(request, actor, typed, shown["here"])
        given = {name: value for name, value in typed.items() if value != ""} | {about.key: str(record_id)}
        try:
            # What overlaps is asked about together with all else that speaks against the time.
            new = read_form(model, given | {"allow_overlap": "true"}, zone=_zone_of(typed))
            async with known_errors(request, session):
                booked = await service.log_call(session, actor, new=new)
                await _require_wanted(request, session, actor, booked)
                is_moved = about is LEADS and await call_is_booked(session, actor, lead_id=record_id)
        except NotFound:
            raise
        except AppError as error:
            return _again(request, shown, error)
        said = _("Booked for %(when)s.", when=_booked(request, booked))
        moved = [_("The lead is moved to %(status)s.", status=words("call_booked").lower())] if is_moved else []
        # A lead that was moved on with it, no button moves back.
        is_undone = not is_moved and actor.may("call.void_own")
        undo = undo_at(f"/calls/{booked.call_id}", (0, booked.version)) if is_undone else None
        return go_to(request, shown["here"], flash=Flash(" ".join(map(str, (said, *moved))), undo=undo))


def _zone_of(typed: Typed) -> Any:
    zone = str(typed["booking_time_zone"]).strip()
    return clock.zone_named(zone) if is_zone(zone) else None


async def _of_call(
    request: Request, session: AsyncSession, actor: Actor, call_id: UUID, typed: Typed, back: str | None
) -> dict[str, Any]:
    """A booked call and whom it is with."""
    call = answers.read(await queries.get_call(session, actor, call_id=call_id), clock.now())
    audit.note(session, record_type="call_history", record_id=call_id)
    about, record_id = about_of(call)
    shown = await about.context(session, actor, record_id)
    place = came_from(request) if back is None else back
    return {**shown, **_context(request, actor, typed, way_back(place, shown["here"])), "call": call}


@router.get("/calls/{call_id}/move", dependencies=[allow("call.write")])
async def show_rebooking(request: Request, session: DbSession, actor: CurrentActor, call_id: UUID) -> Response:
    """A call of one's own with a time that is proposed, as it is where a call is logged."""
    typed = dict.fromkeys(Rebooking.model_fields, "")
    shown = await _of_call(request, session, actor, call_id, typed, None)
    call: CallRead = shown["call"]
    if call.pn_id is not None and call.pn_id == actor.person_id:
        on = _zone_of({"booking_time_zone": call.booking_time_zone or ""})
        typed["booking_date"] = await proposed(request, session, actor, shown["person"], on=on)
        shown["is_proposed"] = typed["booking_date"] != ""
    return page(request, "calls/book.html", shown)


@router.post("/calls/{call_id}/move", dependencies=[allow("call.write")])
async def move_call(
    request: Request, session: DbSession, actor: CurrentActor, call_id: UUID, back: Annotated[str, Form()] = ""
) -> Response:
    """A booking of another time in the place of this one, asked about as a new one is."""
    typed = await typed_in(request, Rebooking)
    shown = await _of_call(request, session, actor, call_id, typed, back)
    given = {name: value for name, value in typed.items() if value != "" or name == "notes"}
    try:
        booking = read_form(Rebooking, given | {"allow_overlap": "true"}, zone=_zone_of(typed))
        async with known_errors(request, session):
            moved = await service.reschedule_call(session, actor, call_id=call_id, booking=booking)
            await _require_wanted(request, session, actor, moved)
    except NotFound:
        raise
    except AppError as error:
        return _again(request, shown, error)
    said = _("Moved to %(when)s.", when=_booked(request, moved))
    left = await queries.get_call(session, actor, call_id=call_id)
    undo = undo_at(f"/calls/{call_id}/move", (shown["call"].version, left.version))
    return go_to(request, _after(shown, call_id), flash=Flash(said, undo=undo))


@router.post("/calls/{call_id}/move/undo", dependencies=[allow("call.write")])
async def undo_move(
    request: Request, session: DbSession, actor: CurrentActor, call_id: UUID, since: Version = 0, until: Version = 0
) -> Response:
    """The booking is at its old time again, while nothing has changed it or the new one since."""
    undo = service.undo_rescheduling(session, actor, call_id=call_id, since=since, until=until)
    return await _taken_back(request, session, actor, undo)


@router.get("/calls/{call_id}/cancel", dependencies=[allow("call.write")])
async def show_cancellation(request: Request, session: DbSession, actor: CurrentActor, call_id: UUID) -> Response:
    typed = {"notes": ""}
    return page(request, "calls/cancel.html", await _of_call(request, session, actor, call_id, typed, None))


@router.post("/calls/{call_id}/cancel", dependencies=[allow("call.write")])
async def cancel_call(
    request: Request, session: DbSession, actor: CurrentActor, call_id: UUID, back: Annotated[str, Form()] = ""
) -> Response:
    """The call does not take place; why is added to its notes."""
    typed = {"notes": (await typed_in(request, CallUpdate))["notes"]}
    shown = await _of_call(request, session, actor, call_id, typed, back)
    call: CallRead = shown["call"]
    said = {"notes": "\n\n".join(filter(None, (call.notes, typed["notes"].strip())))} if typed["notes"].strip() else {}
    try:
        change = read_form(CallUpdate, {"status": "cancelled", **said})
        async with known_errors(request, session):
            cancelled = await service.correct_call(session, actor, call_id=call_id, change=change)
    except NotFound:
        raise
    except AppError as error:
        return form_again(request, "calls/cancel.html", shown, error)
    undo = undo_at(f"/calls/{call_id}/cancel", (call.version, cancelled.version))
    flash = Flash(_("The call is cancelled."), undo=undo if call.status_group == "open" else None)
    return go_to(request, _after(shown, call_id), flash=flash)


@router.post("/calls/{call_id}/cancel/undo", dependencies=[allow("call.write")])
async def undo_cancel(
    request: Request, session: DbSession, actor: CurrentActor, call_id: UUID, since: Version = 0, until: Version = 0
) -> Response:
    """The call that one has just cancelled is booked again as it was, while nothing has changed it since."""
    undo = service.undo_cancellation(session, actor, call_id=call_id, since=since, until=until)
    return await _taken_back(request, session, actor, undo)


async def _taken_back(request: Request, session: AsyncSession, actor: Actor, undo: Awaitable[CallHistory]) -> Response:
    """Carry out `undo`, unless the time of the booking has been taken meanwhile; and show where it was asked."""

    async def put_back() -> None:
        call = await undo
        against = [
            str(said) for code, said in (await _against(request, session, actor, call)).items() if code in _TAKEN
        ]
        if against:
            raise Conflict(" ".join(against))

    return go_to(request, came_from(request), flash=await undone(request, session, put_back()))


def _after(shown: Mapping[str, Any], call_id: UUID) -> str:
    """Where to go when the call is no longer there to be looked at."""
    back: str = shown["back"]
    return str(shown["here"]) if str(call_id) in back else back


@router.post("/calls/understood", dependencies=[allow("call.create")])
async def show_understood(
    request: Request,
    booking_date: Annotated[str, Form()] = "",
    booking_time_zone: Annotated[str, Form()] = "",
) -> Response:
    """What a time that is being typed means, on both clocks; nothing of what is not understood."""
    zone = booking_time_zone.strip()
    now = clock.now()
    meant: datetime | None = None
    if is_zone(zone):
        meant = read_moment(booking_date[:_LONGEST], now=now.astimezone(clock.zone_named(zone)))
    said = ""
    if meant is not None:
        with shown_in(request.state.frame.zone):
            said = f"{WEEKDAYS[meant.weekday()]}, {day_text(meant.date())}: {clocks(meant, zone)}"
    return page(
        request, "calls/understood.html", {"said": said, "over": _AGAINST[_PAST] if meant and meant <= now else None}
    )


for _about, _model in ((PATIENTS, CallForPatient), (LEADS, CallForLead)):
    _add_booking(_about, _model)
