from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from app.access.models import UserAccount
from app.access.policy import is_from_outside, roles_allowing
from app.access.queries import does_work
from app.audit import service as audit
from app.audit.history import before_own_change
from app.calls import queries
from app.calls.errors import (
    AlreadyRescheduled,
    BookingsOverlap,
    of_another_person,
    takes_no_calls,
    unknown_navigator,
)
from app.calls.models import CallHistory
from app.calls.rules import contact_faults, contradictions, derive_status, moments_of
from app.calls.schemas import CallForLead, CallForPatient, CallUpdate, Rebooking
from app.calls.states import CALL, CHANNELS
from app.events.errors import NotUndoable
from app.people import suggestions
from app.people.departures.queries import kinds_of_departure, person_of_receipt, require_present
from app.people.departures.service import file_came_back
from app.people.errors import PersonInactive
from app.people.lives import life_of
from app.people.locks import lock_people
from app.people.matching import FurtherReason
from app.people.models import Person, SuggestedChange
from app.people.queries import get_person
from app.people.schemas import Intake
from app.people.service import bring_back, keep_submission
from app.people.side_effects import Heard, side_effect_heard
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import Stale
from app.platform.etags import etag, require_match
from app.platform.faults import Fault, require_none
from app.platform.stored_fields import StoredFields

VOIDED_WITHOUT_REASON = "No reason was given."
ENTRY_UNDONE = "It was entered by mistake, and undone."
"""Why a call was voided that had just been booked or logged."""
MOVE_UNDONE = "The move to this time was undone."
"""Why a booking was voided that another one had been moved to."""
_STATUS = dict.fromkeys(("status", "no_show"), "derived from each other and the outcome")
_OVERLAP = {"allow_overlap": "lets the booking overlap others"}
NEW = StoredFields(
    CallHistory,
    CallForPatient,
    CallForLead,
    special={**_STATUS, **_OVERLAP, "pn_id": "who takes calls behind the key when it is left out"},
)
_CHANGED = StoredFields(CallHistory, CallUpdate, special={**_STATUS, **_OVERLAP})
_REBOOKED = StoredFields(CallHistory, Rebooking, special=_OVERLAP)
_STAYS = (
    *("person_id", "patient_id", "lead_id", "pn_id", "booking_time_zone", "reminder_date", "direction", "channel"),
    *("call_duration_minutes", "contact_reason", "notes"),
)
"""What a new booking has from the old one, unless the rebooking says otherwise."""
_TAKEN_BACK = (
    *("status", "rescheduled_to", "notes"),
    *("outcome", "adverse_event_heard", "call_duration_minutes", "spoke_with_person_id"),
)
"""What a mistake may have changed of a booking: cancelling or moving it, or saying what came of it."""
_OF_ITS_TIME = frozenset(
    {"booking_date", "call_date", "call_duration_minutes", "pn_id", "status", "no_show", "outcome"}
)
"""What decides whether a booking is ahead, how long it takes, and whose time it is."""
TAKES_CALLS = "call.write"
"""The permission of those who can be the navigator of a call."""


