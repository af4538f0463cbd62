"""The states of a lead."""

from app.platform.states import Machine

_OPEN = ("new", "contacting", "call_booked", "call_completed", "qualified", "nurture")

LEAD = Machine(
    name="lead",
    initial="new",
    moves={
        "new": ("contacting", "call_booked"),
        "contacting": ("call_booked", "call_completed"),
        "call_booked": ("contacting", "call_completed"),
        "call_completed": ("qualified", "contacting", "call_booked"),
        "qualified": ("contacting", "call_booked"),
        "nurture": ("contacting", "call_booked"),
        "converted": (),
        # Reopening within 30 days of closing; later a new lead is made for the same person.
        "unreachable": ("contacting",),
        "disqualified": ("contacting",),
        "duplicate": (),
        "withdrawn": (),
    },
    from_any_open=("nurture", "converted", "unreachable", "disqualified", "duplicate", "withdrawn"),
    terminal=frozenset({"converted", "unreachable", "disqualified", "duplicate", "withdrawn"}),
    groups={
        "new": "new",
        "contacting": "open",
        "call_booked": "open",
        "call_completed": "open",
        "qualified": "open",
        "nurture": "open",
        "converted": "converted",
        "unreachable": "lost",
        "disqualified": "lost",
        "duplicate": "lost",
        "withdrawn": "lost",
    },
    needs_reason=frozenset({"disqualified"}),
    seed_words={"lost": "disqualified"},
)
DISQUALIFICATION_REASONS = (
    "not_a_patient",
    "outside_service_country",
    "no_serious_condition",
    "condition_not_supported",
    "wants_medical_advice_only",
    "spam_test",
    "under_age_no_guardian",
    "deceased",
    "other",
)
