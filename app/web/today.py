"""Today: what waits for the one who looks, in the order of urgency, each row one press from done."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.calls import answers as call_answers
from app.calls.queries import list_calls
from app.calls.schemas import CallFilter
from app.documents.queries import list_documents
from app.documents.schemas import DocumentFilter, DocumentRead
from app.journeys import answers as journey_answers
from app.journeys.kinds import KINDS
from app.journeys.norms.queries import journeys_over_norm
from app.leads import answers as lead_answers
from app.leads.queries import list_leads
from app.leads.schemas import LeadFilter
from app.people.departures import queries as departures
from app.people.departures.schemas import CameBackFilter, CameBackRead
from app.people.queries import list_suggested_changes
from app.people.schemas import SuggestedChangeFilter, SuggestedChangeRead
from app.platform import clock
from app.platform.actor import Actor
from app.platform.paging import Page
from app.tasks import answers as task_answers
from app.tasks.queries import list_tasks
from app.tasks.schemas import TaskFilter
from app.web.about import Whose
from app.web.page_guard import allow, page_router
from app.web.render import page
from app.web.side_effects import heard_in, how_to_report
from app.web.suggestions import whose

router = page_router()

_NOTHING: Page[Any] = Page(items=[], next_cursor=None, total=0, total_is_capped=False)
_MOST, _MOST_UNRESOLVED, _MOST_OVER_NORM, _MOST_EXPIRING = 20, 8, 8, 8
"""Rows of a section; how many more there are is said. Those without an outcome leave room for the other sections."""
_LATE = timedelta(minutes=15)
"""So long after its time a booking is still one of today's calls; then it lacks an outcome."""


@router.get("/today", dependencies=[allow("call.write")])
async def show_today(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    zone: tzinfo = request.state.frame.zone
    now = clock.now()
    ends = clock.end_of_day(now, zone)
    context: dict[str, Any] = {"now": now, "me": actor.account_id, "takes_calls": actor.person_id is not None}
    context["my_person"] = actor.person_id
    context |= await _calls(session, actor, ends=ends, now=now)
    context |= dict.fromkeys(("reports", "tasks", "leads", "came_back"), _NOTHING)
    if actor.may("task.read"):
        context |= await _tasks(session, actor, ends=ends)
        context["heard_in"] = await heard_in(session, actor, context["reports"].items)
        context["how_to_report"] = how_to_report(request)
    if actor.may("lead.read"):
        leads = await list_leads(session, actor, query=LeadFilter(status="new", limit=_MOST))
        context["leads"] = audit.show_page(session, leads, [lead_answers.read(row, now) for row in leads.rows])
    context["documents"] = _NOTHING
    if actor.may("document.read"):
        papers = await list_documents(
            session, actor, query=DocumentFilter(owner="me", expiry="in_30_days", limit=_MOST_EXPIRING)
        )
        context["documents"] = audit.show_page(session, papers, map(DocumentRead.model_validate, papers.rows))
    context |= await _over_norm(session, actor, now=now)
    context |= await _suggested(session, actor)
    if actor.may("came_back.read"):
        items = await departures.list_came_back(session, actor, query=CameBackFilter(state="open", limit=_MOST))
        context["came_back"] = audit.show_page(session, items, map(CameBackRead.model_validate, items.rows))
    return page(request, "today/today.html", context)


async def _tasks(session: AsyncSession, actor: Actor, *, ends: datetime) -> dict[str, Page[Any]]:
    """
    The side effects to report that are one's own or nobody's, from the minute in which they were heard of, and other
    tasks that are due.
    """
    mine = TaskFilter(owner="me", status="open", limit=_MOST)
    found = []
    for more in ({"is_report": "true"}, {"is_report": "true", "owner": "nobody"}, {"due_before": ends}):
        tasks = await list_tasks(session, actor, query=mine.model_copy(update=more))
        found.append(audit.show_page(session, tasks, map(task_answers.read, tasks.rows)))
    own, nobodys, due = found
    together = {"items": [*own.items, *nobodys.items], "total": own.total + nobodys.total}
    reports = own.model_copy(update=together | {"total_is_capped": own.total_is_capped or nobodys.total_is_capped})
    # Not asked as "no report": outside of the caseload that would find nobody, and what is to be done is seen masked.
    shown = {task.task_id for task in reports.items}
    others = [task for task in due.items if task.task_id not in shown]
    total = due.total - (len(due.items) - len(others))
    return {"reports": reports, "tasks": due.model_copy(update={"items": others, "total": total})}


@dataclass(frozen=True)
class CameWithChanges:
    """Somebody of whom values arrived that differ from ours, and in which fields."""

    whose: Whose
    fields: list[str]
    since: datetime


async def _suggested(session: AsyncSession, actor: Actor) -> dict[str, Any]:
    """The people of one's own of whom changes are suggested, a row each."""
    if not actor.may("suggestion.read"):
        return {"suggested": _NOTHING, "returned": []}
    query = SuggestedChangeFilter(decision="open", owner="me", limit=_MOST)
    found = await list_suggested_changes(session, actor, query=query)
    changes = audit.show_page(session, found, map(SuggestedChangeRead.model_validate, found.rows))
    of_change = await whose(session, changes.items)
    returned: dict[UUID, CameWithChanges] = {}
    for change in changes.items:
        one = CameWithChanges(of_change[change.suggested_change_id], [], change.created_at)
        returned.setdefault(change.person_id, one).fields.append(change.field)
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


async def _calls(session: AsyncSession, actor: Actor, *, ends: datetime, now: datetime) -> dict[str, Any]:
    """The open bookings from now to the end of the viewer's day, the first one first, and what lacks an outcome."""
    if actor.person_id is None:
        return {"calls": _NOTHING, "unresolved": _NOTHING}
    mine, late_from = actor.person_id, now - _LATE
    today = CallFilter(pn_id=mine, status="open", occurs_from=late_from, occurs_to=ends, limit=_MOST)
    late = CallFilter(pn_id=mine, unresolved="true", occurs_to=late_from, limit=_MOST_UNRESOLVED)
    calls = await list_calls(session, actor, query=today)
    unresolved = await list_calls(session, actor, query=late)
    return {
        "calls": audit.show_page(session, calls, [call_answers.read(row, now) for row in reversed(calls.rows)]),
        "unresolved": audit.show_page(session, unresolved, [call_answers.read(row, now) for row in unresolved.rows]),
    }
