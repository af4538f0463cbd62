from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Table,
    Text,
    Uuid,
    any_,
    bindparam,
    exists,
    false,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.patients.errors import PatientNotFound, order_not_there
from app.patients.models import Patient, PatientOrder
from app.patients.schemas import SORTED_WITH, PatientFilter
from app.patients.states import PATIENT
from app.people.locks import held, lock_people, lock_person_of
from app.people.search.queries import SearchFound, search, unsearched
from app.people.search.walk import Hits, Searched, filters_of, lives_in, mark_of, mark_of_country
from app.platform.actor import Actor
from app.platform.db import tables_that_say
from app.platform.paging import OneOf, PageQuery, SortKey, fetch_page, sorted_by
from app.platform.states import Machine

LOADED = (joinedload(Patient.person, innerjoin=True), joinedload(Patient.medical_condition, innerjoin=True))
_SEARCHED = Searched(
    Patient.patient_id,
    Patient.person_id,
    filters_of(
        Patient,
        "medical_condition_id",
        "owner_id",
        owner=Patient.owner_id.is_(None),
        states=Patient.status == any_(bindparam("states", type_=ARRAY(Text()))),
        is_there=Patient.deleted_at.is_(None),
        country=lives_in(Patient.person_id),
        stages=false(),
        **{
            column.key: exists().where(
                PatientOrder.patient_id == Patient.patient_id,
                column == any_(bindparam(column.key, type_=ARRAY(Text()))),
            )
            for column in (PatientOrder.clinical_trial_stage, PatientOrder.eap_stage)
        },
    ),
)
_NEWEST_FIRST = SortKey((Patient.created_at, Patient.patient_id), (datetime, UUID))
_ORDERS = {
    word: SortKey((column, PatientOrder.patient_id), (kind, UUID))
    for word, column, kind in (
        ("created", PatientOrder.created_at, datetime),
        ("status", PatientOrder.status, str),
        ("owner", PatientOrder.owner, str),
        ("name", PatientOrder.name, str),
        ("last_contact", PatientOrder.last_contact_at, datetime),
        ("next_call", PatientOrder.next_call_at, datetime),
    )
}
_MOVED_AT_ONCE = 5_000


async def get_patient(
    session: AsyncSession, actor: Actor, *, patient_id: UUID, include_deleted: bool = False, for_update: bool = False
) -> Patient:
    """
    The patient with their person and condition; PatientNotFound, for a deleted one too unless it is asked for.

    Forbidden when deleted ones are asked for by anyone who may not see them. `for_update` locks the person as well.
    """
    if (patient := held(Patient, patient_id)) is not None:
        return patient
    if for_update:
        await lock_person_of(session, select(Patient.person_id).where(Patient.patient_id == patient_id))
    query = select(Patient).where(Patient.patient_id == patient_id)
    if include_deleted:
        actor.require("patient.read_deleted")
    else:
        query = query.where(Patient.deleted_at.is_(None))
    found = await _one(session, query, for_update=for_update)
    if found is None:
        raise PatientNotFound
    return found


async def lock_patients(session: AsyncSession, patient_ids: Collection[UUID]) -> dict[UUID, Patient]:
    """Those of these patients who are not deleted, locked with their people, as `get_patient` reads them."""
    people = (await session.scalars(select(Patient.person_id).where(Patient.patient_id.in_(patient_ids)))).all()
    await lock_people(session, people)
    query = select(Patient).where(
        Patient.patient_id.in_(patient_ids), Patient.person_id.in_(people), Patient.deleted_at.is_(None)
    )
    query = query.order_by(Patient.patient_id).with_for_update(of=Patient, key_share=True).options(*LOADED)
    found = await session.scalars(query.execution_options(populate_existing=True))
    return {patient.patient_id: patient for patient in found}


async def find_patient_of_person(
    session: AsyncSession, _actor: Actor, *, person_id: UUID, for_update: bool = False
) -> Patient | None:
    """The person's patient record, a deleted one too, or None. `for_update` is for who has locked the person."""
    return await _one(session, select(Patient).where(Patient.person_id == person_id), for_update=for_update)


@dataclass(frozen=True)
class Read:
    """How a list is read: its keys with what they are ordered by, the order, and a filter of several values."""

    ids: Select[Any]
    sort: SortKey
    one_of: OneOf | None = None


async def list_patients(session: AsyncSession, actor: Actor, *, query: PatientFilter) -> SearchFound[Patient]:
    """
    A page of patients, newest first, in the order asked for, or as a search orders them. Forbidden for deleted ones and
    for a search without the permission; Invalid for an order that no index has with these filters.
    """
    if query.include_deleted == "true":
        actor.require("patient.read_deleted")
    rows = select(Patient).options(*LOADED)
    if query.q is not None:
        return await search(session, actor, typed=query.q, query=query, hits=_hits(query), rows=rows)
    read = ordered(query)
    if read is None:
        read = _newest_first(query)
    else:
        rows = rows.join(PatientOrder, PatientOrder.patient_id == Patient.patient_id)
    return unsearched(
        await fetch_page(session, ids=read.ids, query=query, sort=read.sort, rows=rows, one_of=read.one_of)
    )


