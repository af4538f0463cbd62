"""Tasks on pages: made about a lead or a patient, done with one press, opened again with another."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import HIDDEN
from app.access.queries import owners
from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError, Invalid, NotFound
from app.platform.locales import _
from app.platform.text import Body, Day, Instant, Label, Reason
from app.tasks import answers, service
from app.tasks.models import Task
from app.tasks.queries import get_task, list_tasks, lock_tasks
from app.tasks.rules import SIDE_EFFECT
from app.tasks.schemas import TaskCreate, TaskFilter, TaskRead, TaskUpdate
from app.tasks.states import TASK
from app.web.about import LEADS, PATIENTS, About
from app.web.addresses import came_from, worked_from
from app.web.approvals import asked_for, recorders
from app.web.bulk import add_bulk
from app.web.colleagues import MANAGERS_WORK, NO_COLLEAGUES, Colleagues, who_may
from app.web.exports import add_export
from app.web.forms import Typed, as_typed, read_form, typed_in
from app.web.listing import BY_PERSON, Bulk, Column, Filter, ListPage, View, add_list
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.records import Refused, in_its_place
from app.web.render import Flash, page
from app.web.side_effects import heard_in, how_to_report, says_how_to_report
from app.web.undoing import Version, undo_at, undone
from app.web.words import words

router = page_router()

LIST = ListPage(
    path="/tasks",
    title=_("Tasks"),
    permission="task.read",
    noun=(_("task"), _("tasks")),
    order=_("the first due first"),
    sort="",
    question=TaskFilter,
    find=list_tasks,
    answer=TaskRead,
    read=answers.read,
    key="task_id",
    columns=(
        Column("name", _("About"), value="person", cell="person"),
        Column("task", _("Task"), 0, "title", "task"),
        Column("due", _("Due"), 0, "due_by", "task_due", "due"),
        Column("state", _("State"), 2, "status", "task_state"),
        Column("owner", _("Owner"), 3, "owner_id", "owner"),
    ),
    opens=("/tasks/{task_id}",),
    # One's own that are open; who is given no tasks sees all that are.
    begins=lambda actor: {"owner": "me", "status": "open"} if actor.may(service.OWNERS_WORK) else {"status": "open"},
    filters=lambda _seen: [
        Filter("status", _("State"), [(word, words(word)) for word in (*TASK.states, "closed")]),
        Filter("owner", _("Owner"), [("me", _("Me")), ("nobody", _("Nobody"))]),
        Filter("is_report", _("Reports a side effect"), [("true", _("Yes")), ("false", _("No"))]),
    ],
    views=lambda _seen: [
        View(_("Mine"), {"owner": "me", "status": "open"}, empty=_("You have no open tasks")),
        View(_("Side effects to report"), {"is_report": "true", "status": "open"}),
        View(_("Nobody's"), {"owner": "nobody", "status": "open"}),
        View(_("All open"), {"status": "open"}),
        View(_("Closed"), {"status": "closed"}),
        View(_("All"), {}),
    ],
    empty=(_("No tasks yet"), _("A task is made on the page of a lead or a patient."), "checkbox"),
    may=("task.write",),
    bulk=Bulk(
        permission="task.write",
        owners_work=service.OWNERS_WORK,
        picker="tasks-to",
        table="task",
        get=get_task,
        lock=lock_tasks,
        update=TaskUpdate,
        change=service.change_task,
        undo=service.undo_change,
        moves=[(word, words(word)) for word in ("done", "open")],
    ),
    searches=BY_PERSON,
    search_right="person.search",
)
add_list(router, LIST)
add_export(router, LIST)
add_bulk(router, LIST)


_TITLES: Final = {"approvals": _("Ask a programme manager to record the approvals")}
"""By the word that a link to the form asks with what is to be done."""


def _add_new(about: About) -> None:
    key = Path(alias=about.key)

    @router.get(f"{about.address}/tasks/new", name="show_new_task", dependencies=[allow("task.write")])
    async def show_new_task(
        request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key
    ) -> Response:
        ask = request.query_params.get("ask", "")
        shown = {**await about.context(session, actor, record_id), **await _owners(session, actor)}
        typed = dict.fromkeys(TaskCreate.model_fields, "") | {"title": str(_TITLES.get(ask, ""))}
        typed["owner_id"] = str(actor.account_id)
        if ask == "approvals" and about is PATIENTS and actor.may("journey.read"):
            shown |= await recorders(session, actor)
            journey_id = request.query_params.get("journey", "")
            shown |= await asked_for(session, actor, patient_id=record_id, typed=journey_id)
            typed["owner_id"] = next(
                (key for key in shown["recorders"].ids if key in shown["owners"]), typed["owner_id"]
            )
        return page(request, "tasks/new.html", {**shown, "typed": typed})

    @router.post(f"{about.address}/tasks", name="make_task", dependencies=[allow("task.write")])
    async def make_task(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        """A task of one's own about this record."""
        typed = await typed_in(request, TaskCreate)
        shown = {
            **await about.context(session, actor, record_id),
            **await _owners(session, actor),
            "typed": typed,
        }
        given = {name: value for name, value in typed.items() if value != ""} | {about.key: str(record_id)}
        given.setdefault("due_time_zone", str(request.state.frame.zone))
        try:
            new = read_form(TaskCreate, given, zone=request.state.frame.zone)
            async with known_errors(request, session):
                task = await service.open_task(session, actor, new=new)
        except NotFound:
            raise
        except AppError as error:
            return form_again(request, "tasks/new.html", shown, error)
        said = _("The task is on your list.")
        if task.owner_id != actor.account_id:
            said = _("The task is on the list of %(name)s.", name=shown["owners"][str(task.owner_id)])
        return go_to(request, shown["here"], flash=Flash(said))


