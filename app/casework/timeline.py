"""
The timeline of a patient, or of somebody who is none yet: what happened, newest first, in one list from many tables.

Every source gives its newest rows from an index of its own and is cut to the page before they are put together, so a
page costs the same however long the story is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, false, func, literal, select, true, tuple_, union_all
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
    after: tuple[datetime, UUID] | None = None
    if query.cursor is not None:
        at, key = decode_cursor(query.cursor, query.fingerprint(), (datetime, UUID))
        after = (at, key)
    found = (
        await session.execute(page_of(person_id, patient_id, after=after, enough=query.limit + 1, about=query.about))
    ).all()
    shown = found[: query.limit]
    places = [_Place(row.kind, row.at, row.id) for row in shown]
    more = len(found) > query.limit
    total = len(found)
    if more or after is not None:
        total = await _count(session, person_id, patient_id, query.about)
    next_cursor = encode_cursor(query.fingerprint(), [shown[-1].at, shown[-1].id]) if more else None
    return Timeline(
        items=await _items(session, places),
        next_cursor=next_cursor,
        total=min(total, COUNT_CAP),
        total_is_capped=total > COUNT_CAP,
    )


async def _count(session: AsyncSession, person_id: UUID, patient_id: UUID | None, about: TimelineKind | None) -> int:
    cut = union_all(
        *_sources(person_id, patient_id, lambda _at, _key, rows: rows.limit(COUNT_CAP + 1), about)
    ).subquery()
    total: int = (await session.execute(select(func.count()).select_from(cut))).scalar_one()
    return total


def page_of(
    person_id: UUID,
    patient_id: UUID | None,
    *,
    after: tuple[datetime, UUID] | None,
    enough: int,
    about: TimelineKind | None = None,
) -> Select[Any]:
    """The kinds, moments and keys of the `enough` newest happenings after a cursor."""

    def cut(at: ColumnElement[Any], key: ColumnElement[Any], rows: Any) -> Any:
        if after is not None:
            rows = rows.where(tuple_(at, key) < tuple_(literal(after[0], at.type), literal(after[1], key.type)))
        return rows.order_by(at.desc(), key.desc()).limit(enough)

    together = union_all(*_sources(person_id, patient_id, cut, about)).subquery()
    return select(together).order_by(together.c.at.desc(), together.c.id.desc()).limit(enough)


@dataclass(frozen=True)
class _Place:
    kind: str
    at: datetime
    id: UUID


def _sources(person_id: UUID, patient_id: UUID | None, cut: Cut, about: TimelineKind | None) -> Sequence[Select[Any]]:
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
        of_patient = kind.model.patient_id == patient_id
        return of_each(kind.event_kind, getattr(kind.model, kind.key), getattr(event, kind.key), of_patient)

    def moves_of(mine: UUID) -> list[Select[Any]]:
        own = rows(literal("patient_status"), event.happened_at, event.journey_event_id, event.patient_id == mine)
        return [own, *map(of_journeys, KINDS)]

    def links_of(mine: UUID) -> Select[Any]:
        return rows(literal("physician_link"), link.created_at, link.patient_physician_id, link.patient_id == mine)

    call_kind = case((call.call_date.is_not(None), "call"), else_="booking")
    lead_moves = of_each("lead_status", PatientLead.lead_id, event.lead_id, PatientLead.person_id == person_id)
    patient_moves, links = ([], []) if patient_id is None else (moves_of(patient_id), [links_of(patient_id)])
    sources: dict[TimelineKind, list[Select[Any]]] = {
        "calls": [
            rows(call_kind, call.occurs_at, call.call_id, call.person_id == person_id, call.voided_at.is_(None)),
        ],
        "moves": [lead_moves, *patient_moves],
        "submissions": [
            rows(
                literal("submission"),
                IntakeSubmission.created_at,
                IntakeSubmission.intake_submission_id,
                IntakeSubmission.person_id == person_id,
            )
        ],
        "suggestions": [
            rows(
                literal("suggested_change"),
                SuggestedChange.decided_at,
                SuggestedChange.suggested_change_id,
                SuggestedChange.person_id == person_id,
                SuggestedChange.decided_at.is_not(None),
            )
        ],
        "notes": [
            rows(literal("note"), Note.created_at, Note.note_id, Note.person_id == person_id, Note.voided_at.is_(None))
        ],
        "tasks": [
            rows(literal("task"), Task.done_at, Task.task_id, Task.person_id == person_id, Task.done_at.is_not(None))
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
