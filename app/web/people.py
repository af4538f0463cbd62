"""What the record pages of leads and patients have in common: who somebody is, and what is known around them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.queries import account_names
from app.calls import answers as call_answers
from app.calls.queries import list_calls
from app.calls.schemas import CallFilter
from app.casework.timeline import timeline_of
from app.documents.queries import list_documents
from app.documents.schemas import DocumentFilter, DocumentRead
from app.notes.queries import list_notes
from app.notes.schemas import NoteFilter, NoteRead
from app.people import queries
from app.people.departures.queries import current_departures
from app.people.departures.schemas import DepartureSummary
from app.people.models import Person
from app.people.opt_outs import opt_outs_of
from app.people.schemas import (
    ContactPointRead,
    DuplicateCandidateFilter,
    PersonRead,
    SuggestedChangeFilter,
    SuggestedChangeRead,
)
from app.platform import clock
from app.platform.actor import Actor
from app.platform.paging import PageQuery
from app.tasks import answers as task_answers
from app.tasks.queries import list_tasks
from app.tasks.schemas import TaskFilter

ABOUT = "record_about"
"""The part of a record page that holds its facts; it comes with the head, which names some of them."""
_FEW = 20
_NAMED_BY = ("entered_by", "received_by", "decided_by", "done_by", "created_by")
"""The fields of a timeline's entries that name an account."""


@dataclass(frozen=True)
class Alike:
    """Somebody who may be the same human, and why."""

    other: PersonRead
    reasons: list[str]


async def around(
    session: AsyncSession,
    actor: Actor,
    *,
    person: Person,
    patient_id: UUID | None,
    owner_id: UUID | None,
    query: PageQuery,
) -> dict[str, Any]:
    """
    The context that a record page shares: timeline, bookings, contact points, opt-outs, suggestions, names of
    colleagues.
    """
    person_id = person.person_id
    timeline = await timeline_of(session, person_id=person_id, patient_id=patient_id, query=query)
    shown: dict[str, Any] = {
        "timeline": timeline,
        "is_earlier": query.cursor is not None,
        "bookings": [],
        "suggested": [],
        "tasks": [],
        "pinned": [],
        "documents": [],
        "may_add_documents": actor.may("document.write"),
    }
    if actor.may("call.read"):
        open_calls = CallFilter(person_id=person_id, status="open", limit=_FEW)
        found = await list_calls(session, actor, query=open_calls)
        shown["bookings"] = [call_answers.read(row, clock.now()) for row in found.rows]
    if actor.may("suggestion.read"):
        waiting = SuggestedChangeFilter(person_id=person_id, decision="open", limit=_FEW)
        changes = await queries.list_suggested_changes(session, actor, query=waiting)
        shown["suggested"] = [SuggestedChangeRead.model_validate(row) for row in changes.rows]
    if actor.may("task.read"):
        to_do = await list_tasks(session, actor, query=TaskFilter(person_id=person_id, status="open", limit=_FEW))
        shown["tasks"] = [task_answers.read(row) for row in to_do.rows]
    if actor.may("note.read"):
        pinned = await list_notes(session, actor, query=NoteFilter(person_id=person_id, is_pinned="true", limit=_FEW))
        shown["pinned"] = [NoteRead.model_validate(row) for row in pinned.rows]
    if actor.may("document.read"):
        kept = await list_documents(session, actor, query=DocumentFilter(person_id=person_id, limit=_FEW))
        shown["documents"] = [DocumentRead.model_validate(row) for row in kept.rows]
    accounts = {getattr(item.data, name, None) for item in timeline.items for name in _NAMED_BY}
    return shown | await who(session, actor, person=person, owner_id=owner_id, named=accounts)


async def signs_of(session: AsyncSession, person_id: UUID) -> dict[str, Any]:
    """What the head of each page about somebody says first: whether they died or withdrew, what they do not want."""
    found = await current_departures(session, person_id=person_id)
    person = await session.get_one(Person, person_id)
    return {
        "whom": PersonRead.model_validate(person),
        "departures": [DepartureSummary.model_validate(one) for one in found],
    }


async def who(
    session: AsyncSession,
    actor: Actor,
    *,
    person: Person,
    owner_id: UUID | None,
    named: Iterable[UUID | None] = (),
    is_part: bool = False,
) -> dict[str, Any]:
    """Who somebody is, for the head and the facts of a record page; `named` are accounts whose names are needed too."""
    points = await queries.list_contact_points(session, actor, person_id=person.person_id, query=PageQuery(limit=_FEW))
    opt_outs = await opt_outs_of(session, person)
    names = await account_names(session, {owner_id, *named, *(opt_out.entered_by for opt_out in opt_outs)})
    return {
        **await signs_of(session, person.person_id),
        "opt_outs": opt_outs,
        "contact_points": [ContactPointRead.model_validate(row) for row in points.rows],
        "names": names,
        "me": actor.account_id,
        "is_part": is_part,
        "editing": None,
        "saved": None,
    }


async def alike(session: AsyncSession, actor: Actor, *, person_id: UUID) -> list[Alike]:
    """Those who may be the same human as this person, as far as nobody has decided about it."""
    if not actor.may("suggestion.read"):
        return []
    query = DuplicateCandidateFilter(person_id=person_id, decision="open", limit=_FEW)
    pairs = (await queries.list_duplicate_candidates(session, actor, query=query)).rows
    others = {pair.person_id if pair.other_person_id == person_id else pair.other_person_id: pair for pair in pairs}
    if not others:
        return []
    people = await session.scalars(select(Person).where(Person.person_id.in_(others)).order_by(Person.person_id))
    return [Alike(PersonRead.model_validate(one), list(others[one.person_id].reasons)) for one in people]