async def _owners(session: AsyncSession, actor: Actor) -> dict[str, Any]:
    """Who may own a new task, by name, the one who makes it first; and no approvals that it asks for."""
    names, able = await owners(session, (), permission=service.OWNERS_WORK)
    own = actor.account_id
    found = {str(key): names[key] for key in sorted(able, key=lambda key: key != own)}
    return {"owners": found, "recorders": NO_COLLEAGUES, "approvals": [], "journey": None}


for _about in (PATIENTS, LEADS):
    _add_new(_about)


class Edited(TaskUpdate):
    """What the form of a task sends: a title is never left out."""

    title: Label


@router.get("/tasks/{task_id}", dependencies=[allow("task.read")])
async def show_task(request: Request, session: DbSession, actor: CurrentActor, task_id: UUID) -> Response:
    context = await _task_context(request, session, actor, task_id)
    task, zone = context["task"], request.state.frame.zone
    typed = _edited(context)
    if task.due_at not in (None, HIDDEN):
        typed["due_at"] = f"{task.due_at.astimezone(zone):%Y-%m-%d %H:%M}"
    return page(request, "tasks/task.html", {**context, "typed": typed})


@router.post("/tasks/{task_id}", dependencies=[allow("task.write")])
async def edit_task(request: Request, session: DbSession, actor: CurrentActor, task_id: UUID) -> Response:
    """Its title, day or moment, details and owner, unless somebody has changed it since the form was made."""
    typed = await typed_in(request, Edited)
    seen = str((await request.form()).get("seen", ""))
    context = await _task_context(request, session, actor, task_id)
    try:
        # The report of a side effect is moved by putting it off, which asks why.
        names = [name for name in _EDITED if not (context["is_report"] and name.startswith("due_"))]
        given = {name: typed[name] for name in names}
        if given.get("due_at", "") != "":
            given["due_time_zone"] = str(request.state.frame.zone)
        change = read_form(Edited, given, zone=request.state.frame.zone)
        async with known_errors(request, session):
            await service.change_task(session, actor, task_id=task_id, change=change, if_match=f'"{seen}"')
    except NotFound:
        raise
    except AppError as error:
        return form_again(request, "tasks/task.html", {**context, "typed": _edited(context) | typed}, error)
    return go_to(request, f"/tasks/{task_id}", flash=Flash(_("The task is saved.")))


def _edited(context: Mapping[str, Any]) -> Typed:
    """The forms of a task as it is stored: what is said when it is put off or reported is not typed yet."""
    unsaid = dict.fromkeys((*Reported.model_fields, *PutOff.model_fields), "")
    return unsaid | {name: as_typed(getattr(context["task"], name)) for name in _EDITED}


_EDITED = ("title", "due_on", "due_at", "details", "owner_id")


async def _task_context(request: Request, session: DbSession, actor: CurrentActor, task_id: UUID) -> dict[str, Any]:
    task = await get_task(session, actor, task_id=task_id)
    audit.note(session, record_type="task", record_id=task_id, person_ids=[task.person_id])
    names, able = await owners(session, [task.owner_id], permission=service.OWNERS_WORK)
    place = f"/patients/{task.patient_id}" if task.patient_id else f"/leads/{task.lead_id}" if task.lead_id else None
    shown = answers.read(task)
    heard = await heard_in(session, actor, [shown])
    return {
        **NO_ERRORS,
        "task": shown,
        "is_report": task.rule == SIDE_EFFECT,
        "call": heard.get(task.call_id) if task.call_id else None,
        "how_to_report": how_to_report(request, await _managers(request, session, task)),
        "failed": "",
        "record": place or f"/people/{task.person_id}",
        "owners": [("", str(_("Nobody"))), *((str(key), names[key]) for key in names if key in {task.owner_id, *able})],
        "put_off": [("later", _("Later today")), ("tomorrow", _("Tomorrow")), ("week", _("Next week"))],
        "may_write": actor.may("task.write"),
    }


async def _managers(request: Request, session: AsyncSession, task: Task) -> Colleagues:
    """Who is asked how a side effect is reported, where that is to be done and not said."""
    if task.rule != SIDE_EFFECT or says_how_to_report(request):
        return NO_COLLEAGUES
    return await who_may(session, MANAGERS_WORK)


