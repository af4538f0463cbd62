"""A side effect that was heard of is a task: to report it within CRM_SIDE_EFFECT_HOURS of when it was heard of."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.about.queries import columns_of
from app.access import answering
from app.access.ownership import may_own
from app.access.policy import roles_allowing
from app.leads.models import PatientLead
from app.patients.models import Patient
from app.people.side_effects import Heard
from app.platform import clock
from app.platform.actor import Actor
from app.platform.locales import SOURCE, read_in
from app.tasks.models import Task
from app.tasks.rules import REPORT_TITLE, SIDE_EFFECT
from app.tasks.schemas import TaskCreate
from app.tasks.service import OWNERS_WORK, open_task
from app.tasks.states import TASK

_USUAL_HOURS = 24
"""Where nobody asks for an answer, as in a command."""
_OPEN = tuple(state for state in TASK.states if TASK.is_open(state))


async def report_of(session: AsyncSession, *, about: Mapping[str, UUID]) -> Task | None:
    """The newest open task by which a side effect is reported that was heard of in this; None where there is none."""
    named = (getattr(Task, name) == key for name, key in about.items())
    found = await session.scalars(
        select(Task)
        .where(*named, Task.rule == SIDE_EFFECT, Task.status.in_(_OPEN))
        .order_by(Task.created_at.desc(), Task.task_id.desc())
        .limit(1)
    )
    return found.one_or_none()


async def see_to_report(session: AsyncSession, actor: Actor, heard: Heard) -> None:
    """
    Make the task, one for a call. Its owner is who heard it, as far as they do tasks; of what a machine entered, the
    owner of the patient or lead, else nobody.
    """
    of_call = {name: key for name, key in heard.about.items() if name == "call_id"}
    if of_call and await report_of(session, about=of_call) is not None:
        return
    access = answering.current_access()
    hours = access.side_effect_hours if access is not None else _USUAL_HOURS
    due_at = (clock.now() + timedelta(hours=hours)).replace(microsecond=0)
    # Stored in English for every reader, and told in their language where it is shown (task_title of web/words.py).
    with read_in(SOURCE):
        title = str(REPORT_TITLE)
    given = {"title": title, "details": heard.said, "due_at": due_at.isoformat()}
    new = TaskCreate.model_validate({**given, **{name: str(key) for name, key in heard.about.items()}})
    if not actor.roles & set(roles_allowing(OWNERS_WORK)):
        new = new.model_copy(update={"owner_id": await _owner_of(session, actor, new)})
    await open_task(session, actor, new=new, rule=SIDE_EFFECT)


async def _owner_of(session: AsyncSession, actor: Actor, new: TaskCreate) -> UUID | None:
    about = await columns_of(session, actor, new)
    owner_id: UUID | None = None
    if "patient_id" in about:
        owner_id = await session.scalar(select(Patient.owner_id).where(Patient.patient_id == about["patient_id"]))
    elif "lead_id" in about:
        owner_id = await session.scalar(select(PatientLead.owner_id).where(PatientLead.lead_id == about["lead_id"]))
    return owner_id if await may_own(session, owner_id, permission=OWNERS_WORK) else None
