"""
A page of a list for what was typed: what may be meant is tried in order, and the first that finds somebody is shown.

Order of a page: whole words before beginnings before what is only similar; active before inactive; then, where at most
IN_HAND are found, who was active last, else the newest person.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Final, Generic, NamedTuple, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.access.masking import Detail
from app.people.errors import SearchNotAllowed, search_has_an_order
from app.people.models import ContactPoint, IntakeSubmission, Person
from app.people.references import read_reference
from app.people.schemas import NewCaller, ReadAs, SearchPage, SearchRead
from app.people.search import near, terms
from app.people.search.folding import Reading, read_names
from app.people.search.terms import LETTERS_OF_A_BEGINNING, Rank, every, some, term
from app.people.search.typed import (
    as_names,
    clean,
    day_term,
    email_beginning_of_a_word,
    email_beginnings,
    phone_ends,
    read_days,
    read_month,
    read_year,
    split_day,
)
from app.people.search.walk import IN_HAND, Hit, Hits, Key, People, Place, Searched, Walk
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import Forbidden
from app.platform.fast_path import Statement
from app.platform.paging import (
    COUNT_CAP,
    Found,
    PageQuery,
    SortKey,
    admit,
    decode_cursor,
    encode_cursor,
    for_asker,
    narrows,
)
from app.platform.search import begins_with, behind_prefix
from app.platform.text import Label

Row = TypeVar("Row")
T = TypeVar("T")

_HARDLY_ANY: Final = 5
"""With fewer names than this, similar ones are shown behind them."""

OfPeople = Select[*tuple[Any, ...]]
"""A query of person_id."""
_NUMBERS: list[tuple[Callable[[str], str | None], OfPeople, bool]] = []
_ACTIVITIES: list[tuple[InstrumentedAttribute[UUID], InstrumentedAttribute[datetime]]] = [
    (IntakeSubmission.person_id, IntakeSubmission.created_at),
    (Person.person_id, Person.updated_at),
]


def register_number(read: Callable[[str], str | None], people: OfPeople, *, of_case: bool) -> None:
    """
    Let people be found by a number of a record of theirs.

    `read` gives the number that was typed, None for none; `people` is the query for the parameter `number`. A number
    `of_case` tells what somebody takes part in: it finds those whose case is open to the asker. Packages to the left
    call this when they are loaded.
    """
    _NUMBERS.append((read, people, of_case))


def register_activity(person_id: InstrumentedAttribute[UUID], at: InstrumentedAttribute[datetime]) -> None:
    """Count a record of a person among their activities, by when it happened."""
    _ACTIVITIES.append((person_id, at))


class _CaseNumber(BaseModel):
    """The question for a number of a case: it is not asked by anyone who sees health masked."""

    q: Detail[Label]


@dataclass(frozen=True)
class SearchFound(Found[Row], Generic[Row]):
    """A page of a list that can be searched; `search` says how what was typed was read."""

    search: SearchRead | None = None

    def page(self, items: Any) -> SearchPage[Any]:
        return SearchPage(
            items=list(items),
            next_cursor=self.next_cursor,
            total=self.total,
            total_is_capped=self.total_is_capped,
            search=self.search,
        )


def unsearched(found: Found[Row]) -> SearchFound[Row]:
    """The page of such a list where nothing was searched."""
    return SearchFound(found.rows, found.next_cursor, found.total, found.total_is_capped, found.record_type)


class _Ranked(NamedTuple):
    """A hit with all it is ordered by: `active_at` are microseconds, 0 where activity does not decide."""

    rank: int
    errors: int
    is_inactive: bool
    active_at: int
    hit: Hit

    @property
    def order(self) -> tuple[int, int, bool, int, int, int]:
        return (self.rank, self.errors, self.is_inactive, -self.active_at, -self.hit.num, -self.hit.key.int)


class _Cursor(NamedTuple):
    """The last row of a page: by which attempt it was found, and its place. `by_activity` keeps the order of page 1."""

    attempt: int
    by_activity: int
    rank: int
    errors: int
    is_inactive: int
    active_at: int
    num: int
    key: UUID

    @property
    def order(self) -> tuple[int, int, bool, int, int, int]:
        return (self.rank, self.errors, bool(self.is_inactive), -self.active_at, -self.num, -self.key.int)

    @property
    def place(self) -> Place:
        return Place(self.num, self.key)


_KINDS: Final = (int, int, int, int, int, int, int, UUID)


@dataclass(frozen=True)
class _Part:
    """What an attempt found: rows from a place on, one more than the page shows when there are more."""

    rows: list[_Ranked]
    total: int
    is_capped: bool
    by_activity: bool = False


@dataclass(frozen=True)
class _Attempt:
    """
    One way to read what was typed: people by a query, or by readings of names and further terms of the index.

    `inside` is what the rows of the list have to meet beside the list's filter.
    """

    read_as: ReadAs
    people: People | None = None
    readings: Sequence[Reading] = ()
    terms: str | None = None
    is_similar: bool = False
    inside: ColumnElement[bool] | None = None


async def search(
    session: AsyncSession, actor: Actor, *, typed: str, query: PageQuery, hits: Hits, rows: Select[Row]
) -> SearchFound[Row]:
    """
    A page of the rows of a list whose persons are meant by what was typed.

    `rows` selects what is shown, of all rows. SearchNotAllowed for who may read persons but not look for them; Invalid
    where another order is asked for.
    """
    if not actor.may("person.search"):
        raise SearchNotAllowed
    if getattr(query, "sort", None) is not None:
        raise search_has_an_order()
    cursor = None
    if query.cursor is not None:
        cursor = _Cursor(*decode_cursor(query.cursor, query.fingerprint(), _KINDS))
    attempts = _attempts(typed, hits)
    part, number = _Part([], 0, is_capped=False), 0
    for number, attempt in enumerate(attempts):
        if cursor is None or cursor.attempt == number:
            walk = Walk(session, hits if attempt.inside is None else hits.within(attempt.inside))
            part = await _find(walk, attempt, cursor, most=query.limit + 1)
            if part.rows:
                break
    shown = part.rows[: query.limit]
    next_cursor = None
    if len(part.rows) > query.limit:
        last = shown[-1]
        place = (number, int(part.by_activity), last.rank, last.errors, int(last.is_inactive), last.active_at)
        next_cursor = encode_cursor(query.fingerprint(), (*place, last.hit.num, last.hit.key))
    found = {getattr(row, str(hits.of.key.key)): row for row in await _loaded(session, rows, hits, shown)}
    is_unknown = cursor is None and not part.rows
    return SearchFound(
        [found[one.hit.key] for one in shown if one.hit.key in found],
        next_cursor,
        part.total,
        part.is_capped,
        rows.column_descriptions[0]["entity"].__tablename__,
        search=SearchRead(
            read_as=attempts[number].read_as if part.rows else None,
            similar=sum(one.rank == Rank.SIMILAR for one in shown),
            new_caller=new_caller_of(typed) if is_unknown and actor.may("person.create") else None,
        ),
    )


async def search_what_hangs_on_people(
    session: AsyncSession,
    actor: Actor,
    *,
    typed: str,
    query: PageQuery,
    of: Searched,
    ids: Select[*tuple[Any, ...]],
    order: SortKey,
    rows: Select[Row],
) -> SearchFound[Row]:
    """
    A page of the rows of a list whose persons are meant: of those that `ids` leaves, by the filters of the list.

    On a page the rows of one person stand together, in the list's own `order`. Raises what `search` raises.
    """
    wanted = for_asker(ids, query, of.person_id).whereclause
    hits = Hits(of, conditions=() if wanted is None else (wanted,))
    found = await search(session, actor, typed=typed, query=query, hits=hits, rows=rows)
    by, whose = str(order.columns[0].key), str(of.person_id.key)
    ordered = sorted(found.rows, key=lambda row: getattr(row, by), reverse=not order.ascending)
    places = {key: place for place, key in enumerate(dict.fromkeys(getattr(row, whose) for row in found.rows))}
    return replace(found, rows=sorted(ordered, key=lambda row: places[getattr(row, whose)]))


async def _loaded(session: AsyncSession, rows: Select[Row], hits: Hits, shown: Sequence[_Ranked]) -> Sequence[Row]:
    keys = [one.hit.key for one in shown]
    asked = rows.where(hits.of.key == any_(literal(keys, ARRAY(Uuid()))))
    return (await session.scalars(asked)).unique().all() if keys else []


def _attempts(typed: str, hits: Hits) -> list[_Attempt]:
    """What may be meant, in the order in which it is tried."""
    today = clock.today()
    attempts = [_Attempt("email", _of_emails(beginning)) for beginning in email_beginnings(typed) if "@" in beginning]
    reference = read_reference(typed)
    if reference is not None:
        attempts.append(_Attempt("reference", People(_OF_REFERENCE, {"reference": reference})))
    numbers = _of_numbers(typed, hits)
    has_digit = any(map(str.isdecimal, typed))
    attempts += numbers if has_digit else []
    if days := read_days(typed, today=today):
        attempts.append(_Attempt("birth_date", terms=some(term(day_term(day)) for day in days)))
    attempts += [_Attempt("phone", _ends_so(end)) for end in phone_ends(typed)]
    if (year := read_year(typed, today=today)) is not None:
        attempts.append(_Attempt("birth_date", terms=term(year)))
    if not attempts:
        attempts += [_Attempt("email", _of_emails(beginning)) for beginning in email_beginnings(typed)]
    beside = split_day(typed, today=today)
    # An address that nobody has may hold the name of somebody who has another.
    readings = read_names(beside.names.partition("@")[0])
    if readings:
        day = some(map(term, beside.terms)) if beside.terms else None
        attempts.append(_Attempt("name", readings=readings, terms=day))
        if days := read_month(typed, today=today):
            attempts.append(_Attempt("birth_date", terms=some(term(day_term(day)) for day in days)))
        # A number without a digit is seldom: people who are called so come first.
        attempts += [] if has_digit else numbers
        if (beginning := email_beginning_of_a_word(typed)) is not None:
            attempts.append(_Attempt("email", _of_emails(beginning)))
        attempts.append(_Attempt("name", readings=readings, terms=day, is_similar=True))
    return attempts


async def _find(walk: Walk, attempt: _Attempt, cursor: _Cursor | None, *, most: int) -> _Part:
    if attempt.people is not None:
        return await _of_people(walk, attempt.people, cursor, most=most)
    if attempt.is_similar:
        return await _similar(walk, attempt, cursor, most=most)
    if not attempt.readings:
        return await _of_terms(walk, attempt.terms or "", cursor, most=most)
    return await _named(walk, attempt, cursor, most=most)


async def _of_people(walk: Walk, people: People, cursor: _Cursor | None, *, most: int) -> _Part:
    """People whom an index of addresses, numbers or references names; very many are walked through as terms are."""
    if people.terms is not None and people.condition is not None:
        count = await walk.count_of(people)
        if count is None:
            hits = walk.hits.within(people.condition(walk.hits.of.person_id))
            return await _of_terms(Walk(walk.session, hits), people.terms, cursor, most=most)
        if count == 0:
            return _Part([], 0, is_capped=False)
    found = await walk.among(people)
    if found.total <= IN_HAND:
        return await _in_hand(walk, [_ranked(hit) for hit in found.rows], cursor, most=most)
    rows = found.rows
    if cursor is not None:
        rows = (await walk.among(people, after=(not cursor.is_inactive, cursor.place))).rows
    return _Part([_ranked(hit) for hit in rows[:most]], *_total(found.total))


async def _of_terms(walk: Walk, query: str, cursor: _Cursor | None, *, most: int) -> _Part:
    """People who have these terms: all are as good."""
    met = await walk.all_of(query)
    if met.rows is not None:
        return await _in_hand(walk, [_ranked(hit) for hit in met.rows], cursor, most=most)
    rows = await _walked(walk, [(Rank.WHOLE, query, met.about)], cursor, most=most)
    return _Part(rows, *_total(met.total))


async def _named(walk: Walk, attempt: _Attempt, cursor: _Cursor | None, *, most: int) -> _Part:
    """People with these names; where there are hardly any, those with similar ones behind them."""

    def asked(query: str) -> str:
        return query if attempt.terms is None else every([query, attempt.terms])

    met = await walk.all_of(asked(terms.query_of_all(attempt.readings)))
    if met.rows is None:
        sampled = Counter(terms.rank(attempt.readings, set(words.split())) for words in met.sample)
        ranks = [
            (rank, asked(terms.query(attempt.readings, rank)), met.about * sampled[rank] // max(1, len(met.sample)))
            for rank in terms.ranks(attempt.readings)
        ]
        return _Part(await _walked(walk, ranks, cursor, most=most), *_total(met.total))
    ranked = [_ranked(hit, terms.rank(attempt.readings, set(hit.words.split()))) for hit in met.rows]
    is_one_word = len(attempt.readings[0]) == 1
    if 0 < len(ranked) < _HARDLY_ANY and (is_one_word or not any(one.rank == Rank.WHOLE for one in ranked)):
        known = {one.hit.key for one in ranked}
        ranked += [one for one in await _near(walk, attempt) if one.hit.key not in known]
    return await _in_hand(walk, ranked, cursor, most=most)


async def _similar(walk: Walk, attempt: _Attempt, cursor: _Cursor | None, *, most: int) -> _Part:
    """People whose names are written differently by an error or two; when nobody is, those who fit in part."""
    ranked = await _near(walk, attempt)
    if not ranked:
        for query in near.queries_of_parts(attempt.readings):
            ranked = await _most_similar(walk, attempt, query, most_errors=_MOST_ERRORS_IN_PART)
            if ranked:
                break
    return await _in_hand(walk, ranked, cursor, most=most)


_MOST_ERRORS_IN_PART: Final = 2


async def _near(walk: Walk, attempt: _Attempt) -> list[_Ranked]:
    query = await near.query(walk, attempt.readings)
    ranked = [] if query is None else await _most_similar(walk, attempt, query, most_errors=None)
    if len(attempt.readings[0]) == 1 or any(one.errors < 2 * near.ONE_ERROR for one in ranked):
        return ranked
    query = near.query_of_slips(attempt.readings)
    if query is not None:
        known = {one.hit.key for one in ranked}
        further = await _most_similar(walk, attempt, query, most_errors=None)
        ranked += [one for one in further if one.hit.key not in known]
    return ranked


async def _most_similar(walk: Walk, attempt: _Attempt, query: str, *, most_errors: int | None) -> list[_Ranked]:
    """The people of a query for similar names by their errors; of very many the newest."""
    asked = query if attempt.terms is None else every([query, attempt.terms])
    met = await walk.all_of(asked, are_few=len(attempt.readings[0]) > 1)
    found = met.newest if met.rows is None else met.rows
    if found is None:
        found = await walk.newest_of(asked, is_active=True, after=None, most=IN_HAND, about=met.about)
    ranked = [_ranked(hit, Rank.SIMILAR, errors=near.errors(attempt.readings, hit.words.split())) for hit in found]
    return [one for one in ranked if most_errors is None or one.errors < (most_errors + 1) * near.ONE_ERROR]


async def _walked(
    walk: Walk, ranks: Sequence[tuple[Rank, str, int]], cursor: _Cursor | None, *, most: int
) -> list[_Ranked]:
    """
    The people of each query after the other, active ones first, the newest first, from the cursor's place on.

    `ranks` are rank, query, and about how many meet it. Those who seem to leave room on the page are read as a whole.
    """
    rows: list[_Ranked] = []
    for rank, query, about in ranks:
        begins = (cursor.rank, cursor.is_inactive) if cursor else (-1, 0)
        if rank < begins[0] or len(rows) >= most:
            continue
        if rank > begins[0] and about < most - len(rows):
            found = await walk.all_sorted(query, most=most - len(rows))
            if found is not None:
                rows += [_ranked(hit, rank) for hit in found]
                continue
        for is_inactive in (False, True):
            here = (rank, int(is_inactive))
            if here < begins or len(rows) >= most:
                continue
            after = cursor.place if cursor and here == begins else None
            wanted = most - len(rows)
            newest = await walk.newest_of(query, is_active=not is_inactive, after=after, most=wanted, about=about)
            rows += [_ranked(hit, rank) for hit in newest]
    return rows


def _total(count: int | None) -> tuple[int, bool]:
    """The total of a page and whether it is capped: those who were not counted are more than are read at once."""
    return (IN_HAND, True) if count is None else (min(count, COUNT_CAP), count > COUNT_CAP)


async def _in_hand(walk: Walk, ranked: list[_Ranked], cursor: _Cursor | None, *, most: int) -> _Part:
    """The page of people who are all read already."""
    total = len(ranked)
    begins = cursor.order[:3] if cursor else (0, 0, False)
    ranked = sorted((one for one in ranked if one.order[:3] >= begins), key=lambda one: one.order)
    # Whose activity decides nothing on this page is not asked about; some of the cursor's own rank were shown before.
    reached = most + (sum(one.order[:3] == begins for one in ranked) if cursor else 0)
    ranked = [one for one in ranked if one.order[:3] <= ranked[:reached][-1].order[:3]]
    by_activity = bool(cursor.by_activity) if cursor else True
    if by_activity and len(ranked) > 1:
        active_at = await _last_activity(walk, [one.hit.person_id for one in ranked])
        ranked = [one._replace(active_at=active_at.get(one.hit.person_id, 0)) for one in ranked]
    ordered = sorted(ranked, key=lambda one: one.order)
    if cursor is not None:
        ordered = [one for one in ordered if one.order > cursor.order]
    return _Part(ordered[:most], *_total(total), by_activity)


async def _last_activity(walk: Walk, person_ids: Sequence[UUID]) -> dict[UUID, int]:
    """When something last happened with these people: they wrote, were called, or their record was changed."""
    rows = await walk.read(_activity(), {"people": list(person_ids), "now": clock.now()})
    return {row["person_id"]: int(row["at"].timestamp() * 1_000_000) for row in rows}


@cache
def _activity() -> Statement:
    people = bindparam("people", type_=ARRAY(Uuid()))
    each = [
        select(person_id.label("person_id"), func.max(at).label("at"))
        .where(person_id == any_(people), at <= bindparam("now", type_=Person.updated_at.type))
        .group_by(person_id)
        for person_id, at in _ACTIVITIES
    ]
    found = union_all(*each).subquery()
    return Statement(select(found.c.person_id, func.max(found.c.at).label("at")).group_by(found.c.person_id))


def _ranked(hit: Hit, rank: Rank = Rank.WHOLE, *, errors: int = 0) -> _Ranked:
    return _Ranked(int(rank), errors, not hit.is_active, 0, hit)


def _of_emails(beginning: str) -> People:
    """Whose address begins so: their own or a further one, also a former."""

    def has_one(person_id: Key) -> ColumnElement[bool]:
        # Values and not EXISTS: PostgreSQL would look for all who have one, at each step.
        person, point = aliased(Person), ContactPoint
        own = select(begins_with(person.email_key, beginning)).where(person.person_id == person_id)
        further = select(func.bool_or(begins_with(point.value_key, beginning))).where(
            point.person_id == person_id, point.kind == literal_column("'email'"), _is_recognised()
        )
        return or_(own.scalar_subquery(), further.scalar_subquery())

    mark = term(f"@e{beginning[:LETTERS_OF_A_BEGINNING]}")
    terms = mark if len(beginning) >= LETTERS_OF_A_BEGINNING else f"{mark}:*"
    return People(_OF_EMAILS, {"beginning": beginning, "end": behind_prefix(beginning)}, terms, has_one)


def _ends_so(end: str) -> People:
    reversed_end = end[::-1]
    return People(_OF_PHONES, {"beginning": reversed_end, "end": behind_prefix(reversed_end)})


def of_phones(end: str) -> OfPeople:
    """Whose phone ends with these digits: their own or a further one, also a former."""
    return _whose_phone(lambda column: begins_with(column, end[::-1]))


def _whose_phone(is_meant: Callable[[ColumnElement[str]], ColumnElement[bool]]) -> OfPeople:
    point = ContactPoint
    own = func.reversed_digits(func.coalesce(Person.phone_e164, Person.phone))
    further = func.reversed_digits(point.value_key)
    return union_of(
        select(Person.person_id).where(Person.phone.is_not(None), is_meant(own)),
        select(point.person_id).where(point.kind == literal_column("'phone'"), _is_recognised(), is_meant(further)),
    )


def _whose_email(is_meant: Callable[[Any], ColumnElement[bool]]) -> OfPeople:
    point = ContactPoint
    return union_of(
        select(Person.person_id).where(Person.email_key.is_not(None), is_meant(Person.email_key)),
        select(point.person_id).where(
            point.kind == literal_column("'email'"), _is_recognised(), is_meant(point.value_key)
        ),
    )


def union_of(*queries: OfPeople) -> OfPeople:
    found = union_all(*queries).subquery()
    return select(found.c.person_id)


def _is_recognised() -> ColumnElement[bool]:
    """A wrong contact point, and one of somebody else's, says nothing of a person."""
    return or_(ContactPoint.was.is_(None), ContactPoint.was == literal_column("'former'"))


