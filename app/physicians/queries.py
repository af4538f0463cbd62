from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.people.errors import SearchNotAllowed
from app.people.keys import name_key
from app.people.locks import lock_person_of
from app.people.models import Person
from app.physicians.errors import PhysicianNotFound
from app.physicians.models import Physician
from app.physicians.schemas import PhysicianFilter
from app.platform.actor import Actor
from app.platform.paging import Found, SortKey, fetch_page
from app.platform.search import begins_with, contains

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


async def list_physicians(session: AsyncSession, actor: Actor, *, query: PhysicianFilter) -> Found[Physician]:
    """A page of physicians, newest first. SearchNotAllowed for who may read them but not look for somebody."""
    if (query.q or query.medical_license_number) and not actor.may("person.search"):
        raise SearchNotAllowed
    ids = select(Physician.physician_id, Physician.created_at, Physician.physician_id)
    if query.q is not None:
        key = name_key(query.q)
        named = begins_with(Person.name_key, key) | contains(Person.name_key, f" {key}")
        ids = ids.where(exists().where(Person.person_id == Physician.person_id, named))
    for field in ("person_id", "hospital_id", "specialization_id", "medical_license_number"):
        asked = getattr(query, field)
        if asked is not None:
            ids = ids.where(getattr(Physician, field) == asked)
    if query.is_active is not None:
        ids = ids.where(Physician.is_active.is_(query.is_active == "true"))
    if query.created_from is not None:
        ids = ids.where(Physician.created_at >= query.created_from)

    sort = SortKey((Physician.created_at, Physician.physician_id), (datetime, UUID))
    return await fetch_page(session, ids=ids, query=query, sort=sort, rows=select(Physician).options(*LOADED))
