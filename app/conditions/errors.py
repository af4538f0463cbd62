from app.platform.db import ConstraintErrors
from app.platform.doubles import AlreadyHere
from app.platform.errors import Conflict, Invalid, NotFound, invalid_field
from app.platform.locales import _


class ConditionNotFound(NotFound):
    code = "condition_not_found"
    detail = _("There is no such medical condition.")


def condition_unknown() -> Invalid:
    return invalid_field("medical_condition_id", "unknown_reference", "There is no such medical condition.")


def condition_inactive() -> Invalid:
    message = "This medical condition is inactive. Choose one of those that are used."
    return invalid_field("medical_condition_id", "condition_inactive", message)


class ConditionExists(AlreadyHere):
    code = "condition_exists"
    detail = _("A medical condition of this name exists, or has it among its synonyms: use that one.")


class SynonymTaken(AlreadyHere):
    code = "synonym_taken"
    detail = _("One of the synonyms already means another condition, as its name or one of its synonyms.")


class CodeTwice(Conflict):
    code = "code_twice"
    detail = _("One code is given twice for this condition.")


CONSTRAINTS: ConstraintErrors = {
    "uq_medical_condition_keys": ConditionExists,
    "uq_condition_synonym_keys": SynonymTaken,
    "uq_condition_code": CodeTwice,
}
