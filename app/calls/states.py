"""The states of a call. Rescheduling books anew and then closes the old booking."""

from app.platform.faults import Rule, breaks_any, fault, in_list
from app.platform.states import Machine

CALL = Machine(
    name="call",
    initial="scheduled",
    moves={
        "scheduled": ("confirmed", "completed", "no_show", "cancelled", "rescheduled"),
        "confirmed": ("scheduled", "completed", "no_show", "cancelled", "rescheduled"),
        # A mistaken close is corrected; the earlier version stays in row_history.
        "completed": ("scheduled", "no_show", "cancelled"),
        # Booked anew it stays a no-show: `rescheduled_to` tells of the new booking.
        "no_show": ("scheduled", "completed", "cancelled"),
        "cancelled": ("scheduled", "completed", "no_show"),
        "rescheduled": ("completed", "no_show", "cancelled"),
    },
    terminal=frozenset({"completed", "no_show", "cancelled", "rescheduled"}),
    groups={
        "scheduled": "open",
        "confirmed": "open",
        "completed": "closed",
        "no_show": "closed",
        "cancelled": "closed",
        "rescheduled": "closed",
    },
)
OUTCOMES = (
    "reached",
    "voicemail",
    "wrong_number",
    "no_answer",
    "refused",
    "callback_requested",
    "language_barrier",
)
DIRECTIONS = ("inbound", "outbound")
CHANNELS = ("phone", "video", "in_person", "messaging", "email")
UNRESOLVED = frozenset({"scheduled", "confirmed", "completed"})
"""The states in which something may still be to be said."""
SPOKEN_TO = ("reached", "refused", "callback_requested", "language_barrier")
"""Outcomes that say that somebody was there to speak to."""
ATTEMPTS = ("no_answer", "voicemail", "callback_requested")
"""Outcomes after which it is tried again. Not of a wrong number, nor of who refused."""
FOLLOWED = (*ATTEMPTS, "reached", "language_barrier")
"""Outcomes after which the next call may be booked with what is said of this one."""
NOT_SPOKEN_TO = tuple(outcome for outcome in OUTCOMES if outcome not in SPOKEN_TO)
"""Outcomes that say that nobody was: there is nobody to ask about side effects. Other words say nothing of it."""
UNRESOLVED_SQL = (
    "voided_at IS NULL AND (status IN ('scheduled', 'confirmed') "
    "OR (status = 'completed' AND adverse_event_heard IS NULL "
    f"AND (outcome IS NULL OR lower(outcome) NOT IN {in_list(NOT_SPOKEN_TO)})))"
)
"""
rules.unresolved_because as SQL, but for the clock: beside it a query asks `occurs_at <= now`.

Constants and no parameters, so that the planner recognises the partial indexes on it.
"""
_SAID_OF_STATUS = frozenset({"status", "no_show"})
CALL_RULES = (
    Rule(
        fault("outcome", "cancelled_has_no_outcome", "A cancelled call has no outcome.", with_=_SAID_OF_STATUS),
        lambda call: call.status == "cancelled" and call.outcome is not None,
        "status = 'cancelled' AND outcome IS NOT NULL",
    ),
    Rule(
        fault(
            "outcome",
            "no_show_was_not_spoken_to",
            "A person who did not show up was not spoken to.",
            with_=_SAID_OF_STATUS,
        ),
        lambda call: call.status == "no_show" and call.outcome is not None and call.outcome.lower() in SPOKEN_TO,
        f"status = 'no_show' AND lower(outcome) IN {in_list(SPOKEN_TO)}",
    ),
    Rule(
        fault("call_date", "missing", "A call needs call_date or booking_date.", with_={"booking_date"}),
        lambda call: call.call_date is None and call.booking_date is None,
        "call_date IS NULL AND booking_date IS NULL",
    ),
)
FAULTY_CALL_SQL = f"voided_at IS NULL AND ({breaks_any(CALL_RULES)})"
