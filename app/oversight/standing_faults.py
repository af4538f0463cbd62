"""
Records with what no edit may make, and what stood before: rules of their tables and dates that cannot be, which
migrated rows may have.

What contradicts itself is found by an index. Whether a date can be depends on the person's life and on today, so no
index has it: tables are looked through in the order of their keys, so many rows in a request.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    Uuid,
    and_,
    bindparam,
    case,
    false,
    func,
    inspect,
    literal,
    literal_column,
    null,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.calls.models import CallHistory
from app.calls.rules import moments_of
from app.calls.states import CALL_RULES, FAULTY_CALL_SQL
from app.events.models import OWNERS, JourneyEvent
from app.events.moves import Moves, Step, time_faults
from app.journeys.eap.models import EapGate, EapJourney
from app.journeys.kinds import KINDS as KINDS_OF_JOURNEY
from app.leads.models import PatientLead
from app.leads.rules import LEAD_MOVES
from app.leads.states import FAULTY_LEAD_SQL, LEAD_RULES
from app.oversight.schemas import FaultRead, FaultyRecord, FaultyRecordRead, StandingFaultFilter
from app.patients.models import Patient, PatientPhysicianRelationship
from app.patients.rules import PATIENT_MOVES
from app.patients.states import FAULTY_PATIENT_SQL, PATIENT_RULES
from app.people.departures.models import PersonDeparture
from app.people.lives import lives_of
from app.people.models import FAULTY_ROLE_SQL, Person, PersonContactType, PersonRelationship
from app.people.roles import ROLE_RULES
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import FieldError, Invalid
from app.platform.faults import Rule, faults_in
from app.platform.gathering import Gathering, gathered
from app.platform.locales import Message
from app.platform.paging import (
    COUNT_CAP,
    Branch,
    Found,
    SortKey,
    decode_cursor,
    encode_cursor,
    fetch_keys,
    invalid_cursor,
)
from app.platform.plausibility import EVENT_DATES, Life, dates_of, implausible
from app.platform.replica import may_be_old
from app.tasks.models import Task

LOOKED_AT: Final = 2_000
"""How many rows a request looks at, until the table that reaches it, of which it reads no more than so many."""
_THE_BEGINNING: Final = UUID(int=0)


def _dates(row: Any, life: Life, now: datetime, _since: datetime | None) -> Iterable[FieldError]:
    return (fault.error for fault in implausible(row.__tablename__, dates_of(row), life=life, now=now))


def _dates_of_call(call: CallHistory, life: Life, now: datetime, _since: datetime | None) -> Iterable[FieldError]:
    return (fault.error for fault in moments_of(call, life=life, now=now))


def _dates_of_event(event: JourneyEvent, life: Life, now: datetime, since: datetime | None) -> Iterable[FieldError]:
    [moves] = [_MOVED[owner][1] for owner in OWNERS if getattr(event, owner) is not None]
    step = Step(event.to_status, happened_at=event.happened_at, is_correction=event.is_correction)
    return time_faults(moves, step, to=event.to_status, since=since, life=life, now=now)


_MOVED: Final[dict[str, tuple[Any, Moves]]] = {
    "lead_id": (PatientLead, LEAD_MOVES),
    "patient_id": (Patient, PATIENT_MOVES),
    **{kind.key: (kind.model, kind.moves) for kind in KINDS_OF_JOURNEY},
}
"""By the column of events that names them: the records that move, and by what."""


def _person_of_patient(patient_id: Any) -> ColumnElement[UUID]:
    """Whose a patient record is; nobody's when it is deleted, so that what hangs on it is not shown."""
    found = select(Patient.person_id).where(Patient.patient_id == patient_id, Patient.deleted_at.is_(None))
    return found.scalar_subquery()


def _is_patient_there(model: Any) -> ColumnElement[bool]:
    """
    Whether the patient that a row may name is not deleted.

    A value by key: for an EXISTS of every row PostgreSQL may read all deleted patients first.
    """
    found = select(Patient.deleted_at).where(Patient.patient_id == model.patient_id)
    return found.scalar_subquery().is_(None)


def _person_of_gate() -> ColumnElement[UUID]:
    found = select(_person_of_patient(EapJourney.patient_id)).where(EapJourney.eap_journey_id == EapGate.eap_journey_id)
    return found.scalar_subquery()


