"""The stages of an expanded-access journey, its gates, and the reasons to leave it."""

from collections.abc import Iterable
from datetime import date, timedelta

from app.platform.states import Machine

EAP_JOURNEY = Machine(
    name="eap_journey",
    initial="inquiry",
    moves={
        "inquiry": ("eligibility_review", "not_pursued"),
        "eligibility_review": ("request_preparation", "not_eligible", "redirect_to_trial"),
        "request_preparation": ("submitted_to_sponsor",),
        "submitted_to_sponsor": ("sponsor_review",),
        "sponsor_review": ("sponsor_approved", "sponsor_declined"),
        "sponsor_approved": ("approvals_in_progress",),
        "approvals_in_progress": ("supply_authorised", "refused"),
        "supply_authorised": ("shipped",),
        "shipped": ("received", "shipment_failed"),
        "shipment_failed": ("supply_authorised",),
        "received": ("on_treatment",),
        "on_treatment": ("treatment_ended",),
        "treatment_ended": ("reporting",),
        "reporting": ("closed",),
        "closed": (),
        "not_pursued": (),
        "not_eligible": (),
        "redirect_to_trial": (),
        "refused": (),
        # A declined request may be appealed.
        "sponsor_declined": ("sponsor_review",),
        "withdrawn": (),
        # Anyone who was treated is still reported on; the move condition `was_treated` tells.
        "deceased": ("reporting",),
        "programme_closed": (),
        "transitioned_to_commercial": (),
    },
    from_any_open=("withdrawn", "deceased", "programme_closed", "transitioned_to_commercial"),
    terminal=frozenset(
        {
            "closed",
            "not_pursued",
            "not_eligible",
            "redirect_to_trial",
            "refused",
            "sponsor_declined",
            "withdrawn",
            "deceased",
            "programme_closed",
            "transitioned_to_commercial",
        }
    ),
    groups={
        "inquiry": "pending",
        "eligibility_review": "pending",
        "request_preparation": "pending",
        "submitted_to_sponsor": "pending",
        "sponsor_review": "pending",
        "sponsor_approved": "pending",
        "approvals_in_progress": "pending",
        "supply_authorised": "pending",
        "shipped": "pending",
        "shipment_failed": "pending",
        "received": "pending",
        "on_treatment": "active",
        "treatment_ended": "active",
        "reporting": "active",
        "closed": "closed",
        "not_pursued": "closed",
        "not_eligible": "closed",
        "redirect_to_trial": "closed",
        "refused": "closed",
        "sponsor_declined": "closed",
        "withdrawn": "closed",
        "deceased": "closed",
        "programme_closed": "closed",
        "transitioned_to_commercial": "closed",
    },
    needs_reason=frozenset({"sponsor_declined", "refused", "treatment_ended", "not_eligible"}),
    seed_words={"pending": "inquiry", "active": "on_treatment"},
)
GATES = (
    "regulatory",
    "ethics",
    "informed_consent",
    "physician_credentials",
    "contract",
    "import_licence",
    "qp_release",
    "data_privacy",
    "pharmacy_readiness",
    "pv_training",
)
GATE_STATES = ("not_required", "pending", "submitted", "approved", "refused", "expired")
SPONSOR_DECLINE_REASONS = (
    "trial_available",
    "insufficient_data_in_population",
    "safety_concern",
    "supply_limited",
    "programme_not_open_in_country",
    "standard_therapy_not_exhausted",
    "incomplete_request",
    "would_impair_development",
    "other",
)
END_OF_TREATMENT_REASONS = (
    "completed_course",
    "disease_progression",
    "adverse_event",
    "lack_of_efficacy",
    "patient_choice",
    "physician_choice",
    "death",
    "supply_ended",
    "entered_trial",
    "switched_to_commercial",
    "lost_to_follow_up",
    "other",
)
REASONS = tuple(dict.fromkeys((*SPONSOR_DECLINE_REASONS[:-1], *END_OF_TREATMENT_REASONS)))
"""Every code, `other` last; `other` needs words beside it."""
REASONS_OF = {"sponsor_declined": SPONSOR_DECLINE_REASONS, "treatment_ended": END_OF_TREATMENT_REASONS}
PASSED = frozenset({"approved", "not_required"})
"""The states of a gate that let the supply through."""
TREATED = ("on_treatment", "treatment_ended", "reporting")
"""Who was in one of these states has had the product."""
NEXT_STEP = {"redirect_to_trial": "open_clinical_trial_journey"}
"""What is to be done elsewhere once a journey has come to a state."""


def reasons_of(to: str) -> tuple[str, ...]:
    """The reason codes of a state: a list of its own, or every code."""
    return REASONS_OF.get(to, REASONS)


def gates_pass(gates: Iterable[tuple[str, date | None, date | None]], today: date) -> bool | None:
    """
    Whether every gate, given as its state, its decision and its expiry, lets the supply through on `today` (UTC).

    None when no gate is recorded: which ones a country needs is not known then. An approval counts from the day of the
    decision, where the decision was made, through the day on which it expires.
    """
    # East of Greenwich it is tomorrow already.
    latest = today + timedelta(days=1)
    found = [
        status in PASSED and (decided_on or today) <= latest and (expires_on or today) >= today
        for status, decided_on, expires_on in gates
    ]
    return all(found) if found else None
