"""Log a call, or book one: the same pages for a lead and for a patient."""

from collections.abc import Sequence
from datetime import date, timedelta, tzinfo
from typing import Any
from uuid import UUID

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.availability.rules import ABSENT, OUTSIDE, OVERLAPS
from app.calls import answers, queries, service
from app.calls.errors import BookingsOverlap
from app.calls.schemas import CallFilter, CallForLead, CallForPatient, CallRead, CallUpdate
from app.calls.states import CALL, CHANNELS, DIRECTIONS, OUTCOMES
from app.people.time_zones import is_zone
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError, Invalid, NotFound
from app.platform.etags import etag
from app.platform.locales import _
from app.platform.text import Body
from app.tasks.schemas import TaskCreate
from app.tasks.service import open_task
from app.web.about import LEADS, PATIENTS, About
from app.web.drafts import draft_is_sent, draft_of
from app.web.exports import add_export
from app.web.forms import Typed, read_form, typed_in
from app.web.listing import Column, Filter, ListPage, Seen, View, add_list
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.people import signs_of
from app.web.render import Flash, page, wanted_block
from app.web.words import day_text, time_text, words

router = page_router()


_USUAL: Typed = {"direction": "outbound", "channel": "phone"}


_CHOICES = {
    "outcomes": [(code, words(code)) for code in OUTCOMES],
    "directions": [(code, words(code)) for code in DIRECTIONS],
    "channels": [(code, words(code)) for code in CHANNELS],
}
_FOLLOW_UP = {"title": "follow_up", "due_on": "follow_up_on"}
"""The fields of a task that is made together with a call, by what the form calls them."""
_BESIDE = (*_FOLLOW_UP.values(), "began_at", "booked")
"""What the form of a call holds beside the call."""
_SAID = frozenset({"outcome", "adverse_event_heard", "notes", "call_duration_minutes"})
"""What is said of a call after it took place."""
_OF_BOOKING = (
    "outcome",
    "adverse_event_heard",
    "notes",
    "call_duration_minutes",
    "call_date",
    "contact_reason",
    "channel",
)
"""What the form says of a booking that took place."""
_BEFORE, _AHEAD = timedelta(hours=12), timedelta(hours=2)
"""How far from now a booking is that may be the call that is being logged."""
_SATURDAY, _FEW = 5, 5
_WARNED = {
    OUTSIDE: _("That is outside of the working hours of its navigator."),
    ABSENT: _("Its navigator is absent then."),
    OVERLAPS: _("Its navigator has another call at that time."),
}
DOCK = "dock"
"""The part of the page that stays beside whatever else is shown, while somebody talks."""
_LONGEST_VERSION = 10


async def _context(session: AsyncSession, actor: Actor, about: About, record_id: UUID, typed: Typed) -> dict[str, Any]:
    return {
        **await about.context(session, actor, record_id),
        "zone": "",
        "typed": typed,
        "overlaps": False,
        "may_follow_up": actor.may("task.write"),
        **_CHOICES,
    }


