"""What a side effect that was heard of asks for: an answer to the question, and a report in time."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.calls import answers as call_answers
from app.calls.queries import calls_by_id
from app.calls.rules import asks_of_side_effects
from app.calls.schemas import CallRead
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import FieldError
from app.platform.locales import _
from app.platform.settings import Settings
from app.tasks.reports import report_of
from app.tasks.rules import SIDE_EFFECT
from app.tasks.schemas import TaskRead
from app.web.colleagues import NO_COLLEAGUES, Colleagues
from app.web.render import Flash
from app.web.words import near_text, shown_in

FIELD: Final = "adverse_event_heard"
NOT_HELD: Final = ("no_show", "cancelled")
"""What a booking may have come to beside an outcome: it did not take place."""


def lacks_answer(typed: Mapping[str, Any], said: str) -> list[FieldError]:
    """Side effects are asked of every word that somebody says to us; `said` is the field of these words."""
    if not str(typed[said]).strip() or typed[FIELD] in ("true", "false"):
        return []
    return [FieldError(FIELD, "unanswered", _("Say whether a side effect or worsening was mentioned."))]


def not_asked(typed: Mapping[str, Any], form: Mapping[str, Any]) -> list[FieldError]:
    """
    Side effects are asked of in every call in which somebody was spoken with: such a call is saved without the answer
    only when it is pressed that it is (`without_answer`).
    """
    outcome = str(typed["outcome"])
    is_answered = typed[FIELD] in ("true", "false") or form.get("without_answer") == "true"
    if is_answered or outcome in ("", *NOT_HELD) or not asks_of_side_effects(outcome):
        return []
    said = _(
        "Say whether a side effect or worsening was mentioned. If it was not asked, save the call without the answer."
    )
    return [FieldError(FIELD, "unanswered", said)]


async def report_is_due(
    request: Request, session: AsyncSession, *, heard: bool | None, about_it: str, key: UUID
) -> str:
    """
    What is to be done about a side effect that was `heard` of just now in a record, by its column `about_it` of tasks
    and its key: the task is made already. Empty when none was.
    """
    report = await report_of(session, about={about_it: key}) if heard else None
    if report is None:
        return ""
    with shown_in(request.state.frame.zone):
        when = near_text(report.due_by, in_sentence=True)
    to_do = str(_("A side effect was mentioned: report it before %(when)s.", when=when))
    return f"{to_do} {_('The task is on your list.')}"


def says_how_to_report(request: Request) -> bool:
    """Whether it is set how a side effect is reported in this organisation."""
    settings: Settings = request.app.state.settings
    return bool(settings.side_effect_report)


def how_to_report(request: Request, managers: Colleagues = NO_COLLEAGUES) -> str:
    """How a side effect is reported in this organisation, and to whom; without the setting, which of them to ask."""
    settings: Settings = request.app.state.settings
    if settings.side_effect_report:
        return settings.side_effect_report
    if managers.ids:
        return str(
            _(
                "Ask a programme manager whom to report it to: %(names)s. Nobody has entered it here yet. "
                "Say who told it, of which product, what happened, when.",
                names=managers.names,
            )
        )
    return str(
        _(
            "Ask your programme manager whom to report it to: nobody has entered it here yet. "
            "Say who told it, of which product, what happened, when."
        )
    )


async def heard_in(session: AsyncSession, actor: Actor, tasks: Iterable[TaskRead]) -> dict[UUID, CallRead]:
    """The calls, by their ids, in which the side effects were heard of that these tasks report."""
    call_ids = {task.call_id for task in tasks if task.rule == SIDE_EFFECT and task.call_id is not None}
    if not call_ids or not actor.may("call.read"):
        return {}
    found = await calls_by_id(session, actor, call_ids=call_ids)
    for call in found:
        audit.note(session, record_type="call_history", record_id=call.call_id, person_ids=[call.person_id])
    return {call.call_id: call_answers.read(call, clock.now()) for call in found}


def saved(*said: object, report: str) -> Flash:
    """What was saved, what came with it, and what is to be reported."""
    text = " ".join(filter(None, map(str, (*said, report))))
    return Flash(text, tone="warning") if report else Flash(text)
