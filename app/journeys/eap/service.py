from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.journeys.eap import queries
from app.journeys.eap.errors import ProgrammeExists
from app.journeys.eap.kind import EAP
from app.journeys.eap.models import EapGate, EapProgram
from app.journeys.eap.schemas import (
    GateUpdate,
    ProgrammeCreate,
    ProgrammeUpdate,
)
from app.journeys.queries import get_journey
from app.people.lives import life_of
from app.platform import clock
from app.platform.actor import Actor
from app.platform.doubles import find_same, shown_to
from app.platform.etags import etag, require_match
from app.platform.faults import require_none
from app.platform.plausibility import dates_of, implausible
from app.platform.stored_fields import StoredFields

_NEW_PROGRAMME = StoredFields(EapProgram, ProgrammeCreate)
_CHANGED_PROGRAMME = StoredFields(EapProgram, ProgrammeUpdate)
_GATE = StoredFields(EapGate, GateUpdate)
NOT_RECORDED = etag(0)
"""The entity tag of a gate that is not recorded yet."""


async def add_programme(session: AsyncSession, actor: Actor, *, new: ProgrammeCreate) -> EapProgram:
    """A new programme; ProgrammeExists when the name is used already, in whatever writing."""
    programme = EapProgram(**_NEW_PROGRAMME.values(new), updated_by=actor.account_id)
    await _require_only_programme(session, actor, programme)
    session.add(programme)
    await session.flush()
    audit.note(session, record_type="eap_program", record_id=programme.eap_program_id)
    return programme


async def change_programme(
    session: AsyncSession, actor: Actor, *, eap_program_id: UUID, change: ProgrammeUpdate, if_match: str | None = None
) -> EapProgram:
    """Change the fields given; Stale when `if_match` names another version; ProgrammeExists."""
    programme = await queries.get_programme(session, actor, eap_program_id=eap_program_id, for_update=True)
    require_match(if_match, etag(programme.version))
    _CHANGED_PROGRAMME.set_given(programme, change)
    await _require_only_programme(session, actor, programme)
    await session.flush()
    audit.note(session, record_type="eap_program", record_id=eap_program_id, fields=change.model_fields_set)
    return programme


async def change_gate(
    session: AsyncSession,
    actor: Actor,
    *,
    eap_journey_id: UUID,
    gate: str,
    change: GateUpdate,
    if_match: str | None = None,
) -> EapGate:
    """Record or change one gate of the journey; Stale when `if_match` names another version."""
    # The journey's row lets two first records of one gate follow each other, and no move pass by in between.
    journey = await get_journey(session, actor, kind=EAP, journey_id=eap_journey_id, for_update=True)
    found = await queries.find_gate(session, actor, eap_journey_id=eap_journey_id, gate=gate)
    require_match(if_match, etag(found.version) if found else NOT_RECORDED)
    life, before = await life_of(session, journey.patient.person), []
    if found is None:
        found = EapGate(eap_journey_id=eap_journey_id, gate=gate, updated_by=actor.account_id)
    else:
        before = implausible("eap_gate", dates_of(found), life=life, now=clock.now())
    _GATE.set_given(found, change)
    faults = implausible("eap_gate", dates_of(found), life=life, now=clock.now())
    require_none(faults, before=before, touched=change.model_fields_set)
    session.add(found)
    await session.flush()
    audit.note(
        session,
        record_type="eap_gate",
        record_id=found.eap_gate_id,
        person_ids=[journey.patient.person_id],
        fields=change.model_fields_set,
    )
    return found


async def _require_only_programme(session: AsyncSession, actor: Actor, programme: EapProgram) -> None:
    other = await find_same(session, programme)
    if other is not None:
        fields = ("eap_program_id", "name", "product", "status")
        raise ProgrammeExists(shown_to(actor, "programme.read", other, *fields))
