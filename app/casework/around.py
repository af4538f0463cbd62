"""
What is known around somebody, as the pages of their records show it: a few rows of many tables, in two statements.

What a list of a package shows to its actor is said by that package (`filtered`); here it is only gathered.
"""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, Uuid, cast, null, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls import answers as call_answers
from app.calls import queries as calls
from app.calls.models import CallHistory
from app.calls.schemas import CallFilter, CallRead
from app.casework.schemas import CaseSummary, ContactSummary
from app.conditions.models import MedicalCondition
from app.documents import queries as documents
from app.documents.models import Document, DocumentVersion
from app.documents.schemas import DocumentFilter, DocumentRead, DocumentVersionRead
from app.drafts import queries as drafts
from app.drafts.models import Draft
from app.drafts.schemas import DraftRead
from app.notes import queries as notes
from app.notes.models import Note
from app.notes.schemas import NoteFilter, NoteRead
from app.patients.models import Patient
from app.people.answers import read_role
from app.people.departures.models import PersonDeparture
from app.people.departures.schemas import DepartureSummary
from app.people.models import (
    ContactPoint,
    ContactType,
    Person,
    PersonContactType,
    PersonRelationship,
    SuggestedChange,
)
from app.people.schemas import ContactPointRead, RelationshipRead, RoleRead, SuggestedChangeRead
from app.platform import clock
from app.platform.actor import Actor
from app.platform.gathering import first_of, gathered
from app.platform.paging import SortKey
from app.tasks import answers as task_answers
from app.tasks import queries as tasks
from app.tasks.models import Task
from app.tasks.schemas import TaskFilter, TaskRead

FEW = 20
_NEWEST: Any = (object, UUID)
_POINTS = SortKey((ContactPoint.created_at, ContactPoint.contact_point_id), _NEWEST)
_ROLES = SortKey((PersonContactType.valid_from, PersonContactType.person_contact_type_id), _NEWEST)
_RELATIONSHIPS = SortKey((PersonRelationship.created_at, PersonRelationship.person_relationship_id), _NEWEST)
_CHANGES = SortKey((SuggestedChange.created_at, SuggestedChange.suggested_change_id), _NEWEST)
_ROLE_COLUMNS = [name for name in RoleRead.model_fields if name not in ("contact_type", "is_active")]
_VERSION_COLUMNS = [getattr(DocumentVersion, name) for name in DocumentVersionRead.model_fields]


@dataclass(frozen=True)
class Around:
    """
    The answers about somebody; a list that the actor may not read is empty. `bookings` are in the order of their times,
    `people` are those whom the answers name.

    `case` is the patient record there is beside the record that is shown.
    """

    contact_points: list[ContactPointRead] = field(default_factory=list)
    departures: list[DepartureSummary] = field(default_factory=list)
    roles: list[RoleRead] = field(default_factory=list)
    relationships: list[RelationshipRead] = field(default_factory=list)
    bookings: list[CallRead] = field(default_factory=list)
    suggested: list[SuggestedChangeRead] = field(default_factory=list)
    tasks: list[TaskRead] = field(default_factory=list)
    pinned: list[NoteRead] = field(default_factory=list)
    documents: list[DocumentRead] = field(default_factory=list)
    draft: DraftRead | None = None
    contacts: ContactSummary | None = None
    case: CaseSummary | None = None
    people: dict[UUID, Person] = field(default_factory=dict)


async def around_person(
    session: AsyncSession,
    actor: Actor,
    person: Person,
    *,
    draft_at: tuple[str, UUID, str] | None = None,
    asks_for_case: bool = False,
) -> Around:
    """What is around a person; `draft_at` (kind, record, field) is what the actor may have begun to write there."""
    lists = _lists(actor, person.person_id, draft_at)
    if asks_for_case and actor.may("patient.read"):
        lists["case"] = _case(person.person_id)
    found = await gathered(session, **lists)
    booked, related = found.get("bookings", []), found.get("relationships", [])
    named = {one.pn_id for one in booked} | {one.person_id for one in related}
    named |= {one.related_person_id for one in related}
    people = await _people(session, named - {None, person.person_id})
    for one in booked:
        one.navigator = people.get(one.pn_id)
    for one in (*booked, *found.get("tasks", []), *found.get("pinned", []), *found.get("documents", [])):
        one.person = person
    for one in found.get("documents", []):
        one.versions = [version for version in found["versions"] if version.document_id == one.document_id]
    written = found.get("draft", [])
    return Around(
        contact_points=[ContactPointRead.model_validate(one) for one in found["contact_points"]],
        departures=[DepartureSummary.model_validate(one) for one in found["departures"]],
        roles=[read_role(_with_type(one)) for one in found.get("roles", [])],
        relationships=[RelationshipRead.model_validate(one) for one in related],
        bookings=[call_answers.read(one, clock.now()) for one in reversed(booked)],
        suggested=[SuggestedChangeRead.model_validate(one) for one in found.get("suggested", [])],
        tasks=[task_answers.read(one) for one in found.get("tasks", [])],
        pinned=[NoteRead.model_validate(one) for one in found.get("pinned", [])],
        documents=[DocumentRead.model_validate(one) for one in found.get("documents", [])],
        draft=DraftRead.model_validate(written[0]) if written else None,
        contacts=_contacts(person, found.get("contacts", []), booked),
        case=next((CaseSummary.model_validate(one) for one in found.get("case", [])), None),
        people=people,
    )


