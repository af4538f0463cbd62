"""The states of a lead."""

from app.platform.faults import Rule, breaks_any, fault, in_list
from app.platform.locales import _
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
BEFORE_A_CALL = ("new", "contacting", "nurture")
"""The states that a booked call moves on by itself: in the others a call was held already, or is booked."""
BEFORE_REACHED = tuple(state for state in LEAD.states if LEAD.may_move(state, "call_completed"))
"""The states that a call moves on by itself in which somebody was reached."""
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


def codes_of(status: str) -> tuple[str, ...]:
    """The reason codes of a state."""
    return DISQUALIFICATION_REASONS if status in LEAD.needs_reason else ()


_NO_USE = _("The lead's present status has no use for this.")
_NEEDED = _("The lead's present status needs this.")
_NEEDS_REASON = in_list(sorted(LEAD.needs_reason))
_REASONS = in_list(DISQUALIFICATION_REASONS)
LEAD_RULES = (
    Rule(
        fault("wake_up_on", "missing", _NEEDED, with_={"status"}),
        lambda lead: lead.status == "nurture" and lead.wake_up_on is None,
        "status = 'nurture' AND wake_up_on IS NULL",
    ),
    Rule(
        fault("wake_up_on", "not_of_this_status", _NO_USE, with_={"status"}),
        lambda lead: lead.status != "nurture" and lead.wake_up_on is not None,
        "status <> 'nurture' AND wake_up_on IS NOT NULL",
    ),
    Rule(
        fault("duplicate_of_person_id", "missing", _NEEDED, with_={"status"}),
        lambda lead: lead.status == "duplicate" and lead.duplicate_of_person_id is None,
        "status = 'duplicate' AND duplicate_of_person_id IS NULL",
    ),
    Rule(
        fault("duplicate_of_person_id", "not_of_this_status", _NO_USE, with_={"status"}),
        lambda lead: lead.status != "duplicate" and lead.duplicate_of_person_id is not None,
        "status <> 'duplicate' AND duplicate_of_person_id IS NOT NULL",
    ),
    Rule(
        fault("reason_code", "reason_needed", "The lead's present status needs a reason.", with_={"status"}),
        lambda lead: lead.status in LEAD.needs_reason and lead.reason_code is None,
        f"status IN {_NEEDS_REASON} AND reason_code IS NULL",
    ),
    Rule(
        fault("reason_code", "not_of_this_status", _NO_USE, with_={"status"}),
        lambda lead: lead.reason_code is not None and lead.reason_code not in codes_of(lead.status),
        f"reason_code IS NOT NULL AND (status NOT IN {_NEEDS_REASON} OR CAST(reason_code AS text) NOT IN {_REASONS})",
    ),
)
FAULTY_LEAD_SQL = breaks_any(LEAD_RULES)
