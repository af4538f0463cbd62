from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.about.queries import IN_SPECIAL, columns_of
from app.access.ownership import may_own, require_owner
from app.access.policy import roles_allowing
from app.audit import service as audit
from app.audit.history import before_own_change
from app.people.lives import life_of
from app.people.queries import get_person
from app.people.time_zones import offset_faults
from app.platform import clock
from app.platform.actor import Actor
from app.platform.etags import etag, require_match
from app.platform.faults import Fault, fault, require_none
from app.platform.locales import _
from app.platform.plausibility import dates_of, implausible
from app.platform.stored_fields import StoredFields
from app.tasks import queries
from app.tasks.models import Task
from app.tasks.rules import SIDE_EFFECT, Due, due_by, due_faults, next_day, repetition_faults, report_faults
from app.tasks.schemas import TaskCreate, TaskUpdate
from app.tasks.states import TASK

OWNERS_WORK = "task.write"
_NEW = StoredFields(Task, TaskCreate, special={**IN_SPECIAL, "owner_id": "who asks, when it is left out"})
_CHANGED = StoredFields(Task, TaskUpdate, special={"status": "moves the task"})
_OF_REPORT = ("reported_at", "reason")
_DUE = frozenset({"due_on", "due_at", "due_time_zone"})
_REPETITION = frozenset({"repeat_every", "repeat_unit"})
_COMES_AGAIN = (
    *("person_id", "patient_id", "lead_id", "call_id", "ct_journey_id", "eap_journey_id"),
    *("title", "details", "due_time_zone", "repeat_every", "repeat_unit", "repeat_until", "repeats_from", "rule"),
)
"""What the next task has from the one that was done."""


async def open_task(session: AsyncSession, actor: Actor, *, new: TaskCreate, rule: str | None = None) -> Task:
    """
    A new task; `rule` names what makes it when nobody does by hand. It may be about somebody who has died or withdrawn.

    The NotFound of what it is about; Invalid when that is of two people, for an owner whose role does not do this, and
    for dates that cannot be.
    """
    own = actor.account_id if actor.roles & set(roles_allowing(OWNERS_WORK)) else None
    task = Task(
        **_NEW.values(new),
        **await columns_of(session, actor, new),
        owner_id=new.owner_id if "owner_id" in new.model_fields_set else own,
        status=TASK.initial,
        rule=rule,
        created_by=actor.account_id,
        updated_by=actor.account_id,
    )
    if task.owner_id != own:
        await require_owner(session, task.owner_id, permission=OWNERS_WORK)
    require_none(await _faults(session, actor, task))
    _reckon(task, is_anew=True)
    session.add(task)
    await session.flush()
    _note(session, task)
    return await queries.get_task(session, actor, task_id=task.task_id)


async def change_task(
    session: AsyncSession, actor: Actor, *, task_id: UUID, change: TaskUpdate, if_match: str | None = None
) -> Task:
    """
    Change the fields given. When a task that comes again is done, the next one is made, once.

    TaskNotFound; Stale; TransitionNotAllowed; Invalid as for a new one, and for the report of a side effect that is put
    off or closed without what is to be said then.
    """
    task = await queries.get_task(session, actor, task_id=task_id, for_update=True)
    require_match(if_match, etag(task.version))
    given = change.model_fields_set
    if "owner_id" in given and change.owner_id != task.owner_id:
        await require_owner(session, change.owner_id, permission=OWNERS_WORK)
    before, was_due = await _faults(session, actor, task), task.due_by
    _CHANGED.set_given(task, change)
    require_none(await _faults(session, actor, task), before=before, touched=given)
    _reckon(task, is_anew=bool(given & (_DUE | _REPETITION)))
    moves = "status" in given and change.status != task.status
    _require_said(task, change, is_put_off=task.due_by > was_due, status=change.status if moves else task.status)
    if moves:
        await _move(session, actor, task, to=change.status)
    await session.flush()
    _note(session, task, given)
    return await queries.get_task(session, actor, task_id=task_id)


