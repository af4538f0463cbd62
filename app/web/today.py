"""Today: what waits for the one who looks, in the order of urgency, each row one press from done."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.calls import answers as call_answers
from app.casework.day import day_of
from app.documents.schemas import DocumentRead
from app.journeys import answers as journey_answers
from app.journeys.kinds import KINDS
from app.journeys.norms.queries import journeys_over_norm
from app.leads import answers as lead_answers
from app.people.departures.schemas import CameBackRead
from app.people.schemas import SuggestedChangeRead
from app.platform import clock
from app.platform.actor import Actor
from app.platform.paging import Page
from app.platform.text import Answer
from app.tasks import answers as task_answers
from app.tasks.schemas import TaskRead
from app.web.about import Whose
from app.web.colleagues import MANAGERS_WORK, NO_COLLEAGUES, who_may
from app.web.page_guard import allow, page_router
from app.web.render import page
from app.web.side_effects import heard_in, how_to_report, says_how_to_report
from app.web.suggestions import whose

router = page_router()

_NOTHING: Page[Any] = Page(items=[], next_cursor=None, total=0, total_is_capped=False)
_MOST_OVER_NORM = 8
"""Rows of the section of late journeys; how many more there are is said."""


@router.get("/today", dependencies=[allow("call.write")])
async def show_today(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    zone: tzinfo = request.state.frame.zone
    now = clock.now()
    ends = clock.end_of_day(now, zone)
    context: dict[str, Any] = {"now": now, "me": actor.account_id, "takes_calls": actor.person_id is not None}
    context["my_person"] = actor.person_id
    found = await day_of(session, actor, ends=ends, now=now)

    def shown(name: str, read: Callable[[Any], Answer]) -> Page[Any]:
        return audit.show_page(session, found[name], map(read, found[name].rows)) if name in found else _NOTHING

    context["calls"] = shown("calls", lambda row: call_answers.read(row, now))
    context["unresolved"] = shown("unresolved", lambda row: call_answers.read(row, now))
    today = now.astimezone(zone).date()
    times = [one.occurs_at for one in context["unresolved"].items]
    context["past_today"] = sum(at is not None and at.astimezone(zone).date() == today for at in times)
    own, nobodys = (shown(name, task_answers.read) for name in ("own_reports", "nobodys_reports"))
    context |= _tasks(own, nobodys, shown("tasks", task_answers.read))
    context["heard_in"] = await heard_in(session, actor, context["reports"].items)
    asks = context["reports"].items and not says_how_to_report(request)
    context["how_to_report"] = how_to_report(request, await who_may(session, MANAGERS_WORK) if asks else NO_COLLEAGUES)
    context["leads"] = shown("leads", lambda row: lead_answers.read(row, now))
    context["documents"] = shown("documents", DocumentRead.model_validate)
    context |= await _over_norm(session, actor, now=now)
    context |= await _suggested(session, shown("suggested", SuggestedChangeRead.model_validate))
    context["came_back"] = shown("came_back", CameBackRead.model_validate)
    return page(request, "today/today.html", context)


def _tasks(own: Page[TaskRead], nobodys: Page[TaskRead], due: Page[TaskRead]) -> dict[str, Page[TaskRead]]:
    """
    The side effects to report that are one's own or nobody's, from the minute in which they were heard of, and other
    tasks that are due.
    """
    together = {"items": [*own.items, *nobodys.items], "total": own.total + nobodys.total}
    reports = own.model_copy(update=together | {"total_is_capped": own.total_is_capped or nobodys.total_is_capped})
    # Not asked as "no report": outside of the caseload that would find nobody, and what is to be done is seen masked.
    shown = {task.task_id for task in reports.items}
    others = [task for task in due.items if task.task_id not in shown]
    total = due.total - (len(due.items) - len(others))
    return {"reports": reports, "tasks": due.model_copy(update={"items": others, "total": total})}


@dataclass(frozen=True)
class CameWithChanges:
    """Somebody of whom values arrived that differ from ours."""

    whose: Whose
    changes: list[SuggestedChangeRead]
    since: datetime


async def _suggested(session: AsyncSession, changes: Page[SuggestedChangeRead]) -> dict[str, Any]:
    """The people of one's own of whom changes are suggested, a row each."""
    of_change = await whose(session, changes.items)
    returned: dict[UUID, CameWithChanges] = {}
    for change in changes.items:
        one = CameWithChanges(of_change[change.suggested_change_id], [], change.created_at)
        returned.setdefault(change.person_id, one).changes.append(change)
    return {"suggested": changes, "returned": list(returned.values())}


async def _over_norm(session: AsyncSession, actor: Actor, *, now: datetime) -> dict[str, Any]:
    """One's own journeys that are longer in their stage than its norm, those that are longest first."""
    late: list[tuple[Any, int]] = []
    is_capped = False
    norm_days: dict[str, int] = {}
    for kind in KINDS if actor.may("journey.read") else ():
        of_kind = await journeys_over_norm(
            session, kind=kind, owner_id=actor.account_id, now=now, limit=_MOST_OVER_NORM + 1
        )
        is_capped |= len(of_kind) > _MOST_OVER_NORM
        late += [(journey_answers.read(kind, journey), days) for journey, days in of_kind]
        norm_days |= {str(kind.id_of(journey)): days for journey, days in of_kind}
    late.sort(key=lambda one: one[0].status_changed_at)
    has_more = len(late) > _MOST_OVER_NORM
    shown = [journey for journey, _ in late[:_MOST_OVER_NORM]]
    found: Page[Any] = Page(
        items=shown, next_cursor="more" if has_more else None, total=len(late), total_is_capped=is_capped
    )
    return {"over_norm": found, "norm_days": norm_days}