def _of_owner(expression: Callable[[Any], Any]) -> ColumnElement[Any]:
    """What an expression says of the record that an event moves."""
    return func.coalesce(
        *(
            select(expression(model)).where(getattr(model, owner) == getattr(JourneyEvent, owner)).scalar_subquery()
            for owner, (model, _) in _MOVED.items()
        )
    )


def _person_of_owner(model: Any) -> Any:
    if model is Patient:
        return case((Patient.deleted_at.is_(None), Patient.person_id))
    return model.person_id if model is PatientLead else _person_of_patient(model.patient_id)


def _last_move() -> ColumnElement[datetime]:
    """When the record had last moved, or was made, before it made this move; null for how it began."""
    earlier = aliased(JourneyEvent)
    entered = (earlier.created_at, earlier.journey_event_id)
    moves = (
        select(func.max(earlier.happened_at))
        .where(
            getattr(earlier, owner) == getattr(JourneyEvent, owner),
            earlier.created_at <= JourneyEvent.created_at,
            tuple_(*entered) < tuple_(JourneyEvent.created_at, JourneyEvent.journey_event_id),
        )
        .scalar_subquery()
        for owner in _MOVED
    )
    begun = _of_owner(lambda model: model.created_at)
    return case((JourneyEvent.from_status.is_not(None), func.coalesce(*moves, begun)))


@dataclass(frozen=True)
class Kind:
    """
    A table whose rows may break one of `rules` or have a date that cannot be.

    `faulty` finds those that break a rule. `only` says which rows count, `whose` whom a row is about, of whom the first
    is the one that is named, `dates` what is wrong with its dates, for which it reads the dates of the table and what
    is `read` beside; `since` is when what it belongs to had last moved.
    """

    model: Any
    whose: tuple[Any, ...]
    rules: tuple[Rule, ...] = ()
    faulty: str = ""
    only: tuple[ColumnElement[bool], ...] = ()
    dates: Callable[[Any, Life, datetime, datetime | None], Iterable[FieldError]] = _dates
    read: tuple[str, ...] = ()
    since: ColumnElement[Any] | None = None

    @property
    def record_type(self) -> FaultyRecord:
        found: FaultyRecord = self.model.__tablename__
        return found

    @property
    def key(self) -> Any:
        """The key's column, as an attribute of the model."""
        return getattr(self.model, inspect(self.model).primary_key[0].name)

    @property
    def branch(self) -> Branch:
        """The keys of the rows that break a rule, as a part of the list, in the order of the index: by key."""
        ids = select(self.key.label("record_id"), self.key.label("place")).where(text(f"({self.faulty})"), *self.only)
        return ids, SortKey((self.key,), (UUID,))


def _of_journey(model: Any) -> Kind:
    return Kind(model, (_person_of_patient(model.patient_id),))


KINDS = (
    Kind(PatientLead, (PatientLead.person_id,), LEAD_RULES, FAULTY_LEAD_SQL),
    Kind(
        Patient,
        (Patient.person_id,),
        PATIENT_RULES,
        FAULTY_PATIENT_SQL,
        only=(Patient.deleted_at.is_(None),),
    ),
    Kind(
        CallHistory,
        (CallHistory.person_id,),
        CALL_RULES,
        FAULTY_CALL_SQL,
        only=(CallHistory.voided_at.is_(None), _is_patient_there(CallHistory)),
        dates=_dates_of_call,
        read=("status", "outcome"),
    ),
    Kind(PersonContactType, (PersonContactType.person_id,), ROLE_RULES, FAULTY_ROLE_SQL),
    Kind(Person, (Person.person_id,)),
    Kind(PersonDeparture, (PersonDeparture.person_id,), only=(PersonDeparture.ended_at.is_(None),)),
    *(_of_journey(kind.model) for kind in KINDS_OF_JOURNEY),
    Kind(EapGate, (_person_of_gate(),)),
    Kind(
        JourneyEvent,
        (_of_owner(_person_of_owner),),
        dates=_dates_of_event,
        read=(*OWNERS, "to_status", "is_correction"),
        since=_last_move(),
    ),
    Kind(Task, (Task.person_id,), only=(_is_patient_there(Task),)),
    _of_journey(PatientPhysicianRelationship),
    Kind(PersonRelationship, (PersonRelationship.person_id, PersonRelationship.related_person_id)),
)


