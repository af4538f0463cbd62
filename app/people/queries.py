from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    Select,
    Text,
    and_,
    any_,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    union,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, selectinload

from app.people.alike import how_alike, probe
from app.people.birth_dates import BirthDate
from app.people.errors import (
    ContactPointNotFound,
    DuplicateCandidateNotFound,
    PersonNotFound,
    RelationshipNotFound,
    RoleNotFound,
    SearchNotAllowed,
    SuggestionNotFound,
)
from app.people.keys import email_key, phone_e164
from app.people.matching import Candidate
from app.people.models import (
    ContactPoint,
    ContactType,
    DuplicateCandidate,
    IntakeSubmission,
    Person,
    PersonContactType,
    PersonRelationship,
    SuggestedChange,
)
from app.people.names import Grade, Name, name_of
from app.people.schemas import DuplicateCandidateFilter, PersonFilter, SuggestedChangeFilter
from app.people.search.queries import SearchFound, of_phones, search, union_of, unsearched
from app.people.search.typed import phone_ends
from app.people.search.walk import Hits, Searched, filters_of, mark_of_country
from app.platform import clock
from app.platform.actor import Actor
from app.platform.db import tables_that_say
from app.platform.errors import invalid_field
from app.platform.paging import Found, PageQuery, SortKey, fetch_page

PROBABLE_DUPLICATES = 5

_NEWEST = (datetime, UUID)
_SEARCHED = Searched(Person.person_id, Person.person_id, filters_of(Person, "country", "is_active"))
_PERSONS = SortKey((Person.created_at, Person.person_id), _NEWEST)
_ROLES = SortKey((PersonContactType.valid_from, PersonContactType.person_contact_type_id), _NEWEST)
_CONTACT_TYPES = SortKey((ContactType.type_name, ContactType.contact_type_id), (str, UUID), ascending=True)
_CONTACT_POINTS = SortKey((ContactPoint.created_at, ContactPoint.contact_point_id), _NEWEST)
_RELATIONSHIPS = SortKey((PersonRelationship.created_at, PersonRelationship.person_relationship_id), _NEWEST)
_SUBMISSIONS = SortKey((IntakeSubmission.created_at, IntakeSubmission.intake_submission_id), _NEWEST)
SUGGESTIONS_NEWEST_FIRST = SortKey((SuggestedChange.created_at, SuggestedChange.suggested_change_id), _NEWEST)
_PAIRS = SortKey((DuplicateCandidate.created_at, DuplicateCandidate.duplicate_candidate_id), _NEWEST)


async def find_person(
    session: AsyncSession, _actor: Actor, *, person_id: UUID, for_update: bool = False
) -> Person | None:
    """The person, inactive ones too, or None."""
    query = select(Person).where(Person.person_id == person_id).execution_options(populate_existing=True)
    return (await session.scalars(query.with_for_update(key_share=True) if for_update else query)).one_or_none()


async def get_person(session: AsyncSession, actor: Actor, *, person_id: UUID, for_update: bool = False) -> Person:
    """The person, inactive ones too; PersonNotFound."""
    found = await find_person(session, actor, person_id=person_id, for_update=for_update)
    if found is None:
        raise PersonNotFound
    return found


async def people_of_email(session: AsyncSession, *, key: str, for_update: bool = False) -> list[Candidate]:
    """
    Those who have the address of this key: its owner first, then whose further contact point it is, newest first.

    `for_update` locks their rows, so that each is still who they were found to be when it is acted upon.
    """
    shared = _recognised_by("email", key)
    have_it = Person.person_id.in_(union(select(Person.person_id).where(Person.email_key == key), shared))
    if for_update:
        # Apart, in the order of their ids: what was waited for is read by the next statement.
        await session.execute(
            select(Person.person_id).where(have_it).order_by(Person.person_id).with_for_update(key_share=True)
        )
    point = ContactPoint
    is_point_in_use = exists().where(
        point.person_id == Person.person_id, point.value_key == key, point.kind == "email", point.was.is_(None)
    )
    is_own = func.coalesce(Person.email_key == key, false())
    rows = await session.execute(
        select(
            Person.person_id,
            Person.first_name,
            Person.last_name,
            Person.date_of_birth,
            or_(is_own, is_point_in_use).label("uses_it"),
        )
        .where(have_it)
        .order_by(is_own.desc(), Person.person_id.desc())
    )
    return [
        Candidate(row.person_id, name_of(row.first_name, row.last_name), row.date_of_birth, row.uses_it) for row in rows
    ]


