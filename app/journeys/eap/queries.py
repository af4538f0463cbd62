from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import any_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.events.models import JourneyEvent
from app.journeys.eap.errors import EapJourneyNotFound, ProgrammeNotFound
from app.journeys.eap.models import EapGate, EapJourney, EapProgram
from app.journeys.eap.schemas import EapJourneyFilter, ProgrammeFilter
from app.journeys.eap.states import EAP_JOURNEY, TREATED
from app.journeys.queries import FoundPage, of_present_patient
from app.patients.models import Patient
from app.physicians.models import Physician
from app.platform.actor import Actor
from app.platform.paging import SortKey, fetch_page
from app.platform.search import begins_with

LOADED = (
    joinedload(EapJourney.patient).joinedload(Patient.person),
    joinedload(EapJourney.physician).joinedload(Physician.person),
    joinedload(EapJourney.eap_program),
    joinedload(EapJourney.medical_condition),
)


async def get_programme(
    session: AsyncSession, _actor: Actor, *, eap_program_id: UUID, for_update: bool = False
) -> EapProgram:
    """The programme; ProgrammeNotFound."""
    query = select(EapProgram).where(EapProgram.eap_program_id == eap_program_id)
    if for_update:
        query = query.with_for_update()
    found = (await session.scalars(query.execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise ProgrammeNotFound
    return found


async def list_programmes(session: AsyncSession, _actor: Actor, *, query: ProgrammeFilter) -> FoundPage:
    """A page of programmes, newest first."""
    ids = select(EapProgram.eap_program_id, EapProgram.created_at, EapProgram.eap_program_id)
    if query.status is not None:
        ids = ids.where(EapProgram.status == query.status)
    if query.country is not None:
        ids = ids.where(any_(EapProgram.countries) == query.country)
    if query.created_from is not None:
        ids = ids.where(EapProgram.created_at >= query.created_from)
    if query.q is not None:
        typed = query.q.lower()
        ids = ids.where(
            begins_with(func.lower(EapProgram.name), typed) | begins_with(func.lower(EapProgram.product), typed)
        )

    sort = SortKey((EapProgram.created_at, EapProgram.eap_program_id), (datetime, UUID))
    return await fetch_page(session, ids=ids, query=query, sort=sort, rows=select(EapProgram))


async def get_eap_journey(
    session: AsyncSession, _actor: Actor, *, eap_journey_id: UUID, for_update: bool = False
) -> EapJourney:
    """The journey with what it names; EapJourneyNotFound, also when its patient is deleted."""
    query = select(EapJourney).where(
        EapJourney.eap_journey_id == eap_journey_id, of_present_patient(EapJourney.patient_id)
    )
    if for_update:
        query = query.with_for_update(of=EapJourney)
    query = query.options(*LOADED).execution_options(populate_existing=True)
    found = (await session.scalars(query)).one_or_none()
    if found is None:
        raise EapJourneyNotFound
    return found


async def list_eap_journeys(session: AsyncSession, _actor: Actor, *, query: EapJourneyFilter) -> FoundPage:
    """A page of journeys, newest first; those of deleted patients are left out."""
    journey = EapJourney
    ids = select(journey.eap_journey_id, journey.created_at, journey.eap_journey_id)
    ids = ids.where(of_present_patient(journey.patient_id))
    if query.status is not None:
        ids = ids.where(journey.status.in_(EAP_JOURNEY.states_of_filter(query.status)))
    if query.patient_id is not None:
        ids = ids.where(journey.patient_id == query.patient_id)
    if query.physician_id is not None:
        ids = ids.where(journey.physician_id == query.physician_id)
    if query.eap_program_id is not None:
        ids = ids.where(journey.eap_program_id == query.eap_program_id)
    if query.created_from is not None:
        ids = ids.where(journey.created_at >= query.created_from)
    if query.created_to is not None:
        ids = ids.where(journey.created_at < query.created_to)

    sort = SortKey((journey.created_at, journey.eap_journey_id), (datetime, UUID))
    return await fetch_page(
        session,
        ids=ids,
        query=query,
        sort=sort,
        rows=select(journey).options(*LOADED),
        one_of=(journey.status, EAP_JOURNEY.states_of_filter(query.status)) if query.status else None,
    )


async def list_gates(session: AsyncSession, *, eap_journey_id: UUID) -> Sequence[EapGate]:
    """The gates recorded for a journey by name: at most one of each kind."""
    query = select(EapGate).where(EapGate.eap_journey_id == eap_journey_id).order_by(EapGate.gate)
    return (await session.scalars(query.execution_options(populate_existing=True))).all()


async def find_gate(session: AsyncSession, _actor: Actor, *, eap_journey_id: UUID, gate: str) -> EapGate | None:
    """The journey's gate of this name, held for a change, or None."""
    query = select(EapGate).where(EapGate.eap_journey_id == eap_journey_id, EapGate.gate == gate).with_for_update()
    return (await session.scalars(query)).one_or_none()


async def was_ever_treated(session: AsyncSession, *, eap_journey_id: UUID) -> bool:
    """Whether the journey was ever in a state of having had the product."""
    treated = exists().where(
        JourneyEvent.eap_journey_id == eap_journey_id,
        or_(JourneyEvent.to_status.in_(TREATED), JourneyEvent.from_status.in_(TREATED)),
    )
    return bool(await session.scalar(select(treated)))
