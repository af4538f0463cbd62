"""How a person is reached besides their own e-mail and phone, and who speaks or acts for whom."""

from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.people import queries
from app.people.errors import EmailTaken, MutualRelationship, RelationshipExists
from app.people.fields import Email, Phone
from app.people.keys import email_key, phone_e164
from app.people.lives import life_of
from app.people.locks import lock_identity, lock_people
from app.people.models import ContactPoint, Person, PersonRelationship
from app.people.schemas import ContactPointCreate, RelationshipCreate, RelationshipUpdate
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import invalid_field
from app.platform.etags import etag, require_match
from app.platform.faults import Fault, require_none
from app.platform.plausibility import dates_of, implausible
from app.platform.stored_fields import StoredFields

_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_PHONE: TypeAdapter[str] = TypeAdapter(Phone)

ONE_WAY = frozenset({"parent", "child", "guardian", "legal_representative"})
"""The relationships that two people do not have to each other at the same time."""
_OF_ITS_KIND_AND_TIME = frozenset({"relationship_type", "start_date", "end_date"})
_NEW_POINT = StoredFields(ContactPoint, ContactPointCreate)
_NEW_RELATIONSHIP = StoredFields(PersonRelationship, RelationshipCreate)
_CHANGED_RELATIONSHIP = StoredFields(PersonRelationship, RelationshipUpdate)


async def add_contact_point(
    session: AsyncSession, actor: Actor, *, person_id: UUID, new: ContactPointCreate
) -> ContactPoint:
    """
    A further e-mail or phone of a person; a phone that cannot exist is kept and found as typed.

    PersonNotFound; ContactPointExists; EmailTaken when the address is another person's too and not said to be shared.
    """
    person = await queries.get_person(session, actor, person_id=person_id)
    value, key, extension = _read(person, new)
    new = new.model_copy(update={"value": value})
    if new.kind == "email":
        await lock_identity(session, email_key=key)
        if not new.is_shared and await queries.is_email_of_another(
            session, key=key, person_id=person_id, shared_too=True
        ):
            raise EmailTaken
    of_before = await queries.find_unused_contact_point(session, person_id=person_id, kind=new.kind, key=key)
    if of_before is None:
        point = ContactPoint(person_id=person_id, value_key=key, updated_by=actor.account_id, **_NEW_POINT.values(new))
        session.add(point)
    else:
        # It was no longer used, and is used again.
        point = of_before
        point.was = None
        _NEW_POINT.set_all(point, new)
    point.phone_extension = extension
    await session.flush()
    _note(session, person_id, ["contact_points"])
    return point


async def remove_contact_point(
    session: AsyncSession, actor: Actor, *, person_id: UUID, contact_point_id: UUID, was: str
) -> ContactPoint:
    """
    Use a contact point no more. A former one stays in the list and recognises the person; others are gone from it.

    ContactPointNotFound.
    """
    point = await queries.get_contact_point(session, actor, person_id=person_id, contact_point_id=contact_point_id)
    point.was = was
    await session.flush()
    _note(session, person_id, ["contact_points"])
    return point


async def use_contact_point_again(
    session: AsyncSession, actor: Actor, *, person_id: UUID, contact_point_id: UUID
) -> ContactPoint:
    """
    Take back that a contact point is no longer used.

    ContactPointNotFound; EmailTaken when the address is another person's by now and not said to be shared.
    """
    point = await queries.get_contact_point(
        session, actor, person_id=person_id, contact_point_id=contact_point_id, gone_too=True
    )
    new = ContactPointCreate(kind=point.kind, value=point.value, is_shared=point.is_shared)
    return point if point.was is None else await add_contact_point(session, actor, person_id=person_id, new=new)


