from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, not_, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.availability.queries import colleague_of_person
from app.availability.rules import NIGHT, OVERLAPS, Period
from app.availability.rules import booking_warnings as warnings_of
from app.calls.errors import CallNotFound, LeadOfCallNotFound
from app.calls.models import CallHistory
from app.calls.rules import LONGEST_CALL_MINUTES, USUAL_CALL_MINUTES, is_ahead, is_night_there, planned_minutes
from app.calls.schemas import CallFilter, CallOfPatientFilter
from app.calls.states import CALL, UNRESOLVED, UNRESOLVED_SQL
from app.patients.errors import PatientNotFound
from app.patients.models import Patient
from app.people.search.queries import SearchFound, register_activity, search_what_hangs_on_people, unsearched
from app.people.search.walk import Searched
from app.platform import clock
from app.platform.actor import Actor
from app.platform.db import tables_that_say
from app.platform.paging import Found, SortKey, cut_to, fetch_page, for_asker, sorted_by

LOADED = (joinedload(CallHistory.person), joinedload(CallHistory.navigator))
_SHOWN_OVERLAPS = 10
_MOST_BOOKED = 2_000
register_activity(CallHistory.person_id, CallHistory.occurs_at)

NEWEST_FIRST = SortKey((CallHistory.occurs_at, CallHistory.call_id), (datetime, UUID))
_SEARCHED = Searched(CallHistory.call_id, CallHistory.person_id, {})

IS_CONTACT: ColumnElement[bool] = func.is_contact(CallHistory.status, CallHistory.outcome)
"""Whether somebody was spoken with: rules.asks_of_side_effects of a completed call, as the order of patients has it."""
OF_A_DELETED_PATIENT = exists().where(Patient.patient_id == CallHistory.patient_id, Patient.deleted_at.is_not(None))
"""
Anyone who cannot see a patient does not see the calls with them. Those with the lead before it stay with the lead.
"""


