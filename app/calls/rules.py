"""What follows from what is said about a call. Source: docs/STATES.md, "Call"."""

from collections.abc import Collection
from datetime import datetime, time
from types import SimpleNamespace
from typing import Literal

from app.calls.models import CallHistory
from app.calls.states import CALL, CALL_RULES, NOT_SPOKEN_TO
from app.people.time_zones import is_zone, offset_faults
from app.platform import clock
from app.platform.faults import Fault, fault, faults_in
from app.platform.locales import _
from app.platform.plausibility import Life, implausible

UnresolvedBecause = Literal["no_outcome", "adverse_event_not_asked"]

LONGEST_CALL_MINUTES = 1_440
USUAL_CALL_MINUTES = 30
"""How long a booking takes that does not say so."""

DAY_BEGINS, DAY_ENDS = time(8), time(21)
"""
It is night where somebody is before the one, and from the other on. Few want to be called so early or so late; such a
booking mostly is a mistake: the zone was not looked at, or the wrong half of the day was typed.
"""


def planned_minutes(said: int | None) -> int:
    """How many minutes a call is planned to take, or has taken; `said` is what the call says of it."""
    return USUAL_CALL_MINUTES if said is None else said


HAPPENED = frozenset({"completed", "no_show"})
"""The states of a call whose moment has come."""


def derive_status(*, present: str, status: str | None, no_show: bool | None, outcome: str | None) -> str:
    """
    The status that what was sent gives a call which is `present` now (`scheduled` when it is new).

    Said outright it counts; else a no-show, then an outcome tell it; else nothing changes. None: not sent.
    """
    if status is not None:
        return status
    if no_show:
        return "no_show"
    if no_show is False and present == "no_show":
        return "scheduled" if outcome is None else "completed"
    if outcome is not None and CALL.is_open(present):
        return "completed"
    return present


def contradictions(
    *,
    status: str,
    no_show: bool | None,
    outcome: str | None,
    booking_date: datetime | None,
    booking_time_zone: str | None,
    call_date: datetime | None,
) -> list[Fault]:
    """
    What of a call does not fit together; `no_show` is None where it was not sent, `booking_date` is as it was sent.
    """
    call = SimpleNamespace(status=status, outcome=outcome, booking_date=booking_date, call_date=call_date)
    found = faults_in(call, CALL_RULES)
    if no_show is not None and no_show != (status == "no_show"):
        message = _("Does not fit the call's status.")
        found.insert(0, fault("no_show", "contradicts_status", message, with_={"status"}))
    found += offset_faults("booking_date", booking_date, "booking_time_zone", booking_time_zone)
    return found


def contact_faults(
    *, status: str, direction: str, channel: str, contact_reason: str | None, not_by: Collection[str]
) -> list[Fault]:
    """What is missing where we contact somebody by a channel by which they do not want to be contacted."""
    if direction != "outbound" or channel not in not_by or contact_reason is not None or status == "cancelled":
        return []
    message = _("This person does not want to be contacted so. Say why it is done all the same.")
    about = {"direction", "channel", "status"}
    return [fault("contact_reason", "contact_reason_needed", message, with_=about)]


def is_ahead(*, status: str, booking_date: datetime | None, call_date: datetime | None, now: datetime) -> bool:
    """Whether the call is an open booking whose time has not come: two of these may overlap."""
    return CALL.is_open(status) and call_date is None and booking_date is not None and booking_date > now


def is_night_there(at: datetime, time_zone: str | None) -> bool:
    """Whether it is night where somebody is (DAY_BEGINS, DAY_ENDS); False where their zone is not known."""
    if time_zone is None or not is_zone(time_zone):
        return False
    return not DAY_BEGINS <= at.astimezone(clock.zone_named(time_zone)).time() < DAY_ENDS


def moments_that_cannot_be(
    *,
    status: str,
    outcome: str | None,
    booking_date: datetime | None,
    call_date: datetime | None,
    reminder_date: datetime | None,
    life: Life,
    now: datetime,
) -> list[Fault]:
    """Which moments of a call cannot be. Source: docs/PLAUSIBILITY.md."""
    has_happened = status in HAPPENED or outcome is not None
    tells = ("booking_date" if call_date is None else "call_date",) if has_happened else ()
    moments = {"booking_date": booking_date, "call_date": call_date, "reminder_date": reminder_date}
    told_by = ("status", "no_show", "outcome")
    return implausible("call_history", moments, life=life, now=now, happened=tells, told_by=told_by)


def moments_of(call: CallHistory, *, life: Life, now: datetime) -> list[Fault]:
    """Which moments of a call as it stands cannot be."""
    return moments_that_cannot_be(
        status=call.status,
        outcome=call.outcome,
        booking_date=call.booking_date,
        call_date=call.call_date,
        reminder_date=call.reminder_date,
        life=life,
        now=now,
    )


def asks_of_side_effects(outcome: str | None) -> bool:
    """Whether somebody was there who could be asked. Words that are none of ours do not say it: it is asked."""
    return outcome is None or outcome.lower() not in NOT_SPOKEN_TO


def unresolved_because(
    *,
    status: str,
    occurs_at: datetime,
    outcome: str | None,
    adverse_event_heard: bool | None,
    is_voided: bool,
    now: datetime,
) -> UnresolvedBecause | None:
    """
    Why somebody still has to look at this call; None when nothing is left to do.

    A booking whose time has come is never closed by itself: somebody says how it ended. A completed call must answer
    whether an adverse event was heard of, unless nobody was spoken with.
    """
    if is_voided or occurs_at > now:
        return None
    if CALL.is_open(status):
        return "no_outcome"
    if status == "completed" and adverse_event_heard is None and asks_of_side_effects(outcome):
        return "adverse_event_not_asked"
    return None
