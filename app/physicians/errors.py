from app.platform.db import ConstraintErrors
from app.platform.errors import Conflict, Invalid, NotFound, invalid_field
from app.platform.locales import _


class PhysicianNotFound(NotFound):
    code = "physician_not_found"
    detail = _("There is no such physician.")


class PhysicianExists(Conflict):
    code = "physician_exists"
    detail = _("This person is a physician already.")


def _person_unknown() -> Invalid:
    return invalid_field("person_id", "unknown_reference", "There is no such person.")


def _hospital_unknown() -> Invalid:
    return invalid_field("hospital_id", "unknown_reference", "There is no such hospital.")


def _specialization_unknown() -> Invalid:
    return invalid_field("specialization_id", "unknown_reference", "There is no such specialization.")


CONSTRAINTS: ConstraintErrors = {
    "uq_physician_person_id": PhysicianExists,
    "fk_physician_person_id": _person_unknown,
    "fk_physician_hospital_id": _hospital_unknown,
    "fk_physician_specialization_id": _specialization_unknown,
}
