from app.platform.db import ConstraintErrors
from app.platform.errors import Conflict, Forbidden, NotFound
from app.platform.locales import _


class OpeningNotFound(NotFound):
    code = "access_opening_not_found"
    detail = _("There is no such access.")


class PersonOfOpeningNotFound(NotFound):
    code = "person_not_found"
    detail = _("There is no such person.")


class NothingToOpen(Conflict):
    code = "nothing_to_open"
    detail = _("Your role sees this person's data already.")


class TooManyOpen(Conflict):
    code = "too_many_open"
    detail = _("Twenty persons are open to you already. End one first.")


class AlreadyReviewed(Conflict):
    code = "already_reviewed"
    detail = _("This access has been reviewed.")


class OwnAccess(Forbidden):
    code = "own_access"
    detail = _("Nobody reviews their own access.")


class ScopeNeeded(Forbidden):
    code = "scope_needed"
    detail = _(
        "This asks for a fresh proof of who you are, which people give by page. A key does it only when it was made "
        "for it: its scopes name the permission, and it lives for a day at most."
    )


class ReasonNeeded(Forbidden):
    code = "access_reason_needed"
    detail = _(
        "This person is not in your caseload. Repeat the request with the header X-Access-Reason that says why you "
        "need to see it; the reason is on record."
    )


CONSTRAINTS: ConstraintErrors = {
    "fk_access_opening_person_id": PersonOfOpeningNotFound,
    "ck_access_opening_nobody_reviews_their_own": OwnAccess,
}
