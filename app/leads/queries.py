from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.leads.errors import LeadNotFound
from app.leads.models import PatientLead
from app.leads.schemas import LeadCreate, LeadCreateForPerson, LeadFilter
from app.leads.states import LEAD
from app.people import queries as people
from app.people.locks import lock_person_of
from app.people.models import IntakeSubmission
from app.platform import clock
from app.platform.actor import Actor
from app.platform.paging import Found, SortKey, fetch_page
from app.platform.search import among

LOADED = (joinedload(PatientLead.person, innerjoin=True), joinedload(PatientLead.medical_condition, innerjoin=True))
REPEATED_WITHIN = timedelta(hours=24)
NEWEST_FIRST = SortKey((PatientLead.created_at, PatientLead.lead_id), (datetime, UUID))


async def get_lead(session: AsyncSession, _actor: Actor, *, lead_id: UUID, for_update: bool = False) -> PatientLead:
    """
    The lead with its person and condition; LeadNotFound.

    `for_update` locks the person as well: a person's leads decide together whether they have the role.
    """
    query = select(PatientLead).where(PatientLead.lead_id == lead_id)
    if for_update:
        await lock_person_of(session, select(PatientLead.person_id).where(PatientLead.lead_id == lead_id))
        query = query.with_for_update(of=PatientLead, key_share=True)
    found = (await session.scalars(query.options(*LOADED).execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise LeadNotFound
    return found


async def filtered(session: AsyncSession, actor: Actor, query: LeadFilter) -> Select[Any]:
    """The keys of the leads that a filter asks for, with the columns they are ordered by."""
    ids = select(PatientLead.lead_id, *NEWEST_FIRST.columns)
    if query.status is not None:
        states = LEAD.states_of_filter(query.status)
        # One state as an equation, so that the index on it gives the order as well.
        ids = ids.where(PatientLead.status == states[0] if len(states) == 1 else PatientLead.status.in_(states))
    for name in ("medical_condition_id", "owner_id", "source", "person_id"):
        wanted = getattr(query, name)
        if wanted is not None:
            ids = ids.where(getattr(PatientLead, name) == wanted)
    if query.q is not None:
        ids = ids.where(among(PatientLead.person_id, await people.search_person_ids(session, actor, typed=query.q)))
    if query.created_from is not None:
        ids = ids.where(PatientLead.created_at >= query.created_from)
    if query.created_to is not None:
        ids = ids.where(PatientLead.created_at < query.created_to)
    return ids


async def list_leads(session: AsyncSession, actor: Actor, *, query: LeadFilter) -> Found[PatientLead]:
    """A page of leads, newest first. Forbidden for a search by name without the permission."""
    return await fetch_page(
        session,
        ids=await filtered(session, actor, query),
        query=query,
        sort=NEWEST_FIRST,
        rows=select(PatientLead).options(*LOADED),
        one_of=(PatientLead.status, LEAD.states_of_filter(query.status)) if query.status else None,
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
