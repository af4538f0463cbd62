"""What follows from what is said about a call. Source: docs/STATES.md, "Call"."""

from datetime import datetime
from types import SimpleNamespace
from typing import Literal

from app.calls.states import CALL, CALL_RULES
from app.platform.faults import Fault, fault, faults_in
from app.platform.plausibility import Life, implausible

UnresolvedBecause = Literal["no_outcome", "adverse_event_not_asked"]

LONGEST_CALL_MINUTES = 1_440


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
    call_date: datetime | None,
) -> list[Fault]:
    """What of a call does not fit together; `no_show` is None where it was not sent."""
    call = SimpleNamespace(status=status, outcome=outcome, booking_date=booking_date, call_date=call_date)
    found = faults_in(call, CALL_RULES)
    if no_show is not None and no_show != (status == "no_show"):
        message = "Does not fit the call's status."
        found.insert(0, fault("no_show", "contradicts_status", message, with_={"status"}))
    return found


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


def unresolved_because(
    *, status: str, occurs_at: datetime, adverse_event_heard: bool | None, is_voided: bool, now: datetime
) -> UnresolvedBecause | None:
    """
    Why somebody still has to look at this call; None when nothing is left to do.

    A booking whose time has come is never closed by itself: somebody says how it ended. A completed call must answer
    whether an adverse event was heard of.
    """
    if is_voided or occurs_at > now:
        return None
    if CALL.is_open(status):
        return "no_outcome"
    if status == "completed" and adverse_event_heard is None:
        return "adverse_event_not_asked"
    return None
