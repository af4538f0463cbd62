"""`/tasks`: make, list, hand over, close. A task is about a person or a record of theirs."""

from typing import Annotated

from fastapi import Query, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.people import side_effects
from app.people.schemas import SearchPage
from app.platform.etags import etag
from app.platform.paging import Page
from app.platform.problems import described
from app.platform.text import Id
from app.tasks import queries, service
from app.tasks.answers import read
from app.tasks.reports import see_to_report
from app.tasks.schemas import TaskCreate, TaskFilter, TaskRead, TaskUpdate

router = api_router("/tasks", "tasks")
side_effects.register(see_to_report)


@router.post("", status_code=201, response_model=TaskRead, responses=described(404), dependencies=[allow("task.write")])
async def create_task(new: TaskCreate, session: DbSession, actor: CurrentActor, response: Response) -> TaskRead:
    """Make a task. Every POST is a task of its own."""
    task = await service.open_task(session, actor, new=new)
    response.headers["etag"] = etag(task.version)
    response.headers["location"] = f"{router.prefix}/{task.task_id}"
    return read(task)


@router.get("", response_model=SearchPage[TaskRead], dependencies=[allow("task.read")])
async def list_tasks(query: Annotated[TaskFilter, Query()], session: DbSession, actor: CurrentActor) -> Page[TaskRead]:
    """
    Tasks, the one that is due first at the front; asked for closed ones alone, the last one. `q` needs the permission
    to search.
    """
    found = await queries.list_tasks(session, actor, query=query)
    return audit.show_page(session, found, map(read, found.rows))


@router.get("/{task_id}", response_model=TaskRead, dependencies=[allow("task.read")])
async def get_task(task_id: Id, session: DbSession, actor: CurrentActor, response: Response) -> TaskRead:
    task = await queries.get_task(session, actor, task_id=task_id)
    audit.note(session, record_type="task", record_id=task_id)
    response.headers["etag"] = etag(task.version)
    return read(task)


@router.put("/{task_id}", response_model=TaskRead, dependencies=[allow("task.write")])
async def update_task(
    task_id: Id, change: TaskUpdate, session: DbSession, actor: CurrentActor, response: Response, if_match: IfMatch
) -> TaskRead:
    """
    Change the fields given; a `status` closes the task or opens it again. An empty body changes nothing.

    When one that comes again is done, `next_task_id` in the answer is the one that was made.
    """
    task = await service.change_task(session, actor, task_id=task_id, change=change, if_match=if_match)
    response.headers["etag"] = etag(task.version)
    return read(task)
