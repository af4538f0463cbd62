from app.platform.db import ConstraintErrors
from app.platform.doubles import AlreadyHere
from app.platform.errors import Invalid, NotFound, invalid_field
from app.platform.locales import _


class ProgrammeNotFound(NotFound):
    code = "eap_program_not_found"
    detail = _("There is no such expanded-access programme.")


class ProgrammeExists(AlreadyHere):
    code = "eap_program_exists"
    detail = _("An expanded-access programme of this name exists: use that one, whatever its status.")


class EapJourneyNotFound(NotFound):
    code = "eap_journey_not_found"
    detail = _("There is no such expanded-access journey.")


class EapNumberTaken(AlreadyHere):
    code = "eap_number_taken"
    detail = _(
        "A journey has this eap_number in this programme, or for this product where no programme is named."
        " Use that journey, or correct the number."
    )


def _programme_unknown() -> Invalid:
    return invalid_field("eap_program_id", "unknown_reference", "There is no such expanded-access programme.")


def _expires_before_decided() -> Invalid:
    return invalid_field("expires_on", "dates_not_in_order", "Must not lie before decided_on.")


CONSTRAINTS: ConstraintErrors = {
    "uq_eap_program_keys": ProgrammeExists,
    "ck_eap_gate_expires_after_decided": _expires_before_decided,
}
OF_JOURNEYS: ConstraintErrors = {
    "uq_eap_journey_keys": EapNumberTaken,
    "fk_eap_journey_eap_program_id": _programme_unknown,
}
