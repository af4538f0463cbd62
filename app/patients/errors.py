from collections.abc import Sequence

from app.conditions.errors import condition_unknown
from app.platform.db import ConstraintErrors
from app.platform.errors import Conflict, FieldError, Invalid, NotFound, invalid_field
from app.platform.locales import _


class PatientNotFound(NotFound):
    code = "patient_not_found"
    detail = _("There is no such patient.")


class JourneysOpen(Conflict):
    """The move is one of the machine's, but not while a journey of the patient is open."""

    code = "journeys_open"
    detail = _("The patient has an open journey. Close it first.")

    def __init__(self, *, allowed: Sequence[str]) -> None:
        super().__init__(extra={"allowed": list(allowed)})


def departed_at_first() -> Invalid:
    message = "Register the patient first; then say that they have died or withdrawn."
    return invalid_field("status", "departed_at_first", message)


def only_of_a_death(*fields: str) -> Invalid:
    message = "Only a patient who has died has this."
    return Invalid(fields=[FieldError(name, "not_of_this_status", message) for name in fields])


def return_needs_reason() -> Invalid:
    return invalid_field("status_reason", "reason_needed", "Say why the patient is back.")


def withdrawal_needs_reason() -> Invalid:
    return invalid_field("status_reason", "reason_needed", "Say how the person withdrew.")


def owner_unknown() -> Invalid:
    return invalid_field("owner_id", "unknown_reference", "There is no such account.")


CONSTRAINTS: ConstraintErrors = {
    "fk_patient_medical_condition_id": condition_unknown,
    "fk_patient_owner_id": owner_unknown,
}


def order_not_there() -> Invalid:
    """For an order of the list together with a filter that no index serves."""
    message = _("With this filter the list has the order of creation alone: leave out the sort, or the filter.")
    return invalid_field("sort", "order_not_there", message)
