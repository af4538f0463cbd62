"""Tasks on pages: made about a lead or a patient, done with one press, opened again with another."""

from uuid import UUID

from fastapi import Path, Request, Response

from app.access.queries import account_names
from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.platform.errors import AppError, NotFound
from app.tasks import answers, service
from app.tasks.queries import get_task, list_tasks
from app.tasks.schemas import TaskCreate, TaskFilter, TaskUpdate
from app.tasks.states import TASK
from app.web.about import LEADS, PATIENTS, About
from app.web.addresses import came_from
from app.web.forms import asked_in, read_form, read_query, typed_in
from app.web.listing import Column, Filter, Listing, View
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.render import Flash, page
from app.web.words import words

router = page_router()


COLUMNS = (
    Column("name", "About"),
    Column("condition", "Task"),
    Column("due", "Due"),
    Column("state", "State", 2),
    Column("owner", "Owner", 3),
)
STATUS = Filter("status", "State", [(word, words(word)) for word in (*TASK.states, "closed")])
OWNER = Filter("owner", "Owner", [("me", "Me"), ("nobody", "Nobody")])
_ASKED = ("status", "owner", "owner_id", "person_id", "patient_id", "lead_id", "due_before")


@router.get("/tasks", dependencies=[allow("task.read")])
async def show_tasks(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    typed = asked_in(request, TaskFilter)
    query = read_query(request, TaskFilter, typed, zone=request.state.frame.zone)
    found = await list_tasks(session, actor, query=query)
    items = audit.show_page(session, found, map(answers.read, found.rows))
    mine = {"owner": "me", "status": "open"}
    listing = Listing(
        path="/tasks",
        noun=("task", "tasks"),
        columns=COLUMNS,
        filters=[STATUS, OWNER],
        views=[
            View("Mine", mine),
            View("Nobody's", {"owner": "nobody", "status": "open"}),
            View("All open", {"status": "open"}),
            View("Closed", {"status": "closed"}),
        ],
        chosen={name: typed[name] for name in _ASKED if typed[name]},
        found=items,
        cursor=typed["cursor"],
    )
    owners = await account_names(session, [row.owner_id for row in found.rows])
    shown = {"listing": listing, "owners": owners, "me": actor.account_id, "may_write": actor.may("task.write")}
    return page(request, "tasks/list.html", {**NO_ERRORS, **shown})


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
        return go_to(request, shown["here"], flash=Flash("The task is on your list."))


for _about in (PATIENTS, LEADS):
    _add_new(_about)


async def _close(request: Request, session: DbSession, actor: CurrentActor, task_id: UUID, to: str) -> Response:
    task = await get_task(session, actor, task_id=task_id)
    if task.status != to:
        # A second press, or a colleague, was quicker: it is as wanted.
        await service.change_task(session, actor, task_id=task_id, change=TaskUpdate(status=to))
    said = "Done." if to == "done" else "The task is open again."
    return go_to(request, came_from(request), flash=Flash(said))


@router.post("/tasks/{task_id}/done", dependencies=[allow("task.write")])
async def finish_task(request: Request, session: DbSession, actor: CurrentActor, task_id: UUID) -> Response:
    return await _close(request, session, actor, task_id, "done")


@router.post("/tasks/{task_id}/open", dependencies=[allow("task.write")])
async def open_task_again(request: Request, session: DbSession, actor: CurrentActor, task_id: UUID) -> Response:
    return await _close(request, session, actor, task_id, "open")
