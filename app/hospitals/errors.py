from app.platform.db import ConstraintErrors
from app.platform.doubles import AlreadyHere
from app.platform.errors import NotFound
from app.platform.locales import _


class HospitalNotFound(NotFound):
    code = "hospital_not_found"
    detail = _("There is no such hospital.")


class SpecializationNotFound(NotFound):
    code = "specialization_not_found"
    detail = _("There is no such specialization.")


class HospitalExists(AlreadyHere):
    code = "hospital_exists"
    detail = _(
        "A hospital of this name in this city exists: use that one."
        " Where another one is meant, give both their country, or a name that tells them apart."
    )


class SpecializationExists(AlreadyHere):
    code = "specialization_exists"
    detail = _("A specialization of this name exists: use that one.")


CONSTRAINTS: ConstraintErrors = {
    "uq_hospital_keys": HospitalExists,
    "uq_specialization_keys": SpecializationExists,
}
