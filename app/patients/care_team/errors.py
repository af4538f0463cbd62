from app.platform.db import ConstraintErrors
from app.platform.doubles import AlreadyHere
from app.platform.errors import Invalid, NotFound, invalid_field
from app.platform.locales import _


class CareLinkNotFound(NotFound):
    code = "patient_physician_not_found"
    detail = _("This patient has no such link to a physician.")


class PrimaryExists(AlreadyHere):
    code = "primary_exists"
    detail = _("Another physician is this patient's primary one. Make that one not primary first.")


class AlreadyLinked(AlreadyHere):
    code = "already_linked"
    detail = _("This physician has this part in the patient's care already.")


def _physician_unknown() -> Invalid:
    return invalid_field("physician_id", "unknown_reference", "There is no such physician.")


def _dates_not_in_order() -> Invalid:
    return invalid_field("end_date", "dates_not_in_order", "Must not lie before the start_date.")


def _primary_is_current() -> Invalid:
    return invalid_field("is_primary", "primary_is_current", "A link that has ended is not the primary one.")


CONSTRAINTS: ConstraintErrors = {
    "uq_patient_physician_relationship_primary": PrimaryExists,
    "uq_patient_physician_relationship_current": AlreadyLinked,
    "fk_patient_physician_relationship_physician_id": _physician_unknown,
    "ck_patient_physician_relationship_dates_in_order": _dates_not_in_order,
    "ck_patient_physician_relationship_primary_is_current": _primary_is_current,
}