async def log_call(session: AsyncSession, actor: Actor, *, new: CallForPatient | CallForLead) -> CallHistory:
    """
    A new booking or call, always a row of its own.

    PatientNotFound (also for a deleted one), LeadOfCallNotFound; Invalid when what is said does not fit together,
    when `pn_id` is nobody who takes calls, or when patient and lead are two people. PersonInactive for a booking with
    somebody who was set inactive, BookingsOverlap.
    """
    status = derive_status(present=CALL.initial, status=new.status, no_show=new.no_show, outcome=new.outcome)
    call = CallHistory(
        **NEW.values(new),
        pn_id=new.pn_id if "pn_id" in new.model_fields_set else _own_person(actor),
        status=status,
        no_show=status == "no_show",
        created_by=actor.account_id,
        updated_by=actor.account_id,
    )
    require_none(_contradictions(call, no_show=new.no_show))
    people = set()
    if isinstance(new, CallForLead):
        people.add(await _person_of_lead(session, actor, lead_id=new.lead_id))
    if new.patient_id is not None:
        people.add(await queries.person_of_patient(session, actor, patient_id=new.patient_id))
    if len(people) > 1:
        raise of_another_person()
    (call.person_id,) = people
    if "pn_id" in new.model_fields_set:
        await _require_takes_calls(session, call.pn_id)
    await lock_people(session, {*people, call.pn_id} if CALL.is_open(status) and call.pn_id is not None else people)
    person = await get_person(session, actor, person_id=call.person_id)
    require_none(await _faults(session, actor, call, person))
    departed = await kinds_of_departure(session, person_id=person.person_id) if CALL.is_open(status) else ()
    if departed and is_from_outside(actor.roles):
        return await _answer_as_usual(session, actor, new, call, person, departed)
    await _require_bookable(session, actor, person, call)
    if not new.allow_overlap:
        await _require_free(session, call)
    session.add(call)
    await session.flush()
    logged = await _noted(session, actor, call.call_id)
    if logged.adverse_event_heard:
        await side_effect_heard(session, actor, Heard({"call_id": logged.call_id}))
    return logged


async def correct_call(
    session: AsyncSession, actor: Actor, *, call_id: UUID, change: CallUpdate, if_match: str | None = None
) -> CallHistory:
    """
    Change the fields given; the earlier version stays in row_history.

    Stale when `if_match` names another version, TransitionNotAllowed when the call may not get this status, Invalid
    when the whole does not fit together any more. PersonInactive and BookingsOverlap as for a new one.
    """
    if change.model_fields_set & {*_OF_ITS_TIME, "reminder_date"}:
        people = await queries.people_of_call(session, call_id=call_id)
        await lock_people(session, people if change.pn_id is None else {*people, change.pn_id})
    call = await queries.get_call(session, actor, call_id=call_id, for_update=True)
    require_match(if_match, etag(call.version))
    given = {name: getattr(change, name) for name in change.model_fields_set}
    status = derive_status(
        present=call.status, status=given.get("status"), no_show=given.get("no_show"), outcome=given.get("outcome")
    )
    if status != call.status:
        CALL.require_move(call.status, status)
    before = await _faults(session, actor, call, call.person)
    was_open, present_pn_id, was_heard = CALL.is_open(call.status), call.pn_id, call.adverse_event_heard
    touched = set(given) | ({"status"} if status != call.status else set())
    _CHANGED.set_given(call, change)
    call.status, call.no_show = status, status == "no_show"
    faults = await _faults(session, actor, call, call.person, no_show=given.get("no_show"))
    require_none(faults, before=before, touched=touched)
    if call.pn_id != present_pn_id:
        await _require_takes_calls(session, call.pn_id)
    is_new_booking = "booking_date" in touched and queries.is_booking_ahead(call)
    if not was_open or is_new_booking:
        await _require_bookable(session, actor, call.person, call)
    if touched & _OF_ITS_TIME and not change.allow_overlap:
        await _require_free(session, call)
    await session.flush()
    corrected = await _noted(session, actor, call_id, fields=set(given))
    if corrected.adverse_event_heard and not was_heard:
        await side_effect_heard(session, actor, Heard({"call_id": call_id}))
    return corrected


async def void_call(
    session: AsyncSession, actor: Actor, *, call_id: UUID, reason: str | None, if_match: str | None = None
) -> CallHistory:
    """
    Take a call that was entered by mistake out of sight; the row and its status stay.

    Forbidden for a call of somebody else (neither its navigator nor who entered it) without `call.void_any`.
    """
    call = await queries.get_call(session, actor, call_id=call_id, for_update=True)
    if not _is_own(call, actor):
        actor.require("call.void_any")
    require_match(if_match, etag(call.version))
    call.voided_at, call.voided_by = clock.now(), actor.account_id
    call.void_reason = reason or VOIDED_WITHOUT_REASON
    await session.flush()
    audit.note(
        session, record_type="call_history", record_id=call_id, person_ids=[call.person_id], fields=["voided_at"]
    )
    return call


