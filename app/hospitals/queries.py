from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.hospitals.errors import HospitalNotFound, SpecializationNotFound
from app.hospitals.models import HOSPITAL_NAMES, SPECIALIZATION_NAMES, Hospital, Specialization
from app.hospitals.schemas import HospitalFilter, SpecializationFilter
from app.platform.actor import Actor
from app.platform.paging import Found, SortKey, fetch_page, sorted_by
from app.platform.search import has_words


async def get_hospital(
    session: AsyncSession, _actor: Actor, *, hospital_id: UUID, for_update: bool = False
) -> Hospital:
    """The hospital, an inactive one too; HospitalNotFound."""
    query = select(Hospital).where(Hospital.hospital_id == hospital_id)
    if for_update:
        query = query.with_for_update()
    found = (await session.scalars(query.execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise HospitalNotFound
    return found


async def list_hospitals(session: AsyncSession, _actor: Actor, *, query: HospitalFilter) -> Found[Hospital]:
    """A page of hospitals by name; several may share one."""
    by_name = func.lower(Hospital.name)
    ids = select(Hospital.hospital_id, by_name, Hospital.hospital_id)
    if query.is_active is not None:
        ids = ids.where(Hospital.is_active.is_(query.is_active == "true"))
    if query.country is not None:
        ids = ids.where(Hospital.country == query.country)
    if query.q is not None:
        ids = ids.where(has_words(HOSPITAL_NAMES, query.q))

    sort = SortKey((by_name, Hospital.hospital_id), (str, UUID), ascending=True)
    order = sorted_by(query.sort, sort, name=sort)
    return await fetch_page(session, ids=ids, query=query, sort=order, rows=select(Hospital))


async def get_specialization(
    session: AsyncSession, _actor: Actor, *, specialization_id: UUID, for_update: bool = False
) -> Specialization:
    """The specialization, an inactive one too; SpecializationNotFound."""
    query = select(Specialization).where(Specialization.specialization_id == specialization_id)
    if for_update:
        query = query.with_for_update()
    found = (await session.scalars(query.execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise SpecializationNotFound
    return found


async def list_specializations(
    session: AsyncSession, _actor: Actor, *, query: SpecializationFilter
) -> Found[Specialization]:
    """A page of specializations by name."""
    by_name = func.lower(Specialization.name)
    ids = select(Specialization.specialization_id, by_name, Specialization.specialization_id)
    if query.is_active is not None:
        ids = ids.where(Specialization.is_active.is_(query.is_active == "true"))
    if query.q is not None:
        ids = ids.where(has_words(SPECIALIZATION_NAMES, query.q))

    sort = SortKey((by_name, Specialization.specialization_id), (str, UUID), ascending=True)
    order = sorted_by(query.sort, sort, name=sort)
    return await fetch_page(session, ids=ids, query=query, sort=order, rows=select(Specialization))
