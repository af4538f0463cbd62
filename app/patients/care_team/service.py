from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.patients.care_team import queries
from app.patients.care_team.errors import AlreadyLinked, PrimaryExists
from app.patients.care_team.schemas import CareLinkCreate, CareLinkUpdate
from app.patients.models import Patient, PatientPhysicianRelationship
from app.patients.queries import get_patient
from app.people.lives import life_of
from app.platform import clock
from app.platform.actor import Actor
from app.platform.doubles import shown_to
from app.platform.etags import etag, require_match
from app.platform.faults import require_none
from app.platform.plausibility import dates_of, implausible
from app.platform.stored_fields import StoredFields

_NEW = StoredFields(PatientPhysicianRelationship, CareLinkCreate)
_CHANGED = StoredFields(PatientPhysicianRelationship, CareLinkUpdate)


async def link_physician(
    session: AsyncSession, actor: Actor, *, patient_id: UUID, new: CareLinkCreate
) -> PatientPhysicianRelationship:
    """
    A physician's part in the patient's care, beside all others.

    PatientNotFound; AlreadyLinked when the physician has this part today; PrimaryExists when another one is primary.
    """
    patient = await get_patient(session, actor, patient_id=patient_id, for_update=True)
    link = PatientPhysicianRelationship(patient_id=patient_id, **_NEW.values(new), updated_by=actor.account_id)
    life = await life_of(session, patient.person)
    require_none(implausible(link.__tablename__, dates_of(link), life=life, now=clock.now()))
    await _require_only(session, actor, link)
    session.add(link)
    await session.flush()
    return await _noted(session, actor, patient, link.patient_physician_id)


async def change_care_link(
    session: AsyncSession,
    actor: Actor,
    *,
    patient_id: UUID,
    patient_physician_id: UUID,
    change: CareLinkUpdate,
    if_match: str | None = None,
) -> PatientPhysicianRelationship:
    """Change the fields given; Stale when `if_match` names another version. AlreadyLinked and PrimaryExists."""
    patient = await get_patient(session, actor, patient_id=patient_id, for_update=True)
    link = await queries.get_care_link(
        session, actor, patient_id=patient_id, patient_physician_id=patient_physician_id, for_update=True
    )
    require_match(if_match, etag(link.version))
    life = await life_of(session, patient.person)
    before = implausible(link.__tablename__, dates_of(link), life=life, now=clock.now())
    _CHANGED.set_given(link, change)
    faults = implausible(link.__tablename__, dates_of(link), life=life, now=clock.now())
    require_none(faults, before=before, touched=change.model_fields_set)
    await _require_only(session, actor, link)
    await session.flush()
    return await _noted(session, actor, patient, patient_physician_id, change.model_fields_set)


async def end_care_link(
    session: AsyncSession,
    actor: Actor,
    *,
    patient_id: UUID,
    patient_physician_id: UUID,
    if_match: str | None = None,
) -> PatientPhysicianRelationship:
    """
    The physician's part ends today, and with it being primary; the row stays. An ended one keeps its day.

    A part that was to begin later ends on the day it was to begin.
    """
    patient = await get_patient(session, actor, patient_id=patient_id)
    link = await queries.get_care_link(
        session, actor, patient_id=patient_id, patient_physician_id=patient_physician_id, for_update=True
    )
    require_match(if_match, etag(link.version))
    if link.end_date is None or link.end_date > clock.today():
        link.end_date = max(clock.today(), link.start_date or clock.today())
        link.is_primary = False
        await session.flush()
    return await _noted(session, actor, patient, patient_physician_id, {"end_date", "is_primary"})


async def _require_only(session: AsyncSession, actor: Actor, link: PatientPhysicianRelationship) -> None:
    """Refuse what another link of the patient, who is locked, is already, and show that one."""
    with session.no_autoflush:
        others = await queries.current_links_beside(session, link)
    same = (link.physician_id, link.relationship_type)
    for error, alike in (
        (AlreadyLinked, [one for one in others if (one.physician_id, one.relationship_type) == same]),
        (PrimaryExists, [one for one in others if one.is_primary and link.is_primary]),
    ):
        if alike and link.end_date is None:
            fields = ("patient_physician_id", "physician_id", "relationship_type", "is_primary")
            raise error(shown_to(actor, "relationship.read", alike[0], *fields))


async def _noted(
    session: AsyncSession, actor: Actor, patient: Patient, patient_physician_id: UUID, fields: Iterable[str] = ()
) -> PatientPhysicianRelationship:
    link = await queries.get_care_link(
        session, actor, patient_id=patient.patient_id, patient_physician_id=patient_physician_id
    )
    audit.note(
        session,
        record_type="patient_physician_relationship",
        record_id=patient_physician_id,
        person_ids=[patient.person_id, link.physician.person_id],
        fields=fields,
    )
    return link
