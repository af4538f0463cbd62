"""What happens to a lead: opened for a person found or made, changed, moved, marked as converted."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.ownership import give_back, owner_of_new, require_owner, take_over
from app.access.policy import is_from_outside
from app.audit import service as audit
from app.audit.history import before_own_change
from app.conditions.queries import get_condition, require_current
from app.events.errors import NotUndoable
from app.events.moves import Move, decide_move
from app.events.service import UNDONE, file_event, make_move, put_back
from app.leads import queries
from app.leads.errors import duplicate_of_itself
from app.leads.models import PatientLead
from app.leads.rules import LEAD_MOVES, LeadStep
from app.leads.schemas import LeadCreate, LeadCreateForPerson, LeadUpdate
from app.leads.states import BEFORE_A_CALL, BEFORE_REACHED, LEAD, LEAD_RULES
from app.patients.queries import find_patient_of_person
from app.people import roles, suggestions
from app.people import service as people
from app.people.departures import service as departures
from app.people.departures.queries import kinds_of_departure, refusal_of, require_present
from app.people.departures.schemas import DepartureCreate
from app.people.errors import ValueNotAllowed
from app.people.lives import life_of
from app.people.models import SuggestedChange
from app.people.queries import is_helped
from app.people.schemas import OF_THE_PERSON, MatchOutcome, MatchRead
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import Stale
from app.platform.etags import etag, require_match
from app.platform.faults import faults_in, require_none
from app.platform.plausibility import UNKNOWN_LIFE
from app.platform.stored_fields import StoredFields

_OWNERS_WORK = "lead.write"
WITHDREW_AS_LEAD = "Their request was withdrawn."
LEAD_ROLE = "patient-lead"
_MEANS_MORE = frozenset({"converted", "withdrawn"})
"""States that are entered by more than a move of the lead."""
_NEW = StoredFields(
    PatientLead,
    LeadCreate,
    LeadCreateForPerson,
    special={name: why for name, why in OF_THE_PERSON.items() if name != "source"}
    | {"status": "the first one when it is left out", "language": "of the form: kept with the submission"},
)
_STEP_FIELDS = dict.fromkeys(
    ("reason_code", "reason", "wake_up_on", "duplicate_of_person_id"), "with the move, or what its status has use for"
)
_CHANGED = StoredFields(PatientLead, LeadUpdate, special={"status": "moves the lead", **_STEP_FIELDS})
_OF_STATUS = StoredFields(
    PatientLead,
    LeadUpdate,
    special={name: "of the lead in any status" for name in LeadUpdate.model_fields if name not in _STEP_FIELDS},
)


@dataclass(frozen=True)
class Opened:
    lead: PatientLead
    match: MatchRead
    is_new: bool
    """Whether a lead was made, or the open one of the last day with this content was found."""


async def open_lead(
    session: AsyncSession, actor: Actor, *, new: LeadCreate | LeadCreateForPerson, payload: Mapping[str, Any]
) -> Opened:
    """
    A new lead for the person who asks, found or made. The submission is kept as it came.

    The same content again within a day, while the lead of it is open, is that lead and changes nothing.

    EmailBelongsToSomeoneElse and SeveralPeopleFit as in people; Invalid for an unknown person, condition or owner.
    """
    if isinstance(new, LeadCreate) and new.person.language is None and new.language is not None:
        # Who fills in a form in a language reads it.
        new = new.model_copy(update={"person": new.person.model_copy(update={"language": new.language})})
    await require_current(session, actor, medical_condition_id=new.medical_condition_id)
    repeated: PatientLead | None = None

    async def outcome_of(person_id: UUID) -> MatchOutcome | None:
        nonlocal repeated
        repeated = await queries.find_repeated(session, person_id=person_id, new=new, payload=payload)
        return "repeated_lead" if repeated else None

    identified = await people.identify(
        session, actor, new=new, payload=payload, language=new.language, outcome_of=outcome_of
    )
    if repeated is not None:
        note(session, repeated)
        lead = await queries.get_lead(session, actor, lead_id=repeated.lead_id)
        return Opened(lead, identified.match, is_new=False)
    if identified.departed:
        if not is_from_outside(actor.roles):
            raise refusal_of(identified.departed)
        return Opened(await _answer_as_usual(session, actor, new, identified), identified.match, is_new=True)
    owner_id = await owner_of_new(session, actor, new.owner_id, permission=_OWNERS_WORK)
    if owner_id is not None:
        await take_over(session, actor, person_ids=[identified.person.person_id], owner_id=owner_id)
    now = clock.now()
    move = decide_move(LEAD_MOVES, LeadStep(new.status or LEAD.initial), state=None, now=now)
    lead = PatientLead(
        person_id=identified.person.person_id,
        **_NEW.values(new.model_copy(update={"owner_id": owner_id})),
        status=move.to,
        intake_submission_id=identified.submission.intake_submission_id,
        updated_by=actor.account_id,
    )
    session.add(lead)
    await session.flush()
    file_event(session, actor, record=lead, move=move, findings={}, via="opened")
    note(session, lead)
    await roles.give_role(session, actor, person_id=lead.person_id, type_name=LEAD_ROLE, since=now)
    return Opened(await queries.get_lead(session, actor, lead_id=lead.lead_id), identified.match, is_new=True)


async def _answer_as_usual(
    session: AsyncSession, actor: Actor, new: LeadCreate | LeadCreateForPerson, identified: people.Identified
) -> PatientLead:
    """
    What a submission from outside of somebody who has died or withdrawn is answered with: no lead is opened.

    A machine does not learn from it what became of them. The id is that of the submission.
    """
    submission = identified.submission
    usual = PatientLead(
        lead_id=submission.intake_submission_id,
        person_id=identified.person.person_id,
        **_NEW.values(new),
        status=LEAD_MOVES.state_of(new.status or LEAD.initial),
        intake_submission_id=submission.intake_submission_id,
        created_at=submission.created_at,
        updated_at=submission.created_at,
        version=1,
        reference=await session.scalar(select(func.new_reference("L"))),
    )
    usual.person = identified.person
    usual.medical_condition = await get_condition(session, actor, medical_condition_id=new.medical_condition_id)
    return usual


async def change_lead(
    session: AsyncSession, actor: Actor, *, lead_id: UUID, change: LeadUpdate, if_match: str | None = None
) -> PatientLead:
    """
    Change the fields given; a `status` moves the lead.

    LeadNotFound; Stale; TransitionNotAllowed and ReopenTooLate; Invalid for unknown references, or for what the status
    has no use for.
    """
    lead = await queries.get_lead(session, actor, lead_id=lead_id, for_update=True)
    require_match(if_match, etag(lead.version))
    given = {name: getattr(change, name) for name in change.model_fields_set}
    if "owner_id" in given and change.owner_id != lead.owner_id:
        await require_owner(session, change.owner_id, permission=_OWNERS_WORK)
        await take_over(session, actor, person_ids=[lead.person_id], owner_id=change.owner_id)
    if "medical_condition_id" in given and change.medical_condition_id != lead.medical_condition_id:
        await require_current(session, actor, medical_condition_id=change.medical_condition_id)
    _CHANGED.set_given(lead, change)
    about_status = _OF_STATUS.given(change)
    word = given.get("status")
    if word is not None and LEAD_MOVES.state_of(word) != lead.status:
        await _move(session, actor, lead, LeadStep(to=word, **about_status), via="update")
    else:
        await _require_original(session, lead, about_status.get("duplicate_of_person_id"))
        _correct(lead, change)
    await session.flush()
    note(session, lead, given)
    return await queries.get_lead(session, actor, lead_id=lead_id)


async def move_lead(
    session: AsyncSession, actor: Actor, *, lead_id: UUID, step: LeadStep, if_match: str | None = None
) -> PatientLead:
    """Move the lead. LeadNotFound; Stale; TransitionNotAllowed, ReopenTooLate; Invalid for what the status needs."""
    lead = await queries.get_lead(session, actor, lead_id=lead_id, for_update=True)
    require_match(if_match, etag(lead.version))
    await _move(session, actor, lead, step, via="transition")
    note(session, lead, ["status"])
    return await queries.get_lead(session, actor, lead_id=lead_id)


async def call_is_booked(session: AsyncSession, actor: Actor, *, lead_id: UUID) -> bool:
    """
    Move a lead with which a call was booked to `call_booked`, where it has not come further; whether it was moved.
    """
    return await _follow(session, actor, lead_id, LeadStep("call_booked"), since=BEFORE_A_CALL, via="booking")


async def call_is_held(session: AsyncSession, actor: Actor, *, lead_id: UUID) -> bool:
    """Move a lead that was reached in a call to `call_completed`, where it has not come further; whether it was."""
    return await _follow(session, actor, lead_id, LeadStep("call_completed"), since=BEFORE_REACHED, via="call")


async def _follow(
    session: AsyncSession, actor: Actor, lead_id: UUID, step: LeadStep, *, since: Collection[str], via: str
) -> bool:
    """Move a lead by what happened, from one of the states `since`; whether it was."""
    if not actor.may("lead.write"):
        return False
    lead = await queries.get_lead(session, actor, lead_id=lead_id, for_update=True)
    if lead.status not in since:
        return False
    await _move(session, actor, lead, step, via=via)
    note(session, lead, ["status"])
    return True


async def undo_change(session: AsyncSession, actor: Actor, *, lead_id: UUID, since: int, until: int) -> PatientLead:
    """
    Put back the owner and the status that the actor's own change from version `since` to `until` took away.

    LeadNotFound; Stale when the lead is no longer as that change left it; NotUndoable for a lead that was converted
    or withdrew; Invalid for an owner who does not do this work any more.
    """
    lead = await queries.get_lead(session, actor, lead_id=lead_id, for_update=True)
    if lead.version != until:
        raise Stale
    before = await before_own_change(session, record_id=lead_id, account_id=actor.account_id, since=since, until=until)
    fields = await give_back(session, actor, record=lead, before=before, permission=_OWNERS_WORK)
    if before["status"] != lead.status:
        await _take_back(session, actor, lead, before)
        fields.append("status")
    await session.flush()
    note(session, lead, fields)
    return await queries.get_lead(session, actor, lead_id=lead_id)


def is_undoable(before: str, now: str) -> bool:
    """Whether a move of a lead is taken back by a button: not what made a patient, nor what closed a person's case."""
    return not {before, now} & _MEANS_MORE


