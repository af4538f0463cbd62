from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Select, Table, Text, any_, bindparam, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.patients.errors import PatientNotFound
from app.patients.models import Patient
from app.patients.schemas import PatientFilter
from app.patients.states import PATIENT
from app.people.locks import lock_person_of
from app.people.search.queries import SearchFound, search, unsearched
from app.people.search.walk import Hits, Searched, filters_of, lives_in, mark_of, mark_of_country
from app.platform.actor import Actor
from app.platform.db import tables_that_say
from app.platform.paging import SortKey, fetch_page, sorted_by
from app.platform.states import Machine

LOADED = (joinedload(Patient.person, innerjoin=True), joinedload(Patient.medical_condition, innerjoin=True))
_SEARCHED = Searched(
    Patient.patient_id,
    Patient.person_id,
    filters_of(
        Patient,
        "medical_condition_id",
        "owner_id",
        states=Patient.status == any_(bindparam("states", type_=ARRAY(Text()))),
        is_there=Patient.deleted_at.is_(None),
        country=lives_in(Patient.person_id),
    ),
)
_NEWEST_FIRST = SortKey((Patient.created_at, Patient.patient_id), (datetime, UUID))


async def get_patient(
    session: AsyncSession, actor: Actor, *, patient_id: UUID, include_deleted: bool = False, for_update: bool = False
) -> Patient:
    """
    The patient with their person and condition; PatientNotFound, for a deleted one too unless it is asked for.

    Forbidden when deleted ones are asked for by anyone who may not see them. `for_update` locks the person as well.
    """
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


async def find_patient_of_person(
    session: AsyncSession, _actor: Actor, *, person_id: UUID, for_update: bool = False
) -> Patient | None:
    """The person's patient record, a deleted one too, or None. `for_update` is for who has locked the person."""
    return await _one(session, select(Patient).where(Patient.person_id == person_id), for_update=for_update)


async def list_patients(session: AsyncSession, actor: Actor, *, query: PatientFilter) -> SearchFound[Patient]:
    """
    A page of patients, newest first, or as a search orders them. Forbidden for deleted ones and for a search without
    the permission.
    """
    wanted: list[ColumnElement[bool]] = []
    if query.include_deleted == "true":
        actor.require("patient.read_deleted")
    else:
        wanted.append(Patient.deleted_at.is_(None))
    states = PATIENT.states_of_filter(query.status) if query.status is not None else ()
    if states:
        wanted.append(Patient.status.in_(states))
    if query.medical_condition_id is not None:
        wanted.append(Patient.medical_condition_id == query.medical_condition_id)
    if query.owner_id is not None:
        wanted.append(Patient.owner_id == query.owner_id)
    if query.country is not None:
        wanted.append(lives_in(Patient.person_id, query.country))
    if query.created_from is not None:
        wanted.append(Patient.created_at >= query.created_from)
    if query.created_to is not None:
        wanted.append(Patient.created_at < query.created_to)
    rows = select(Patient).options(*LOADED)
    if query.q is not None:
        return await search(session, actor, typed=query.q, query=query, hits=_hits(query, states), rows=rows)
    return unsearched(
        await fetch_page(
            session,
            ids=select(Patient.patient_id, *_NEWEST_FIRST.columns).where(*wanted),
            query=query,
            sort=sorted_by(query.sort, _NEWEST_FIRST, created=_NEWEST_FIRST),
            rows=rows,
            one_of=(Patient.status, states) if states else None,
        )
    )


def _hits(query: PatientFilter, states: Sequence[str]) -> Hits:
    """The patients that a search looks among."""
    asked = _SEARCHED.given(query)
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
