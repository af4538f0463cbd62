"""The states of a request for an export, as they are stored and as they are shown."""

DECISIONS = ("open", "approved", "refused", "withdrawn")
WAITING = ("open", "approved")
"""Those that end by themselves."""
STATES = (*DECISIONS, "expired")
