"""
The row of a person as it is written: the keys beside the fields are made here, for every entry point but the
migration's bulk.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import inspect, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.people import queries, suggestions
from app.people.alike import alike_keys
from app.people.birth_dates import precision_of
from app.people.differences import NAME_FIELDS
from app.people.errors import EmailTaken, PatientActive, born_after_events, name_needed, nothing_replaced
from app.people.keys import Phone, email_key, phone_e164
from app.people.lives import has_events_before
from app.people.locks import lock_identity
from app.people.models import ContactPoint, Person, SuggestedChange
from app.people.names import name_of
from app.people.schemas import PersonCreate, PersonUpdate
from app.people.search import rows as search
from app.platform.actor import Actor
from app.platform.stored_fields import StoredFields

NEW = StoredFields(Person, PersonCreate)
_CHANGED = StoredFields(Person, PersonUpdate, special={"was": "of the address that is replaced, a contact point then"})


_OF_PHONE = ("phone_e164", "phone_extension", "phone_valid")


class _Keys(NamedTuple):
    """What a person is found by; made here and nowhere else."""

    family_key: str | None
    given_key: str | None
    email_key: str | None
    phone_e164: str | None
    phone_extension: str | None
    phone_valid: bool | None


COLUMNS = (*NEW.names, "date_of_birth_precision", *_Keys._fields)
"""The columns of a new person that `new_row` fills."""


def read_phone(typed: str | None, country: str | None) -> Phone:
    return phone_e164(typed, country) if typed else Phone("", None)


async def insert_person(session: AsyncSession, actor: Actor, new: PersonCreate, *, owns_email: bool) -> Person | None:
    """The new person, or None when the address got an owner since we looked."""
    fields = NEW.values(new)
    if not owns_email:
        fields["email"] = None
    made = await session.scalars(
        insert(Person)
        .values({Person.__table__.c[name]: value for name, value in new_row(fields).items()})
        .values(updated_by=actor.account_id)
        .on_conflict_do_nothing(index_elements=["email_key"], index_where=text("email_key IS NOT NULL"))
        .returning(Person)
    )
    person = made.one_or_none()
    if person is not None:
        await search.keep_new(session, person.person_id, fields)
    return person


async def lock_new_email(session: AsyncSession, change: PersonUpdate) -> None:
    """Lock the address that a change gives somebody: before the person's row, so that it is nobody else's meanwhile."""
    if (email := _CHANGED.given(change).get("email")) is not None:
        await lock_identity(session, email_key=email_key(email))


async def apply_change(
    session: AsyncSession, actor: Actor, person: Person, change: PersonUpdate, *, phone_country: str | None = None
) -> None:
    """
    Set the given fields of a person who is locked, after `lock_new_email`, with the keys that follow from them.

    A phone is read by the country that is known when it is sent, or by `phone_country`; another country later does not
    make another number of it.

    EmailTaken; PatientActive for who would be inactive and is helped; Invalid when `was` is said and nothing replaced.
    Flushes nothing but a change of names.
    """
    given = _CHANGED.given(change)
    if (
        given.get("is_active") is False
        and person.is_active
        and await queries.is_helped(session, person_id=person.person_id)
    ):
        raise PatientActive
    replaced = _replaced(person, given, phone_country)
    if "was" in change.model_fields_set:
        if not replaced:
            raise nothing_replaced()
        await _keep_replaced(session, actor, person, replaced, was=change.was)
    elif replaced:
        await _keep_replaced(session, actor, person, replaced, was="former")
    if not given:
        return
    if (email := given.get("email")) is not None:
        await _require_free_email(session, person, email)
    born = given.get("date_of_birth")
    if born not in {None, person.date_of_birth} and await has_events_before(session, person, born):
        raise born_after_events()
    becomes = {name: getattr(person, name) for name in _CHANGED.names} | given
    if not _has_name(becomes) and _has_name({name: getattr(person, name) for name in NAME_FIELDS}):
        raise name_needed()
    fields = person_fields(becomes, phone_country=phone_country)
    if "phone" not in given and (person.phone_e164 is not None or person.country is not None):
        fields |= {name: getattr(person, name) for name in _OF_PHONE}
    await _set_fields(session, person, fields)


async def _set_fields(session: AsyncSession, person: Person, fields: Mapping[str, Any]) -> None:
    """Set what differs; the search follows the names."""
    for name, value in fields.items():
        if getattr(person, name) != value:
            setattr(person, name, value)
    if any(inspect(person).attrs[name].history.has_changes() for name in search.NAME_FIELDS):
        # After the row itself, whose earlier names are in its history then.
        await session.flush()
        await search.keep(session, person.person_id)


def person_fields(fields: Mapping[str, Any], *, phone_country: str | None = None) -> dict[str, Any]:
    """The fields of a person with the keys that follow from them."""
    phone = read_phone(fields["phone"], phone_country or fields["country"])
    keys = _Keys(
        **alike_keys(name_of(fields["first_name"], fields["last_name"]))._asdict(),
        email_key=email_key(fields["email"]) if fields["email"] else None,
        phone_e164=phone.e164,
        phone_extension=phone.extension,
        phone_valid=phone.valid if fields["phone"] else None,
    )
    return {**fields, **keys._asdict()}


def new_row(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a new person with these fields, for a statement."""
    row = person_fields(fields)
    row["date_of_birth_precision"] = precision_of(born) if (born := fields["date_of_birth"]) else "day"
    return row


