from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.calls import queries
from app.calls.errors import AlreadyRescheduled, of_another_person
from app.calls.models import CallHistory
from app.calls.rules import contradictions, derive_status, moments_that_cannot_be
from app.calls.schemas import CallForLead, CallForPatient, CallUpdate, Rebooking
from app.calls.states import CALL
from app.people import suggestions
from app.people.lives import life_of
from app.people.queries import get_person
from app.platform import clock
from app.platform.actor import Actor
from app.platform.etags import etag, require_match
from app.platform.faults import Fault, require_none
from app.platform.plausibility import Life
from app.platform.stored_fields import StoredFields

VOIDED_WITHOUT_REASON = "No reason was given."
_STATUS = dict.fromkeys(("status", "no_show"), "derived from each other and the outcome")
NEW = StoredFields(
    CallHistory,
    CallForPatient,
    CallForLead,
    special={**_STATUS, "pn_id": "the key's person when it is left out"},
)
_CHANGED = StoredFields(CallHistory, CallUpdate, special=_STATUS)
_REBOOKED = StoredFields(CallHistory, Rebooking)
_STAYS = ("person_id", "patient_id", "lead_id", "pn_id", "booking_time_zone", "direction", "channel")
"""What a new booking has from the old one, unless the rebooking says otherwise."""


async def log_call(session: AsyncSession, actor: Actor, *, new: CallForPatient | CallForLead) -> CallHistory:
    """
    A new booking or call, always a row of its own.

    PatientNotFound (also for a deleted one), LeadOfCallNotFound; Invalid when what is said does not fit together,
    when `pn_id` is nobody, or when patient and lead are two people.
    """
    status = derive_status(present=CALL.initial, status=new.status, no_show=new.no_show, outcome=new.outcome)
    call = CallHistory(
        **NEW.values(new),
        pn_id=new.pn_id if "pn_id" in new.model_fields_set else actor.person_id,
        status=status,
        no_show=status == "no_show",
        created_by=actor.account_id,
        updated_by=actor.account_id,
    )
    require_none(_contradictions(call, no_show=new.no_show))
    people = set()
    if isinstance(new, CallForLead):
        people.add(await queries.person_of_lead(session, actor, lead_id=new.lead_id))
    if new.patient_id is not None:
        people.add(await queries.person_of_patient(session, actor, patient_id=new.patient_id))
    if len(people) > 1:
        raise of_another_person()
    (call.person_id,) = people
    person = await get_person(session, actor, person_id=call.person_id)
    require_none(_faults(call, life=await life_of(session, person)))
    session.add(call)
    await session.flush()
    return await _noted(session, actor, call.call_id)


async def correct_call(
    session: AsyncSession, actor: Actor, *, call_id: UUID, change: CallUpdate, if_match: str | None = None
) -> CallHistory:
    """
    Change the fields given; the earlier version stays in row_history.

    Stale when `if_match` names another version, TransitionNotAllowed when the call may not get this status, Invalid
    when the whole does not fit together any more.
    """
    call = await queries.get_call(session, actor, call_id=call_id, for_update=True)
    require_match(if_match, etag(call.version))
    given = {name: getattr(change, name) for name in change.model_fields_set}
    status = derive_status(
        present=call.status, status=given.get("status"), no_show=given.get("no_show"), outcome=given.get("outcome")
    )
    if status != call.status:
        CALL.require_move(call.status, status)
    life = await life_of(session, call.person)
    before = _faults(call, life=life)
    touched = set(given) | ({"status"} if status != call.status else set())
    _CHANGED.set_given(call, change)
    call.status, call.no_show = status, status == "no_show"
    require_none(_faults(call, life=life, no_show=given.get("no_show")), before=before, touched=touched)
    await session.flush()
    return await _noted(session, actor, call_id, fields=set(given))


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
    for a completed or cancelled call.
    """
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
    require_none(_faults(new, life=await life_of(session, old.person)))
    session.add(new)
    await session.flush()
    old.rescheduled_to = new.call_id
    if old.status != "no_show":
        old.status = "rescheduled"
    await session.flush()
    return await _noted(session, actor, new.call_id)


def _is_own(call: CallHistory, actor: Actor) -> bool:
    is_navigator = actor.person_id is not None and call.pn_id == actor.person_id
    return is_navigator or (actor.account_id is not None and call.created_by == actor.account_id)


def _faults(call: CallHistory, *, life: Life, no_show: bool | None = None) -> list[Fault]:
    """What of a call does not fit together, or cannot be in this life."""
    moments = moments_that_cannot_be(
        status=call.status,
        outcome=call.outcome,
        booking_date=call.booking_date,
        call_date=call.call_date,
        reminder_date=call.reminder_date,
        life=life,
        now=clock.now(),
    )
    return [*_contradictions(call, no_show=no_show), *moments]


def _contradictions(call: CallHistory, *, no_show: bool | None) -> list[Fault]:
    return contradictions(
        status=call.status,
        no_show=no_show,
        outcome=call.outcome,
        booking_date=call.booking_date,
        call_date=call.call_date,
    )


async def _noted(session: AsyncSession, actor: Actor, call_id: UUID, fields: set[str] | None = None) -> CallHistory:
    call = await queries.get_call(session, actor, call_id=call_id)
    people = [call.person_id] if call.pn_id is None else [call.person_id, call.pn_id]
    audit.note(session, record_type="call_history", record_id=call_id, person_ids=people, fields=fields or ())
    return call


suggestions.register(
    CallHistory.__tablename__,
    suggestions.changed_by(CallUpdate, key="call_id", lock=queries.get_call, change=correct_call),
)
