"""Who is it, against the database: found, kept apart, brought back, never overwritten."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.people import service
from app.people.schemas import PersonCreate
from app.people.service import Identified
from app.platform.actor import Actor

JAN = {"first_name": "Jan", "last_name": "de Vries", "email": "jan@example.org"}


async def identify(session: AsyncSession, actor: Actor, *, shared_email: bool = False, **values: Any) -> Identified:
    payload = JAN | values
    return await service.identify_or_create(
        session,
        actor,
        new=PersonCreate.model_validate(payload),
        source="contact_form",
        payload=payload,
        shared_email=shared_email,
    )


async def test_unknown_address_makes_a_person(session: AsyncSession, actor: Actor) -> None:
    made = await identify(session, actor)

    assert (made.match.outcome, made.match.reasons, made.is_new) == ("new_person", ["email_unknown"], True)
    assert (made.person.email, made.person.email_key) == ("jan@example.org", "jan@example.org")
    assert made.submission.payload == JAN


async def test_returning_person_keeps_their_values_and_gains_suggestions(session: AsyncSession, actor: Actor) -> None:
    made = await identify(session, actor, phone="+31 6 12345678")

    again = await identify(
        session,
        actor,
        email=" JAN+news@Example.ORG ",
        last_name="de Vries-Bos",
        phone="+31 6 87654321",
        date_of_birth="1967-06-24",
    )

    assert again.person.person_id == made.person.person_id
    assert (again.match.outcome, again.match.reasons) == ("existing_person", ["email_and_given_names"])
    assert (again.person.last_name, again.person.phone, again.person.version) == ("de Vries", "+31 6 12345678", 1)
    assert {(s.field, s.ours, s.theirs) for s in again.match.suggested_changes} == {
        ("last_name", "de Vries", "de Vries-Bos"),
        ("phone", "+31 6 12345678", "+31 6 87654321"),
        ("date_of_birth", None, "1967-06-24"),
    }
