from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.patients.care_team.errors import CareLinkNotFound
from app.patients.care_team.schemas import CareLinkFilter
from app.patients.models import Patient, PatientPhysicianRelationship
from app.physicians.models import Physician
from app.platform import clock
from app.platform.actor import Actor
from app.platform.paging import Found, SortKey, cut_to, fetch_page
from app.platform.periods import holds_at

_NEWEST_FIRST = SortKey(
    (PatientPhysicianRelationship.created_at, PatientPhysicianRelationship.patient_physician_id), (datetime, UUID)
)
LOADED = joinedload(PatientPhysicianRelationship.physician).joinedload(Physician.person)


async def get_care_link(
    session: AsyncSession,
    _actor: Actor,
    *,
    patient_id: UUID,
    patient_physician_id: UUID,
    for_update: bool = False,
) -> PatientPhysicianRelationship:
    """The link of this patient with its physician, an ended one too; CareLinkNotFound."""
    link = PatientPhysicianRelationship
    query = select(link).where(link.patient_physician_id == patient_physician_id, link.patient_id == patient_id)
    if for_update:
        query = query.with_for_update(of=link)
    found = (await session.scalars(query.options(LOADED).execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise CareLinkNotFound
    return found


async def current_links_beside(
    session: AsyncSession, link: PatientPhysicianRelationship
) -> Sequence[PatientPhysicianRelationship]:
    """The links of the same patient that have not ended, but for this one, the oldest first."""
    other = PatientPhysicianRelationship
    query = select(other).where(other.patient_id == link.patient_id, other.end_date.is_(None))
    if link.patient_physician_id is not None:
        query = query.where(other.patient_physician_id != link.patient_physician_id)
    return (await session.scalars(query.order_by(other.created_at, other.patient_physician_id))).all()


async def list_patients_of(
    session: AsyncSession, _actor: Actor, *, physician_id: UUID, query: CareLinkFilter
) -> Found[PatientPhysicianRelationship]:
    """A page of the physician's links to patients, newest first, each with its patient; those deleted are left out."""
    link = PatientPhysicianRelationship
    ids = _narrowed(select(link.patient_physician_id, link.created_at, link.patient_physician_id), query)
    ids = ids.where(
        link.physician_id == physician_id,
        exists().where(Patient.patient_id == link.patient_id, Patient.deleted_at.is_(None)),
    )
    patient = joinedload(link.patient)
    rows = select(link).options(
        LOADED, patient.joinedload(Patient.person), patient.joinedload(Patient.medical_condition)
    )
    return await fetch_page(session, ids=ids, query=query, sort=_NEWEST_FIRST, rows=rows)


async def list_care_links(
    session: AsyncSession, _actor: Actor, *, patient_id: UUID, query: CareLinkFilter
) -> Found[PatientPhysicianRelationship]:
    """A page of the patient's links to physicians, newest first, ended ones among them."""
    link = PatientPhysicianRelationship
    ids = _narrowed(select(link.patient_physician_id, link.created_at, link.patient_physician_id), query)
    ids = ids.where(link.patient_id == patient_id)
    return await fetch_page(session, ids=ids, query=query, sort=_NEWEST_FIRST, rows=select(link).options(LOADED))


async def care_links_of(
    session: AsyncSession, *, patient_id: UUID, most: int
) -> Sequence[PatientPhysicianRelationship]:
    """The newest links of the patient to physicians, ended ones among them, in one statement."""
    link = PatientPhysicianRelationship
    query = cut_to(select(link).where(link.patient_id == patient_id), _NEWEST_FIRST, most).options(LOADED)
    return (await session.scalars(query)).all()


def _narrowed(ids: Select[UUID, datetime, UUID], query: CareLinkFilter) -> Select[UUID, datetime, UUID]:
    if query.is_current is None:
        return ids
    link = PatientPhysicianRelationship
    current = holds_at(link.start_date, link.end_date, at=clock.today())
    return ids.where(current if query.is_current == "true" else ~current)