async def is_email_of_another(session: AsyncSession, *, key: str, person_id: UUID, shared_too: bool) -> bool:
    """Whether the address is another person's own or contact point; one that is shared counts when `shared_too`."""
    point = ContactPoint
    further = select(point.person_id).where(point.value_key == key, point.kind == "email", point.was.is_(None))
    if not shared_too:
        further = further.where(point.is_shared.is_(False))
    owners = union(select(Person.person_id).where(Person.email_key == key), further).subquery()
    found = await session.scalar(select(owners.c.person_id).where(owners.c.person_id != person_id).limit(1))
    return found is not None


async def is_helped(session: AsyncSession, *, person_id: UUID) -> bool:
    """Whether we help the person at present: a record of theirs is in a state that its table calls helped."""
    records = [
        exists().where(table.c.person_id == person_id, table.c.status.in_(states), table.c.deleted_at.is_(None))
        for table, states in tables_that_say("helped").items()
    ]
    return bool(await session.scalar(select(or_(*records))))


async def contact_keys(session: AsyncSession, *, person_id: UUID, kind: str) -> set[str]:
    """The keys of a person's further contact points of this kind."""
    found = await session.scalars(
        select(ContactPoint.value_key).where(
            ContactPoint.person_id == person_id, ContactPoint.kind == kind, ContactPoint.was.is_(None)
        )
    )
    return set(found)


async def was_ever(session: AsyncSession, *, person_id: UUID, type_name: str) -> bool:
    """Whether the person has, or once had, a role of this type; one that only begins later does not count."""
    found = await session.scalar(
        select(PersonContactType.person_contact_type_id)
        .join(ContactType)
        .where(
            PersonContactType.person_id == person_id,
            ContactType.type_name == type_name,
            PersonContactType.valid_from <= clock.now(),
        )
        .limit(1)
    )
    return found is not None


async def probable_duplicates(
    session: AsyncSession,
    *,
    phone: str | None,
    name: Name,
    date_of_birth: date | None,
    but: Collection[UUID] = (),
    among: Collection[UUID] | None = None,
) -> list[tuple[Candidate, list[str]]]:
    """
    Up to five people with this phone (E.164), or alike in name and birth date; the likest first, with reasons.

    `but` are not among them: the person who is asked about, and those who are known to be somebody else. With `among`
    nobody but these is looked at.
    """
    others = Person.person_id.not_in(but) if among is None else Person.person_id.in_(among)
    found: dict[UUID, tuple[Candidate, list[str]]] = {}
    grades: dict[UUID, Grade] = {}
    asked = probe(name, date_of_birth)
    if asked.keys:
        keys, days = literal(list(asked.keys), ARRAY(Text())), literal(list(asked.birth_dates), ARRAY(Date()))
        # Two look-ups: of an "or" over two columns no index range is made.
        ids = union(
            *(
                select(Person.person_id).where(column == any_(keys), Person.born_on == any_(days))
                for column in (Person.family_key, Person.given_key)
            )
        )
        for who in await _candidates(session, and_(Person.person_id.in_(ids), others)):
            if grade := how_alike(name, date_of_birth, who.name, who.date_of_birth):
                grades[who.person_id] = grade
                found[who.person_id] = (who, ["name_and_birth_date"])
    if phone is not None:
        ids = union(select(Person.person_id).where(Person.phone_e164 == phone), _recognised_by("phone", phone))
        for who in await _candidates(session, and_(Person.person_id.in_(ids), others), most=PROBABLE_DUPLICATES):
            found.setdefault(who.person_id, (who, []))[1].append("phone")
    order = list(Grade)

    def rank(pair: tuple[Candidate, list[str]]) -> tuple[int, int, UUID]:
        who, reasons = pair
        return -len(reasons), order.index(grades.get(who.person_id, Grade.DIFFERENT)), who.person_id

    return sorted(found.values(), key=rank)[:PROBABLE_DUPLICATES]


