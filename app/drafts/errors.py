from app.platform.db import ConstraintErrors
from app.platform.errors import Conflict, Invalid, NotFound, invalid_field
from app.platform.locales import _


class DraftNotFound(NotFound):
    code = "draft_not_found"
    detail = _("There is no such draft of yours.")


class TooManyDrafts(Conflict):
    code = "too_many_drafts"
    detail = _("You have 200 drafts. Send or remove some of them first.")


def person_unknown() -> Invalid:
    return invalid_field("person_id", "unknown_reference", "There is no such person.")


CONSTRAINTS: ConstraintErrors = {"fk_draft_person_id": person_unknown}