_BY_NAME: Final = {kind.record_type: kind for kind in KINDS}


@dataclass(frozen=True)
class _Place:
    """How far the tables have been looked through, and how many records were found until there."""

    record_type: str
    after: UUID
    found: int

    def cursor(self, query: StandingFaultFilter) -> str:
        return encode_cursor(query.fingerprint(), (self.record_type, self.after, self.found))


@may_be_old
async def list_faulty_records(
    session: AsyncSession, _actor: Actor, *, query: StandingFaultFilter
) -> Found[FaultyRecordRead]:
    """
    A page of records with their faults, in the order of their keys: first those that break a rule, of all tables, then
    those that have nothing wrong but a date, table by table.
    """
    kinds = [kind for kind in KINDS if query.record_type in (None, kind.record_type)]
    place, found = _place_of(query), Found[FaultyRecordRead]([], None, 0, total_is_capped=False)
    if place is None:
        found = await _that_break_a_rule(session, query, kinds)
        if found.next_cursor is not None:
            return replace(found, total_is_capped=True)
        place = _Place(kinds[0].record_type, _THE_BEGINNING, found.total)
    return await _further(session, query, kinds, place, found.rows)


def _place_of(query: StandingFaultFilter) -> _Place | None:
    """Where the page begins among the tables that are looked through; None for a page of what the index finds."""
    if query.cursor is None:
        return None
    try:
        return _Place(*decode_cursor(query.cursor, query.fingerprint(), (str, UUID, int)))
    except Invalid as error:
        if error.error_code == "invalid_cursor":
            # It may be one of the other part, which is asked next.
            return None
        raise


async def _that_break_a_rule(
    session: AsyncSession, query: StandingFaultFilter, kinds: Sequence[Kind]
) -> Found[FaultyRecordRead]:
    kinds = [kind for kind in kinds if kind.rules]
    if not kinds:
        if query.cursor is not None:
            raise invalid_cursor()
        return Found([], None, 0, total_is_capped=False)
    (ids, sort), *further = [kind.branch for kind in kinds]
    found = await fetch_keys(session, ids=ids, query=query, sort=sort, further=further)
    shown: dict[UUID, FaultyRecordRead] = {}
    if found.rows:
        of_kinds: dict[str, Select[Any]] = {
            kind.record_type: _rows_of(kind).where(kind.key.in_(found.rows)) for kind in kinds
        }
        rows = await gathered(session, **of_kinds)
        for step in (await _looked_at(session, kinds, rows, by_rules=True)).values():
            shown |= {row.key: row.record for row in step if row.record is not None}
    return replace(found, rows=[shown[key] for key in found.rows if key in shown])


async def _further(
    session: AsyncSession,
    query: StandingFaultFilter,
    kinds: Sequence[Kind],
    place: _Place,
    items: list[FaultyRecordRead],
) -> Found[FaultyRecordRead]:
    """The rest of the page: what is found from `place` on, as far as a request looks."""
    names = [kind.record_type for kind in kinds]
    if place.record_type not in names:
        raise invalid_cursor()
    kinds = kinds[names.index(place.record_type) :]
    rows = await _steps(tuple(kind.record_type for kind in kinds), LOOKED_AT).rows(session, after=place.after)
    steps = await _looked_at(session, kinds, rows)
    looked_at, is_cut = 0, False
    for kind in kinds:
        if looked_at >= LOOKED_AT:
            is_cut = True
            break
        if kind.record_type != place.record_type:
            place = _Place(kind.record_type, _THE_BEGINNING, place.found)
        step = steps[kind.record_type]
        for at, row in enumerate(step):
            if row.record is None:
                continue
            if len(items) == query.limit:
                place = replace(place, after=step[at - 1].key) if at else place
                return Found(items, place.cursor(query), min(place.found, COUNT_CAP), total_is_capped=True)
            items.append(row.record)
            place = replace(place, found=place.found + 1)
        place = replace(place, after=step[-1].key) if step else place
        looked_at += len(step)
        is_cut = len(step) == LOOKED_AT
    next_cursor = place.cursor(query) if is_cut else None
    total_is_capped = is_cut or place.found > COUNT_CAP
    return Found(items, next_cursor, min(place.found, COUNT_CAP), total_is_capped=total_is_capped)