async def candidates_of(session: AsyncSession, person_ids: Collection[UUID]) -> list[Candidate]:
    """These people, by what is compared of them."""
    return await _candidates(session, Person.person_id.in_(person_ids)) if person_ids else []


async def _candidates(
    session: AsyncSession, condition: ColumnElement[bool], *, most: int | None = None
) -> list[Candidate]:
    query = select(Person.person_id, Person.first_name, Person.last_name, Person.date_of_birth).where(condition)
    rows = await session.execute(query if most is None else query.order_by(Person.person_id).limit(most))
    return [Candidate(row.person_id, name_of(row.first_name, row.last_name), row.date_of_birth) for row in rows]


async def list_persons(session: AsyncSession, actor: Actor, *, query: PersonFilter) -> SearchFound[Person]:
    """A page of persons, newest first, or as a search orders them. SearchNotAllowed without the permission for one."""
    if not actor.may("person.search") and (query.email or query.phone or query.date_of_birth):
        raise SearchNotAllowed
    wanted: list[ColumnElement[bool]] = []
    if query.email is not None:
        wanted.append(_has_contact(Person.email_key, "email", email_key(query.email)))
    if query.phone is not None:
        wanted.append(Person.person_id.in_(_of_phone(query.phone)))
    if query.date_of_birth is not None:
        wanted.append(_born(query.date_of_birth))
    if query.q is not None:
        asked = _SEARCHED.given(query)
        if query.is_active is not None:
            asked["is_active"] = query.is_active == "true"
        marks = [*mark_of_country(query.country), *(["off"] if query.is_active == "false" else [])]
        hits = Hits(_SEARCHED, asked, marks, wanted)
        return await search(session, actor, typed=query.q, query=query, hits=hits, rows=select(Person))
    ids = select(Person.person_id, *_PERSONS.columns).where(*wanted, *_plain_filters(query))
    return unsearched(await fetch_page(session, ids=ids, query=query, sort=_PERSONS, rows=select(Person)))


def _plain_filters(query: PersonFilter) -> list[ColumnElement[bool]]:
    """The filters by columns, where nothing is searched."""
    wanted: list[ColumnElement[bool]] = []
    if query.is_active is not None:
        wanted.append(Person.is_active.is_(query.is_active == "true"))
    if query.country is not None:
        wanted.append(Person.country == query.country)
    if query.created_from is not None:
        wanted.append(Person.created_at >= query.created_from)
    if query.created_to is not None:
        wanted.append(Person.created_at < query.created_to)
    return wanted


def _of_phone(typed: str) -> Select[*tuple[Any, ...]]:
    """Whose phone this is, in whichever writing; Invalid for a text without digits."""
    if (number := phone_e164(typed, None).e164) is not None:
        return of_phones(number.removeprefix("+"))
    ends = phone_ends(typed)
    if not ends:
        raise invalid_field("phone", "phone", "Send a phone number, or its last four digits or more.")
    return union_of(*map(of_phones, ends))


async def list_roles(
    session: AsyncSession, actor: Actor, *, person_id: UUID, query: PageQuery
) -> Found[PersonContactType]:
    """A page of a person's roles, the latest first; PersonNotFound."""
    await get_person(session, actor, person_id=person_id)
    role = PersonContactType

    return await fetch_page(
        session,
        ids=select(role.person_contact_type_id, *_ROLES.columns).where(role.person_id == person_id),
        query=query,
        sort=_ROLES,
        rows=select(role).options(selectinload(role.contact_type)),
    )


