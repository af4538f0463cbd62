"""Who is it, against the database: found, kept apart, brought back, never overwritten."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.patients.models import Patient
from app.people import queries, service, suggestions
from app.people.errors import (
    AlreadyDecided,
    EmailBelongsToSomeoneElse,
    EmailTaken,
    OurValueChanged,
    SeveralPeopleFit,
    ValueNotAllowed,
)
from app.people.models import ContactPoint, DuplicateCandidate, IntakeSubmission, Person, PersonContactType
from app.people.schemas import Intake, PersonCreate, PersonUpdate
from app.people.service import Identified
from app.platform.actor import Actor
from app.platform.errors import Invalid
from tests.builders import a_colleague, a_patient

JAN = {"first_name": "Jan", "last_name": "de Vries", "email": "jan@example.org"}


async def identify(session: AsyncSession, actor: Actor, *, shared_email: bool = False, **values: Any) -> Identified:
    payload = JAN | values
    return await service.identify_or_create(
        session,
        actor,
        new=PersonCreate.model_validate(payload),
        intake=Intake(source="contact_form"),
        payload=payload,
        shared_email=shared_email,
    )


async def count_persons(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).select_from(Person)) or 0


async def test_unknown_address_makes_a_person(session: AsyncSession, actor: Actor) -> None:
    made = await identify(session, actor, phone="not a number")

    assert (made.match.outcome, made.match.reasons, made.is_new) == ("new_person", ["email_unknown"], True)
    assert (made.person.email, made.person.email_key) == ("jan@example.org", "jan@example.org")
    assert (made.person.phone, made.person.phone_e164, made.person.phone_valid) == ("not a number", None, False)
    assert made.submission.payload == JAN | {"phone": "not a number"}


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
    kept = await session.scalars(
        select(IntakeSubmission).where(IntakeSubmission.person_id == made.person.person_id).order_by("created_at")
    )
    assert {(s.match_outcome, s.payload["email"]) for s in kept} == {
        ("new_person", "jan@example.org"),
        ("existing_person", " JAN+news@Example.ORG "),
    }


async def test_somebody_who_was_a_patient_returns_as_one(session: AsyncSession, actor: Actor) -> None:
    made = await identify(session, actor)
    await service.give_role(
        session, actor, person_id=made.person.person_id, type_name="patient", since=datetime(2026, 1, 1, tzinfo=UTC)
    )

    assert (await identify(session, actor)).match.outcome == "returning_patient"


async def test_an_inactive_person_is_brought_back_not_doubled(session: AsyncSession, actor: Actor) -> None:
    made = await identify(session, actor)
    await service.deactivate_person(session, actor, person_id=made.person.person_id)

    again = await identify(session, actor)

    assert again.person.person_id == made.person.person_id
    assert (again.person.is_active, again.match.reactivated) == (True, True)


async def test_another_human_at_the_address_is_refused_until_it_is_said_to_be_shared(
    session: AsyncSession, actor: Actor
) -> None:
    owner = await identify(session, actor, date_of_birth="1967-06-24")

    with pytest.raises(EmailBelongsToSomeoneElse) as refused:
        await identify(session, actor, first_name="Maria")
    assert refused.value.extra == {
        "reasons": ["names_different"],
        "candidate": {"person_id": str(owner.person.person_id), "initials": "J.D.", "birth_year": 1967},
    }
    assert await count_persons(session) == 1

    second = await identify(session, actor, first_name="Maria", shared_email=True)
    again = await identify(session, actor, first_name="Maria", shared_email=True)
    without_flag = await identify(session, actor, first_name="Maria")

    assert (second.match.outcome, second.person.email, second.is_new) == ("shared_email_person", None, True)
    assert second.match.reasons == ["names_different", "email_shared"]
    assert again.person.person_id == without_flag.person.person_id == second.person.person_id
    assert (again.match.outcome, again.match.suggested_changes) == ("existing_person", [])
    for person in (owner.person, second.person):
        assert await queries.contact_keys(session, person_id=person.person_id, kind="email") == {"jan@example.org"}
    assert (await identify(session, actor)).person.person_id == owner.person.person_id


async def test_a_contradicting_birth_date_is_another_human(session: AsyncSession, actor: Actor) -> None:
    await identify(session, actor, date_of_birth="1967-06-24")

    with pytest.raises(EmailBelongsToSomeoneElse):
        await identify(session, actor, date_of_birth="1998-01-02")
    son = await identify(session, actor, date_of_birth="1998-01-02", shared_email=True)
    with pytest.raises(SeveralPeopleFit):
        await identify(session, actor, shared_email=True)

    assert (await identify(session, actor, date_of_birth="1998-01-02")).person.person_id == son.person.person_id
    assert await count_persons(session) == 2


async def test_a_machine_learns_nothing_of_whose_the_address_is(session: AsyncSession, actor: Actor) -> None:
    machine = Actor(None, "forms", frozenset({"integration"}), frozenset({"person.read", "person.create"}))
    await identify(session, actor, phone="+31 6 12345678")

    with pytest.raises(EmailBelongsToSomeoneElse) as refused:
        await identify(session, machine, first_name="Maria")
    namesake = await identify(session, machine, email=None, phone="+31612345678")

    assert "candidate" not in refused.value.extra
    assert namesake.match.probable_duplicates == []
    assert await session.scalar(select(func.count()).select_from(DuplicateCandidate)) == 1


async def test_probable_duplicates_never_refuse_and_are_filed_as_pairs(session: AsyncSession, actor: Actor) -> None:
    first = await identify(session, actor, phone="06 12345678", country="NL", date_of_birth="1967-06-24")

    second = await identify(session, actor, email="other@example.org", phone="+31612345678", date_of_birth="1967-06-24")

    assert second.match.outcome == "new_person"
    assert [(c.person_id, c.initials, c.birth_year, c.reasons) for c in second.match.probable_duplicates] == [
        (first.person.person_id, "J.D.", 1967, ["name_and_birth_date", "phone"])
    ]
    pair = (await session.scalars(select(DuplicateCandidate))).one()
    assert {pair.person_id, pair.other_person_id} == {first.person.person_id, second.person.person_id}


async def test_at_most_five_probable_duplicates_are_told(session: AsyncSession, actor: Actor) -> None:
    """The person who has just been made, and is found by the phone as well, takes the place of nobody."""
    told = []
    for number in range(12):
        made = await identify(session, actor, email=f"jan{number}@example.org", phone="+31612345678")
        told.append(len(made.match.probable_duplicates))

    assert told == [0, 1, 2, 3, 4, *[5] * 7]


async def test_a_rejected_value_is_not_suggested_again(session: AsyncSession, actor: Actor) -> None:
    await identify(session, actor)
    [suggested] = (await identify(session, actor, last_name="de Vries-Bos")).match.suggested_changes
    await suggestions.reject(session, actor, suggested_change_id=suggested.suggested_change_id, reason="a typing error")

    assert (await identify(session, actor, last_name="de Vries-Bos")).match.suggested_changes == []
    [other] = (await identify(session, actor, last_name="de Vries-Smit")).match.suggested_changes
    assert other.theirs == "de Vries-Smit"
    with pytest.raises(AlreadyDecided):
        await suggestions.accept(session, actor, suggested_change_id=suggested.suggested_change_id)


async def test_an_accepted_value_is_ours_and_the_other_suggestions_of_the_field_are_superseded(
    session: AsyncSession, actor: Actor
) -> None:
    person = (await identify(session, actor)).person
    [bos] = (await identify(session, actor, last_name="de Vries-Bos")).match.suggested_changes
    [smit] = (await identify(session, actor, last_name="de Vries-Smit")).match.suggested_changes

    for _ in range(2):
        accepted = await suggestions.accept(session, actor, suggested_change_id=bos.suggested_change_id)
        assert accepted.decision == "accepted"

    await session.refresh(person)
    assert (person.last_name, person.version) == ("de Vries-Bos", 2)
    superseded = await queries.get_suggested_change(session, actor, suggested_change_id=smit.suggested_change_id)
    assert superseded.decision == "superseded"
    [reopened] = (await identify(session, actor, last_name="de Vries-Smit")).match.suggested_changes
    assert (reopened.suggested_change_id, reopened.ours) == (smit.suggested_change_id, "de Vries-Bos")


async def test_a_suggestion_is_not_accepted_over_a_value_that_has_changed_since(
    session: AsyncSession, actor: Actor
) -> None:
    person = (await identify(session, actor)).person
    [suggested] = (await identify(session, actor, last_name="de Vries-Bos")).match.suggested_changes
    change = PersonUpdate.model_validate({"last_name": "Jansen", "phone": "+31612345678"})
    await service.change_person(session, actor, person_id=person.person_id, change=change)

    with pytest.raises(OurValueChanged):
        await suggestions.accept(session, actor, suggested_change_id=suggested.suggested_change_id)


@pytest.mark.parametrize(
    ("table_name", "field", "theirs"),
    [("person", "first_name", "  "), ("person", "shoe_size", 43), ("person", "country", "Atlantis"), ("ship", "x", 1)],
)
async def test_a_value_that_no_put_would_take_is_not_accepted(
    session: AsyncSession, actor: Actor, table_name: str, field: str, theirs: object
) -> None:
    person = (await identify(session, actor)).person
    record = suggestions.Record(person.person_id, table_name, person.person_id, person.version)
    ours = getattr(person, field, None)
    [filed] = await suggestions.suggest(
        session, actor, record=record, differing={field: (ours, theirs)}, source="import", intake_submission_id=None
    )

    with pytest.raises(ValueNotAllowed):
        await suggestions.accept(session, actor, suggested_change_id=filed.suggested_change_id)


async def test_an_address_is_not_moved_onto_another_persons(session: AsyncSession, actor: Actor) -> None:
    await identify(session, actor)
    other = await identify(session, actor, email="maria@example.org", first_name="Maria")

    with pytest.raises(EmailTaken):
        await service.change_person(
            session, actor, person_id=other.person.person_id, change=PersonUpdate(email="JAN@example.org")
        )
    changed = await service.change_person(
        session, actor, person_id=other.person.person_id, change=PersonUpdate(email="MARIA@example.org")
    )
    assert (changed.email, changed.email_key) == ("MARIA@example.org", "maria@example.org")


async def test_a_role_is_given_once(session: AsyncSession, actor: Actor) -> None:
    person_id = (await identify(session, actor)).person.person_id

    for month in (3, 3, 5, 1):
        await service.give_role(
            session, actor, person_id=person_id, type_name="caregiver", since=datetime(2026, month, 1, tzinfo=UTC)
        )

    assert await session.scalar(select(func.count()).select_from(PersonContactType)) == 1
    ended = await service.end_role(
        session, actor, person_id=person_id, type_name="caregiver", until=datetime(2026, 6, 1, tzinfo=UTC)
    )
    assert ended is not None
    await service.give_role(
        session, actor, person_id=person_id, type_name="caregiver", since=datetime(2026, 7, 1, tzinfo=UTC)
    )
    assert await session.scalar(select(func.count()).select_from(PersonContactType)) == 2
    with pytest.raises(Invalid):
        await service.give_role(
            session, actor, person_id=person_id, type_name="wizard", since=datetime(2026, 7, 1, tzinfo=UTC)
        )


async def test_of_however_many_people_at_one_address_everybody_is_considered(
    session: AsyncSession, actor: Actor
) -> None:
    first = await identify(session, actor, first_name="Oldest", last_name="Member", email="house@example.org")
    session.add_all(Person(first_name=f"Guest{number}", last_name="Else") for number in range(250))
    await session.flush()
    await session.execute(
        text(
            "INSERT INTO contact_point (person_id, kind, value, value_key, is_shared) SELECT person_id, 'email',"
            " 'house@example.org', 'house@example.org', true FROM person WHERE last_name = 'Else'"
        )
    )
    await session.execute(text("UPDATE person SET email = NULL, email_key = NULL WHERE first_name = 'Oldest'"))
    await session.execute(
        text(
            "INSERT INTO contact_point (person_id, kind, value, value_key, is_shared) SELECT person_id, 'email',"
            " 'house@example.org', 'house@example.org', true FROM person WHERE first_name = 'Oldest'"
        )
    )

    again = await identify(session, actor, first_name="Oldest", last_name="Member", email="house@example.org")

    assert (again.match.outcome, again.person.person_id) == ("existing_person", first.person.person_id)


async def test_an_address_that_is_replaced_names_who_replaced_it(session: AsyncSession, actor: Actor) -> None:
    made = await identify(session, actor)
    account, _ = await a_colleague(session)
    editor = replace(actor, account_id=account.user_account_id)

    await service.change_person(
        session, editor, person_id=made.person.person_id, change=PersonUpdate(email="new@example.org", was="former")
    )

    assert (await session.scalars(select(ContactPoint.updated_by))).one() == account.user_account_id


async def test_whom_any_table_calls_helped_is_helped(
    session: AsyncSession, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await identify(session, actor)
    await a_patient(session, made.person)
    first, second = Patient.__table__.alias(), Patient.__table__.alias()
    for states, is_helped in [(("paused",), False), (("active",), True)]:
        said = {first: ("inactive",), second: states}
        monkeypatch.setattr(queries, "tables_that_say", lambda _word, said=said: said)
        assert await queries.is_helped(session, person_id=made.person.person_id) is is_helped