def _add_log(about: About, model: type[CallForPatient] | type[CallForLead]) -> None:
    key = Path(alias=about.key)

    @router.get(f"{about.address}/calls/new", name="show_new_call", dependencies=[allow("call.create")])
    async def show_new_call(
        request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key
    ) -> Response:
        """
        As a page, or docked beside whatever is shown; with what was typed before and not sent. A booking of about now
        is offered as the one that took place.
        """
        typed = dict.fromkeys((*model.model_fields, *_BESIDE), "") | _USUAL
        typed["follow_up_on"] = _next_working_day(request.state.frame.zone).isoformat()
        context = await _log_context(session, actor, about, record_id, typed)
        typed["booked"] = str(context["booked"][0].call_id) if context["booked"] else ""
        draft = await draft_of(session, actor, about, record_id, "call")
        return page(request, "calls/new.html", {**context, "draft": draft, "docked": wanted_block(request) == DOCK})

    @router.post(f"{about.address}/calls", name="log_call", dependencies=[allow("call.create")])
    async def log_call(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        """A call that took place: now, unless another moment is given. A task that follows from it is made with it."""
        form = await request.form()
        beside = {name: str(form.get(name, "")) for name in _BESIDE}
        typed = await typed_in(request, model) | beside
        docked = wanted_block(request) == DOCK
        shown = await _log_context(session, actor, about, record_id, typed) | {"draft": None, "docked": docked}
        about_it = {about.key: str(record_id)}
        given = {name: value for name, value in typed.items() if value != "" and name not in beside} | about_it
        given.setdefault("call_date", clock.now().isoformat())
        zone = request.state.frame.zone
        try:
            task, wrong = _follow_up(actor, beside, about_it, zone)
            new = read_form(model, given, zone=zone, wrong=wrong)
            booked = _booking_meant(beside["booked"], shown["booked"])
            async with known_errors(request, session):
                if booked is None:
                    await service.log_call(session, actor, new=new)
                else:
                    change = read_form(CallUpdate, _said_of(booked, new))
                    seen = etag(booked.version)
                    await service.correct_call(session, actor, call_id=booked.call_id, change=change, if_match=seen)
                if task is not None:
                    await open_task(session, actor, new=task)
                await draft_is_sent(session, actor, about, record_id, "call")
        except NotFound:
            raise
        except AppError as error:
            return form_again(request, "calls/new.html", shown, error)
        said = _("The call is logged.") if task is None else _("The call is logged, and the task is on your list.")
        return go_to(request, shown["here"], flash=Flash(said))


async def _log_context(
    session: AsyncSession, actor: Actor, about: About, record_id: UUID, typed: Typed
) -> dict[str, Any]:
    shown = await _context(session, actor, about, record_id, typed) | {"booked": []}
    if actor.may("call.write"):
        now = clock.now()
        near = {"occurs_from": now - _BEFORE, "occurs_to": now + _AHEAD, "sort": "occurs", "limit": _FEW}
        found = await queries.list_calls(
            session, actor, query=CallFilter.model_validate({about.key: str(record_id), "status": "open", **near})
        )
        shown["booked"] = [answers.read(row, now) for row in found.rows]
    return shown


def _said_of(booked: CallRead, new: Body) -> dict[str, Any]:
    """What the form says of the booking; what was written down when it was booked stays above the notes of the call."""
    said = {name: getattr(new, name) for name in _OF_BOOKING if name in new.model_fields_set}
    if booked.notes and said.get("notes"):
        said["notes"] = f"{booked.notes}\n\n{said['notes']}"
    return said


def _booking_meant(typed: str, offered: Sequence[CallRead]) -> CallRead | None:
    """The booking that took place; None for a call that was not booked. Invalid for one that is not open any more."""
    if not typed:
        return None
    meant = next((one for one in offered if str(one.call_id) == typed), None)
    if meant is None:
        said = _("This booking is not open any more: somebody has said what came of it. Choose which call it is.")
        raise Invalid(fields=[FieldError("booked", "not_open", said)])
    return meant


def _next_working_day(zone: tzinfo) -> date:
    """The day on which what was promised today is due, unless another is chosen."""
    day = clock.now().astimezone(zone).date() + timedelta(days=1)
    return day + timedelta(days=7 - day.weekday() if day.weekday() >= _SATURDAY else 0)


def _follow_up(
    actor: Actor, typed: Typed, about_it: Typed, zone: tzinfo
) -> tuple[TaskCreate | None, Sequence[FieldError]]:
    """The task that is typed beside a call, if one is, and what is wrong with it by the names of the form's fields."""
    if not typed[_FOLLOW_UP["title"]].strip():
        # The day is filled in already for the task that may be typed.
        return None, ()
    values = {field: typed[name] for field, name in _FOLLOW_UP.items() if typed[name].strip()}
    actor.require("task.write")
    try:
        return read_form(TaskCreate, {**values, **about_it, "due_time_zone": str(zone)}, zone=zone), ()
    except Invalid as error:
        return None, [FieldError(_FOLLOW_UP.get(one.field, "follow_up"), one.code, one.message) for one in error.fields]


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
            new = read_form(model, given, zone=clock.zone_named(zone) if is_zone(zone) else None)
            async with known_errors(request, session):
                booked = await service.log_call(session, actor, new=new)
        except NotFound:
            raise
        except AppError as error:
            overlaps = isinstance(error, BookingsOverlap)
            if overlaps:
                error.error_detail = _("This overlaps another call of this person or of yours.")
            return form_again(request, "calls/book.html", {**shown, "overlaps": overlaps}, error)
        assert booked.booking_date is not None  # noqa: S101 - a booking
        there = booked.booking_date.astimezone(clock.zone_named(zone))
        when = f"{day_text(there.date())}, {time_text(there)}"
        said = _("Booked for %(when)s in %(zone)s.", when=when, zone=zone)
        warnings = await queries.booking_warnings(
            session, booked, default_zone=request.app.state.settings.default_time_zone
        )
        return go_to(request, shown["here"], flash=_booked(said, warnings))


def _booked(said: str, warnings: Sequence[str]) -> Flash:
    """What is said of a booking that was made, with what speaks against its time."""
    if not warnings:
        return Flash(said)
    return Flash(" ".join([str(said), *(str(_WARNED[code]) for code in warnings)]), tone="warning")


def _views(seen: Seen) -> Sequence[View]:
    everyones = [
        View(_("Everyone's"), {}),
        View(_("Open"), {"status": "open"}),
        View(_("Without an outcome"), {"unresolved": "true"}),
        *([View(_("Agenda"), {}, href="/calls/agenda")] if seen.actor.may("call.write") else []),
    ]
    if seen.actor.person_id is None:
        return everyones
    mine = {"pn_id": str(seen.actor.person_id)}
    return [View(_("Mine"), mine), View(_("Mine without an outcome"), {**mine, "unresolved": "true"}), *everyones]


LIST = ListPage(
    path="/calls",
    title=_("Calls"),
    permission="call.read",
    noun=(_("call"), _("calls")),
    order=_("the latest first"),
    sort="-occurs",
    question=CallFilter,
    find=queries.list_calls,
    answer=CallRead,
    read=lambda row: answers.read(row, clock.now()),
    key="call_id",
    columns=(
        Column("name", _("Who"), value="person", cell="person"),
        Column("when", _("When"), 0, "occurs_at", "moment", "occurs"),
        Column("state", _("State"), 0, "outcome", "call_state"),
        Column("how", _("How"), 3, "channel", "call_how"),
        Column("navigator", _("Navigator"), 2, "pn", "colleague"),
        Column("condition", _("Notes"), 1, "notes"),
    ),
    opens=("/patients/{patient_id}", "/leads/{lead_id}"),
    filters=lambda seen: [
        Filter("status", _("Status"), [(word, words(word)) for word in (*CALL.group_names, *CALL.states)]),
        Filter("unresolved", _("Outcome"), [("true", _("Missing")), ("false", _("Said"))]),
        Filter("pn_id", _("Navigator"), [(str(seen.actor.person_id), _("Me"))] if seen.actor.person_id else []),
    ],
    views=_views,
    empty=(_("No calls yet"), _("A call is booked or logged on the page of a lead or a patient."), "phone"),
    may=("call.write",),
)
add_list(router, LIST)
add_export(router, LIST)


@router.get("/calls/{call_id}/outcome", dependencies=[allow("call.write")])
async def show_outcome(request: Request, session: DbSession, actor: CurrentActor, call_id: UUID) -> Response:
    call = answers.read(await queries.get_call(session, actor, call_id=call_id), clock.now())
    audit.note(session, record_type="call_history", record_id=call_id)
    typed = dict.fromkeys(CallUpdate.model_fields, "")
    signs = await signs_of(session, call.person_id)
    return page(request, "calls/outcome.html", {**NO_ERRORS, **_CHOICES, **signs, "call": call, "typed": typed})


@router.post("/calls/{call_id}/outcome", dependencies=[allow("call.write")])
async def say_outcome(request: Request, session: DbSession, actor: CurrentActor, call_id: UUID) -> Response:
    """What came of a call that is on record: its outcome, the answer about side effects, and notes."""
    call = answers.read(await queries.get_call(session, actor, call_id=call_id), clock.now())
    typed = await typed_in(request, CallUpdate)
    seen = str((await request.form()).get("seen_version", ""))
    given = {name: value for name, value in typed.items() if value != "" and name in _SAID}
    try:
        change = read_form(CallUpdate, given)
        async with known_errors(request, session):
            if_match = etag(int(seen)) if seen.isascii() and seen.isdigit() and len(seen) < _LONGEST_VERSION else None
            await service.correct_call(session, actor, call_id=call_id, change=change, if_match=if_match)
    except NotFound:
        raise
    except AppError as error:
        context = {**_CHOICES, **await signs_of(session, call.person_id), "call": call, "typed": typed}
        return form_again(request, "calls/outcome.html", context, error)
    return go_to(request, "/today", flash=Flash(_("What came of the call is saved.")))


for _about, _model in ((PATIENTS, CallForPatient), (LEADS, CallForLead)):
    _add_log(_about, _model)
    _add_booking(_about, _model)
