from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, joinedload

from app.hospitals.models import Hospital
from app.people.errors import SearchNotAllowed
from app.people.locks import lock_person_of
from app.people.models import Person
from app.people.queries import PROBABLE_DUPLICATES
from app.people.search.queries import SearchFound, search, unsearched
from app.people.search.walk import Hits, Searched, filters_of, mark_of
from app.physicians.errors import PhysicianNotFound
from app.physicians.models import Physician
from app.physicians.schemas import PhysicianFilter
from app.platform.actor import Actor
from app.platform.paging import SortKey, fetch_page, sorted_by

_SEARCHED = Searched(
    Physician.physician_id,
    Physician.person_id,
    filters_of(Physician, "person_id", "hospital_id", "specialization_id", "medical_license_number", "is_active"),
)
LOADED = (joinedload(Physician.person), joinedload(Physician.hospital), joinedload(Physician.specialization))


async def get_physician(
    session: AsyncSession, _actor: Actor, *, physician_id: UUID, for_update: bool = False
) -> Physician:
    """
    The physician with person, hospital and specialization, an inactive one too; PhysicianNotFound.

    `for_update` locks the person as well.
    """
    query = select(Physician).where(Physician.physician_id == physician_id)
    if for_update:
        await lock_person_of(session, select(Physician.person_id).where(Physician.physician_id == physician_id))
        query = query.with_for_update(of=Physician, key_share=True)
    query = query.options(*LOADED).execution_options(populate_existing=True)
    found = (await session.scalars(query)).one_or_none()
    if found is None:
        raise PhysicianNotFound
    return found


async def find_physician_of_person(session: AsyncSession, *, person_id: UUID) -> Physician | None:
    """The physician that this person is, held for a change, or None."""
    query = select(Physician).where(Physician.person_id == person_id).with_for_update(key_share=True)
    return (await session.scalars(query)).one_or_none()


def country_of(physician: Any) -> ColumnElement[str | None]:
    """Of which country a physician's licence is: the hospital's, else the person's; `physician` may be an alias."""
    of_hospital = select(Hospital.country).where(Hospital.hospital_id == physician.hospital_id)
    of_person = select(Person.country).where(Person.person_id == physician.person_id)
    return func.coalesce(
        of_hospital.correlate(physician).scalar_subquery(), of_person.correlate(physician).scalar_subquery()
    )


async def find_of_licence(session: AsyncSession, physician: Physician) -> Sequence[UUID]:
    """
    Up to five other people with the physician's licence number, in whatever writing.

    Licences are national: where the countries are known and differ, it is another licence. The country is that of the
    hospital, else the person's.
    """
    country = country_of(Physician)
    asked = aliased(Physician)
    own = select(country_of(asked)).where(asked.physician_id == physician.physician_id).scalar_subquery()
    wanted = (
        select(Physician.person_id)
        .where(
            Physician.licence_key == physician.licence_key,
            Physician.physician_id != physician.physician_id,
            or_(country.is_(None), own.is_(None), country == own),
        )
        .order_by(Physician.person_id)
        .limit(PROBABLE_DUPLICATES)
    )
    return (await session.scalars(wanted)).all()


async def list_physicians(session: AsyncSession, actor: Actor, *, query: PhysicianFilter) -> SearchFound[Physician]:
    """
    A page of physicians, newest first, or as a search orders them. SearchNotAllowed for who may read them but not look
    for somebody.
    """
    if query.medical_license_number and not actor.may("person.search"):
        raise SearchNotAllowed
    wanted = [
        getattr(Physician, field) == asked
        for field in ("person_id", "hospital_id", "specialization_id", "medical_license_number")
        if (asked := getattr(query, field)) is not None
    ]
    if query.is_active is not None:
        wanted.append(Physician.is_active.is_(query.is_active == "true"))
    if query.created_from is not None:
        wanted.append(Physician.created_at >= query.created_from)
    rows = select(Physician).options(*LOADED)
    if query.q is not None:
        asked = _SEARCHED.given(query)
        if query.is_active is not None:
            asked["is_active"] = query.is_active == "true"
        marks = ["h"]
        for letter, record_id in (("h", query.hospital_id), ("s", query.specialization_id)):
            if record_id is not None:
                marks.append(f"h{letter}{mark_of(record_id)}")
        hits = Hits(_SEARCHED, asked, marks)
        return await search(session, actor, typed=query.q, query=query, hits=hits, rows=rows)
    ids = select(Physician.physician_id, Physician.created_at, Physician.physician_id).where(*wanted)
    sort = SortKey((Physician.created_at, Physician.physician_id), (datetime, UUID))
    order = sorted_by(query.sort, sort, created=sort)
    return unsearched(await fetch_page(session, ids=ids, query=query, sort=order, rows=rows))
