"""Tasks on pages: made about a lead or a patient, done with one press, opened again with another."""

from uuid import UUID

from fastapi import Path, Request, Response

from app.access.request_guard import CurrentActor, DbSession
from app.platform.errors import AppError, NotFound
from app.platform.locales import _
from app.tasks import answers, service
from app.tasks.queries import get_task, list_tasks
from app.tasks.schemas import TaskCreate, TaskFilter, TaskRead, TaskUpdate
from app.tasks.states import TASK
from app.web.about import LEADS, PATIENTS, About
from app.web.addresses import came_from
from app.web.bulk import add_bulk
from app.web.exports import add_export
from app.web.forms import read_form, typed_in
from app.web.listing import Bulk, Column, Filter, ListPage, View, add_list
from app.web.page_guard import allow, form_again, go_to, known_errors, page_router
from app.web.render import Flash, page
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
        Column("condition", _("Task"), 0, "title"),
        Column("due", _("Due"), 0, "due_by", "task_due", "due"),
        Column("state", _("State"), 2, "status", "task_state"),
        Column("owner", _("Owner"), 3, "owner_id", "owner"),
    ),
    opens=("/patients/{patient_id}", "/leads/{lead_id}", "/history/persons/{person_id}"),
    filters=lambda _seen: [
        Filter("status", _("State"), [(word, words(word)) for word in (*TASK.states, "closed")]),
        Filter("owner", _("Owner"), [("me", _("Me")), ("nobody", _("Nobody"))]),
    ],
    views=lambda _seen: [
        View(_("Mine"), {"owner": "me", "status": "open"}),
        View(_("Nobody's"), {"owner": "nobody", "status": "open"}),
        View(_("All open"), {"status": "open"}),
        View(_("Closed"), {"status": "closed"}),
    ],
    empty=(_("No tasks yet"), _("A task is made on the page of a lead or a patient."), "checkbox"),
    may=("task.write",),
    bulk=Bulk(
        permission="task.write",
        owners_work=service.OWNERS_WORK,
        table="task",
        get=get_task,
        update=TaskUpdate,
        change=service.change_task,
        undo=service.undo_change,
        moves=[(word, words(word)) for word in ("done", "open")],
    ),
)
add_list(router, LIST)
add_export(router, LIST)
add_bulk(router, LIST)


def _add_new(about: About) -> None:
    key = Path(alias=about.key)

    @router.get(f"{about.address}/tasks/new", name="show_new_task", dependencies=[allow("task.write")])
    async def show_new_task(
        request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key
    ) -> Response:
        typed = dict.fromkeys(TaskCreate.model_fields, "")
        return page(request, "tasks/new.html", {**await about.context(session, actor, record_id), "typed": typed})

    @router.post(f"{about.address}/tasks", name="make_task", dependencies=[allow("task.write")])
    async def make_task(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        """A task of one's own about this record."""
        typed = await typed_in(request, TaskCreate)
        shown = {**await about.context(session, actor, record_id), "typed": typed}
        given = {name: value for name, value in typed.items() if value != ""} | {about.key: str(record_id)}
        given.setdefault("due_time_zone", str(request.state.frame.zone))
        try:
            new = read_form(TaskCreate, given, zone=request.state.frame.zone)
            async with known_errors(request, session):
                await service.open_task(session, actor, new=new)
        except NotFound:
            raise
        except AppError as error:
            return form_again(request, "tasks/new.html", shown, error)
        return go_to(request, shown["here"], flash=Flash(_("The task is on your list.")))


for _about in (PATIENTS, LEADS):
    _add_new(_about)


async def _close(request: Request, session: DbSession, actor: CurrentActor, task_id: UUID, to: str) -> Response:
    task = await get_task(session, actor, task_id=task_id)
    if task.status != to:
        # A second press, or a colleague, was quicker: it is as wanted.
        await service.change_task(session, actor, task_id=task_id, change=TaskUpdate(status=to))
    said = _("Done.") if to == "done" else _("The task is open again.")
    return go_to(request, came_from(request), flash=Flash(said))


@router.post("/tasks/{task_id}/done", dependencies=[allow("task.write")])
async def finish_task(request: Request, session: DbSession, actor: CurrentActor, task_id: UUID) -> Response:
    return await _close(request, session, actor, task_id, "done")


@router.post("/tasks/{task_id}/open", dependencies=[allow("task.write")])
async def open_task_again(request: Request, session: DbSession, actor: CurrentActor, task_id: UUID) -> Response:
    return await _close(request, session, actor, task_id, "open")
