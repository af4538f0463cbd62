"""The states of a call (DOMAIN 2.2). Rescheduling books anew and then closes the old booking."""

from app.platform.states import Machine

CALL = Machine(
    name="call",
    initial="scheduled",
    moves={
        "scheduled": ("confirmed", "completed", "no_show", "cancelled", "rescheduled"),
        "confirmed": ("scheduled", "completed", "no_show", "cancelled", "rescheduled"),
        # A mistaken close is corrected; the earlier version stays in row_history.
        "completed": ("scheduled", "no_show", "cancelled"),
        "no_show": ("scheduled", "completed", "cancelled", "rescheduled"),
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