async def reschedule_call(session: AsyncSession, actor: Actor, *, call_id: UUID, booking: Rebooking) -> CallHistory:
    """
    Book anew, then close the old booking with `rescheduled_to`; the new call.

    A no-show may be booked anew too and stays a no-show. AlreadyRescheduled the second time, TransitionNotAllowed
    for a completed or cancelled call. PersonInactive and BookingsOverlap as for a new one.
    """
    people = await queries.people_of_call(session, call_id=call_id)
    await lock_people(session, people if booking.pn_id is None else {*people, booking.pn_id})
    old = await queries.get_call(session, actor, call_id=call_id, for_update=True)
    if old.rescheduled_to is not None:
        raise AlreadyRescheduled(extra={"rescheduled_to": str(old.rescheduled_to)})
    if old.status != "no_show":
        CALL.require_move(old.status, "rescheduled")
    new = CallHistory(
        **{name: getattr(old, name) for name in _STAYS} | _REBOOKED.given(booking),
        status=CALL.initial,
        created_by=actor.account_id,
        updated_by=actor.account_id,
    )
    require_none(await _faults(session, actor, new, old.person))
    if new.pn_id != old.pn_id:
        await _require_takes_calls(session, new.pn_id)
    await _require_bookable(session, actor, old.person, new)
    if not booking.allow_overlap:
        await _require_free(session, new, besides=old.call_id)
    session.add(new)
    await session.flush()
    old.rescheduled_to = new.call_id
    if old.status != "no_show":
        old.status = "rescheduled"
    await session.flush()
    return await _noted(session, actor, new.call_id)


async def undo_entry(session: AsyncSession, actor: Actor, *, call_id: UUID, until: int) -> CallHistory:
    """
    Void a call that the actor has just booked or logged by mistake, as it was in version `until`.

    CallNotFound; Stale when it has changed since, or somebody else has entered it; NotUndoable where a side effect was
    heard in it, which is to be reported already.
    """
    call = await queries.get_call(session, actor, call_id=call_id, for_update=True)
    if call.created_by != actor.account_id or actor.account_id is None:
        raise Stale
    if call.adverse_event_heard:
        raise NotUndoable
    return await void_call(session, actor, call_id=call_id, reason=ENTRY_UNDONE, if_match=etag(until))


async def undo_cancellation(
    session: AsyncSession, actor: Actor, *, call_id: UUID, since: int, until: int
) -> CallHistory:
    """
    Put back the open booking that the actor's own cancelling from version `since` to `until` took away, and its notes.

    CallNotFound; Stale when the call is no longer as that left it; NotUndoable for one that was not open before;
    Invalid, PersonInactive, PersonDeceased and PersonWithdrawn as for a new booking. Whether the time is still free is
    for the caller to ask.
    """
    call, before = await _as_it_was(session, actor, call_id=call_id, since=since, until=until)
    if call.status != "cancelled" or not CALL.is_open(before["status"]):
        raise NotUndoable
    return await _put_back(session, actor, call, before)


async def undo_rescheduling(
    session: AsyncSession, actor: Actor, *, call_id: UUID, since: int, until: int
) -> CallHistory:
    """
    Put back the booking that the actor has booked anew, from version `since` to `until`; the new one is voided.

    Stale also when the new one was changed since; else as `undo_cancellation`.
    """
    old, before = await _as_it_was(session, actor, call_id=call_id, since=since, until=until)
    if old.rescheduled_to is None or before["rescheduled_to"] is not None:
        raise NotUndoable
    new = await session.get_one(CallHistory, old.rescheduled_to, populate_existing=True, with_for_update=True)
    if new.version > 1:
        raise Stale
    new.voided_at, new.voided_by, new.void_reason = clock.now(), actor.account_id, MOVE_UNDONE
    await session.flush()
    audit.note(
        session, record_type="call_history", record_id=new.call_id, person_ids=[new.person_id], fields=["voided_at"]
    )
    return await _put_back(session, actor, old, before)