def _of_numbers(typed: str, hits: Hits) -> list[_Attempt]:
    """By the numbers of records; those of cases are case detail, and find nobody whose case is closed to the asker."""
    text = clean(typed)
    sees_cases, inside = True, None
    try:
        question = _CaseNumber(q=text)
        admit(question)
        narrow = narrows.get()
        inside = None if narrow is None else narrow(question, hits.of.person_id)
    except Forbidden:
        sees_cases = False
    except ValidationError:
        return []
    return [
        _Attempt("number", People(people, {"number": number}), inside=inside if of_case else None)
        for read, people, of_case in _NUMBERS
        if (sees_cases or not of_case) and (number := read(text)) is not None
    ]


def new_caller_of(typed: str) -> NewCaller:
    """What was typed as the beginning of a new person, for `/persons/match` first."""
    today = clock.today()
    text = clean(typed)
    days = read_days(text, today=today)
    if "@" in text:
        return NewCaller(email=text)
    if days or phone_ends(text):
        return NewCaller(date_of_birth=days[0] if len(days) == 1 else None, phone=None if days else text)
    beside = split_day(text, today=today)
    first_name, last_name = as_names(beside.names)
    return NewCaller(first_name=first_name, last_name=last_name, date_of_birth=beside.day)


def _in_range(column: Any) -> ColumnElement[bool]:
    """`begins_with` with parameters, for statements that are made once; nobody types what has no end."""
    begins = column.op("~>=~", is_comparison=True)(bindparam("beginning", type_=Text))
    return begins & column.op("~<~", is_comparison=True)(bindparam("end", type_=Text))  # type: ignore[no-any-return]


_OF_EMAILS = _whose_email(_in_range)
_OF_PHONES = _whose_phone(_in_range)
_OF_REFERENCE = select(Person.person_id).where(Person.reference == bindparam("reference", type_=Text))