async def get_call(
    session: AsyncSession, actor: Actor, *, call_id: UUID, include_voided: bool = False, for_update: bool = False
) -> CallHistory:
    """
    The call with its person and navigator.

    CallNotFound, for a voided one too unless it is asked for, and for one with a patient who is deleted.
    """
    query = select(CallHistory).where(CallHistory.call_id == call_id, ~OF_A_DELETED_PATIENT)
    if not _sees_voided(actor, include_voided=include_voided):
        query = query.where(CallHistory.voided_at.is_(None))
    if for_update:
        query = query.with_for_update(of=CallHistory)
    found = (await session.scalars(query.options(*LOADED).execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise CallNotFound
    return found


async def calls_by_id(session: AsyncSession, _actor: Actor, *, call_ids: Collection[UUID]) -> list[CallHistory]:
    """Those of these calls that are not voided and not with a patient who is deleted."""
    if not call_ids:
        return []
    query = select(CallHistory).where(
        CallHistory.call_id.in_(call_ids), CallHistory.voided_at.is_(None), ~OF_A_DELETED_PATIENT
    )
    return list(await session.scalars(query.options(*LOADED)))


async def list_calls(session: AsyncSession, actor: Actor, *, query: CallFilter) -> SearchFound[CallHistory]:
    """
    A page of calls, newest first, or as a search orders their people; Forbidden without the permission to search.
    """
    ids = filtered(actor, query)
    if query.q is not None:
        rows = select(CallHistory).options(*LOADED)
        return await search_what_hangs_on_people(
            session, actor, typed=query.q, query=query, of=_SEARCHED, ids=ids, order=NEWEST_FIRST, rows=rows
        )
    sort = sorted_by(query.sort, NEWEST_FIRST, occurs=NEWEST_FIRST)
    return unsearched(await _page(session, ids, query, sort))


def filtered(actor: Actor, query: CallFilter) -> Select[Any]:
    """The keys of the calls that a filter asks for, with the columns they are ordered by."""
    ids = _visible(actor, query)
    for name in ("patient_id", "lead_id", "person_id", "pn_id"):
        wanted = getattr(query, name)
        if wanted is not None:
            ids = ids.where(getattr(CallHistory, name) == wanted)
    if query.unresolved is not None:
        unresolved = and_(CallHistory.occurs_at <= clock.now(), text(f"({UNRESOLVED_SQL})"))
        ids = ids.where(unresolved if query.unresolved == "true" else not_(unresolved))
        if query.unresolved == "true" and query.status and UNRESOLVED.isdisjoint(CALL.states_of_filter(query.status)):
            # Not found out by reading every unresolved call.
            ids = ids.where(false())
    if query.occurs_from is not None:
        ids = ids.where(CallHistory.occurs_at >= query.occurs_from)
    if query.occurs_to is not None:
        ids = ids.where(CallHistory.occurs_at < query.occurs_to)
    return ids


def unresolved_besides(
    actor: Actor, *, call_id: UUID, occurs_at: datetime, pn_id: UUID, most: int
) -> Select[UUID | None, int]:
    """
    Of the unresolved calls of a navigator, beside this one: the one before it, else the newest, and how many there are,
    up to one more than `most`.
    """

    def those(**more: object) -> Select[Any]:
        query = CallFilter.model_validate({"pn_id": pn_id, "unresolved": "true", **more})
        return for_asker(filtered(actor, query).where(CallHistory.call_id != call_id), query, CallHistory.person_id)

    def newest(ids: Select[Any]) -> ColumnElement[UUID]:
        return select(cut_to(ids, NEWEST_FIRST, 1).subquery().c.call_id).scalar_subquery()

    counted = select(func.count()).select_from(cut_to(those(), NEWEST_FIRST, most + 1).subquery()).scalar_subquery()
    following = func.coalesce(newest(those(occurs_to=occurs_at)), newest(those()))
    return select(following, counted)


async def list_calls_of_patient(
    session: AsyncSession, actor: Actor, *, patient_id: UUID, query: CallOfPatientFilter
) -> tuple[UUID, Found[CallHistory]]:
    """
    The patient's person, and a page of all calls with that person, newest first; PatientNotFound.

    Calls hang on the person, so those made while the patient was a lead are among them.
    """
    person_id = await person_of_patient(session, actor, patient_id=patient_id)
    ids = _visible(actor, query).where(CallHistory.person_id == person_id)
    return person_id, await _page(session, ids, query)


async def person_of_patient(session: AsyncSession, _actor: Actor, *, patient_id: UUID) -> UUID:
    """The person of a patient that is not deleted; PatientNotFound."""
    query = select(Patient.person_id).where(Patient.patient_id == patient_id, Patient.deleted_at.is_(None))
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        raise PatientNotFound
    return found


async def person_of_lead(session: AsyncSession, _actor: Actor, *, lead_id: UUID) -> UUID:
    """The person of a lead; LeadOfCallNotFound."""
    (leads,) = tables_that_say("leads")
    found = await session.scalar(select(leads.c.person_id).where(leads.c.lead_id == lead_id))
    if found is None:
        raise LeadOfCallNotFound
    return UUID(str(found))


async def overlapping(session: AsyncSession, call: CallHistory, *, besides: Collection[UUID]) -> dict[UUID, list[str]]:
    """
    The open bookings that overlap this one, which is ahead, with whom: its person, its navigator.

    One that has begun takes its planned time. For who has locked both.
    """
    assert call.booking_date is not None  # noqa: S101 - a booking
    usual, booked, ends = USUAL_CALL_MINUTES, call.booking_date, _end_of(call)
    minutes = func.coalesce(CallHistory.call_duration_minutes, usual)
    whose = CallHistory.person_id == call.person_id
    if call.pn_id is not None:
        whose = or_(whose, CallHistory.pn_id == call.pn_id)
    found = await session.execute(
        select(CallHistory.call_id, CallHistory.person_id, CallHistory.pn_id)
        .where(
            whose,
            # The indexes of a person's and a navigator's calls are read from here.
            CallHistory.occurs_at > booked - timedelta(minutes=LONGEST_CALL_MINUTES),
            CallHistory.occurs_at < ends,
            CallHistory.booking_date + func.make_interval(0, 0, 0, 0, 0, minutes) > booked,
            CallHistory.call_date.is_(None),
            CallHistory.status.in_(CALL.states_of_filter("open")),
            CallHistory.voided_at.is_(None),
            CallHistory.call_id.not_in(besides),
        )
        .order_by(CallHistory.occurs_at, CallHistory.call_id)
        .limit(_SHOWN_OVERLAPS)
    )
    return {
        key: [
            *(["person"] if person_id == call.person_id else []),
            *(["navigator"] if call.pn_id is not None and pn_id == call.pn_id else []),
        ]
        for key, person_id, pn_id in found
    }


async def booking_warnings(session: AsyncSession, call: CallHistory, *, default_zone: str) -> list[str]:
    """
    What is to be said of a booking ahead (WARNINGS): its navigator does not work then, is absent, or has another one;
    it is night where the person is.

    `default_zone` is the clock of colleagues who have chosen none.
    """
    if call.booking_date is None or not is_booking_ahead(call):
        return []
    at_night = [NIGHT] if is_night_there(call.booking_date, call.person.time_zone) else []
    if call.pn_id is None:
        return at_night
    booked = Period(call.booking_date, _end_of(call))
    navigator = await colleague_of_person(
        session, person_id=call.pn_id, starts_at=booked.starts_at, ends_at=booked.ends_at, default_zone=default_zone
    )
    found = []
    if navigator is not None:
        found += warnings_of(booked, spans=navigator.spans, zone=navigator.zone, absences=navigator.absent)
    others = await overlapping(session, call, besides=[call.call_id])
    if any("navigator" in whom for whom in others.values()):
        found.append(OVERLAPS)
    return [*found, *at_night]


async def people_of_call(session: AsyncSession, *, call_id: UUID) -> set[UUID]:
    """The person and the navigator of a call; nobody when there is no such call."""
    found = await session.execute(
        select(CallHistory.person_id, CallHistory.pn_id).where(CallHistory.call_id == call_id)
    )
    return {person_id for row in found for person_id in row if person_id is not None}


def is_booking_ahead(call: CallHistory) -> bool:
    return is_ahead(status=call.status, booking_date=call.booking_date, call_date=call.call_date, now=clock.now())


async def booked_calls(
    session: AsyncSession, *, navigator_id: UUID, starts_at: datetime, ends_at: datetime
) -> list[CallHistory]:
    """The calls that a navigator has booked for a time and that did not fall through, with their persons, in order."""
    found = await session.scalars(
        select(CallHistory)
        .where(
            CallHistory.pn_id == navigator_id,
            # A booking that took place is where it took place; which booking it was is asked besides.
            CallHistory.occurs_at >= starts_at,
            CallHistory.occurs_at < ends_at,
            CallHistory.booking_date.is_not(None),
            CallHistory.status.in_((*CALL.states_of_filter("open"), "completed")),
            CallHistory.voided_at.is_(None),
            ~OF_A_DELETED_PATIENT,
        )
        .order_by(CallHistory.occurs_at, CallHistory.call_id)
        .limit(_MOST_BOOKED)
        .options(joinedload(CallHistory.person))
    )
    return list(found)


def _end_of(call: CallHistory) -> datetime:
    """When a booking is over that takes as long as is planned."""
    assert call.booking_date is not None  # noqa: S101 - a booking
    return call.booking_date + timedelta(minutes=planned_minutes(call.call_duration_minutes))


def _sees_voided(actor: Actor, *, include_voided: bool) -> bool:
    if include_voided:
        actor.require("call.read_voided")
    return include_voided


def _visible(actor: Actor, query: CallOfPatientFilter) -> Select[Any]:
    ids = select(CallHistory.call_id, *NEWEST_FIRST.columns).where(~OF_A_DELETED_PATIENT)
    if not _sees_voided(actor, include_voided=query.include_voided == "true"):
        ids = ids.where(CallHistory.voided_at.is_(None))
    if query.status is not None:
        ids = ids.where(CallHistory.status.in_(CALL.states_of_filter(query.status)))
    return ids


async def _page(
    session: AsyncSession, ids: Select[Any], query: CallOfPatientFilter, sort: SortKey = NEWEST_FIRST
) -> Found[CallHistory]:
    return await fetch_page(
        session,
        ids=ids,
        query=query,
        sort=sort,
        rows=select(CallHistory).options(*LOADED),
        one_of=(CallHistory.status, CALL.states_of_filter(query.status)) if query.status else None,
        person=CallHistory.person_id,
    )
