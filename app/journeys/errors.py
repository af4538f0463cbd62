from collections.abc import Collection, Sequence

from app.platform.errors import Conflict, FieldError, Invalid, invalid_field
from app.platform.locales import _


class ReasonNeeded(Invalid):
    """The state is entered with a reason only. `allowed` in the answer lists the codes."""

    code = "reason_needed"
    detail = _("This state needs a reason: reason_code, or a reason in words.")


def refused_move(faults: Sequence[FieldError], codes: Collection[str]) -> Invalid:
    """ReasonNeeded, with the state's codes, when a reason is among what is missing; else Invalid."""
    if any(fault.code == "reason_needed" for fault in faults):
        return ReasonNeeded(fields=faults, extra={"allowed": sorted(set(codes))})
    return Invalid(fields=faults)


class PatientInactive(Conflict):
    """The patient was put aside: nothing that waits for them is opened."""

    code = "patient_inactive"
    detail = _("The patient is inactive. Set them active first.")


def happened_at_needed() -> Invalid:
    return invalid_field("happened_at", "missing", "A journey that starts in a later state says when it came there.")


def hold_reason_needed() -> Invalid:
    return invalid_field("on_hold_reason", "missing", "A journey on hold says why.")


def only_with_a_move() -> Invalid:
    return invalid_field("status", "only_with_a_move", "A time or a reason of a move comes with another status.")


def patient_unknown() -> Invalid:
    return invalid_field("patient_id", "unknown_reference", "There is no such patient.")


def physician_unknown() -> Invalid:
    return invalid_field("physician_id", "unknown_reference", "There is no such physician.")


def completed_before_enrolled() -> Invalid:
    return invalid_field("completion_date", "dates_not_in_order", "Must not lie before the enrollment_date.")
