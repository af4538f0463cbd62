"""
The timeline of a patient, or of somebody who is none yet: what happened, newest first, in one list from many tables.

Every source gives its newest rows from an index of its own and is cut to the page before they are put together, so a
page costs the same however long the story is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    Select,
    Uuid,
    bindparam,
    case,
    false,
    func,
    literal,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.calls.models import CallHistory
from app.casework.schemas import (
    CallEntry,
    CallItem,
    NoteEntry,
    NoteItem,
    PhysicianEntry,
    PhysicianItem,
    StatusEntry,
    StatusItem,
    SubmissionEntry,
    SubmissionItem,
    SuggestionEntry,
    SuggestionItem,
    TaskEntry,
    TaskItem,
    Timeline,
    TimelineItem,
    TimelineKind,
    TimelineQuery,
)
from app.events.models import JourneyEvent
from app.journeys.kind import Kind
from app.journeys.kinds import KINDS
from app.leads.models import PatientLead
from app.notes.models import Note
from app.patients.models import PatientPhysicianRelationship
from app.people.models import IntakeSubmission, SuggestedChange
from app.platform.gathering import gathered
from app.platform.paging import COUNT_CAP, decode_cursor, encode_cursor
from app.tasks.models import Task

Cut = Callable[[ColumnElement[Any], ColumnElement[Any], Any], Any]
"""Takes the moment, the key and the rows of a source: only those after the cursor, newest first, and enough of them."""


async def timeline_of(
    session: AsyncSession, *, person_id: UUID, patient_id: UUID | None, query: TimelineQuery
) -> Timeline:
    """A page of a person's timeline, with what happened to their patient record when it is named."""
    asked: dict[str, Any] = {"person_id": person_id, "patient_id": patient_id}
    after: list[Any] | None = None
    if query.cursor is not None:
        after = decode_cursor(query.cursor, query.fingerprint(), (datetime, UUID))
        asked["after_at"], asked["after_id"] = after
    statement = page_of(of_patient=patient_id is not None, is_further=after is not None, about=query.about)
    found = (await session.execute(statement, asked | {"enough": query.limit + 1})).all()
    shown = found[: query.limit]
    places = [_Place(row.kind, row.at, row.id) for row in shown]
    more = len(found) > query.limit
    total = len(found)
    if more or after is not None:
        total = (
            await session.execute(_count(of_patient=patient_id is not None, about=query.about), asked)
        ).scalar_one()
    next_cursor = encode_cursor(query.fingerprint(), [shown[-1].at, shown[-1].id]) if more else None
    return Timeline(
        items=await _items(session, places),
        next_cursor=next_cursor,
        total=min(total, COUNT_CAP),
        total_is_capped=total > COUNT_CAP,
    )


_PERSON, _PATIENT = bindparam("person_id", type_=Uuid()), bindparam("patient_id", type_=Uuid())
_AFTER_AT, _AFTER_ID = bindparam("after_at", type_=DateTime(timezone=True)), bindparam("after_id", type_=Uuid())
_ENOUGH = bindparam("enough", type_=Integer())


@cache
def _count(*, of_patient: bool, about: TimelineKind | None) -> Select[int]:
    """How many happenings there are, up to one more than COUNT_CAP of each kind."""
    cut = union_all(*_sources(lambda _at, _key, rows: rows.limit(COUNT_CAP + 1), about, of_patient=of_patient))
    return select(func.count()).select_from(cut.subquery())


@cache
def page_of(*, of_patient: bool, is_further: bool, about: TimelineKind | None) -> Select[Any]:
    """The kinds, moments and keys of the `enough` newest happenings, after a cursor where it is a further page."""

    def cut(at: ColumnElement[Any], key: ColumnElement[Any], rows: Any) -> Any:
        if is_further:
            rows = rows.where(tuple_(at, key) < tuple_(_AFTER_AT, _AFTER_ID))
        return rows.order_by(at.desc(), key.desc()).limit(_ENOUGH)

    together = union_all(*_sources(cut, about, of_patient=of_patient)).subquery()
    return select(together).order_by(together.c.at.desc(), together.c.id.desc()).limit(_ENOUGH)


@dataclass(frozen=True)
class _Place:
    kind: str
    at: datetime
    id: UUID


