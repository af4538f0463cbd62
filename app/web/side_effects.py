"""What a side effect that was heard of asks for: an answer to the question, and a report in time."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import FieldError
from app.platform.locales import _
from app.platform.settings import Settings
from app.tasks.schemas import TaskCreate
from app.tasks.service import open_task
from app.web.render import Flash
from app.web.words import near_text, shown_in

FIELD: Final = "adverse_event_heard"


def lacks_answer(typed: Mapping[str, Any], said: str) -> list[FieldError]:
    """Side effects are asked of every word that somebody says to us; `said` is the field of these words."""
    if not str(typed[said]).strip() or typed[FIELD] in ("true", "false"):
        return []
    return [FieldError(FIELD, "unanswered", _("Say whether a side effect or worsening was mentioned."))]


async def report_is_due(
    request: Request, session: AsyncSession, actor: Actor, *, heard: bool | None, about_it: Mapping[str, Any]
) -> str:
    """
    What is to be done about a side effect that was `heard` of just now, and the task that it is done by; empty when
    none was. It is reported within CRM_SIDE_EFFECT_HOURS of when somebody here heard of it.
    """
    if not heard:
        return ""
    settings: Settings = request.app.state.settings
    zone = request.state.frame.zone
    due_at = (clock.now() + timedelta(hours=settings.side_effect_hours)).astimezone(zone).replace(microsecond=0)
    with shown_in(zone):
        when = near_text(due_at, in_sentence=True)
    said = str(_("A side effect was mentioned: report it before %(when)s.", when=when))
    if not actor.may("task.write"):
        return said
    due = {"due_at": due_at.isoformat(), "due_time_zone": str(zone)}
    task = TaskCreate.model_validate({"title": str(_("Report the side effect")), **due, **about_it})
    await open_task(session, actor, new=task)
    return f"{said} {_('The task is on your list.')}"


def saved(said: object, report: str) -> Flash:
    """What was saved, and what is to be reported."""
    return Flash(f"{said} {report}", tone="warning") if report else Flash(str(said))
