from app.platform.db import ConstraintErrors
from app.platform.errors import Invalid, NotFound, invalid_field
from app.platform.locales import _


class ColleagueNotFound(NotFound):
    code = "colleague_not_found"
    detail = _("There is no such colleague.")


class AbsenceNotFound(NotFound):
    code = "absence_not_found"
    detail = _("There is no such absence.")


def dates_not_in_order() -> Invalid:
    return invalid_field("ends_at", "dates_not_in_order", "Must lie after starts_at.")


def hours_overlap() -> Invalid:
    return invalid_field("hours", "hours_overlap", "Two spans of one day overlap.")


CONSTRAINTS: ConstraintErrors = {"ck_absence_dates_in_order": dates_not_in_order, "uq_working_span": hours_overlap}