async def _take_back(session: AsyncSession, actor: Actor, lead: PatientLead, before: Mapping[str, Any]) -> None:
    """Give a locked lead the status that it had, with what belongs to it."""
    if not is_undoable(before["status"], lead.status):
        raise NotUndoable
    if LEAD.is_open(before["status"]) and not LEAD.is_open(lead.status):
        await require_present(session, person_id=lead.person_id)
    await put_back(session, actor, record=lead, to=before["status"], reason=None, via=UNDONE)
    lead.reason_code, lead.reason = before["reason_code"], before["reason"]
    closed_at, wake_up_on, original = (before[name] for name in ("closed_at", "wake_up_on", "duplicate_of_person_id"))
    lead.closed_at = datetime.fromisoformat(closed_at) if closed_at else None
    lead.wake_up_on = date.fromisoformat(wake_up_on) if wake_up_on else None
    lead.duplicate_of_person_id = UUID(original) if original else None
    await session.flush()
    await _keep_role(session, actor, lead)


async def mark_converted(
    session: AsyncSession, actor: Actor, *, lead: PatientLead, patient_id: UUID, reason: str | None
) -> PatientLead:
    """Close a locked open lead as converted to the patient of its person. TransitionNotAllowed from a closed state."""
    step = LeadStep("converted", reason=reason)
    life = await life_of(session, lead.person)
    move = await make_move(session, actor, record=lead, moves=LEAD_MOVES, step=step, via="convert", life=life)
    lead.converted_to_patient_id, lead.converted_at = patient_id, move.happened_at
    await _arrive(session, actor, lead, move, step)
    note(session, lead, ["status", "converted_to_patient_id"])
    return await queries.get_lead(session, actor, lead_id=lead.lead_id)


