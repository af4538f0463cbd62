from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.hospitals import queries
from app.hospitals.errors import HospitalExists, SpecializationExists
from app.hospitals.models import Hospital, Specialization
from app.hospitals.schemas import HospitalCreate, HospitalUpdate, SpecializationCreate, SpecializationUpdate
from app.platform.actor import Actor
from app.platform.doubles import find_same, shown_to
from app.platform.etags import etag, require_match
from app.platform.stored_fields import StoredFields

_NEW_HOSPITAL = StoredFields(Hospital, HospitalCreate)
_CHANGED_HOSPITAL = StoredFields(Hospital, HospitalUpdate)
_NEW_SPECIALIZATION = StoredFields(Specialization, SpecializationCreate)
_CHANGED_SPECIALIZATION = StoredFields(Specialization, SpecializationUpdate)


async def add_hospital(session: AsyncSession, actor: Actor, *, new: HospitalCreate) -> Hospital:
    """A new hospital; HospitalExists when one of this name and city is here, in whatever writing."""
    hospital = Hospital(**_NEW_HOSPITAL.values(new), updated_by=actor.account_id)
    await _require_only_hospital(session, actor, hospital)
    session.add(hospital)
    await session.flush()
    audit.note(session, record_type="hospital", record_id=hospital.hospital_id)
    return hospital


async def change_hospital(
    session: AsyncSession, actor: Actor, *, hospital_id: UUID, change: HospitalUpdate, if_match: str | None = None
) -> Hospital:
    """Change the fields given; Stale when `if_match` names another version; HospitalExists."""
    hospital = await queries.get_hospital(session, actor, hospital_id=hospital_id, for_update=True)
    require_match(if_match, etag(hospital.version))
    _CHANGED_HOSPITAL.set_given(hospital, change)
    await _require_only_hospital(session, actor, hospital)
    await session.flush()
    audit.note(session, record_type="hospital", record_id=hospital_id, fields=change.model_fields_set)
    return hospital


async def deactivate_hospital(
    session: AsyncSession, actor: Actor, *, hospital_id: UUID, if_match: str | None = None
) -> None:
    """Offer the hospital no more; it stays where it is used, and doing it twice changes nothing."""
    await change_hospital(
        session, actor, hospital_id=hospital_id, change=HospitalUpdate(is_active=False), if_match=if_match
    )


async def add_specialization(session: AsyncSession, actor: Actor, *, new: SpecializationCreate) -> Specialization:
    """A new specialization; SpecializationExists when the name is used already, whatever its case."""
    specialization = Specialization(**_NEW_SPECIALIZATION.values(new), updated_by=actor.account_id)
    await _require_only_specialization(session, actor, specialization)
    session.add(specialization)
    await session.flush()
    audit.note(session, record_type="specialization", record_id=specialization.specialization_id)
    return specialization


async def change_specialization(
    session: AsyncSession,
    actor: Actor,
    *,
    specialization_id: UUID,
    change: SpecializationUpdate,
    if_match: str | None = None,
) -> Specialization:
    """Change the fields given; Stale when `if_match` names another version."""
    specialization = await queries.get_specialization(
        session, actor, specialization_id=specialization_id, for_update=True
    )
    require_match(if_match, etag(specialization.version))
    _CHANGED_SPECIALIZATION.set_given(specialization, change)
    await _require_only_specialization(session, actor, specialization)
    await session.flush()
    audit.note(session, record_type="specialization", record_id=specialization_id, fields=change.model_fields_set)
    return specialization


async def deactivate_specialization(
    session: AsyncSession, actor: Actor, *, specialization_id: UUID, if_match: str | None = None
) -> None:
    """Offer the specialization no more; it stays where it is used, and doing it twice changes nothing."""
    await change_specialization(
        session,
        actor,
        specialization_id=specialization_id,
        change=SpecializationUpdate(is_active=False),
        if_match=if_match,
    )


async def _require_only_hospital(session: AsyncSession, actor: Actor, hospital: Hospital) -> None:
    other = await find_same(session, hospital)
    if other is not None:
        fields = ("hospital_id", "name", "city", "country", "is_active")
        raise HospitalExists(shown_to(actor, "hospital.read", other, *fields))


async def _require_only_specialization(session: AsyncSession, actor: Actor, specialization: Specialization) -> None:
    other = await find_same(session, specialization)
    if other is not None:
        fields = ("specialization_id", "name", "is_active")
        raise SpecializationExists(shown_to(actor, "specialization.read", other, *fields))
