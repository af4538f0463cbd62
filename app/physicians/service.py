from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.people import suggestions
from app.people.schemas import OF_THE_PERSON, CandidateRead, MatchRead, SuggestedChangeRead
from app.people.service import Identified, file_probable_duplicates, give_role, identify
from app.physicians import queries
from app.physicians.models import Physician
from app.physicians.schemas import PhysicianOfNewPerson, PhysicianOfPerson, PhysicianUpdate
from app.platform import clock
from app.platform.actor import Actor
from app.platform.doubles import lock_things
from app.platform.etags import etag, require_match
from app.platform.stored_fields import StoredFields

ROLE = "physician"
_NEW = StoredFields(Physician, PhysicianOfNewPerson, PhysicianOfPerson, special=OF_THE_PERSON)
_CHANGED = StoredFields(Physician, PhysicianUpdate)


@dataclass(frozen=True)
class Registered:
    """The physician of a create, how the person was found, and whether the physician was made by it."""

    physician: Physician
    match: MatchRead
    is_new: bool


async def register_physician(
    session: AsyncSession, actor: Actor, *, new: PhysicianOfNewPerson | PhysicianOfPerson
) -> Registered:
    """
    The physician that this person is, made when they are none yet; the person gets the role.

    A physician we have is not overwritten: what differs becomes suggested changes, and an inactive one is active
    again. Errors are those of people.service.identify.
    """
    found = await identify(session, actor, new=new, payload=new.model_dump(mode="json", exclude_unset=True))
    person_id = found.person.person_id
    physician = await queries.find_physician_of_person(session, person_id=person_id)
    match, is_new = found.match, physician is None
    if physician is None:
        physician = Physician(person_id=person_id, updated_by=actor.account_id, **_NEW.values(new))
        session.add(physician)
        await session.flush()
        known = {who.person_id for who in match.probable_duplicates}
        alike = [who for who in await _file_of_licence(session, actor, physician) if who.person_id not in known]
        match = match.model_copy(update={"probable_duplicates": [*match.probable_duplicates, *alike]})
    else:
        match = await _returned(session, actor, physician, new, found)
    await give_role(
        session,
        actor,
        person_id=person_id,
        type_name=ROLE,
        since=clock.now(),
        hospital_id=physician.hospital_id,
        job_title=physician.job_title,
    )
    return Registered(await _noted(session, actor, physician.physician_id), match, is_new)


async def _returned(
    session: AsyncSession,
    actor: Actor,
    physician: Physician,
    new: PhysicianOfNewPerson | PhysicianOfPerson,
    found: Identified,
) -> MatchRead:
    reactivated = not physician.is_active
    if reactivated:
        physician.is_active = True
        await session.flush()
    changes = await suggestions.suggest(
        session,
        actor,
        record=suggestions.Record(
            physician.person_id, Physician.__tablename__, physician.physician_id, physician.version
        ),
        differing=suggestions.differing(physician, _NEW.values(new)),
        source=new.source,
        intake_submission_id=found.submission.intake_submission_id,
    )
    return found.match.model_copy(
        update={
            "suggested_changes": [
                *found.match.suggested_changes,
                *(SuggestedChangeRead.model_validate(change) for change in changes),
            ],
            "reactivated": found.match.reactivated or reactivated,
        }
    )


async def change_physician(
    session: AsyncSession, actor: Actor, *, physician_id: UUID, change: PhysicianUpdate, if_match: str | None = None
) -> Physician:
    """Change the fields given; Stale when `if_match` names another version. The person is changed as a person."""
    physician = await queries.get_physician(session, actor, physician_id=physician_id, for_update=True)
    require_match(if_match, tag(physician))
    _CHANGED.set_given(physician, change)
    await session.flush()
    if {"medical_license_number", "hospital_id"} & change.model_fields_set:
        await _file_of_licence(session, actor, physician)
    return await _noted(session, actor, physician_id, change.model_fields_set)


async def _file_of_licence(session: AsyncSession, actor: Actor, physician: Physician) -> list[CandidateRead]:
    """File who has the same licence as somebody who may be the same human."""
    if physician.licence_key is None:
        return []
    # Two who come with one licence at once see each other.
    await lock_things(session, Physician, [physician.licence_key])
    others = await queries.find_of_licence(session, physician)
    return await file_probable_duplicates(
        session, actor, person_id=physician.person_id, others=others, reason="licence"
    )


async def deactivate_physician(
    session: AsyncSession, actor: Actor, *, physician_id: UUID, if_match: str | None = None
) -> None:
    """Offer the physician no more; links and journeys stay, and doing it twice changes nothing."""
    await change_physician(
        session, actor, physician_id=physician_id, change=PhysicianUpdate(is_active=False), if_match=if_match
    )


def tag(physician: Physician) -> str:
    """The entity tag of a physician's answer, which shows the person as well."""
    return etag(physician.version, physician.person.version)


async def _noted(session: AsyncSession, actor: Actor, physician_id: UUID, fields: Iterable[str] = ()) -> Physician:
    physician = await queries.get_physician(session, actor, physician_id=physician_id)
    audit.note(
        session, record_type="physician", record_id=physician_id, person_ids=[physician.person_id], fields=fields
    )
    return physician


suggestions.register(
    Physician.__tablename__,
    suggestions.changed_by(PhysicianUpdate, key="physician_id", lock=queries.get_physician, change=change_physician),
)
