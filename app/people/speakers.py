"""Somebody who calls or writes for somebody else: found or made, with the relationship and the role of a caregiver."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.people import contacts, queries
from app.people.errors import EmailBelongsToSomeoneElse, SeveralPeopleFit
from app.people.keys import email_key
from app.people.models import Person
from app.people.names import PEOPLE, Grade, compare_names, name_of
from app.people.roles import give_role
from app.people.schemas import Intake, PersonCreate, RelationshipCreate, RelationshipType, Source
from app.people.service import Identified, identify_known, identify_or_create
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import invalid_field
from app.platform.locales import _

CAREGIVER_ROLE = "caregiver"


class Speaker(PersonCreate):
    """Who speaks for somebody, and what they are to them."""

    relationship_type: RelationshipType


async def add_speaker(
    session: AsyncSession, actor: Actor, *, person_id: UUID, new: Speaker, source: Source, payload: Mapping[str, Any]
) -> Person:
    """
    The person who speaks for this one, with their relationship to them and the role of a caregiver.

    Of those who speak for them already it is the one of the same name; else they are found or made as every submission
    finds one. What is said anew of somebody known becomes a suggested change. PersonNotFound; Invalid where the address
    leaves open who they are, and where they are the person themselves; RelationshipExists never: it is kept as it is.
    """
    whom = await queries.get_person(session, actor, person_id=person_id)
    said = PersonCreate.model_validate(new.model_dump(include=set(PersonCreate.model_fields)))
    found = await _identified(session, actor, whom, said, Intake(source=source), payload)
    speaker = found.person
    if speaker.person_id == person_id:
        raise invalid_field("last_name", "same_person", _("This is the person themselves. Say who speaks for them."))
    related = await queries.find_speakers(session, person_id=person_id)
    known = {(one.person_id, row.relationship_type) for one, row in related}
    if (speaker.person_id, new.relationship_type) not in known:
        relationship = RelationshipCreate(related_person_id=person_id, relationship_type=new.relationship_type)
        await contacts.add_relationship(session, actor, person_id=speaker.person_id, new=relationship)
    await give_role(session, actor, person_id=speaker.person_id, type_name=CAREGIVER_ROLE, since=clock.now())
    return speaker


async def _identified(
    session: AsyncSession, actor: Actor, whom: Person, said: PersonCreate, intake: Intake, payload: Mapping[str, Any]
) -> Identified:
    related = await queries.find_speakers(session, person_id=whom.person_id)
    name = name_of(said.first_name, said.last_name)
    of_that_name = (
        one
        for one, _row in related
        if compare_names(name, name_of(one.first_name, one.last_name), PEOPLE).grade is Grade.EQUAL
    )
    known = next(of_that_name, None)
    if known is not None:
        return await identify_known(session, actor, person_id=known.person_id, new=said, intake=intake, payload=payload)
    # One address for both of them is that of the family.
    is_shared = said.email is not None and email_key(said.email) == whom.email_key
    try:
        return await identify_or_create(
            session, actor, new=said, intake=intake, payload=payload, shared_email=is_shared
        )
    except (EmailBelongsToSomeoneElse, SeveralPeopleFit):
        raise invalid_field(
            "email",
            "unclear",
            _("This address is somebody else's whom we know. Leave it out, or write one of their own."),
        ) from None