async def get_role(
    session: AsyncSession, _actor: Actor, *, person_id: UUID, person_contact_type_id: UUID, for_update: bool = False
) -> PersonContactType:
    """The role with its contact type; RoleNotFound, also when it is another person's."""
    query = (
        select(PersonContactType)
        .where(
            PersonContactType.person_contact_type_id == person_contact_type_id,
            PersonContactType.person_id == person_id,
        )
        .options(selectinload(PersonContactType.contact_type))
        .execution_options(populate_existing=True)
    )
    if for_update:
        query = query.with_for_update(of=PersonContactType)
    found = (await session.scalars(query)).one_or_none()
    if found is None:
        raise RoleNotFound
    return found


async def list_contact_types(session: AsyncSession, _actor: Actor, *, query: PageQuery) -> Found[ContactType]:
    """A page of the contact types by name."""
    return await fetch_page(
        session,
        ids=select(ContactType.contact_type_id, *_CONTACT_TYPES.columns),
        query=query,
        sort=_CONTACT_TYPES,
        rows=select(ContactType),
    )


async def list_contact_points(
    session: AsyncSession, actor: Actor, *, person_id: UUID, query: PageQuery
) -> Found[ContactPoint]:
    """A page of a person's further addresses and numbers, former ones too, newest first; PersonNotFound."""
    await get_person(session, actor, person_id=person_id)
    point = ContactPoint

    return await fetch_page(
        session,
        ids=select(point.contact_point_id, *_CONTACT_POINTS.columns).where(
            point.person_id == person_id, or_(point.was.is_(None), point.was == "former")
        ),
        query=query,
        sort=_CONTACT_POINTS,
        rows=select(point),
    )


async def find_unused_contact_point(
    session: AsyncSession, *, person_id: UUID, kind: str, key: str
) -> ContactPoint | None:
    """The contact point of this key that the person no longer uses, held for a change, or None."""
    point = ContactPoint
    query = select(point).where(
        point.person_id == person_id, point.kind == kind, point.value_key == key, point.was.is_not(None)
    )
    return (await session.scalars(query.with_for_update())).one_or_none()


async def get_contact_point(
    session: AsyncSession, _actor: Actor, *, person_id: UUID, contact_point_id: UUID, gone_too: bool = False
) -> ContactPoint:
    """
    The contact point, held for a change; ContactPointNotFound.

    One that was wrong or somebody else's is there for `gone_too` alone.
    """
    point = ContactPoint
    query = select(point).where(point.contact_point_id == contact_point_id, point.person_id == person_id)
    if not gone_too:
        query = query.where(or_(point.was.is_(None), point.was == "former"))
    query = query.with_for_update().execution_options(populate_existing=True)
    found = (await session.scalars(query)).one_or_none()
    if found is None:
        raise ContactPointNotFound
    return found


async def list_relationships(
    session: AsyncSession, actor: Actor, *, person_id: UUID, query: PageQuery
) -> Found[PersonRelationship]:
    """A page of a person's relationships in both directions, newest first; PersonNotFound."""
    await get_person(session, actor, person_id=person_id)
    relationship = PersonRelationship

    return await fetch_page(
        session,
        ids=select(relationship.person_relationship_id, *_RELATIONSHIPS.columns).where(
            (relationship.person_id == person_id) | (relationship.related_person_id == person_id)
        ),
        query=query,
        sort=_RELATIONSHIPS,
        rows=select(relationship),
    )


async def get_relationship(
    session: AsyncSession, _actor: Actor, *, person_id: UUID, person_relationship_id: UUID, for_update: bool = False
) -> PersonRelationship:
    """The relationship, seen from either side; RelationshipNotFound."""
    query = (
        select(PersonRelationship)
        .where(
            PersonRelationship.person_relationship_id == person_relationship_id,
            (PersonRelationship.person_id == person_id) | (PersonRelationship.related_person_id == person_id),
        )
        .execution_options(populate_existing=True)
    )
    found = (await session.scalars(query.with_for_update() if for_update else query)).one_or_none()
    if found is None:
        raise RelationshipNotFound
    return found


