from app.conditions.errors import condition_unknown
from app.platform.db import ConstraintErrors
from app.platform.errors import Conflict, Invalid, NotFound, invalid_field
from app.platform.locales import _


class LeadNotFound(NotFound):
    code = "lead_not_found"
    detail = _("There is no such lead.")


class ReopenTooLate(Conflict):
    code = "reopen_too_late"
    detail = _("This lead was closed more than 30 days ago. Make a new lead for the same person.")


def owner_unknown() -> Invalid:
    return invalid_field("owner_id", "unknown_reference", "There is no such account.")


def duplicate_of_itself() -> Invalid:
    return invalid_field(
        "duplicate_of_person_id", "duplicate_of_itself", "This person has no other lead that this one could repeat."
    )


def original_unknown() -> Invalid:
    return invalid_field("duplicate_of_person_id", "unknown_reference", "There is no such person.")


CONSTRAINTS: ConstraintErrors = {
    "fk_patient_lead_medical_condition_id": condition_unknown,
    "fk_patient_lead_owner_id": owner_unknown,
    "fk_patient_lead_duplicate_of_person_id": original_unknown,
}