def _sources(cut: Cut, about: TimelineKind | None, *, of_patient: bool) -> Sequence[Select[Any]]:
    """Every source of this kind as (kind, at, id), each cut."""
    event, call, link = JourneyEvent, CallHistory, PatientPhysicianRelationship

    def rows(kind: Any, at: Any, key: Any, *where: ColumnElement[bool]) -> Select[Any]:
        chosen = select(kind.label("kind"), at.label("at"), key.label("id")).where(*where)
        # A subquery of its own, so that its order and limit are inside the union.
        return select(cut(at, key, chosen).subquery())

    def of_each(kind: str, owner: InstrumentedAttribute[UUID], own: Any, *where: ColumnElement[bool]) -> Select[Any]:
        """The events of each of the person's records of one kind: a few records, each read from its index."""
        records = select(owner.label("record_id")).where(*where).subquery()
        chosen = select(event.happened_at.label("at"), event.journey_event_id.label("id")).where(
            own == records.c.record_id
        )
        newest = cut(event.happened_at.expression, event.journey_event_id.expression, chosen).lateral()
        return select(literal(kind).label("kind"), newest.c.at, newest.c.id).select_from(records.join(newest, true()))

    def of_journeys(kind: Kind) -> Select[Any]:
        of_patient = kind.model.patient_id == _PATIENT
        return of_each(kind.event_kind, getattr(kind.model, kind.key), getattr(event, kind.key), of_patient)

    def of_this_patient() -> tuple[list[Select[Any]], list[Select[Any]]]:
        own = rows(literal("patient_status"), event.happened_at, event.journey_event_id, event.patient_id == _PATIENT)
        physicians = rows(
            literal("physician_link"), link.created_at, link.patient_physician_id, link.patient_id == _PATIENT
        )
        return [own, *map(of_journeys, KINDS)], [physicians]

    call_kind = case((call.call_date.is_not(None), "call"), else_="booking")
    lead_moves = of_each("lead_status", PatientLead.lead_id, event.lead_id, PatientLead.person_id == _PERSON)
    patient_moves, links = of_this_patient() if of_patient else ([], [])
    sources: dict[TimelineKind, list[Select[Any]]] = {
        "calls": [
            rows(call_kind, call.occurs_at, call.call_id, call.person_id == _PERSON, call.voided_at.is_(None)),
        ],
        "moves": [lead_moves, *patient_moves],
        "submissions": [
            rows(
                literal("submission"),
                IntakeSubmission.created_at,
                IntakeSubmission.intake_submission_id,
                IntakeSubmission.person_id == _PERSON,
            )
        ],
        "suggestions": [
            rows(
                literal("suggested_change"),
                SuggestedChange.decided_at,
                SuggestedChange.suggested_change_id,
                SuggestedChange.person_id == _PERSON,
                SuggestedChange.decided_at.is_not(None),
            )
        ],
        "notes": [
            rows(literal("note"), Note.created_at, Note.note_id, Note.person_id == _PERSON, Note.voided_at.is_(None))
        ],
        "tasks": [
            rows(literal("task"), Task.done_at, Task.task_id, Task.person_id == _PERSON, Task.done_at.is_not(None))
        ],
        "physicians": links,
    }
    found = [one for kind, of_kind in sources.items() if about in (None, kind) for one in of_kind]
    # Of somebody who is no patient there is no physician: an empty timeline is one of no calls.
    return found or [sources["calls"][0].where(false())]


@dataclass(frozen=True)
class _Shape:
    """How the rows of some kinds are loaded and shown."""

    key: InstrumentedAttribute[UUID]
    item: Any
    entry: Any


_CALL = _Shape(CallHistory.call_id, CallItem, CallEntry)
_STATUS = _Shape(JourneyEvent.journey_event_id, StatusItem, StatusEntry)
_SHAPES = {
    "booking": _CALL,
    "call": _CALL,
    "lead_status": _STATUS,
    "patient_status": _STATUS,
    **{kind.event_kind: _STATUS for kind in KINDS},
    "submission": _Shape(IntakeSubmission.intake_submission_id, SubmissionItem, SubmissionEntry),
    "suggested_change": _Shape(SuggestedChange.suggested_change_id, SuggestionItem, SuggestionEntry),
    "note": _Shape(Note.note_id, NoteItem, NoteEntry),
    "task": _Shape(Task.task_id, TaskItem, TaskEntry),
    "physician_link": _Shape(PatientPhysicianRelationship.patient_physician_id, PhysicianItem, PhysicianEntry),
}


async def _items(session: AsyncSession, places: list[_Place]) -> list[TimelineItem]:
    """The rows of a page as its items, in its order: one statement for all tables that the page shows."""
    shapes = {shape.key.class_.__tablename__: shape for shape in map(_SHAPES.__getitem__, {p.kind for p in places})}
    asked = {
        name: select(shape.key, *(getattr(shape.key.class_, field) for field in shape.entry.model_fields)).where(
            shape.key.in_([place.id for place in places if _SHAPES[place.kind] is shape])
        )
        for name, shape in sorted(shapes.items())
    }
    found = await gathered(session, **asked)
    loaded = {getattr(row, shapes[name].key.key): row for name, rows in found.items() for row in rows}
    return [
        _SHAPES[place.kind].item(
            kind=place.kind,
            at=place.at,
            id=place.id,
            data=_SHAPES[place.kind].entry.model_validate(loaded[place.id]),
        )
        for place in places
    ]