async def add_relationship(
    session: AsyncSession, actor: Actor, *, person_id: UUID, new: RelationshipCreate
) -> PersonRelationship:
    """
    The person becomes somebody's caregiver or representative.

    PersonNotFound; Invalid for an unknown other; RelationshipExists, MutualRelationship.
    """
    await lock_people(session, {person_id, new.related_person_id})
    person = await queries.get_person(session, actor, person_id=person_id)
    relationship = PersonRelationship(person_id=person_id, updated_by=actor.account_id, **_NEW_RELATIONSHIP.values(new))
    related = await queries.find_person(session, actor, person_id=new.related_person_id)
    require_none(await _faults(session, relationship, person, related))
    await _require_only(session, relationship)
    session.add(relationship)
    await session.flush()
    _note(session, person_id, ["relationships"], also=new.related_person_id)
    return relationship


async def change_relationship(
    session: AsyncSession,
    actor: Actor,
    *,
    person_id: UUID,
    person_relationship_id: UUID,
    change: RelationshipUpdate,
    if_match: str | None = None,
) -> PersonRelationship:
    """
    Change the fields given; `end_date` ends the relationship.

    RelationshipNotFound; Stale; RelationshipExists, MutualRelationship.
    """
    # Whom a relationship is between never changes, so it tells who is to be locked before it.
    known = await queries.get_relationship(
        session, actor, person_id=person_id, person_relationship_id=person_relationship_id
    )
    await lock_people(session, {known.person_id, known.related_person_id})
    relationship = await queries.get_relationship(
        session, actor, person_id=person_id, person_relationship_id=person_relationship_id, for_update=True
    )
    require_match(if_match, etag(relationship.version))
    person = await queries.find_person(session, actor, person_id=relationship.person_id)
    related = await queries.find_person(session, actor, person_id=relationship.related_person_id)
    before = await _faults(session, relationship, person, related)
    _CHANGED_RELATIONSHIP.set_given(relationship, change)
    faults = await _faults(session, relationship, person, related)
    require_none(faults, before=before, touched=change.model_fields_set)
    if change.model_fields_set & _OF_ITS_KIND_AND_TIME:
        await _require_only(session, relationship)
    await session.flush()
    fields = [f"relationships.{name}" for name in change.model_fields_set]
    _note(session, relationship.person_id, fields, also=relationship.related_person_id)
    return relationship


async def _require_only(session: AsyncSession, relationship: PersonRelationship) -> None:
    """RelationshipExists, MutualRelationship. For who has locked both people."""
    start, end = relationship.start_date, relationship.end_date
    if start is not None and end is not None and end < start:
        # No time at all: the database says so.
        return
    with session.no_autoflush:
        others = await queries.relationships_between(session, relationship)
    for other in others:
        if other.person_id == relationship.person_id:
            raise RelationshipExists
        if relationship.relationship_type in ONE_WAY:
            raise MutualRelationship


async def _faults(session: AsyncSession, relationship: PersonRelationship, *people: Person | None) -> list[Fault]:
    """The dates that cannot be in the lives of these people; each fault once."""
    now, dates = clock.now(), dates_of(relationship)
    lives = [await life_of(session, person) for person in people if person is not None]
    found = [fault for life in lives for fault in implausible("person_relationship", dates, life=life, now=now)]
    return list(dict.fromkeys(found))


def _read(person: Person, new: ContactPointCreate) -> tuple[str, str, str | None]:
    """
    The contact point as it is stored, what it is found by, and a phone's extension; Invalid when it is not of its kind.
    """
    try:
        value = (_EMAIL if new.kind == "email" else _PHONE).validate_python(new.value)
    except ValidationError:
        raise invalid_field("value", new.kind, f"This is not the form of a {new.kind}.") from None
    if new.kind == "email":
        key = email_key(value)
        assert key is not None  # noqa: S101 - an address without a key is not an Email
        return value, key, None
    phone = phone_e164(value, person.country)
    return value, phone.e164 or value, phone.extension


def _note(session: AsyncSession, person_id: UUID, fields: list[str], *, also: UUID | None = None) -> None:
    people = [person_id] if also is None else [person_id, also]
    audit.note(session, record_type="person", record_id=person_id, person_ids=people, fields=fields)