async def _move(session: AsyncSession, actor: Actor, lead: PatientLead, step: LeadStep, *, via: str) -> None:
    await _require_original(session, lead, step.duplicate_of_person_id)
    to = LEAD_MOVES.state_of(step.to)
    if LEAD.may_move(lead.status, to) and LEAD.is_open(to) and not LEAD.is_open(lead.status):
        await require_present(session, person_id=lead.person_id)
    life = await life_of(session, lead.person)
    move = await make_move(session, actor, record=lead, moves=LEAD_MOVES, step=step, via=via, life=life)
    await _arrive(session, actor, lead, move, step)
    if move.to == "withdrawn":
        await _withdraw_person(session, actor, lead, reason=step.reason)


async def _withdraw_person(session: AsyncSession, actor: Actor, lead: PatientLead, *, reason: str | None) -> None:
    """Who withdraws their only request, and is no patient whom we help, has withdrawn."""
    if await queries.has_open_lead(session, person_id=lead.person_id):
        return
    if await is_helped(session, person_id=lead.person_id):
        return
    if await kinds_of_departure(session, person_id=lead.person_id):
        return
    new = DepartureCreate(kind="withdrawn", reason=reason or WITHDREW_AS_LEAD)
    await departures.depart(session, actor, person_id=lead.person_id, new=new)