class PutOff(Body):
    """Until when a task waits: one of three words, or a day. The report of a side effect says why."""

    to: Literal["later", "tomorrow", "week"] | None = None
    on: Day | None = None
    reason: Reason | None = None


class Reported(Body):
    """What is said when a task is done that reports a side effect."""

    reported_at: Instant | None = None
    reason: Reason | None = None


_IN_THE_MORNING, _LATER = time(9), timedelta(hours=3)


def _until(asked: PutOff, now: datetime) -> datetime:
    """The moment that is meant, on the clock of `now`: in the morning of a day, or some hours later today."""
    if asked.on is None and asked.to == "later":
        return now + _LATER
    day = asked.on or now.date() + timedelta(days=7 if asked.to == "week" else 1)
    return datetime.combine(day, _IN_THE_MORNING, now.tzinfo)


@router.post("/tasks/{task_id}/snooze", dependencies=[allow("task.write")])
async def put_task_off(request: Request, session: DbSession, actor: CurrentActor, task_id: UUID) -> Response:
    zone = request.state.frame.zone
    typed = await typed_in(request, PutOff)
    context = await _task_context(request, session, actor, task_id)
    try:
        asked = read_form(PutOff, {name: value for name, value in typed.items() if value}, zone=zone)
        if asked.to is None and asked.on is None:
            raise Invalid(fields=[FieldError("on", "missing", _("Say until when."))])
        until = _until(asked, clock.now().astimezone(zone))
        change = TaskUpdate(snoozed_until=until, **({} if asked.reason is None else {"reason": asked.reason}))
        async with known_errors(request, session):
            await service.change_task(session, actor, task_id=task_id, change=change)
    except NotFound:
        raise
    except AppError as error:
        return await _put_off_again(request, session, actor, context, typed, error)
    return go_to(request, came_from(request), flash=Flash(_("Put off until %(when)s.", when=f"{until:%d/%m %H:%M}")))


async def _put_off_again(
    request: Request, session: DbSession, actor: CurrentActor, context: Mapping[str, Any], typed: Typed, error: AppError
) -> Response:
    """The form as it was sent, on the page where it stands: the record's, or the task's own."""
    task: TaskRead = context["task"]
    place = worked_from(request)
    if not place:
        shown = {**context, "typed": _edited(context) | typed, "failed": "snooze"}
        return form_again(request, "tasks/task.html", shown, error)
    about, record_id = (PATIENTS, task.patient_id) if task.patient_id else (LEADS, task.lead_id)
    if record_id is None or place.partition("?")[0] != context["record"] or task.status != "open" or not error.fields:
        raise error
    return await in_its_place(request, session, actor, about, record_id, Refused("snooze", typed, task.task_id), error)


async def _close(
    request: Request, session: DbSession, actor: CurrentActor, task_id: UUID, change: TaskUpdate
) -> Response:
    task = await get_task(session, actor, task_id=task_id)
    undo, since = None, task.version
    if task.status != change.status:
        # A second press, or a colleague, was quicker: it is as wanted.
        changed = await service.change_task(session, actor, task_id=task_id, change=change)
        undo = undo_at(f"/tasks/{task_id}", (since, changed.version))
    said = _("The task is done.") if change.status == "done" else _("The task is open again.")
    return go_to(request, came_from(request), flash=Flash(said, undo=undo))


@router.post("/tasks/{task_id}/undo", dependencies=[allow("task.write")])
async def undo_task(
    request: Request, session: DbSession, actor: CurrentActor, task_id: UUID, since: Version = 0, until: Version = 0
) -> Response:
    """What was just done to the task is taken back, while nobody has changed it since."""
    undo = service.undo_change(session, actor, task_id=task_id, since=since, until=until)
    return go_to(request, came_from(request), flash=await undone(request, session, undo))


@router.post("/tasks/{task_id}/done", dependencies=[allow("task.write")])
async def finish_task(request: Request, session: DbSession, actor: CurrentActor, task_id: UUID) -> Response:
    """Done; the report of a side effect says with it when it was reported, or why it was not."""
    context = await _task_context(request, session, actor, task_id)
    typed = await typed_in(request, Reported)
    try:
        said = read_form(Reported, {name: text for name, text in typed.items() if text}, zone=request.state.frame.zone)
        async with known_errors(request, session):
            change = TaskUpdate(status="done", **said.model_dump(exclude_unset=True))
            return await _close(request, session, actor, task_id, change)
    except NotFound:
        raise
    except AppError as error:
        if worked_from(request):
            raise
        shown = {**context, "typed": _edited(context) | typed, "failed": "done"}
        return form_again(request, "tasks/task.html", shown, error)


@router.post("/tasks/{task_id}/open", dependencies=[allow("task.write")])
async def open_task_again(request: Request, session: DbSession, actor: CurrentActor, task_id: UUID) -> Response:
    return await _close(request, session, actor, task_id, TaskUpdate(status="open"))
