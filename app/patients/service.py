"""What happens to a patient record: registered or brought back, changed with its person, moved, deleted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.ownership import give_back, owner_of_new, require_owner, take_over
from app.access.policy import is_from_outside
from app.audit import service as audit
from app.audit.history import before_own_change
from app.conditions.queries import get_condition, require_current
from app.events.errors import NotUndoable
from app.events.moves import Step
from app.events.service import UNDONE, make_move, put_back
from app.patients import queries, rules
from app.patients.errors import only_of_a_death, return_needs_reason, withdrawal_needs_reason
from app.patients.models import Patient
from app.patients.schemas import PatientCreate, PatientCreateForPerson, PatientFields, PatientUpdate
from app.patients.states import DEPARTED, PATIENT
from app.people import service as people
from app.people import suggestions
from app.people.departures import service as departures
from app.people.departures.errors import of_a_death_missing
from app.people.departures.queries import current_departure, refusal_of
from app.people.departures.schemas import DepartureCreate
from app.people.lives import life_of
from app.people.models import IntakeSubmission, SuggestedChange
from app.people.queries import get_person
from app.people.schemas import OF_THE_PERSON, MatchRead, SuggestedChangeRead
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import Invalid, Stale
from app.platform.etags import etag, require_match
from app.platform.faults import require_none
from app.platform.stored_fields import StoredFields


@dataclass(frozen=True)
class Opened:
    """The one patient record of a person: made now, or there already and perhaps brought back."""

    patient: Patient
    is_new: bool
    reactivated: bool
    suggested: Sequence[SuggestedChange]


@dataclass(frozen=True)
class Registered:
    patient: Patient
    match: MatchRead
    submission: IntakeSubmission
    is_new: bool


NEW = StoredFields(
    Patient,
    PatientFields,
    PatientCreate,
    PatientCreateForPerson,
    special={**OF_THE_PERSON, "status": "the first one when it is left out"},
)
_OF_DEATH = ("date_of_death", "death_source")
_CHANGED = StoredFields(
    Patient,
    PatientUpdate,
    special={
        "status": "moves the patient",
        "person": "changed as a person",
        **dict.fromkeys(_OF_DEATH, "of the person's departure"),
    },
)
OWNERS_WORK = "patient.write"
_NOT_SUGGESTED = {"status_reason", "owner_id"}
"""What we say of a patient, not what a form says."""


async def register_patient(
    session: AsyncSession, actor: Actor, *, new: PatientCreate | PatientCreateForPerson, payload: Mapping[str, Any]
) -> Registered:
    """
    A patient from what was sent: the person is found or made, their one patient record opened or brought back.

    EmailBelongsToSomeoneElse and SeveralPeopleFit as in people; Invalid for an unknown condition, owner or person.
    """
    await require_current(session, actor, medical_condition_id=new.medical_condition_id)
    identified = await people.identify(session, actor, new=new, payload=payload)
    if identified.departed:
        if not is_from_outside(actor.roles):
            raise refusal_of(identified.departed)
        return await _answer_as_usual(session, actor, new, identified)
    opened = await open_patient(
        session,
        actor,
        person_id=identified.person.person_id,
        wanted=new,
        source=new.source,
        submission=identified.submission,
    )
    match = identified.match
    if not opened.is_new:
        match = match.model_copy(
            update={
                "outcome": "returning_patient",
                "suggested_changes": [
                    *match.suggested_changes,
                    *(SuggestedChangeRead.model_validate(change) for change in opened.suggested),
                ],
                "reactivated": match.reactivated or opened.reactivated,
            }
        )
    return Registered(opened.patient, match, identified.submission, opened.is_new)


async def _answer_as_usual(
    session: AsyncSession, actor: Actor, new: PatientCreate | PatientCreateForPerson, identified: people.Identified
) -> Registered:
    """
    What a submission from outside of somebody who has died or withdrawn is answered with: nothing is opened.

    A machine does not learn from it what became of them. Without a record the id is that of the submission.
    """
    person, submission = identified.person, identified.submission
    existing = await queries.find_patient_of_person(session, actor, person_id=person.person_id)
    if existing is not None and existing.deleted_at is None:
        _note(session, existing, ())
        match = identified.match.model_copy(update={"outcome": "returning_patient"})
        return Registered(existing, match, submission, is_new=False)
    usual = Patient(
        patient_id=submission.intake_submission_id,
        person_id=person.person_id,
        **NEW.values(new),
        status=rules.first_status(new.status, reason=new.status_reason),
        created_at=submission.created_at,
        updated_at=submission.created_at,
        version=1,
    )
    usual.person = person
    usual.medical_condition = await get_condition(session, actor, medical_condition_id=new.medical_condition_id)
    return Registered(usual, identified.match, submission, is_new=True)


async def open_patient(
    session: AsyncSession,
    actor: Actor,
    *,
    person_id: UUID,
    wanted: PatientFields,
    source: str,
    submission: IntakeSubmission | None = None,
) -> Opened:
    """
    The person's patient record, made when there is none. A deleted one is brought back; nothing in it is overwritten.

    The person has the role `patient` from now on. Invalid when the first status is not one, or lacks its reason, and
    for a date that cannot be.
    """
    status = rules.first_status(wanted.status, reason=wanted.status_reason)
    person = await get_person(session, actor, person_id=person_id)
    require_none(rules.dates_that_cannot_be(wanted, await life_of(session, person)))
    if wanted.owner_id is not None:
        # A record that is there already keeps its owner.
        existing = await queries.find_patient_of_person(session, actor, person_id=person_id)
        if existing is None:
            owner_id = await owner_of_new(session, actor, wanted.owner_id, permission=OWNERS_WORK)
            if owner_id is not None:
                await take_over(session, actor, person_ids=[person_id], owner_id=owner_id)
            wanted = wanted.model_copy(update={"owner_id": owner_id})
    made = await session.scalar(
        insert(Patient)
        .values(
            person_id=person_id,
            **NEW.values(wanted),
            status=status,
            updated_by=actor.account_id,
        )
        .on_conflict_do_nothing(index_elements=["person_id"])
        .returning(Patient.patient_id)
    )
    if made is not None:
        await people.give_role(session, actor, person_id=person_id, type_name=people.PATIENT_ROLE, since=clock.now())
        patient = await queries.get_patient(session, actor, patient_id=made)
        _note(session, patient, ())
        return Opened(patient, is_new=True, reactivated=False, suggested=())
    found = await queries.find_patient_of_person(session, actor, person_id=person_id, for_update=True)
    assert found is not None  # noqa: S101 - the unique key has just said so, and patients are never removed
    was_deleted = found.deleted_at is not None
    if was_deleted:
        found.deleted_at = found.deleted_by = found.deleted_reason = None
        await session.flush()
        await people.give_role(session, actor, person_id=person_id, type_name=people.PATIENT_ROLE, since=clock.now())
    arrived = {name: value for name, value in NEW.values(wanted).items() if name not in _NOT_SUGGESTED}
    suggested = await suggestions.suggest(
        session,
        actor,
        record=suggestions.Record(person_id, "patient", found.patient_id, found.version),
        differing=suggestions.differing(found, arrived),
        source=source,
        intake_submission_id=submission.intake_submission_id if submission else None,
    )
    _note(session, found, [change.field for change in suggested])
    return Opened(found, is_new=False, reactivated=was_deleted, suggested=suggested)


async def change_patient(
    session: AsyncSession, actor: Actor, *, patient_id: UUID, change: PatientUpdate, if_match: str | None = None
) -> Patient:
    """
    Change the fields given, of the person too, in one transaction; a `status` moves the patient.

    PatientNotFound; Stale; TransitionNotAllowed, JourneysOpen; EmailTaken; Invalid for unknown references.
    """
    given = change.model_fields_set
    if "person" in given:
        await people.lock_new_email(session, change.person)
    patient = await queries.get_patient(session, actor, patient_id=patient_id, for_update=True)
    person = patient.person
    require_match(if_match, etag(patient.version, person.version))
    if "medical_condition_id" in given and change.medical_condition_id != patient.medical_condition_id:
        await require_current(session, actor, medical_condition_id=change.medical_condition_id)
    if "owner_id" in given and change.owner_id != patient.owner_id:
        await require_owner(session, change.owner_id, permission=OWNERS_WORK)
        await take_over(session, actor, person_ids=[patient.person_id], owner_id=change.owner_id)
    if "status" in given:
        await _move(session, actor, patient, change)
    await _correct_death(session, patient, change)
    life = await life_of(session, person)
    before = rules.faults_of(patient, life)
    _CHANGED.set_given(patient, change)
    require_none(rules.faults_of(patient, life), before=before, touched=given)
    if "person" in given:
        await people.apply_change(session, actor, person, change.person)
    await session.flush()
    fields = {*given - {"person"}, *(change.person.model_fields_set if "person" in given else ())}
    _note(session, patient, fields)
    return await queries.get_patient(session, actor, patient_id=patient_id)


async def undo_change(session: AsyncSession, actor: Actor, *, patient_id: UUID, since: int, until: int) -> Patient:
    """
    Put back the owner and the status that the actor's own change from version `since` to `until` took away.

    PatientNotFound; Stale when the patient is no longer as that change left them; NotUndoable for a death, a withdrawal
    or an erasure; Invalid for an owner who does not do this work any more.
    """
    patient = await queries.get_patient(session, actor, patient_id=patient_id, for_update=True)
    if patient.version != until:
        raise Stale
    before = await before_own_change(
        session, record_id=patient_id, account_id=actor.account_id, since=since, until=until
    )
    fields = await give_back(session, actor, record=patient, before=before, permission=OWNERS_WORK)
    if before["status"] != patient.status:
        if {before["status"], patient.status} & PATIENT.terminal:
            raise NotUndoable
        await put_back(session, actor, record=patient, to=before["status"], reason=before["status_reason"], via=UNDONE)
        patient.status_reason = before["status_reason"]
        fields.append("status")
    await session.flush()
    _note(session, patient, fields)
    return await queries.get_patient(session, actor, patient_id=patient_id)


async def delete_patient(
    session: AsyncSession, actor: Actor, *, patient_id: UUID, reason: str | None, if_match: str | None = None
) -> None:
    """
    Take a patient out of sight; the status stays, and the row comes back when the person returns.

    The role `patient` ends with it, and is given anew when the record comes back.
    """
    patient = await queries.get_patient(session, actor, patient_id=patient_id, for_update=True)
    require_match(if_match, etag(patient.version, patient.person.version))
    now = clock.now()
    patient.deleted_at, patient.deleted_by, patient.deleted_reason = now, actor.account_id, reason
    await session.flush()
    await people.end_role(session, actor, person_id=patient.person_id, type_name=people.PATIENT_ROLE, until=now)
    _note(session, patient, ["deleted_at"])


async def _move(session: AsyncSession, actor: Actor, patient: Patient, change: PatientUpdate) -> None:
    word, reason = change.status, change.status_reason
    target = rules.PATIENT_MOVES.state_of(word)
    if target == patient.status:
        return
    if target in DEPARTED:
        PATIENT.require_move(patient.status, target)
        await _depart(session, actor, patient, change, kind=target)
        return
    if patient.status in DEPARTED and PATIENT.may_move(patient.status, target):
        if reason is None:
            raise return_needs_reason()
        await _return(session, actor, patient, reason=reason)
    if patient.status != target:
        step, life = Step(word, reason=reason), await life_of(session, patient.person)
        await make_move(session, actor, record=patient, moves=rules.PATIENT_MOVES, step=step, via=None, life=life)
    patient.status_reason = reason
    if patient.status in PATIENT.states_of_filter("active"):
        # Nobody is helped as a patient and inactive as a person.
        patient.person.is_active = True


async def _depart(session: AsyncSession, actor: Actor, patient: Patient, change: PatientUpdate, *, kind: str) -> None:
    """The patient has died or withdrawn, and so has the person: the step of people/departures, which moves both."""
    if kind == "deceased" and (missing := [name for name in _OF_DEATH if getattr(change, name) is None]):
        raise of_a_death_missing(*missing)
    if kind == "withdrawn" and change.status_reason is None:
        raise withdrawal_needs_reason()
    departed = {"kind": kind, "reason": change.status_reason}
    if kind == "deceased":
        departed |= {"departed_on": change.date_of_death, "source": change.death_source}
    try:
        await departures.depart(
            session, actor, person_id=patient.person_id, new=DepartureCreate.model_validate(departed)
        )
    except Invalid as error:
        # As the field of this body is called.
        raise Invalid(fields=[replace(one, field="date_of_death") for one in error.fields]) from None


async def _return(session: AsyncSession, actor: Actor, patient: Patient, *, reason: str) -> None:
    """A mistaken death is undone; a withdrawn person comes back. Of a migrated state there is nothing to end."""
    departure = await current_departure(session, person_id=patient.person_id, kind=patient.status)
    if departure is None:
        return
    end = departures.undo if departure.kind == "deceased" else departures.take_back_withdrawal
    await end(
        session,
        actor,
        person_id=patient.person_id,
        person_departure_id=departure.person_departure_id,
        reason=reason,
    )


async def _correct_death(session: AsyncSession, patient: Patient, change: PatientUpdate) -> None:
    """Set the date and the source of a death that is on record; Invalid for somebody who has not died."""
    given = [name for name in _OF_DEATH if name in change.model_fields_set]
    if not given:
        return
    if patient.status != "deceased":
        raise only_of_a_death(*given)
    await departures.correct_death(
        session,
        person=patient.person,
        departed_on=change.date_of_death,
        source=change.death_source,
    )


def _note(session: AsyncSession, patient: Patient, fields: Iterable[str]) -> None:
    audit.note(
        session,
        record_type="patient",
        record_id=patient.patient_id,
        person_ids=[patient.person_id],
        fields=fields,
    )


suggestions.register(
    Patient.__tablename__,
    suggestions.changed_by(PatientUpdate, key="patient_id", lock=queries.get_patient, change=change_patient),
)
