from app.platform.db import ConstraintErrors
from app.platform.errors import Conflict, NotFound


class HospitalNotFound(NotFound):
    code = "hospital_not_found"
    detail = "There is no such hospital."


class SpecializationNotFound(NotFound):
    code = "specialization_not_found"
    detail = "There is no such specialization."


class SpecializationExists(Conflict):
    code = "specialization_exists"
    detail = "A specialization of this name exists."


CONSTRAINTS: ConstraintErrors = {"uq_specialization_name": SpecializationExists}