async def undo_outcome(session: AsyncSession, actor: Actor, *, call_id: UUID, since: int, until: int) -> CallHistory:
    """
    Put back the booking as it was before the actor's own saying what came of it, from version `since` to `until`.

    As `undo_cancellation`; NotUndoable also where a side effect was heard in it, which is to be reported already.
    """
    call, before = await _as_it_was(session, actor, call_id=call_id, since=since, until=until)
    if CALL.is_open(call.status) or not CALL.is_open(before["status"]) or call.adverse_event_heard:
        raise NotUndoable
    return await _put_back(session, actor, call, before)


async def _as_it_was(
    session: AsyncSession, actor: Actor, *, call_id: UUID, since: int, until: int
) -> tuple[CallHistory, Mapping[str, Any]]:
    """A locked call, its people too, and what it was before the actor's own change; Stale when it has changed since."""
    await lock_people(session, await queries.people_of_call(session, call_id=call_id))
    call = await queries.get_call(session, actor, call_id=call_id, for_update=True)
    require_match(etag(until), etag(call.version))
    return call, await before_own_change(
        session, record_id=call_id, account_id=actor.account_id, since=since, until=until
    )


async def _put_back(session: AsyncSession, actor: Actor, call: CallHistory, before: Mapping[str, Any]) -> CallHistory:
    """Give a locked call what a mistake may have taken from it. No move of its machine: it was there already."""
    faults = await _faults(session, actor, call, call.person)
    spoke_with, rescheduled_to = (
        None if before[name] is None else UUID(before[name]) for name in ("spoke_with_person_id", "rescheduled_to")
    )
    was = {**before, "spoke_with_person_id": spoke_with, "rescheduled_to": rescheduled_to}
    fields = {name for name in _TAKEN_BACK if getattr(call, name) != was[name]}
    call.status, call.rescheduled_to, call.notes = was["status"], rescheduled_to, was["notes"]
    call.outcome, call.adverse_event_heard = was["outcome"], was["adverse_event_heard"]
    call.call_duration_minutes, call.spoke_with_person_id = was["call_duration_minutes"], spoke_with
    call.no_show = call.status == "no_show"
    await _require_bookable(session, actor, call.person, call)
    require_none(await _faults(session, actor, call, call.person), before=faults, touched=fields)
    await session.flush()
    return await _noted(session, actor, call.call_id, fields=fields)


def _is_own(call: CallHistory, actor: Actor) -> bool:
    is_navigator = actor.person_id is not None and call.pn_id == actor.person_id
    return is_navigator or (actor.account_id is not None and call.created_by == actor.account_id)


async def _person_of_lead(session: AsyncSession, actor: Actor, *, lead_id: UUID) -> UUID:
    """The person of a lead; from outside, of a submission that was answered as if it had opened one."""
    if is_from_outside(actor.roles) and (known := await person_of_receipt(session, receipt=lead_id)) is not None:
        return known
    return await queries.person_of_lead(session, actor, lead_id=lead_id)


async def _answer_as_usual(
    session: AsyncSession,
    actor: Actor,
    new: CallForPatient | CallForLead,
    call: CallHistory,
    person: Person,
    departed: Sequence[str],
) -> CallHistory:
    """
    What a booking from outside with somebody who has died or withdrawn is answered with: nothing is booked.

    It is kept as it came, for the owner and a privacy officer. The id is that of the submission.
    """
    submission = await keep_submission(
        session,
        actor,
        person_id=person.person_id,
        intake=Intake(),
        payload=new.model_dump(mode="json", exclude_unset=True),
        outcome="existing_person",
        reasons=(FurtherReason.PERSON_GIVEN,),
        language=None,
    )
    await file_came_back(session, actor, person_id=person.person_id, kind=departed[0], submission=submission)
    call.call_id, call.created_at, call.updated_at = (
        submission.intake_submission_id,
        submission.created_at,
        submission.created_at,
    )
    call.version, call.person, call.navigator = 1, person, None
    set_committed_value(call, "occurs_at", call.call_date or call.booking_date)
    audit.note(session, record_type="call_history", person_ids=[person.person_id])
    return call


