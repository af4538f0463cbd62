"""The states of a call. Rescheduling books anew and then closes the old booking."""

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
UNRESOLVED_SQL = (
    "voided_at IS NULL AND (status IN ('scheduled', 'confirmed') "
    "OR (status = 'completed' AND adverse_event_heard IS NULL))"
)
"""
rules.unresolved_because as SQL, but for the clock: beside it a query asks `occurs_at <= now`.

Constants and no parameters, so that the planner recognises the partial indexes on it.
"""
