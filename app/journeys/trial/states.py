"""The states of a clinical-trial journey and the reasons to leave it."""

from datetime import date

from app.platform.states import Machine

TRIAL_JOURNEY = Machine(
    name="clinical_trial_journey",
    initial="identified",
    moves={
        "identified": ("pre_screening", "not_pursued"),
        "pre_screening": ("pre_screen_passed", "pre_screen_failed"),
        "pre_screen_passed": ("patient_considering", "not_pursued"),
        "patient_considering": ("referral_ready", "declined_by_patient"),
        "referral_ready": ("referred", "patient_considering"),
        "referred": ("site_review", "referral_withdrawn"),
        "site_review": ("site_accepted", "site_rejected"),
        "site_accepted": ("screening_scheduled", "declined_by_patient"),
        "screening_scheduled": ("consented", "site_accepted", "declined_by_patient"),
        "consented": ("screening", "withdrew_consent"),
        "screening": ("eligible_enrolled", "screen_failed"),
        "eligible_enrolled": ("on_study", "withdrew_consent"),
        "on_study": ("follow_up", "completed", "discontinued", "withdrew_consent"),
        "follow_up": ("completed",),
        "not_pursued": (),
        "pre_screen_failed": (),
        "declined_by_patient": (),
        "referral_withdrawn": (),
        "site_rejected": (),
        # Some protocols allow a second screening.
        "screen_failed": ("screening",),
        "withdrew_consent": (),
        "completed": (),
        "discontinued": (),
        "lost_to_follow_up": (),
        "trial_closed": (),
        "deceased": (),
        "entered_in_error": (),
    },
    from_any_open=("trial_closed", "deceased", "lost_to_follow_up", "entered_in_error"),
    terminal=frozenset(
        {
            "not_pursued",
            "pre_screen_failed",
            "declined_by_patient",
            "referral_withdrawn",
            "site_rejected",
            "screen_failed",
            "withdrew_consent",
            "completed",
            "discontinued",
            "lost_to_follow_up",
            "trial_closed",
            "deceased",
            "entered_in_error",
        }
    ),
    groups={
        "identified": "identified",
        "pre_screening": "identified",
        "pre_screen_passed": "identified",
        "patient_considering": "identified",
        "referral_ready": "identified",
        "referred": "referred",
        "site_review": "referred",
        "site_accepted": "referred",
        "screening_scheduled": "referred",
        "consented": "referred",
        "screening": "referred",
        "eligible_enrolled": "enrolled",
        "on_study": "enrolled",
        "follow_up": "enrolled",
        "not_pursued": "closed",
        "pre_screen_failed": "closed",
        "declined_by_patient": "closed",
        "referral_withdrawn": "closed",
        "site_rejected": "closed",
        "screen_failed": "closed",
        "withdrew_consent": "closed",
        "completed": "closed",
        "discontinued": "closed",
        "lost_to_follow_up": "closed",
        "trial_closed": "closed",
        "deceased": "closed",
        "entered_in_error": "closed",
    },
    needs_reason=frozenset({"pre_screen_failed", "site_rejected", "screen_failed", "entered_in_error"}),
    seed_words={"enrolled": "eligible_enrolled"},
)
REASONS = (
    "inclusion_not_met",
    "exclusion_met",
    "prior_therapy",
    "performance_status",
    "biomarker",
    "age",
    "comorbidity",
    "lab_values",
    "not_willing_visits",
    "travel_distance",
    "language",
    "randomisation_refused",
    "placebo_concern",
    "prefers_other_treatment",
    "physician_advised_against",
    "insurance_or_cost",
    "cohort_full",
    "trial_not_open_locally",
    "site_no_response",
    "records_missing",
    "pregnancy",
    "died",
    "unreachable",
    "other",
)
"""Why a journey was left; `other` needs words beside it."""

DATE_OF_STATE = {"referred": "referral_date", "eligible_enrolled": "enrollment_date", "completed": "completion_date"}
"""The date that entering a state means."""


def reasons_of(_to: str) -> tuple[str, ...]:
    """The reason codes of a state: one list serves all."""
    return REASONS


def date_meant(to: str, day: date, dates: dict[str, date | None]) -> tuple[str, date] | None:
    """
    The field of `dates` that entering `to` on `day` fills, with the day, or None.

    `dates` are the journey's referral, enrolment and completion dates in this order. A typed date stays, and a day that
    would contradict one is left for somebody to type.
    """
    field = DATE_OF_STATE.get(to)
    if field is None or dates[field] is not None:
        return None
    known = [known for known in {**dates, field: day}.values() if known is not None]
    return (field, day) if known == sorted(known) else None