async def relationships_between(
    session: AsyncSession, relationship: PersonRelationship
) -> Sequence[PersonRelationship]:
    """The other relationships of its type between its two people, either way, that hold in a part of its time."""
    row = PersonRelationship
    here, there = relationship.person_id, relationship.related_person_id
    query = select(row).where(
        or_(
            and_(row.person_id == here, row.related_person_id == there),
            and_(row.person_id == there, row.related_person_id == here),
        ),
        row.relationship_type == relationship.relationship_type,
    )
    if relationship.person_relationship_id is not None:
        query = query.where(row.person_relationship_id != relationship.person_relationship_id)
    if relationship.end_date is not None:
        query = query.where(or_(row.start_date.is_(None), row.start_date <= relationship.end_date))
    if relationship.start_date is not None:
        query = query.where(or_(row.end_date.is_(None), row.end_date >= relationship.start_date))
    return (await session.scalars(query)).all()


async def find_speakers(session: AsyncSession, *, person_id: UUID) -> Sequence[tuple[Person, PersonRelationship]]:
    """Those who speak or act for somebody now, each by the relationship that says so."""
    row = PersonRelationship
    query = (
        select(Person, row)
        .join(row, row.person_id == Person.person_id)
        .where(row.related_person_id == person_id, or_(row.end_date.is_(None), row.end_date >= clock.today()))
        .order_by(row.person_relationship_id)
    )
    return [(person, relationship) for person, relationship in await session.execute(query)]


async def list_submissions(
    session: AsyncSession, actor: Actor, *, person_id: UUID, query: PageQuery
) -> Found[IntakeSubmission]:
    """A page of what arrived for a person, as it came, newest first; PersonNotFound."""
    await get_person(session, actor, person_id=person_id)
    submission = IntakeSubmission

    return await fetch_page(
        session,
        ids=select(submission.intake_submission_id, *_SUBMISSIONS.columns).where(submission.person_id == person_id),
        query=query,
        sort=_SUBMISSIONS,
        rows=select(submission),
    )


async def find_submission(session: AsyncSession, *, intake_submission_id: UUID | None) -> IntakeSubmission | None:
    """The submission of this id, for who may see the record that it opened; None where there is none."""
    return await session.get(IntakeSubmission, intake_submission_id) if intake_submission_id else None


async def list_suggested_changes(
    session: AsyncSession, actor: Actor, *, query: SuggestedChangeFilter
) -> Found[SuggestedChange]:
    """A page of suggested changes, newest first."""
    ids = suggested_ids(actor, query)
    return await fetch_page(session, ids=ids, query=query, sort=SUGGESTIONS_NEWEST_FIRST, rows=select(SuggestedChange))


def suggested_ids(actor: Actor, query: SuggestedChangeFilter) -> Select[Any]:
    """The keys of the suggested changes that a filter asks for, with the columns they are ordered by."""

    def asked_of(change: Any) -> list[ColumnElement[bool]]:
        wanted = (
            (getattr(change, name), getattr(query, name)) for name in ("decision", "person_id", "field", "source")
        )
        return [column == value for column, value in wanted if value is not None]

    ids = select(SuggestedChange.suggested_change_id, *SUGGESTIONS_NEWEST_FIRST.columns)
    if query.owner is None:
        return ids.where(*asked_of(SuggestedChange))
    # Person by person of a caseload, which is short: the queue of everybody may be long.
    owned = [
        select(table.c.person_id).where(
            table.c.owner_id == actor.account_id,
            *(table.c[name].is_(None) for name in ("deleted_at",) if name in table.c),
        )
        for table in tables_that_say("cases")
    ]
    mine, change = union(*owned).subquery(), aliased(SuggestedChange)
    of_person = select(change.suggested_change_id).where(change.person_id == mine.c.person_id, *asked_of(change))
    found = of_person.offset(0).lateral()
    keys = select(found.c.suggested_change_id).select_from(mine.join(found, true()))
    return ids.where(SuggestedChange.suggested_change_id == any_(func.array(keys.scalar_subquery())))