def _own_person(actor: Actor) -> UUID | None:
    """Who is the navigator unless it is said: the person behind the key when they take calls; a machine takes none."""
    return actor.person_id if actor.roles & set(roles_allowing(TAKES_CALLS)) else None


async def _require_takes_calls(session: AsyncSession, pn_id: UUID | None) -> None:
    if pn_id is None or await session.scalar(select(does_work(TAKES_CALLS, UserAccount.person_id == pn_id))):
        return
    raise takes_no_calls() if await session.get(Person, pn_id) else unknown_navigator()


async def _require_bookable(session: AsyncSession, actor: Actor, person: Person, call: CallHistory) -> None:
    """
    PersonInactive for an open booking with somebody who was set inactive; what they book themselves brings them back.
    PersonDeceased, PersonWithdrawn.
    """
    if not CALL.is_open(call.status):
        return
    await require_present(session, person_id=person.person_id)
    if person.is_active:
        return
    if not is_from_outside(actor.roles):
        raise PersonInactive
    await bring_back(session, person)


async def _require_free(session: AsyncSession, call: CallHistory, *, besides: UUID | None = None) -> None:
    """BookingsOverlap when a booking ahead overlaps others; for who has locked its people."""
    if not queries.is_booking_ahead(call):
        return
    own = [key for key in (call.call_id, besides) if key is not None]
    with session.no_autoflush:
        found = await queries.overlapping(session, call, besides=own)
    if found:
        raise BookingsOverlap(found)


async def _faults(
    session: AsyncSession, actor: Actor, call: CallHistory, person: Person, *, no_show: bool | None = None
) -> list[Fault]:
    """What of a call does not fit together, cannot be in the person's life, or is against their wish."""
    with session.no_autoflush:
        life = await life_of(session, person)
        departed = await kinds_of_departure(session, person_id=person.person_id)
    # Who has withdrawn is not to be contacted at all; what arrives from outside is asked for by the person.
    not_by: Sequence[str] = CHANNELS if departed == ("withdrawn",) else person.do_not_contact_channels
    if is_from_outside(actor.roles):
        not_by = ()
    wish = contact_faults(
        status=call.status,
        direction=call.direction,
        channel=call.channel,
        contact_reason=call.contact_reason,
        not_by=not_by,
    )
    moments = moments_of(call, life=life, now=clock.now())
    return [*_contradictions(call, no_show=no_show), *moments, *wish]


def _contradictions(call: CallHistory, *, no_show: bool | None) -> list[Fault]:
    return contradictions(
        status=call.status,
        no_show=no_show,
        outcome=call.outcome,
        booking_date=call.booking_date,
        booking_time_zone=call.booking_time_zone,
        call_date=call.call_date,
    )


async def _noted(session: AsyncSession, actor: Actor, call_id: UUID, fields: set[str] | None = None) -> CallHistory:
    call = await queries.get_call(session, actor, call_id=call_id)
    people = [call.person_id] if call.pn_id is None else [call.person_id, call.pn_id]
    audit.note(session, record_type="call_history", record_id=call_id, person_ids=people, fields=fields or ())
    return call


_BY_PUT = suggestions.changed_by(CallUpdate, key="call_id", lock=queries.get_call, change=correct_call)


async def _change_suggested(
    session: AsyncSession, actor: Actor, call: CallHistory, suggestion: SuggestedChange, why: suggestions.Why
) -> None:
    """As the PUT, but for a booking that the old system has moved: the new one is a call of its own, which is here."""
    if (suggestion.field, suggestion.theirs, suggestion.source) != ("status", "rescheduled", suggestions.IMPORT):
        await _BY_PUT.change(session, actor, call, suggestion, why)
        return
    CALL.require_move(call.status, "rescheduled")
    call.status = "rescheduled"
    await session.flush()


suggestions.register(CallHistory.__tablename__, suggestions.Changeable(_BY_PUT.lock, _change_suggested))
