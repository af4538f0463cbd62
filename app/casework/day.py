"""
What waits for somebody on a day, as Today shows it: the beginnings of many lists in two statements.

What a list of a package shows to its actor is said by that package (`filtered`); here it is only gathered.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls import queries as calls
from app.calls.models import CallHistory
from app.calls.schemas import CallFilter
from app.conditions.models import MedicalCondition
from app.documents import queries as documents
from app.documents.models import Document, DocumentVersion
from app.documents.schemas import DocumentFilter, DocumentVersionRead
from app.leads import queries as leads
from app.leads.models import PatientLead
from app.leads.schemas import LeadFilter
from app.people import queries as people
from app.people.departures import queries as departures
from app.people.departures.models import CameBack
from app.people.departures.schemas import CameBackFilter
from app.people.models import Person, SuggestedChange
from app.people.schemas import SuggestedChangeFilter
from app.platform.actor import Actor
from app.platform.gathering import Beginning, gathered_beginnings
from app.platform.paging import Found, SortKey
from app.tasks import queries as tasks
from app.tasks.models import Task
from app.tasks.schemas import TaskFilter

_MOST, _MOST_UNRESOLVED, _MOST_EXPIRING = 20, 8, 8
"""Rows of a list. Those without an outcome leave room for the other sections of the page."""
_LATE = timedelta(minutes=15)
"""So long after its time a booking is still one of today's calls; then it lacks an outcome."""
_NEXT_FIRST = replace(calls.NEWEST_FIRST, ascending=True)
_VERSION_COLUMNS = [getattr(DocumentVersion, name) for name in DocumentVersionRead.model_fields]


async def day_of(session: AsyncSession, actor: Actor, *, ends: datetime, now: datetime) -> dict[str, Found[Any]]:
    """
    By name the lists of what waits for the actor until the day `ends`, without those that they may not read.

    The rows are plain objects with what their answers name: people, conditions, versions.
    """
    lists = _lists(actor, ends=ends, now=now)
    begun = {one.name: one for one in lists}
    beside = {}
    if "leads" in begun:
        of_lead = select(PatientLead.medical_condition_id).join(
            begun["leads"].keys, begun["leads"].key == PatientLead.lead_id
        )
        beside["conditions"] = select(MedicalCondition).where(MedicalCondition.medical_condition_id.in_(of_lead))
    if "documents" in begun:
        beside["versions"] = (
            select(*_VERSION_COLUMNS, DocumentVersion.document_id)
            .where(DocumentVersion.document_id.in_(select(begun["documents"].key)))
            .order_by(DocumentVersion.number.desc())
        )
    found, of_rows = await gathered_beginnings(session, lists, **beside)
    conditions = {one.medical_condition_id: one for one in of_rows.get("conditions", ())}
    for lead in found["leads"].rows if "leads" in found else ():
        lead.medical_condition = conditions[lead.medical_condition_id]
    for document in found["documents"].rows if "documents" in found else ():
        document.versions = [one for one in of_rows["versions"] if one.document_id == document.document_id]
    await _name_people(session, [row for name, one in found.items() if name != "suggested" for row in one.rows])
    return found


async def _name_people(session: AsyncSession, rows: list[Any]) -> None:
    """Give each row its person, and the navigator of a call."""
    ids: set[UUID | None] = {row.person_id for row in rows} | {getattr(row, "pn_id", None) for row in rows}
    known: dict[UUID | None, Person] = {}
    if rows:
        for person in await session.scalars(select(Person).where(Person.person_id.in_(ids - {None}))):
            known[person.person_id] = person
    for row in rows:
        row.person = known[row.person_id]
        row.navigator = known.get(getattr(row, "pn_id", None))


def _lists(actor: Actor, *, ends: datetime, now: datetime) -> list[Beginning]:
    found = []
    if actor.person_id is not None:
        today: dict[str, Any] = {"status": "open", "occurs_from": now - _LATE, "occurs_to": ends, "limit": _MOST}
        found.append(_of_calls("calls", actor, _NEXT_FIRST, **today))
        # What a call that took place just now lacks is asked for at once.
        is_over = or_(CallHistory.status == "completed", CallHistory.occurs_at < now - _LATE)
        unresolved: dict[str, Any] = {"unresolved": "true", "limit": _MOST_UNRESOLVED}
        found.append(_of_calls("unresolved", actor, calls.NEWEST_FIRST, is_over, **unresolved))
    if actor.may("task.read"):
        found.append(_of_tasks("own_reports", actor, owner="me", is_report="true"))
        found.append(_of_tasks("nobodys_reports", actor, owner="nobody", is_report="true"))
        found.append(_of_tasks("tasks", actor, owner="me", due_before=ends))
    if actor.may("lead.read"):
        new = LeadFilter(status="new", limit=_MOST)
        found.append(Beginning("leads", PatientLead, ids=leads.filtered(new), query=new, sort=leads.NEWEST_FIRST))
    if actor.may("document.read"):
        expiring = DocumentFilter(owner="me", expiry="in_30_days", limit=_MOST_EXPIRING)
        ids, order = documents.filtered(actor, expiring), documents.order_of(expiring)
        person = Document.person_id
        found.append(Beginning("documents", Document, ids=ids, query=expiring, sort=order, person=person))
    if actor.may("suggestion.read"):
        waiting = SuggestedChangeFilter(decision="open", owner="me", limit=_MOST)
        ids, order = people.suggested_ids(actor, waiting), people.SUGGESTIONS_NEWEST_FIRST
        found.append(Beginning("suggested", SuggestedChange, ids=ids, query=waiting, sort=order))
    if actor.may("came_back.read"):
        open_ones = CameBackFilter(state="open", limit=_MOST)
        ids, order = departures.came_back_ids(actor, open_ones), departures.ITEMS_NEWEST_FIRST
        found.append(Beginning("came_back", CameBack, ids=ids, query=open_ones, sort=order))
    return found


def _of_calls(name: str, actor: Actor, sort: SortKey, *also: ColumnElement[bool], **asked: Any) -> Beginning:
    query = CallFilter(pn_id=actor.person_id, **asked)
    ids = calls.filtered(actor, query).where(*also)
    return Beginning(name, CallHistory, ids=ids, query=query, sort=sort, person=CallHistory.person_id)


def _of_tasks(name: str, actor: Actor, **asked: Any) -> Beginning:
    query = TaskFilter(status="open", limit=_MOST, **asked)
    ids, order = tasks.filtered(actor, query), tasks.order_of(query)
    return Beginning(name, Task, ids=ids, query=query, sort=order, person=Task.person_id)
