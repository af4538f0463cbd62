"""Log a call, and say what came of one: the same pages for a lead and for a patient."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.calls import answers, queries, service
from app.calls.models import CallHistory
from app.calls.rules import asks_of_side_effects
from app.calls.schemas import CallFilter, CallForLead, CallForPatient, CallRead, CallUpdate
from app.calls.states import CALL, CHANNELS, DIRECTIONS, NOT_SPOKEN_TO, OUTCOMES
from app.leads import answers as lead_answers
from app.leads.queries import get_lead
from app.leads.schemas import LeadRead
from app.leads.service import call_is_held
from app.patients import answers as patient_answers
from app.patients.queries import get_patient
from app.patients.schemas import PatientRead
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError, Invalid, NotFound
from app.platform.etags import etag
from app.platform.locales import _
from app.platform.text import Body
from app.tasks.schemas import TaskCreate
from app.tasks.service import open_task
from app.web import next_attempt
from app.web.about import LEADS, PATIENTS, About
from app.web.addresses import came_from, way_back
from app.web.drafts import draft_is_sent, draft_of
from app.web.exports import add_export
from app.web.forms import Typed, id_in, read_form, typed_in
from app.web.listing import BY_PERSON, Column, Filter, ListPage, Seen, View, add_list
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.people import speakers_of
from app.web.render import DOCK, page, wanted_block
from app.web.side_effects import NOT_HELD, not_asked, report_is_due, saved
from app.web.undoing import Version, undo_at, undone
from app.web.words import words

router = page_router()


USUAL: Typed = {"direction": "outbound", "channel": "phone"}
_FOLLOW_UP = {"title": "follow_up", "due_on": "follow_up_on"}
"""The fields of a task that is made together with a call, by what the form calls them."""
_BESIDE = (*_FOLLOW_UP.values(), *next_attempt.FIELDS, "began_at", "booked")
"""What the form of a call holds beside the call."""
_SAID = frozenset({"outcome", "spoke_with_person_id", "adverse_event_heard", "notes", "call_duration_minutes"})
"""What is said of a call after it took place."""
_OF_BOOKING = (
    "outcome",
    "spoke_with_person_id",
    "adverse_event_heard",
    "notes",
    "call_duration_minutes",
    "call_date",
    "contact_reason",
    "direction",
    "channel",
)
"""What the form says of a booking that took place."""
_BEFORE, _AHEAD = timedelta(hours=12), timedelta(hours=2)
"""
How far from now a booking is that most likely is the call that is being logged; it may be any other of today, and one
whose time was over before then (`_OVERDUE`).
"""
_OVERDUE = timedelta(days=60)
_SATURDAY, _FEW = 5, 5
_LONGEST_VERSION = 10
_MOST_LEFT = 99
"""So many calls without an outcome are counted."""


def _add_form(about: About, model: type[CallForPatient] | type[CallForLead]) -> None:
    key = Path(alias=about.key)

    @router.get(f"{about.address}/calls/new", name="show_new_call", dependencies=[allow("call.create")])
    async def show_new_call(
        request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key
    ) -> Response:
        """
        As a page, or docked beside whatever is shown; with what was typed before and not sent. The booking that it was
        opened from (`booked`), else one of about now, is chosen as the one that took place; of one later today it is
        asked.
        """
        typed = _typed_anew(request, model)
        asked = typed["booked"]
        context = await _log_context(request, session, actor, about, record_id, typed)
        proposal = await next_attempt.proposed(request, session, actor, context["person"])
        typed[next_attempt.WHEN] = proposal
        offered: Sequence[CallRead] = context["booked"]
        is_opened_from = asked in {str(one.call_id) for one in offered}
        typed["booked"] = asked if is_opened_from else _of_about_now(offered)
        context |= {
            "draft": await draft_of(session, actor, about, record_id, "call"),
            # What was chosen in a form that was left gives way to the booking that this one was opened from.
            "chosen": {"booked": asked} if is_opened_from else {},
            "docked": wanted_block(request) == DOCK,
            "proposed": (proposal, next_attempt.weekday_of(proposal)),
            "back": way_back(came_from(request), context["here"]),
        }
        return page(request, "calls/new.html", context)


def _add_log(about: About, model: type[CallForPatient] | type[CallForLead]) -> None:
    key = Path(alias=about.key)

    @router.post(f"{about.address}/calls", name="log_call", dependencies=[allow("call.create")])
    async def log_call(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        """A call that took place: now, unless another moment is given. A task that follows from it is made with it."""
        form = await request.form()
        beside = {name: str(form.get(name, "")) for name in _BESIDE}
        typed = await typed_in(request, model) | beside
        shown = await _log_context(request, session, actor, about, record_id, typed)
        shown |= {"draft": None, "docked": wanted_block(request) == DOCK}
        if "booked" not in form and _of_about_now(shown["booked"]) != "":
            typed["booked"] = None
        shown["back"] = way_back(str(form.get("back", "")), shown["here"])
        about_it = {about.key: str(record_id)}
        given = _given(typed, about_it)
        zone = request.state.frame.zone
        try:
            task, wrong = _follow_up(actor, beside, about_it, zone)
            attempt, undated = next_attempt.read_attempt(
                request, model, typed, person=shown["person"], about_it=about_it
            )
            new = read_form(model, given, zone=zone, wrong=[*not_asked(typed, form), *wrong, *undated])
            booked = _booking_meant(typed["booked"], shown["booked"])
            async with known_errors(request, session):
                call = await _save(session, actor, new, booked)
                heard = new.adverse_event_heard
                report = await report_is_due(request, session, heard=heard, about_it="call_id", key=call.call_id)
                moved = await _lead_is_reached(session, actor, call)
                again = await next_attempt.book_attempt(
                    request, session, actor, new=attempt, about=about, record_id=record_id
                )
                if task is not None:
                    await open_task(session, actor, new=task)
                await draft_is_sent(session, actor, about, record_id, "call")
        except NotFound:
            raise
        except AppError as error:
            return form_again(request, "calls/new.html", shown, error)
        said = _("The call is logged.") if task is None else _("The call is logged, and the task is on your list.")
        flash = saved(said, moved, again, report=report)
        has_more = task is not None or moved or again or report
        if booked is None and not has_more and actor.may("call.void_own"):
            # What came with it, such as a task, no button takes back.
            flash = replace(flash, undo=undo_at(f"/calls/{call.call_id}", (0, call.version)))
        return go_to(request, shown["back"], flash=flash)


@router.post("/calls/{call_id}/undo", dependencies=[allow("call.void_own")])
async def undo_entry(
    request: Request, session: DbSession, actor: CurrentActor, call_id: UUID, until: Version = 0
) -> Response:
    """The call that one has just booked or logged is voided, while nothing has changed it since; it stays on record."""
    undo = service.undo_entry(session, actor, call_id=call_id, until=until)
    return go_to(request, came_from(request), flash=await undone(request, session, undo))


def _typed_anew(request: Request, model: type[CallForPatient] | type[CallForLead]) -> Typed:
    """What the form of a call holds before anything is typed; who called and spoke, as far as the link to it tells."""
    direction = request.query_params.get("direction", "")
    return {
        **dict.fromkeys((*model.model_fields, *_BESIDE), ""),
        **USUAL,
        **({"direction": direction} if direction in DIRECTIONS else {}),
        "follow_up_on": _next_working_day(request.state.frame.zone).isoformat(),
        **{name: request.query_params.get(name, "") for name in ("booked", "spoke_with_person_id")},
    }


async def _save(
    session: AsyncSession, actor: Actor, new: CallForPatient | CallForLead, booked: CallRead | None
) -> CallHistory:
    """A call of its own, or what is said of the booking that took place."""
    if booked is None:
        return await service.log_call(session, actor, new=new)
    change = read_form(CallUpdate, _said_of(booked, new))
    seen = etag(booked.version)
    return await service.correct_call(session, actor, call_id=booked.call_id, change=change, if_match=seen)


async def _lead_is_reached(session: AsyncSession, actor: Actor, call: CallHistory) -> str:
    """Move the lead on that was reached in this call; what is said of that, empty when none was moved."""
    if call.lead_id is None or call.status != "completed" or call.outcome != "reached":
        return ""
    if not await call_is_held(session, actor, lead_id=call.lead_id):
        return ""
    return str(_("The lead is moved to %(status)s.", status=words("call_completed").lower()))


def _given(typed: Typed, about_it: Typed) -> Typed:
    """What a model takes of the form: a call of now unless a moment is given, and no answer that nobody could give."""
    given = {name: value for name, value in typed.items() if value != "" and name not in _BESIDE} | about_it
    given.setdefault("call_date", clock.now().isoformat())
    if not asks_of_side_effects(str(typed["outcome"])):
        given.pop("adverse_event_heard", None)
        given.pop("spoke_with_person_id", None)
    return given


async def _log_context(
    request: Request, session: AsyncSession, actor: Actor, about: About, record_id: UUID, typed: Typed
) -> dict[str, Any]:
    shown = {
        **await about.context(session, actor, record_id),
        **_choices(),
        "typed": typed,
        "not_spoken_to": NOT_SPOKEN_TO,
        "may_follow_up": actor.may("task.write"),
        "booked": [],
        "chosen": {},
    }
    shown["speakers"] = await speakers_of(session, actor, shown["person"].person_id)
    if actor.may("call.write"):
        now = clock.now()
        until = max(now + _AHEAD, clock.end_of_day(now, request.state.frame.zone))
        near = {"occurs_from": now - _OVERDUE, "occurs_to": until, "sort": "-occurs", "limit": _FEW}
        found = await queries.list_calls(
            session, actor, query=CallFilter.model_validate({about.key: str(record_id), "status": "open", **near})
        )
        near_ones = {row.call_id: row for row in found.rows}
        meant = await _open_booking(session, actor, about, record_id, str(typed["booked"]))
        offered = near_ones if meant is None else {meant.call_id: meant} | near_ones
        booked = [answers.read(row, now) for row in offered.values()]
        shown["booked"] = sorted(booked, key=lambda one: one.occurs_at or now)
    return shown


async def _open_booking(
    session: AsyncSession, actor: Actor, about: About, record_id: UUID, typed: str
) -> CallHistory | None:
    """The open booking of this record that the form was opened from, whenever it is; None for any other text."""
    call_id = id_in(typed)
    if call_id is None:
        return None
    found = await queries.calls_by_id(session, actor, call_ids=[call_id])
    of_it = (one for one in found if getattr(one, about.key) == record_id and CALL.is_open(one.status))
    return next(of_it, None)


def _said_of(booked: CallRead, new: Body) -> dict[str, Any]:
    """What the form says of the booking; what was written down when it was booked stays above the notes of the call."""
    said = {name: getattr(new, name) for name in _OF_BOOKING if name in new.model_fields_set}
    if booked.notes and said.get("notes"):
        said["notes"] = f"{booked.notes}\n\n{said['notes']}"
    return said


def _of_about_now(offered: Sequence[CallRead]) -> str | None:
    """
    The booking that most likely is the call being logged; empty when none is of today, None when it has to be asked.
    """
    now = clock.now()
    away = [(one.occurs_at - now, str(one.call_id)) for one in offered if one.occurs_at is not None]
    near = [(abs(ahead), call_id) for ahead, call_id in away if -_BEFORE <= ahead <= _AHEAD]
    if near:
        return min(near)[1]
    return None if any(ahead > _AHEAD for ahead, _call_id in away) else ""


def _booking_meant(typed: str | None, offered: Sequence[CallRead]) -> CallRead | None:
    """
    The booking that took place; None for a call that was not booked. Invalid for one that is not open any more, and
    when it was not said (None).
    """
    if typed is None:
        raise Invalid(fields=[FieldError("booked", "unsaid", _("Say whether it is the booked call."))])
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


def _views(seen: Seen) -> Sequence[View]:
    everyones = [
        View(_("Everyone's"), {}),
        View(_("Open"), {"status": "open", "sort": "occurs"}),
        View(_("Without an outcome"), {"unresolved": "true"}),
        *([View(_("Agenda"), {}, href="/calls/agenda")] if seen.actor.may("call.write") else []),
    ]
    if seen.actor.person_id is None:
        return everyones
    mine = {"pn_id": str(seen.actor.person_id)}
    return [
        View(_("Mine"), mine, empty=_("You have no calls yet")),
        View(
            _("Mine without an outcome"), {**mine, "unresolved": "true"}, empty=_("Every call of yours has an outcome")
        ),
        *everyones,
    ]


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
        Column("name", _("Who"), value="person", cell="call_person"),
        Column("when", _("When"), 0, "occurs_at", "call_when", "occurs"),
        Column("state", _("State"), 0, "outcome", "call_state"),
        Column("how", _("How"), 5, "channel", "call_how"),
        Column("navigator", _("Navigator"), 3, "pn", "colleague"),
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
    searches=BY_PERSON,
    search_right="person.search",
)
add_list(router, LIST)
add_export(router, LIST)


def _choices() -> dict[str, Any]:
    """What the forms of a call offer, in the language of the reader; no time is proposed once one was typed."""
    return {
        "proposed": ("", ""),
        "outcomes": [(code, words(code)) for code in OUTCOMES],
        "directions": [(code, words(code)) for code in DIRECTIONS],
        "channels": [(code, words(code)) for code in CHANNELS],
    }


@router.get("/calls/{call_id}/outcome", dependencies=[allow("call.write")])
async def show_outcome(request: Request, session: DbSession, actor: CurrentActor, call_id: UUID) -> Response:
    """What came of a call; of one that is ahead, what can be done about it."""
    typed = dict.fromkeys((*CallUpdate.model_fields, *next_attempt.FIELDS), "")
    shown = await _outcome_context(session, actor, call_id, typed)
    proposal = await next_attempt.proposed(request, session, actor, shown["person"])
    typed[next_attempt.WHEN] = proposal
    shown["proposed"] = (proposal, next_attempt.weekday_of(proposal))
    # From call to call one goes on: "back" never is a call that has its outcome by now.
    back = way_back("" if came_from(request).endswith("/outcome") else came_from(request), "/today")
    return page(request, "calls/outcome.html", {**NO_ERRORS, **shown, "back": back})


@router.post("/calls/{call_id}/outcome", dependencies=[allow("call.write")])
async def say_outcome(request: Request, session: DbSession, actor: CurrentActor, call_id: UUID) -> Response:
    """
    What came of a call that is on record: its outcome, the answer about side effects, and notes. `then` tells where to
    go: on to the `next` call without an outcome, or `back`.
    """
    form = await request.form()
    typed = await typed_in(request, CallUpdate) | {name: str(form.get(name, "")) for name in next_attempt.FIELDS}
    seen, back = str(form.get("seen_version", "")), way_back(str(form.get("back", "")), "/today")
    shown = {**await _outcome_context(session, actor, call_id, typed), "back": back}
    call: CallRead = shown["call"]
    try:
        about, record_id = about_of(call)
        attempt, undated = next_attempt.read_attempt(
            request,
            CallForPatient if about is PATIENTS else CallForLead,
            typed | {"channel": call.channel, "contact_reason": call.contact_reason or ""},
            person=shown["person"],
            about_it={about.key: str(record_id)},
        )
        change = read_form(CallUpdate, _came_of(call, typed), wrong=[*not_asked(typed, form), *undated])
        async with known_errors(request, session):
            if_match = etag(int(seen)) if seen.isascii() and seen.isdigit() and len(seen) < _LONGEST_VERSION else None
            corrected = await service.correct_call(session, actor, call_id=call_id, change=change, if_match=if_match)
            moved = await _lead_is_reached(session, actor, corrected) if call.outcome != "reached" else ""
            again = await next_attempt.book_attempt(
                request, session, actor, new=attempt, about=about, record_id=record_id
            )
            # Of one that was known already the task was made when it was said.
            heard = change.adverse_event_heard and not call.adverse_event_heard
            report = await report_is_due(request, session, heard=heard, about_it="call_id", key=call_id)
    except NotFound:
        raise
    except AppError as error:
        return form_again(request, "calls/outcome.html", shown, error)
    following = shown["following"] if form.getlist("then")[-1:] == ["next"] else None
    place = f"/calls/{following.call_id}/outcome" if following else back
    flash = saved(_("The outcome of the call is saved."), moved, again, report=report)
    if call.status_group == "open" and not (moved or again or report):
        # What came with it, such as the next booking, no button takes back.
        flash = replace(flash, undo=undo_at(f"/calls/{call_id}/outcome", (call.version, corrected.version)))
    return go_to(request, place, flash=flash)


@router.post("/calls/{call_id}/outcome/undo", dependencies=[allow("call.write")])
async def undo_outcome(
    request: Request, session: DbSession, actor: CurrentActor, call_id: UUID, since: Version = 0, until: Version = 0
) -> Response:
    """What one has just said of a call is taken back, while nothing has changed it since; and it is asked again."""
    undo = service.undo_outcome(session, actor, call_id=call_id, since=since, until=until)
    return go_to(request, f"/calls/{call_id}/outcome", flash=await undone(request, session, undo))


def _came_of(call: CallRead, typed: Typed) -> dict[str, Any]:
    """What the form says of a call. That a booking did not take place is its state, and no outcome."""
    given = {name: value for name, value in typed.items() if value != "" and name in _SAID}
    came = given.get("outcome")
    if came in NOT_HELD:
        given = {**given, "status": came, "outcome": None}
    elif came and call.status != "completed":
        given["status"] = "completed"
    if came in NOT_HELD or not asks_of_side_effects(came):
        # Nobody was there to be asked, whatever was chosen before the outcome was.
        given.pop("adverse_event_heard", None)
        given.pop("spoke_with_person_id", None)
        if call.spoke_with_person_id is not None:
            given["spoke_with_person_id"] = None
    return given


async def _outcome_context(session: AsyncSession, actor: Actor, call_id: UUID, typed: Typed) -> dict[str, Any]:
    """A call with whom it is with, what was said in the one before, and which one waits next."""
    now = clock.now()
    call = answers.read(await queries.get_call(session, actor, call_id=call_id), now)
    audit.note(session, record_type="call_history", record_id=call_id)
    about, record_id = about_of(call)
    earlier = CallFilter(person_id=call.person_id, status="closed", occurs_to=call.occurs_at, limit=1)
    found = await queries.list_calls(session, actor, query=earlier)
    return {
        **await about.context(session, actor, record_id),
        **_choices(),
        "speakers": await speakers_of(session, actor, call.person_id),
        "came_to": [(code, words(code)) for code in (*OUTCOMES, *(NOT_HELD if call.booking_date else ()))],
        "not_spoken_to": (*NOT_SPOKEN_TO, *NOT_HELD),
        "call": call,
        "is_ahead": call.status_group == "open" and call.occurs_at is not None and call.occurs_at > now,
        "case": await _case(session, actor, call),
        "last": next((answers.read(row, now) for row in found.rows), None),
        **await _that_wait(session, actor, call, now),
        "may_call": actor.may("call.create"),
        "typed": typed,
    }


def about_of(call: CallRead) -> tuple[About, UUID]:
    """The record that a call is about: the patient's, else the lead's."""
    if call.patient_id is not None:
        return PATIENTS, call.patient_id
    assert call.lead_id is not None  # noqa: S101 - ck_call_history_about_patient_or_lead
    return LEADS, call.lead_id


async def _case(session: AsyncSession, actor: Actor, call: CallRead) -> PatientRead | LeadRead:
    """The patient, or the lead, that a call is about."""
    about, record_id = about_of(call)
    if about is PATIENTS:
        return patient_answers.read(await get_patient(session, actor, patient_id=record_id))
    return lead_answers.read(await get_lead(session, actor, lead_id=record_id), clock.now())


async def _that_wait(session: AsyncSession, actor: Actor, call: CallRead, now: datetime) -> dict[str, Any]:
    """
    Of one's own other calls that lack an outcome the next: the one before this, as Today lists them, else the newest;
    and how many there are, as far as they are counted (`most`).
    """
    waiting = {"following": None, "left": 0, "most": _MOST_LEFT}
    if actor.person_id is None or call.occurs_at is None:
        return waiting
    asked = queries.unresolved_besides(
        actor, call_id=call.call_id, occurs_at=call.occurs_at, pn_id=actor.person_id, most=_MOST_LEFT
    )
    key, left = (await session.execute(asked)).one()
    found = await queries.calls_by_id(session, actor, call_ids=[key] if key else [])
    return waiting | {"following": next((answers.read(row, now) for row in found), None), "left": left}


for _about, _model in ((PATIENTS, CallForPatient), (LEADS, CallForLead)):
    _add_form(_about, _model)
    _add_log(_about, _model)