async def get_suggested_change(
    session: AsyncSession, _actor: Actor, *, suggested_change_id: UUID, for_update: bool = False
) -> SuggestedChange:
    """The suggested change; SuggestionNotFound."""
    query = (
        select(SuggestedChange)
        .where(SuggestedChange.suggested_change_id == suggested_change_id)
        .execution_options(populate_existing=True)
    )
    found = (await session.scalars(query.with_for_update() if for_update else query)).one_or_none()
    if found is None:
        raise SuggestionNotFound
    return found


_BOTH_PERSONS = (selectinload(DuplicateCandidate.person), selectinload(DuplicateCandidate.other_person))


async def list_duplicate_candidates(
    session: AsyncSession, _actor: Actor, *, query: DuplicateCandidateFilter
) -> Found[DuplicateCandidate]:
    """A page of pairs that may be one human, newest first, both persons loaded."""
    pair = DuplicateCandidate
    ids = select(pair.duplicate_candidate_id, *_PAIRS.columns)
    if query.decision is not None:
        ids = ids.where(pair.decision == query.decision)
    if query.person_id is not None:
        ids = ids.where((pair.person_id == query.person_id) | (pair.other_person_id == query.person_id))

    return await fetch_page(session, ids=ids, query=query, sort=_PAIRS, rows=select(pair).options(*_BOTH_PERSONS))


async def told_apart(session: AsyncSession, *, person_id: UUID) -> dict[UUID, UUID]:
    """Those of whom somebody has decided that they are other people than this person, each with the pair's id."""
    pair = DuplicateCandidate
    query = select(pair.person_id, pair.other_person_id, pair.duplicate_candidate_id).where(
        pair.decision == "different_people", or_(pair.person_id == person_id, pair.other_person_id == person_id)
    )
    return {(other if one == person_id else one): key for one, other, key in await session.execute(query)}


async def get_duplicate_candidate(
    session: AsyncSession, _actor: Actor, *, duplicate_candidate_id: UUID, for_update: bool = False
) -> DuplicateCandidate:
    """The pair with both persons; DuplicateCandidateNotFound."""
    query = (
        select(DuplicateCandidate)
        .where(DuplicateCandidate.duplicate_candidate_id == duplicate_candidate_id)
        .options(*_BOTH_PERSONS)
        .execution_options(populate_existing=True)
    )
    if for_update:
        query = query.with_for_update(of=DuplicateCandidate)
    found = (await session.scalars(query)).one_or_none()
    if found is None:
        raise DuplicateCandidateNotFound
    return found


def _born(asked: BirthDate) -> ColumnElement[bool]:
    """Who was born on that day; of a month or a year, who is known to have been born in it."""
    if asked.precision == "day":
        return (Person.born_on == asked) & (Person.date_of_birth_precision == "day")
    return Person.born_on.between(asked, asked.last) & (Person.date_of_birth_precision.in_(asked.precisions_inside))


def _has_contact(column: Any, kind: str, key: str | None) -> ColumnElement[bool]:
    """Whether a person has this e-mail or phone as their own, or among their further contact points."""
    if key is None:
        return false()
    return Person.person_id.in_(union(select(Person.person_id).where(column == key), _recognised_by(kind, key)))


def _recognised_by(kind: str, key: str) -> Select[UUID]:
    """Whose further contact point this is, or was: a wrong one, and one of somebody else's, says nothing of them."""
    point = ContactPoint
    return select(point.person_id).where(
        point.value_key == key, point.kind == kind, or_(point.was.is_(None), point.was == "former")
    )
