"""Tasks on pages: made about a lead or a patient, done with one press, opened again with another."""

from uuid import UUID

from fastapi import Path, Request, Response

from app.access.request_guard import CurrentActor, DbSession
from app.platform.errors import AppError, NotFound
from app.tasks import service
from app.tasks.queries import get_task
from app.tasks.schemas import TaskCreate, TaskUpdate
from app.web.about import LEADS, PATIENTS, About
from app.web.addresses import came_from
from app.web.forms import read_form, typed_in
from app.web.page_guard import allow, form_again, go_to, known_errors, page_router
from app.web.render import Flash, page

router = page_router()


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