def _newest_first(query: PatientFilter) -> Read:
    states = _states(query)
    wanted = _further(query)
    if query.include_deleted != "true":
        wanted.append(Patient.deleted_at.is_(None))
    if states:
        wanted.append(Patient.status.in_(states))
    if query.owner_id is not None:
        wanted.append(Patient.owner_id == query.owner_id)
    if query.owner is not None:
        wanted.append(Patient.owner_id.is_(None))
    ids = select(Patient.patient_id, *_NEWEST_FIRST.columns).where(*wanted)
    sort = sorted_by(query.sort, _NEWEST_FIRST, created=_NEWEST_FIRST)
    return Read(ids, sort, (Patient.status, states) if states else None)


def ordered(query: PatientFilter) -> Read | None:
    """How the list is read by an order of its own, or by a journey; None for any other. Invalid."""
    word = (query.sort or "created").removeprefix("-")
    if word == "created" and query.journey is None:
        return None
    if word != "created" and query.model_fields_set - {*PageQuery.model_fields, "sort", *SORTED_WITH}:
        raise order_not_there()
    sort = sorted_by(query.sort, _ORDERS["created"], **_ORDERS)
    states, stage = _states(query), _stages(query)
    wanted: list[ColumnElement[bool]] = []
    if states:
        wanted.append(PatientOrder.status.in_(states))
    if query.owner_id is not None:
        wanted.append(PatientOrder.owner_id == query.owner_id)
    if query.owner is not None:
        wanted.append(PatientOrder.owner_id.is_(None))
    one_of: OneOf | None = (PatientOrder.status, states) if states else None
    ids = select(PatientOrder.patient_id, *sort.columns)
    if query.journey is not None:
        further = _further(query)
        if further:
            ids = ids.join(Patient, Patient.patient_id == PatientOrder.patient_id)
        if stage is None:
            return Read(ids.where(false()), sort)
        wanted += [stage[0].in_(stage[1]), *further]
        # Each stage is read by itself from its index.
        one_of = stage
    return Read(ids.where(*wanted), sort, one_of)


def _states(query: PatientFilter) -> tuple[str, ...]:
    return PATIENT.states_of_filter(query.status) if query.status is not None else ()


def _stages(query: PatientFilter) -> OneOf | None:
    """The column of the stage and the stages that are asked for; None where there is no such kind or stage."""
    if query.journey is None:
        return None
    kind, _, stage = query.journey.partition(":")
    machines: dict[Table, Machine] = tables_that_say("journey_machine")
    machine = next((machine for table, machine in machines.items() if table.name == f"{kind}_journey"), None)
    if machine is None or (stage and stage not in machine.states):
        return None
    stages = (stage,) if stage else tuple(state for state in machine.states if machine.is_open(state))
    return getattr(PatientOrder, f"{kind}_stage"), stages


def _further(query: PatientFilter) -> list[ColumnElement[bool]]:
    """The filters that only patients and their persons tell of."""
    wanted: list[ColumnElement[bool]] = []
    if query.medical_condition_id is not None:
        wanted.append(Patient.medical_condition_id == query.medical_condition_id)
    if query.country is not None:
        wanted.append(lives_in(Patient.person_id, query.country))
    if query.created_from is not None:
        wanted.append(Patient.created_at >= query.created_from)
    if query.created_to is not None:
        wanted.append(Patient.created_at < query.created_to)
    return wanted


async def move_next_calls_on(session: AsyncSession, *, now: datetime) -> int:
    """
    Make the place of those anew whose next call has begun; how many.

    Who is changed at this moment is left: their place is made anew by that, or next time. A change of several patients,
    one by one, has them in another order than this, and each would wait for the other.
    """
    over = (
        select(PatientOrder.patient_id)
        .where(PatientOrder.next_call_at < now)
        .order_by(PatientOrder.next_call_at, PatientOrder.patient_id)
        .limit(_MOVED_AT_ONCE)
        .with_for_update(key_share=True, skip_locked=True)
    )
    found = (await session.scalars(over)).all()
    if found:
        await session.execute(select(func.order_patients(literal(found, ARRAY(Uuid())))))
    return len(found)


def _hits(query: PatientFilter) -> Hits:
    """The patients that a search looks among."""
    asked, states = _SEARCHED.given(query), _states(query)
    if query.journey is not None:
        stage = _stages(query)
        asked["stages" if stage is None else str(stage[0].key)] = [] if stage is None else list(stage[1])
    marks: list[str | tuple[str, ...]] = ["p", *mark_of_country(query.country)]
    if states:
        asked["states"] = list(states)
        marks.append(tuple(f"ps{state}" for state in states))
    if query.include_deleted != "true":
        asked["is_there"] = True
    for letter, record_id in (("c", query.medical_condition_id), ("o", query.owner_id)):
        if record_id is not None:
            marks.append(f"p{letter}{mark_of(record_id)}")
    return Hits(_SEARCHED, asked, marks)


async def has_open_journey(session: AsyncSession, *, patient_id: UUID) -> bool:
    """Whether a journey of the patient is in a state that is not closed."""
    journeys: dict[Table, Machine] = tables_that_say("journey_machine")
    open_ones = [
        exists().where(
            table.c.patient_id == patient_id,
            table.c.status.in_([state for state in machine.states if machine.is_open(state)]),
        )
        for table, machine in journeys.items()
    ]
    return bool(await session.scalar(select(or_(*open_ones))))


async def _one(session: AsyncSession, query: Select[Any], *, for_update: bool) -> Patient | None:
    if for_update:
        query = query.with_for_update(of=Patient, key_share=True)
    found = await session.scalars(query.options(*LOADED).execution_options(populate_existing=True))
    return found.one_or_none()