async def close_lead(session: AsyncSession, actor: Actor, *, lead: PatientLead, step: LeadStep, via: str) -> None:
    """Close a locked open lead whose person has departed."""
    move = await make_move(session, actor, record=lead, moves=LEAD_MOVES, step=step, via=via, life=UNKNOWN_LIFE)
    await _arrive(session, actor, lead, move, step)


async def restore_open_lead(session: AsyncSession, actor: Actor, *, lead: PatientLead, wake_up_on: date | None) -> None:
    """Set what a lead has that was put back into an open state."""
    lead.closed_at = lead.reason_code = lead.reason = None
    lead.wake_up_on = wake_up_on
    await session.flush()
    await _keep_role(session, actor, lead)


async def _arrive(session: AsyncSession, actor: Actor, lead: PatientLead, move: Move, step: LeadStep) -> None:
    """Set what the move means beside the status."""
    lead.closed_at = None if LEAD.is_open(move.to) else move.happened_at
    lead.reason_code, lead.reason = move.reason_code, step.reason
    lead.wake_up_on = step.wake_up_on
    lead.duplicate_of_person_id = step.duplicate_of_person_id
    await session.flush()
    await _keep_role(session, actor, lead)


async def _require_original(session: AsyncSession, lead: PatientLead, original: UUID | None) -> None:
    """
    Invalid when a lead would be a duplicate of itself.

    It may point to its own person when they have asked before: then the earlier lead goes on, and this one repeats it.
    """
    if original == lead.person_id and not await queries.has_other_request(session, lead=lead):
        raise duplicate_of_itself()


async def _keep_role(session: AsyncSession, actor: Actor, lead: PatientLead) -> None:
    """A person has the role patient-lead for as long as one of their leads is open."""
    now = clock.now()
    if LEAD.is_open(lead.status):
        await roles.give_role(session, actor, person_id=lead.person_id, type_name=LEAD_ROLE, since=now)
    elif not await queries.has_open_lead(session, person_id=lead.person_id):
        await roles.end_role(session, actor, person_id=lead.person_id, type_name=LEAD_ROLE, until=now)


def _correct(lead: PatientLead, change: LeadUpdate) -> None:
    """Set what belongs to the lead's present status; Invalid for what another status would need."""
    before = faults_in(lead, LEAD_RULES)
    _OF_STATUS.set_given(lead, change)
    require_none(faults_in(lead, LEAD_RULES), before=before, touched=_OF_STATUS.given(change))


def note(session: AsyncSession, lead: PatientLead, fields: Iterable[str] = ()) -> None:
    """Note that the lead was shown or changed."""
    audit.note(session, record_type="patient_lead", record_id=lead.lead_id, person_ids=[lead.person_id], fields=fields)


_BY_PUT = suggestions.changed_by(LeadUpdate, key="lead_id", lock=queries.get_lead, change=change_lead)


async def _change_suggested(
    session: AsyncSession, actor: Actor, lead: PatientLead, suggestion: SuggestedChange, why: suggestions.Why
) -> None:
    """As the PUT, but for a lead that became a patient in the old system: the patient is here by now."""
    if (suggestion.field, suggestion.theirs, suggestion.source) != ("status", "converted", suggestions.IMPORT):
        await _BY_PUT.change(session, actor, lead, suggestion, why)
        return
    patient = await find_patient_of_person(session, actor, person_id=lead.person_id, for_update=True)
    if patient is None or patient.deleted_at is not None:
        raise ValueNotAllowed
    await mark_converted(session, actor, lead=lead, patient_id=patient.patient_id, reason=why.reason)


suggestions.register(PatientLead.__tablename__, suggestions.Changeable(_BY_PUT.lock, _change_suggested))