def _contacts(person: Person, made: list[Any], booked: list[Any]) -> ContactSummary:
    """The last call in which somebody was spoken with, and the first booking that is ahead."""
    ahead = [one for one in booked if one.occurs_at >= clock.now()]
    following = min(ahead, key=lambda one: one.occurs_at, default=None)
    return ContactSummary(
        person_id=person.person_id,
        last_contact_at=made[0].occurs_at if made else None,
        next_call_at=following.occurs_at if following else None,
        next_call_time_zone=following.booking_time_zone if following else None,
    )


def _lists(actor: Actor, person_id: UUID, draft_at: tuple[str, UUID, str] | None) -> dict[str, Select[Any]]:
    point, departure = ContactPoint, PersonDeparture
    points = select(point.contact_point_id, *_POINTS.columns).where(
        point.person_id == person_id, or_(point.was.is_(None), point.was == "former")
    )
    lists: dict[str, Select[Any]] = {
        "contact_points": first_of(points, _POINTS, FEW, point),
        "departures": select(departure)
        .where(departure.person_id == person_id, departure.ended_at.is_(None))
        .order_by(departure.kind),
    }
    if actor.may("person.read"):
        lists |= _of_person(person_id)
    if actor.may("call.read"):
        booked = calls.filtered(actor, CallFilter(person_id=person_id, status="open"))
        lists["bookings"] = first_of(booked, calls.NEWEST_FIRST, FEW, CallHistory)
        spoken = calls.filtered(actor, CallFilter(person_id=person_id)).where(calls.IS_CONTACT)
        lists["contacts"] = first_of(spoken, calls.NEWEST_FIRST, 1, CallHistory)
    if actor.may("suggestion.read"):
        change = SuggestedChange
        waiting = select(change.suggested_change_id, *_CHANGES.columns)
        waiting = waiting.where(change.decision == "open", change.person_id == person_id)
        lists["suggested"] = first_of(waiting, _CHANGES, FEW, change)
    if actor.may("task.read"):
        to_do = TaskFilter(person_id=person_id, status="open")
        lists["tasks"] = first_of(tasks.filtered(actor, to_do), tasks.order_of(to_do), FEW, Task)
    if actor.may("note.read"):
        pinned = notes.filtered(actor, NoteFilter(person_id=person_id, is_pinned="true"))
        lists["pinned"] = first_of(pinned, notes.NEWEST_FIRST, FEW, Note)
    if actor.may("document.read"):
        kept = documents.filtered(actor, DocumentFilter(person_id=person_id))
        lists["documents"] = first_of(kept, documents.NEWEST_FIRST, FEW, Document)
        of_each = first_of(kept, documents.NEWEST_FIRST, FEW, Document.document_id).subquery()
        lists["versions"] = (
            select(*_VERSION_COLUMNS, DocumentVersion.document_id)
            .where(DocumentVersion.document_id.in_(select(of_each.c.document_id)))
            .order_by(DocumentVersion.number.desc())
        )
    if draft_at is not None and actor.may("draft.own"):
        kind, record_id, name = draft_at
        lists["draft"] = select(Draft).where(drafts.own(actor), drafts.at(kind, record_id, name))
    return lists


def _of_person(person_id: UUID) -> dict[str, Select[Any]]:
    role, relation = PersonContactType, PersonRelationship
    held = select(role.person_contact_type_id, *_ROLES.columns).where(role.person_id == person_id)
    columns = [getattr(role, name) for name in _ROLE_COLUMNS]
    related = select(relation.person_relationship_id, *_RELATIONSHIPS.columns).where(
        (relation.person_id == person_id) | (relation.related_person_id == person_id)
    )
    return {
        "roles": first_of(held, _ROLES, FEW, *columns, ContactType.type_name, ContactType.description).join(
            ContactType, ContactType.contact_type_id == role.contact_type_id
        ),
        "relationships": first_of(related, _RELATIONSHIPS, FEW, relation),
    }


def _case(person_id: UUID) -> Select[Any]:
    """The person's patient record, in the columns of a CaseSummary."""
    others: dict[str, Any] = {
        "lead_id": Uuid(),
        "lead_reference": Text(),
        "lead_status": Text(),
        "physician_id": Uuid(),
    }
    columns: list[Any] = [
        Patient.person_id,
        Patient.patient_id,
        Patient.status.label("patient_status"),
        MedicalCondition.name.label("condition"),
        *(cast(null(), kind).label(name) for name, kind in others.items()),
    ]
    return (
        select(*columns)
        .outerjoin(MedicalCondition, MedicalCondition.medical_condition_id == Patient.medical_condition_id)
        .where(Patient.person_id == person_id, Patient.deleted_at.is_(None))
    )


def _with_type(role: Any) -> Any:
    role.contact_type = SimpleNamespace(
        contact_type_id=role.contact_type_id, type_name=role.type_name, description=role.description
    )
    return role


async def _people(session: AsyncSession, person_ids: set[UUID]) -> dict[UUID, Person]:
    if not person_ids:
        return {}
    found = await session.scalars(select(Person).where(Person.person_id.in_(person_ids)))
    return {one.person_id: one for one in found}
