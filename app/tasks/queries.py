from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.about.queries import narrowed, of_a_deleted_patient
from app.people.locks import held
from app.people.search.queries import SearchFound, search_what_hangs_on_people, unsearched
from app.people.search.walk import Searched
from app.platform.actor import Actor
from app.platform.paging import SortKey, fetch_page, sorted_by
from app.tasks.errors import TaskNotFound
from app.tasks.models import Task
from app.tasks.rules import REPORT_SQL, SIDE_EFFECT
from app.tasks.schemas import TaskFilter
from app.tasks.states import TASK

_LOADED = (joinedload(Task.person, innerjoin=True),)
_DUE = (Task.due_by, Task.task_id)
FIRST_DUE = SortKey(_DUE, (datetime, UUID), ascending=True)
LAST_DUE = SortKey(_DUE, (datetime, UUID))
_SEARCHED = Searched(Task.task_id, Task.person_id, {})


async def get_task(session: AsyncSession, _actor: Actor, *, task_id: UUID, for_update: bool = False) -> Task:
    """The task with its person; TaskNotFound, for one about a deleted patient too."""
    if (task := held(Task, task_id)) is not None:
        return task
    query = select(Task).where(Task.task_id == task_id, ~of_a_deleted_patient(Task))
    if for_update:
        query = query.with_for_update(of=Task)
    found = (await session.scalars(query.options(*_LOADED).execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise TaskNotFound
    return found


async def lock_tasks(session: AsyncSession, task_ids: Collection[UUID]) -> dict[UUID, Task]:
    """Those of these tasks that can be seen, locked, as `get_task` reads them."""
    query = select(Task).where(Task.task_id.in_(task_ids), ~of_a_deleted_patient(Task)).order_by(Task.task_id)
    found = await session.scalars(
        query.with_for_update(of=Task).options(*_LOADED).execution_options(populate_existing=True)
    )
    return {task.task_id: task for task in found}


def order_of(query: TaskFilter) -> SortKey:
    """Closed tasks are looked back at, all others ahead, unless an order is asked for."""
    if query.sort is not None:
        return sorted_by(query.sort, FIRST_DUE, due=FIRST_DUE)
    return LAST_DUE if query.status is not None and not TASK.is_open(_states(query)[0]) else FIRST_DUE


def filtered(actor: Actor, query: TaskFilter) -> Select[Any]:
    """The keys of the tasks that a filter asks for, with the columns they are ordered by."""
    ids = narrowed(select(Task.task_id, *FIRST_DUE.columns), Task, query)
    states = _states(query)
    if len(states) < len(TASK.states):
        # One state as an equation, so that the index on it gives the order as well.
        ids = ids.where(Task.status == states[0] if len(states) == 1 else Task.status.in_(states))
    if query.owner_id is not None:
        ids = ids.where(Task.owner_id == query.owner_id)
    if query.owner is not None:
        ids = ids.where(Task.owner_id == actor.account_id if query.owner == "me" else Task.owner_id.is_(None))
    if query.is_report is not None:
        is_other = Task.rule.is_distinct_from(SIDE_EFFECT)
        ids = ids.where(text(REPORT_SQL) if query.is_report == "true" else is_other)
    if query.due_before is not None:
        ids = ids.where(Task.due_by <= query.due_before)
    return ids


async def list_tasks(session: AsyncSession, actor: Actor, *, query: TaskFilter) -> SearchFound[Task]:
    """
    A page of tasks, the one that is due first at the front; closed ones by status: the last one.

    As a search orders their people where one is looked for; Forbidden without the permission to search.
    """
    ids, rows = filtered(actor, query), select(Task).options(*_LOADED)
    if query.q is not None:
        return await search_what_hangs_on_people(
            session, actor, typed=query.q, query=query, of=_SEARCHED, ids=ids, order=order_of(query), rows=rows
        )
    by_owner = query.owner_id is not None or query.owner is not None
    return unsearched(
        await fetch_page(
            session,
            ids=ids,
            query=query,
            sort=order_of(query),
            rows=rows,
            # The index of an owner's tasks has those of each state in order.
            one_of=(Task.status, _states(query)) if by_owner or query.status is not None else None,
            person=Task.person_id,
        )
    )


def _states(query: TaskFilter) -> tuple[str, ...]:
    return TASK.states if query.status is None else TASK.states_of_filter(query.status)