@dataclass(frozen=True)
class _LookedAt:
    """A row that was looked at: what is shown of it when something is wrong."""

    key: UUID
    record: FaultyRecordRead | None


def _rows_of(kind: Kind, *columns: Any) -> Select[Any]:
    """
    The rows of a table, each with whether it counts, when what it belongs to had last moved, and whose it is.

    With `columns` these alone, and those that break a rule do not count.
    """
    stands_first = columns and kind.rules
    unbroken = [literal_column(f"coalesce({kind.faulty}, false)", Boolean).is_(false())] if stands_first else []
    return select(
        *(columns or (kind.model,)),
        and_(true(), *kind.only, *unbroken).label("counts"),
        (null() if kind.since is None else kind.since).label("had_moved"),
        *(key.label(f"whose_{place}") for place, key in enumerate(kind.whose)),
    )


def step_of(kind: Kind, after: UUID | ColumnElement[UUID], most: int) -> Select[Any]:
    """
    The rows that are looked at next, at most so many, with what their dates are judged by. Of those that do not count
    there may be any number; those that break a rule do not, since they stand first.
    """
    of_table = [one.field for one in EVENT_DATES if one.table == kind.record_type]
    columns = [kind.model.__table__.c[name] for name in dict.fromkeys([kind.key.key, *of_table, *kind.read])]
    return _rows_of(kind, *columns).where(kind.key > after).order_by(kind.key).limit(most)


@cache
def _steps(names: Sequence[FaultyRecord], most: int) -> Gathering:
    """
    The next rows of each table, those of the first one after the key `after`; PostgreSQL reads none of those behind the
    table that reaches `most`.
    """
    steps: dict[str, Select[Any]] = {}
    looked_at: ColumnElement[int] = literal(0)
    after: UUID | ColumnElement[UUID] = bindparam("after", type_=Uuid())
    for name in names:
        kind = _BY_NAME[name]
        step = step_of(kind, after, most).where(looked_at < most).cte(f"of_{name}")
        steps[name] = select(step).order_by(step.c[kind.key.key])
        looked_at = looked_at + select(func.count()).select_from(step).scalar_subquery()
        after = _THE_BEGINNING
    return Gathering(**steps)


async def _looked_at(
    session: AsyncSession, kinds: Sequence[Kind], found: Mapping[str, list[Any]], *, by_rules: bool = False
) -> dict[str, list[_LookedAt]]:
    """By the kind of record what was seen of its rows `found`; the rules that one breaks are told `by_rules` alone."""
    whose = {kind.record_type: [f"whose_{place}" for place in range(len(kind.whose))] for kind in kinds}
    people = {
        getattr(row, name) for kind in kinds for row in found[kind.record_type] for name in whose[kind.record_type]
    }
    lives = await lives_of(session, people - {None})
    now = clock.now()
    looked_at: dict[str, list[_LookedAt]] = {}
    for kind in kinds:
        looked_at[kind.record_type] = []
        for row in found[kind.record_type]:
            row.__tablename__ = kind.record_type
            keys = [getattr(row, name) for name in whose[kind.record_type]] if row.counts else []
            known = [(key, lives[key]) for key in keys if key in lives]
            looked_at[kind.record_type].append(_look(kind, row, kind.rules if by_rules else (), known, now))
    return looked_at


def _told(message: str) -> Message:
    return message if isinstance(message, Message) else Message(message)


def _look(kind: Kind, row: Any, rules: Sequence[Rule], people: Sequence[tuple[UUID, Life]], now: datetime) -> _LookedAt:
    key = getattr(row, kind.key.key)
    if not people:
        return _LookedAt(key, None)
    errors = [fault.error for fault in faults_in(row, rules)]
    errors += [error for _, life in people for error in kind.dates(row, life, now, row.had_moved)]
    if not errors:
        return _LookedAt(key, None)
    record = FaultyRecordRead(
        record_type=kind.record_type,
        record_id=key,
        person_id=people[0][0],
        faults=[
            FaultRead(field=error.field, code=error.code, message=_told(error.message))
            for error in dict.fromkeys(errors)
        ],
    )
    return _LookedAt(key, record)