async def undo_change(session: AsyncSession, actor: Actor, *, task_id: UUID, since: int, until: int) -> Task:
    """
    Put back the owner and the status that the actor's own change from version `since` to `until` took away.

    TaskNotFound; Stale when the task is no longer as that change left it; Invalid and TransitionNotAllowed as for any
    change.
    """
    before = await before_own_change(session, record_id=task_id, account_id=actor.account_id, since=since, until=until)
    names = ("owner_id", "status", *(_OF_REPORT if before.get("rule") == SIDE_EFFECT else ()))
    earlier = TaskUpdate.model_validate({name: before.get(name) for name in names})
    return await change_task(session, actor, task_id=task_id, change=earlier, if_match=etag(until))


def _require_said(task: Task, change: TaskUpdate, *, is_put_off: bool, status: str) -> None:
    """Invalid when the report of a side effect is put off, or closed, and that is not accounted for by this change."""
    given, is_report = change.model_fields_set, task.rule == SIDE_EFFECT
    if "reported_at" in given and change.reported_at is not None and not (is_report and status == "done"):
        require_none([fault("reported_at", "not_done", _("Only the report of a side effect that is done has this."))])
    if is_report:
        is_said_anew = status != task.status or "reported_at" in given
        faults = report_faults(
            is_put_off=is_put_off,
            closed_as=status if is_said_anew and not TASK.is_open(status) else None,
            reported_at=task.reported_at,
            reason=change.reason if "reason" in given else None,
        )
        require_none(faults)


async def _move(session: AsyncSession, actor: Actor, task: Task, *, to: str) -> None:
    TASK.require_move(task.status, to)
    task.status = to
    is_done = to == "done"
    task.done_at, task.done_by = (clock.now(), actor.account_id) if is_done else (None, None)
    if not is_done:
        task.reported_at = None
    # One that was opened again and is done a second time has its next one already.
    if is_done and task.next_task_id is None:
        task.next_task_id = await _make_next(session, actor, task)


async def _make_next(session: AsyncSession, actor: Actor, task: Task) -> UUID | None:
    """Make the task that follows a locked one that was done; None when it does not come again."""
    if task.repeat_every is None or task.repeat_unit is None or task.repeats_from is None:
        return None
    due = _due(task)
    day = next_day(
        first=task.repeats_from,
        every=task.repeat_every,
        unit=task.repeat_unit,
        after=max(due.day, due.today(clock.now())),
        until=task.repeat_until,
    )
    if day is None:
        return None
    moved = due.moved_to(day)
    following = Task(
        **{name: getattr(task, name) for name in _COMES_AGAIN},
        due_on=moved.on,
        due_at=moved.at,
        # Who has left, or does other work now, gets nothing new.
        owner_id=task.owner_id if await may_own(session, task.owner_id, permission=OWNERS_WORK) else None,
        status=TASK.initial,
        created_by=actor.account_id,
        updated_by=actor.account_id,
    )
    _reckon(following, is_anew=False)
    session.add(following)
    await session.flush()
    return following.task_id


def _due(task: Task) -> Due:
    return Due(task.due_on, task.due_at, task.due_time_zone)


def _reckon(task: Task, *, is_anew: bool) -> None:
    """Set what follows from when the task is due; `is_anew`: also by which day its repetition is reckoned."""
    due = _due(task)
    task.due_by = due_by(due, task.snoozed_until)
    if task.repeat_every is None:
        task.repeats_from = None
    elif is_anew:
        task.repeats_from = due.day


async def _faults(session: AsyncSession, actor: Actor, task: Task) -> list[Fault]:
    """What of a task does not fit together, or cannot be in the person's life."""
    due = _due(task)
    found = [*due_faults(due), *offset_faults("due_at", task.due_at, "due_time_zone", task.due_time_zone)]
    if found:
        return found
    repetition: dict[str, Any] = {"every": task.repeat_every, "unit": task.repeat_unit, "until": task.repeat_until}
    with session.no_autoflush:
        person = await get_person(session, actor, person_id=task.person_id)
    life = await life_of(session, person)
    return [*repetition_faults(**repetition, due=due), *implausible("task", dates_of(task), life=life, now=clock.now())]


def _note(session: AsyncSession, task: Task, fields: Iterable[str] = ()) -> None:
    audit.note(session, record_type="task", record_id=task.task_id, person_ids=[task.person_id], fields=fields)
