from app.platform.db import ConstraintErrors
from app.platform.doubles import AlreadyHere
from app.platform.errors import Conflict, Invalid, NotFound, invalid_field
from app.platform.locales import _


class TrialNotFound(NotFound):
    code = "clinical_trial_not_found"
    detail = _("There is no such clinical trial.")


class TrialExists(AlreadyHere):
    code = "clinical_trial_exists"
    detail = _("A clinical trial with this number exists: use that one.")


class TrialJourneyNotFound(NotFound):
    code = "clinical_trial_journey_not_found"
    detail = _("There is no such clinical-trial journey.")


class TrialIsFixed(Conflict):
    code = "trial_is_fixed"
    detail = _("This journey leads into another trial already. A second trial is a second journey.")


def trial_number_not_recognised() -> Invalid:
    return invalid_field(
        "trial_id",
        "trial_id_not_recognised",
        _("Send the number as a registry writes it: NCT, EU CT, EudraCT, ISRCTN or jRCT."),
    )


def registry_mismatch() -> Invalid:
    return invalid_field("registry_code", "registry_mismatch", "The number is one of another registry.")


def _trial_unknown() -> Invalid:
    return invalid_field("clinical_trial_id", "unknown_reference", "There is no such clinical trial.")


def _enrolled_before_referred() -> Invalid:
    return invalid_field("enrollment_date", "dates_not_in_order", "Must not lie before the referral_date.")


def _reason_of_an_eligible() -> Invalid:
    return invalid_field("ineligible_reason", "reason_when_not_eligible", "An eligible patient has no such reason.")


CONSTRAINTS: ConstraintErrors = {"uq_clinical_trial_trial_id": TrialExists}
OF_JOURNEYS: ConstraintErrors = {
    "fk_clinical_trial_journey_clinical_trial_id": _trial_unknown,
    "ck_clinical_trial_journey_enrolled_after_referred": _enrolled_before_referred,
    "ck_clinical_trial_journey_reason_when_not_eligible": _reason_of_an_eligible,
}