def _has_name(fields: Mapping[str, Any]) -> bool:
    return any(fields[name] is not None for name in NAME_FIELDS)


def _replaced(
    person: Person, given: Mapping[str, Any], phone_country: str | None
) -> list[tuple[str, str, str, str | None]]:
    """
    The e-mail and phone that a change takes from a person, each as kind, value, key and extension; another spelling is
    none.
    """
    replaced: list[tuple[str, str, str, str | None]] = []
    if "email" in given and person.email is not None and person.email_key is not None:
        now_key = email_key(given["email"]) if given["email"] else None
        if now_key != person.email_key:
            replaced.append(("email", person.email, person.email_key, None))
    if "phone" in given and person.phone is not None:
        key = person.phone_e164 or person.phone
        now = read_phone(given["phone"], phone_country or given.get("country", person.country))
        if (now.e164 or given["phone"]) != key:
            replaced.append(("phone", person.phone, key, person.phone_extension))
    return replaced


async def _keep_replaced(
    session: AsyncSession,
    actor: Actor,
    person: Person,
    replaced: Sequence[tuple[str, str, str, str | None]],
    *,
    was: str,
) -> None:
    """File what is replaced as contact points that are no longer used."""
    rows = [
        {
            "person_id": person.person_id,
            "kind": kind,
            "value": value,
            "value_key": key,
            "phone_extension": extension,
            "was": was,
            "updated_by": actor.account_id,
        }
        for kind, value, key, extension in replaced
    ]
    point = insert(ContactPoint).values(rows)
    await session.execute(
        point.on_conflict_do_update(
            index_elements=["person_id", "kind", "value_key"],
            set_={name: point.excluded[name] for name in ("value", "phone_extension", "was", "updated_by")},
        )
    )


async def _require_free_email(session: AsyncSession, person: Person, email: str) -> None:
    """EmailTaken when the address is another person's: their own, or a contact point that they do not share."""
    key = email_key(email)
    assert key is not None  # noqa: S101 - an address without a key is not an Email
    if key == person.email_key:
        return
    if await queries.is_email_of_another(session, key=key, person_id=person.person_id, shared_too=False):
        raise EmailTaken


async def _lock_person(session: AsyncSession, actor: Actor, person_id: UUID) -> Person:
    return await queries.get_person(session, actor, person_id=person_id, for_update=True)


async def _change_person_field(
    session: AsyncSession, actor: Actor, person: Person, suggestion: SuggestedChange, _why: suggestions.Why
) -> None:
    change = PersonUpdate.model_validate({suggestion.field: suggestion.theirs})
    await apply_change(session, actor, person, change, phone_country=suggestion.phone_country)
    await session.flush()


suggestions.register("person", suggestions.Changeable(lock=_lock_person, change=_change_person_field))
