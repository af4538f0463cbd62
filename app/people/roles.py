"""A person's roles over time: contact types with a period each."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from app.audit import service as audit
from app.people import queries
from app.people.errors import period_not_in_order
from app.people.lives import life_of
from app.people.locks import lock_people
from app.people.models import FAULTY_ROLE_SQL, ContactType, PersonContactType
from app.people.schemas import RoleCreate, RoleUpdate
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import invalid_field
from app.platform.etags import etag, require_match
from app.platform.faults import Fault, Rule, faults_in, require_none
from app.platform.periods import holds_at
from app.platform.plausibility import Life, dates_of, implausible
from app.platform.stored_fields import StoredFields

_NEW = StoredFields(
    PersonContactType,
    RoleCreate,
    special={"type_name": "names the contact type", "valid_from": "now when it is left out"},
)
_CHANGED = StoredFields(PersonContactType, RoleUpdate)
ROLE_RULES = (
    Rule(
        Fault(period_not_in_order().fields[0], frozenset({"valid_from", "valid_to"})),
        lambda role: role.valid_to is not None and role.valid_to <= role.valid_from,
        FAULTY_ROLE_SQL,
    ),
)


async def give_role(
    session: AsyncSession,
    actor: Actor,
    *,
    person_id: UUID,
    type_name: str,
    since: datetime,
    hospital_id: UUID | None = None,
    job_title: str | None = None,
) -> None:
    """
    See that the person has a role of this type at `since`; asking twice is one effect.

    A role that they have already is left as it is; one that begins later is preceded by this one. Invalid when there is
    no such contact type or hospital.
    """
    contact_type_id = await session.scalar(
        select(ContactType.contact_type_id).where(ContactType.type_name == type_name)
    )
    if contact_type_id is None:
        raise invalid_field("type_name", "unknown_reference", "There is no such contact type.")
    role = PersonContactType
    begins_later = (
        select(func.min(role.valid_from))
        .where(
            role.person_id == person_id,
            role.contact_type_id == contact_type_id,
            role.valid_from > max(since, clock.now()),
        )
        .scalar_subquery()
    )
    # The exclusion constraint decides a race; anyone who comes second leaves the first one's role.
    await session.execute(
        insert(PersonContactType)
        .values(
            person_id=person_id,
            contact_type_id=contact_type_id,
            valid_from=since,
            valid_to=begins_later,
            hospital_id=hospital_id,
            job_title=job_title,
            updated_by=actor.account_id,
        )
        .on_conflict_do_nothing()
    )
    audit.note(session, person_ids=[person_id], fields=["roles"])


async def end_role(
    session: AsyncSession, actor: Actor, *, person_id: UUID, type_name: str, until: datetime
) -> PersonContactType | None:
    """End the person's current role of this type; None when they have none, so that asking twice is one effect."""
    found = await session.scalars(
        select(PersonContactType)
        .join(PersonContactType.contact_type)
        .where(
            PersonContactType.person_id == person_id,
            ContactType.type_name == type_name,
            holds_at(PersonContactType.valid_from, PersonContactType.valid_to, at=until),
        )
        .options(contains_eager(PersonContactType.contact_type))
        .with_for_update(of=PersonContactType)
        .execution_options(populate_existing=True)
    )
    role = found.one_or_none()
    if role is not None:
        role.valid_to, role.updated_by = until, actor.account_id
        await session.flush()
        audit.note(session, person_ids=[person_id], fields=["roles"])
    return role


async def add_role(session: AsyncSession, actor: Actor, *, person_id: UUID, new: RoleCreate) -> PersonContactType:
    """A role for the period given. RolesOverlap when the person has it in a part of that time; PersonNotFound."""
    person = await queries.get_person(session, actor, person_id=person_id, for_update=True)
    contact_type = await session.scalar(select(ContactType).where(ContactType.type_name == new.type_name))
    if contact_type is None:
        raise invalid_field("type_name", "unknown_reference", "There is no such contact type.")
    valid_from = new.valid_from or clock.now()
    role = PersonContactType(
        person_id=person_id,
        contact_type_id=contact_type.contact_type_id,
        valid_from=valid_from,
        **_NEW.values(new),
        updated_by=actor.account_id,
    )
    # The database would stumble over the range before it comes to its own check, and name no constraint.
    require_none(_faults_of(role, await life_of(session, person)))
    session.add(role)
    await session.flush()
    audit.note(session, record_type="person", record_id=person_id, person_ids=[person_id], fields=["roles"])
    return await queries.get_role(
        session, actor, person_id=person_id, person_contact_type_id=role.person_contact_type_id
    )


async def change_role(
    session: AsyncSession,
    actor: Actor,
    *,
    person_id: UUID,
    person_contact_type_id: UUID,
    change: RoleUpdate,
    if_match: str | None = None,
) -> PersonContactType:
    """Change the fields given; `valid_to` ends the role. RoleNotFound; Stale; RolesOverlap."""
    await lock_people(session, [person_id])
    role = await queries.get_role(
        session, actor, person_id=person_id, person_contact_type_id=person_contact_type_id, for_update=True
    )
    require_match(if_match, etag(role.version))
    life = await life_of(session, await queries.get_person(session, actor, person_id=person_id))
    before = _faults_of(role, life)
    _CHANGED.set_given(role, change)
    require_none(_faults_of(role, life), before=before, touched=change.model_fields_set)
    await session.flush()
    fields = [f"roles.{name}" for name in change.model_fields_set]
    audit.note(session, record_type="person", record_id=person_id, person_ids=[person_id], fields=fields)
    return role


def _faults_of(role: PersonContactType, life: Life) -> list[Fault]:
    found = implausible("person_contact_type", dates_of(role), life=life, now=clock.now())
    return [*faults_in(role, ROLE_RULES), *found]
