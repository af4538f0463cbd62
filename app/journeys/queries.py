"""What is asked of journeys, written once for all kinds."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, joinedload

from app.journeys.errors import patient_unknown
from app.journeys.kind import Kind
from app.journeys.models import Journey
from app.journeys.schemas import JourneyFilter
from app.patients.models import Patient, PatientPhysicianRelationship
from app.people.locks import lock_person_of
from app.physicians.models import Physician
from app.platform.actor import Actor
from app.platform.paging import Found, SortKey, cut_to, fetch_page
from app.platform.periods import holds_at


async def get_journey(
    session: AsyncSession, _actor: Actor, *, kind: Kind, journey_id: UUID, for_update: bool = False
) -> Journey:
    """
    The journey with what it names; the kind's NotFound, also when its patient is deleted.

    `for_update` locks the person as well: what is entered lies in their life, and an inactive patient has no open
    journey.
    """
    query = select(kind.model).where(_key(kind) == journey_id, _of_present_patient(kind))
    if for_update:
        of_journey = select(Patient.person_id).join(kind.model, Patient.patient_id == kind.model.patient_id)
        await lock_person_of(session, of_journey.where(_key(kind) == journey_id))
        query = query.with_for_update(of=kind.model, key_share=True)
    query = query.options(*loaded(kind)).execution_options(populate_existing=True)
    found = (await session.scalars(query)).one_or_none()
    if found is None:
        raise kind.not_found
    return found


async def list_journeys(session: AsyncSession, _actor: Actor, *, kind: Kind, query: JourneyFilter) -> Found[Journey]:
    """A page of journeys, newest first; those of deleted patients are left out."""
    journey, newest_first = kind.model, _newest_first(kind)
    ids = select(_key(kind), *newest_first.columns).where(_of_present_patient(kind))
    states = kind.moves.machine.states_of_filter(query.status) if query.status else ()
    if query.status is not None:
        ids = ids.where(journey.status.in_(states))
    for name in kind.filter.model_fields:
        wanted = getattr(query, name)
        if wanted is not None and name != "status" and name in kind.model.__table__.c:
            ids = ids.where(getattr(journey, name) == wanted)
    if query.created_from is not None:
        ids = ids.where(journey.created_at >= query.created_from)
    if query.created_to is not None:
        ids = ids.where(journey.created_at < query.created_to)
    return await fetch_page(
        session,
        ids=ids,
        query=query,
        sort=newest_first,
        rows=select(journey).options(*loaded(kind)),
        one_of=(journey.status, states) if query.status else None,
        person=_person_of(kind),
    )


async def journeys_of(session: AsyncSession, *, kind: Kind, patient_id: UUID, most: int) -> Sequence[Journey]:
    """The newest journeys of a patient who is known not to be deleted, with what they name, in one statement."""
    query = newest_of(kind, patient_id=patient_id, most=most)
    return (await session.scalars(query.options(*loaded(kind)))).unique().all()


async def require_patient(session: AsyncSession, *, patient_id: UUID) -> Patient:
    """The patient that a new journey names, with its person, who is locked; Invalid when there is none."""
    await lock_person_of(session, select(Patient.person_id).where(Patient.patient_id == patient_id))
    query = select(Patient).where(Patient.patient_id == patient_id, Patient.deleted_at.is_(None))
    query = query.options(joinedload(Patient.person, innerjoin=True))
    query = query.execution_options(populate_existing=True)
    found = await session.scalar(query)
    if found is None:
        raise patient_unknown()
    return found


async def with_current_physician(session: AsyncSession, *, patient_ids: Collection[UUID], day: date) -> set[UUID]:
    """
    Those of these patients to whom a physician is linked on this day: the part has begun, and ends later or not at
    all.
    """
    if not patient_ids:
        return set()
    link = PatientPhysicianRelationship
    current = holds_at(link.start_date, link.end_date, at=day)
    return set(await session.scalars(select(link.patient_id).where(link.patient_id.in_(patient_ids), current)))


def newest_of(kind: Kind, *, patient_id: UUID, most: int) -> Select[Any]:
    """The newest journeys of a patient who is known not to be deleted."""
    return cut_to(select(kind.model).where(kind.model.patient_id == patient_id), _newest_first(kind), most)


def _newest_first(kind: Kind) -> SortKey:
    return SortKey((kind.model.created_at, _key(kind)), (datetime, UUID))


def _key(kind: Kind) -> InstrumentedAttribute[UUID]:
    key: InstrumentedAttribute[UUID] = getattr(kind.model, kind.key)
    return key


def _of_present_patient(kind: Kind) -> ColumnElement[bool]:
    """Whether the patient is not deleted: anyone who cannot see a patient does not see their journeys."""
    return exists().where(Patient.patient_id == kind.model.patient_id, Patient.deleted_at.is_(None))


def _person_of(kind: Kind) -> ColumnElement[UUID]:
    """Whose a journey is. Each row of the list is meant, however deep in conditions this stands."""
    person = select(Patient.person_id).where(Patient.patient_id == kind.model.patient_id)
    return person.correlate(kind.model).scalar_subquery()


def loaded(kind: Kind) -> tuple[Any, ...]:
    model = kind.model
    return (
        joinedload(model.patient).joinedload(Patient.person),
        joinedload(model.physician).joinedload(Physician.person),
        joinedload(model.medical_condition),
        joinedload(kind.leads_to),
    )
