from app.platform.db import ConstraintErrors
from app.platform.errors import Conflict, Invalid, NotFound, invalid_field


class ProgrammeNotFound(NotFound):
    code = "eap_program_not_found"
    detail = "There is no such expanded-access programme."


class ProgrammeExists(Conflict):
    code = "eap_program_exists"
    detail = "An expanded-access programme of this name exists."


class EapJourneyNotFound(NotFound):
    code = "eap_journey_not_found"
    detail = "There is no such expanded-access journey."


class EapNumberTaken(Conflict):
    code = "eap_number_taken"
    detail = "A journey has this eap_number in this programme, or for this product where no programme is named."


def _programme_unknown() -> Invalid:
    return invalid_field("eap_program_id", "unknown_reference", "There is no such expanded-access programme.")


def _expires_before_decided() -> Invalid:
    return invalid_field("expires_on", "dates_not_in_order", "Must not lie before decided_on.")


CONSTRAINTS: ConstraintErrors = {
    "uq_eap_program_name": ProgrammeExists,
    "ck_eap_gate_expires_after_decided": _expires_before_decided,
}
OF_JOURNEYS: ConstraintErrors = {
    "uq_eap_journey_number": EapNumberTaken,
    "fk_eap_journey_eap_program_id": _programme_unknown,
}
