"""What becomes of open records when their person dies or withdraws, and when that was a mistake; a table each."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls.models import CallHistory
from app.calls.states import CALL
from app.events.moves import Step
from app.events.service import end, make_move, put_back
from app.journeys.kind import Kind
from app.journeys.kinds import KINDS
from app.journeys.queries import get_journey
from app.leads import service as leads
from app.leads.models import PatientLead
from app.leads.queries import get_lead
from app.leads.rules import LeadStep
from app.leads.states import LEAD
from app.patients import queries as patients
from app.patients.models import Patient
from app.patients.rules import PATIENT_MOVES
from app.patients.states import PATIENT
from app.people.departures.models import PersonDeparture
from app.people.departures.service import Closing, Touched, register
from app.platform import clock
from app.platform.actor import Actor
from app.platform.plausibility import UNKNOWN_LIFE
from app.tasks.models import Task
from app.tasks.states import TASK

DEPARTED, UNDONE = "departed", "undone"
"""How the events of the step came about (`via`)."""
_OPEN_LEADS: Final = tuple(state for state in LEAD.states if LEAD.is_open(state))


async def _close_patient(session: AsyncSession, actor: Actor, departure: PersonDeparture) -> list[Touched]:
    patient = await patients.find_patient_of_person(session, actor, person_id=departure.person_id, for_update=True)
    if patient is None or not PATIENT.may_move(patient.status, departure.kind):
        return []
    was, kept = patient.status, {"status_reason": patient.status_reason}
    step = Step(departure.kind, reason=departure.reason)
    await make_move(session, actor, record=patient, moves=PATIENT_MOVES, step=step, via=DEPARTED, life=UNKNOWN_LIFE)
    patient.status_reason = departure.reason
    await session.flush()
    return [Touched(Patient.__tablename__, patient.patient_id, was, patient.status, is_done=True, kept=kept)]


async def _reopen_patient(
    session: AsyncSession, actor: Actor, departure: PersonDeparture, closed: list[Touched]
) -> list[Touched]:
    found = []
    for one in closed:
        patient = await patients.find_patient_of_person(session, actor, person_id=departure.person_id, for_update=True)
        if patient is None or patient.status != one.became:
            found.append(_left(one))
            continue
        await put_back(session, actor, record=patient, to=one.was, reason=departure.ended_reason, via=UNDONE)
        patient.status_reason = (one.kept or {}).get("status_reason")
        await session.flush()
        found.append(_back(one))
    return found


async def _close_leads(session: AsyncSession, actor: Actor, departure: PersonDeparture) -> list[Touched]:
    ids = await session.scalars(
        select(PatientLead.lead_id)
        .where(PatientLead.person_id == departure.person_id, PatientLead.status.in_(_OPEN_LEADS))
        .order_by(PatientLead.lead_id)
    )
    found = []
    for lead_id in ids.all():
        lead = await get_lead(session, actor, lead_id=lead_id, for_update=True)
        was = lead.status
        kept = {"wake_up_on": lead.wake_up_on.isoformat() if lead.wake_up_on else None}
        step = LeadStep("withdrawn", reason=departure.reason)
        if departure.kind == "deceased":
            step = LeadStep("disqualified", reason_code="deceased", reason=departure.reason)
        await leads.close_lead(session, actor, lead=lead, step=step, via=DEPARTED)
        found.append(Touched(PatientLead.__tablename__, lead_id, was, lead.status, is_done=True, kept=kept))
    return found


async def _reopen_leads(
    session: AsyncSession, actor: Actor, departure: PersonDeparture, closed: list[Touched]
) -> list[Touched]:
    found = []
    for one in closed:
        lead = await get_lead(session, actor, lead_id=one.record_id, for_update=True)
        if lead.status != one.became:
            found.append(_left(one))
            continue
        wake_up_on = (one.kept or {}).get("wake_up_on")
        await put_back(session, actor, record=lead, to=one.was, reason=departure.ended_reason, via=UNDONE)
        await leads.restore_open_lead(
            session, actor, lead=lead, wake_up_on=datetime.fromisoformat(wake_up_on).date() if wake_up_on else None
        )
        found.append(_back(one))
    return found


def _journeys(kind: Kind) -> Closing:
    machine, key = kind.moves.machine, getattr(kind.model, kind.key)
    open_states = [state for state in machine.states if machine.is_open(state)]

    async def close(session: AsyncSession, actor: Actor, departure: PersonDeparture) -> list[Touched]:
        ids = await session.scalars(
            select(key)
            .join(Patient, Patient.patient_id == kind.model.patient_id)
            .where(
                Patient.person_id == departure.person_id,
                Patient.deleted_at.is_(None),
                kind.model.status.in_(open_states),
            )
            .order_by(key)
        )
        found = []
        for journey_id in ids.all():
            journey = await get_journey(session, actor, kind=kind, journey_id=journey_id, for_update=True)
            was = journey.status
            to = kind.when_departed[departure.kind].get(was)
            if to is not None:
                await end(session, actor, record=journey, to=to, reason=departure.reason, via=DEPARTED)
                journey.status_changed_at = clock.now()
                await session.flush()
            found.append(Touched(kind.name, journey_id, was, journey.status, is_done=to is not None))
        return found

    async def reopen(
        session: AsyncSession, actor: Actor, departure: PersonDeparture, closed: list[Touched]
    ) -> list[Touched]:
        found = []
        for one in closed:
            if one.was == one.became:
                continue
            journey = await get_journey(session, actor, kind=kind, journey_id=one.record_id, for_update=True)
            if journey.status != one.became:
                found.append(_left(one))
                continue
            await put_back(session, actor, record=journey, to=one.was, reason=departure.ended_reason, via=UNDONE)
            journey.status_changed_at = clock.now()
            await session.flush()
            found.append(_back(one))
        return found

    return Closing(close, reopen)


async def _close_calls(session: AsyncSession, actor: Actor, departure: PersonDeparture) -> list[Touched]:
    """Bookings ahead are cancelled, those whose time has passed are listed, reminders of every call are stopped."""
    now = clock.now()
    is_open = CallHistory.status.in_(CALL.states_of_filter("open"))
    calls = await session.scalars(
        select(CallHistory)
        .where(
            CallHistory.person_id == departure.person_id,
            CallHistory.voided_at.is_(None),
            or_(is_open, CallHistory.reminder_date > now),
        )
        .order_by(CallHistory.call_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = []
    for call in calls.all():
        was, kept = call.status, _reminder(call)
        call.reminder_date = None
        if CALL.is_open(was) and call.occurs_at > now:
            call.status = "cancelled"
        call.updated_by = actor.account_id
        is_done = not CALL.is_open(call.status)
        found.append(Touched(CallHistory.__tablename__, call.call_id, was, call.status, is_done=is_done, kept=kept))
    await session.flush()
    return found


async def _reopen_calls(
    session: AsyncSession, actor: Actor, _departure: PersonDeparture, closed: list[Touched]
) -> list[Touched]:
    now, found = clock.now(), []
    for one in closed:
        call = await session.get(CallHistory, one.record_id, with_for_update=True, populate_existing=True)
        changed_since = call is None or call.voided_at is not None or call.status != one.became
        if call is None or changed_since or (one.was != one.became and call.occurs_at <= now):
            found.append(_left(one))
            continue
        call.status = one.was
        reminder = (one.kept or {}).get("reminder_date")
        if reminder is not None and call.reminder_date is None and datetime.fromisoformat(reminder) > now:
            call.reminder_date = datetime.fromisoformat(reminder)
        call.updated_by = actor.account_id
        found.append(_back(one))
    await session.flush()
    return found


async def _list_tasks(session: AsyncSession, _actor: Actor, departure: PersonDeparture) -> list[Touched]:
    """Open tasks stay: they may be work about the death itself. Somebody has to look at each."""
    tasks = await session.execute(
        select(Task.task_id, Task.status)
        .where(Task.person_id == departure.person_id, Task.status.in_(TASK.states_of_filter("open")))
        .order_by(Task.task_id)
    )
    return [Touched(Task.__tablename__, key, status, status, is_done=False) for key, status in tasks]


async def _leave_tasks(
    _session: AsyncSession, _actor: Actor, _departure: PersonDeparture, _listed: list[Touched]
) -> list[Touched]:
    """Nothing was done to them, so nothing is put back."""
    return []


def _reminder(call: CallHistory) -> Mapping[str, Any]:
    return {"reminder_date": call.reminder_date.isoformat() if call.reminder_date else None}


def _back(one: Touched) -> Touched:
    """It is again what it was."""
    return Touched(one.record_type, one.record_id, one.became, one.was, is_done=True)


def _left(one: Touched) -> Touched:
    """It stays as it is: it has been changed since, or its time has passed."""
    return replace(one, is_done=False)


def register_all() -> None:
    """Let the step of people/departures close and reopen the records of every package."""
    register(Patient.__tablename__, Closing(_close_patient, _reopen_patient))
    register(PatientLead.__tablename__, Closing(_close_leads, _reopen_leads))
    for kind in KINDS:
        register(kind.name, _journeys(kind))
    register(CallHistory.__tablename__, Closing(_close_calls, _reopen_calls))
    register(Task.__tablename__, Closing(_list_tasks, _leave_tasks))
