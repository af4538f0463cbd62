from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Text, any_, bindparam, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.leads.errors import LeadNotFound
from app.leads.models import PatientLead
from app.leads.schemas import LeadCreate, LeadCreateForPerson, LeadFilter
from app.leads.states import LEAD
from app.people.locks import held, lock_people, lock_person_of
from app.people.models import IntakeSubmission
from app.people.references import read_reference
from app.people.search.queries import SearchFound, register_number, search, unsearched
from app.people.search.walk import Hits, Searched, filters_of, lives_in, mark_of, mark_of_country
from app.platform import clock
from app.platform.actor import Actor
from app.platform.paging import SortKey, fetch_page, sorted_by

LOADED = (joinedload(PatientLead.person, innerjoin=True), joinedload(PatientLead.medical_condition, innerjoin=True))
REPEATED_WITHIN = timedelta(hours=24)
_SEARCHED = Searched(
    PatientLead.lead_id,
    PatientLead.person_id,
    filters_of(
        PatientLead,
        "medical_condition_id",
        "owner_id",
        "source",
        "person_id",
        "reference",
        owner=PatientLead.owner_id.is_(None),
        states=PatientLead.status == any_(bindparam("states", type_=ARRAY(Text()))),
        country=lives_in(PatientLead.person_id),
    ),
)
_KIND = "L-"
NEWEST_FIRST = SortKey((PatientLead.created_at, PatientLead.lead_id), (datetime, UUID))


async def get_lead(session: AsyncSession, _actor: Actor, *, lead_id: UUID, for_update: bool = False) -> PatientLead:
    """
    The lead with its person and condition; LeadNotFound.

    `for_update` locks the person as well: a person's leads decide together whether they have the role.
    """
    if (lead := held(PatientLead, lead_id)) is not None:
        return lead
    query = select(PatientLead).where(PatientLead.lead_id == lead_id)
    if for_update:
        await lock_person_of(session, select(PatientLead.person_id).where(PatientLead.lead_id == lead_id))
        query = query.with_for_update(of=PatientLead, key_share=True)
    found = (await session.scalars(query.options(*LOADED).execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise LeadNotFound
    return found


async def lock_leads(session: AsyncSession, lead_ids: Collection[UUID]) -> dict[UUID, PatientLead]:
    """Those of these leads that are there, locked with their people, as `get_lead` reads them."""
    people = (await session.scalars(select(PatientLead.person_id).where(PatientLead.lead_id.in_(lead_ids)))).all()
    await lock_people(session, people)
    query = select(PatientLead).where(PatientLead.lead_id.in_(lead_ids), PatientLead.person_id.in_(people))
    query = query.order_by(PatientLead.lead_id).with_for_update(of=PatientLead, key_share=True).options(*LOADED)
    found = await session.scalars(query.execution_options(populate_existing=True))
    return {lead.lead_id: lead for lead in found}


def _marks(query: LeadFilter) -> list[str | tuple[str, ...]]:
    """What the index of a search says of the filter."""
    marks: list[str | tuple[str, ...]] = ["l", *mark_of_country(query.country)]
    if query.status is not None:
        marks.append(tuple(f"ls{state}" for state in LEAD.states_of_filter(query.status)))
    if query.source is not None:
        marks.append(f"lr{query.source}")
    if query.medical_condition_id is not None:
        marks.append(f"lc{mark_of(query.medical_condition_id)}")
    if query.owner_id is not None:
        marks.append(f"lo{mark_of(query.owner_id)}")
    return marks


def filtered(query: LeadFilter) -> Select[Any]:
    """The keys of the leads that a filter without a search asks for, with the columns they are ordered by."""
    ids = select(PatientLead.lead_id, *NEWEST_FIRST.columns)
    if query.status is not None:
        states = LEAD.states_of_filter(query.status)
        # One state as an equation, so that the index on it gives the order as well.
        ids = ids.where(PatientLead.status == states[0] if len(states) == 1 else PatientLead.status.in_(states))
    for name in ("medical_condition_id", "owner_id", "source", "person_id"):
        wanted = getattr(query, name)
        if wanted is not None:
            ids = ids.where(getattr(PatientLead, name) == wanted)
    if query.owner is not None:
        ids = ids.where(PatientLead.owner_id.is_(None))
    if query.country is not None:
        ids = ids.where(lives_in(PatientLead.person_id, query.country))
    if query.created_from is not None:
        ids = ids.where(PatientLead.created_at >= query.created_from)
    if query.created_to is not None:
        ids = ids.where(PatientLead.created_at < query.created_to)
    return ids


async def list_leads(session: AsyncSession, actor: Actor, *, query: LeadFilter) -> SearchFound[PatientLead]:
    """
    A page of leads, newest first, or as a search orders them. Forbidden for a search without the permission.

    The reference of a lead finds this one; anything else finds the leads of the people who are meant.
    """
    rows = select(PatientLead).options(*LOADED)
    if query.q is not None:
        asked = _SEARCHED.given(query)
        if query.status is not None:
            asked["states"] = list(LEAD.states_of_filter(query.status))
        if (reference := _read_reference(query.q)) is not None:
            asked["reference"] = reference
        hits = Hits(_SEARCHED, asked, _marks(query))
        return await search(session, actor, typed=query.q, query=query, hits=hits, rows=rows)
    return unsearched(
        await fetch_page(
            session,
            ids=filtered(query),
            query=query,
            sort=sorted_by(query.sort, NEWEST_FIRST, created=NEWEST_FIRST),
            rows=rows,
            one_of=(PatientLead.status, LEAD.states_of_filter(query.status)) if query.status else None,
        )
    )


def _read_reference(typed: str) -> str | None:
    reference = read_reference(typed)
    return reference if reference is not None and reference.startswith(_KIND) else None


register_number(
    _read_reference,
    select(PatientLead.person_id).where(PatientLead.reference == bindparam("number", type_=Text)),
    of_case=False,
)


async def has_open_lead(session: AsyncSession, *, person_id: UUID) -> bool:
    """Whether a lead of the person is still open."""
    still_open = PatientLead.status.in_([state for state in LEAD.states if LEAD.is_open(state)])
    found = await session.scalar(select(exists().where(PatientLead.person_id == person_id, still_open)))
    return bool(found)


async def find_repeated(
    session: AsyncSession, *, person_id: UUID, new: LeadCreate | LeadCreateForPerson, payload: Mapping[str, Any]
) -> PatientLead | None:
    """The person's open lead of the last day that came with this content. For who has locked the person."""
    submission = IntakeSubmission
    found = await session.scalars(
        select(PatientLead)
        .join(submission, submission.intake_submission_id == PatientLead.intake_submission_id)
        .where(
            PatientLead.person_id == person_id,
            PatientLead.medical_condition_id == new.medical_condition_id,
            PatientLead.source == new.source,
            PatientLead.status.in_([state for state in LEAD.states if LEAD.is_open(state)]),
            PatientLead.created_at > clock.now() - REPEATED_WITHIN,
            submission.payload == payload,
        )
        .order_by(PatientLead.created_at.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def has_other_request(session: AsyncSession, *, lead: PatientLead) -> bool:
    """Whether the lead's person has another lead that is not a duplicate itself."""
    other = exists().where(
        PatientLead.person_id == lead.person_id, PatientLead.lead_id != lead.lead_id, PatientLead.status != "duplicate"
    )
    return bool(await session.scalar(select(other)))
