from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, any_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.models import JourneyEvent
from app.journeys.eap.errors import ProgrammeNotFound
from app.journeys.eap.models import PROGRAMME_NAMES, EapGate, EapJourney, EapProgram
from app.journeys.eap.schemas import ProgrammeFilter
from app.journeys.eap.states import TREATED
from app.patients.models import Patient
from app.people.search.queries import register_number
from app.platform.actor import Actor
from app.platform.paging import Found, SortKey, fetch_page, sorted_by
from app.platform.search import has_words

register_number(
    str.lower,
    select(Patient.person_id)
    .join(EapJourney, EapJourney.patient_id == Patient.patient_id)
    .where(func.lower(EapJourney.eap_number) == bindparam("number", type_=Text)),
    of_case=True,
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


async def list_programmes(session: AsyncSession, _actor: Actor, *, query: ProgrammeFilter) -> Found[EapProgram]:
    """A page of programmes, newest first."""
    ids = select(EapProgram.eap_program_id, EapProgram.created_at, EapProgram.eap_program_id)
    if query.status is not None:
        ids = ids.where(EapProgram.status == query.status)
    if query.country is not None:
        ids = ids.where(any_(EapProgram.countries) == query.country)
    if query.created_from is not None:
        ids = ids.where(EapProgram.created_at >= query.created_from)
    if query.q is not None:
        ids = ids.where(has_words(PROGRAMME_NAMES, query.q))

    sort = SortKey((EapProgram.created_at, EapProgram.eap_program_id), (datetime, UUID))
    order = sorted_by(query.sort, sort, created=sort)
    return await fetch_page(session, ids=ids, query=query, sort=order, rows=select(EapProgram))


async def list_gates(session: AsyncSession, *, eap_journey_ids: Iterable[UUID]) -> Sequence[EapGate]:
    """The gates recorded for these journeys by name: at most one of each kind for each."""
    query = select(EapGate).where(EapGate.eap_journey_id.in_(eap_journey_ids)).order_by(EapGate.gate)
    return (await session.scalars(query.execution_options(populate_existing=True))).all()


async def find_gate(session: AsyncSession, _actor: Actor, *, eap_journey_id: UUID, gate: str) -> EapGate | None:
    """The journey's gate of this name, held for a change, or None."""
    query = select(EapGate).where(EapGate.eap_journey_id == eap_journey_id, EapGate.gate == gate).with_for_update()
    return (await session.scalars(query)).one_or_none()


async def ever_treated(session: AsyncSession, *, eap_journey_ids: Iterable[UUID]) -> set[UUID]:
    """Those of these journeys that were ever in a state of having had the product."""
    event = JourneyEvent
    treated = or_(event.to_status.in_(TREATED), event.from_status.in_(TREATED))
    query = select(event.eap_journey_id).where(event.eap_journey_id.in_(eap_journey_ids), treated)
    return {key for key in await session.scalars(query) if key is not None}
