from app.platform.db import ConstraintErrors
from app.platform.errors import Conflict, Forbidden, NotFound
from app.platform.locales import _


class ExportRequestNotFound(NotFound):
    code = "export_request_not_found"
    detail = _("There is no such request for an export.")


class OwnExport(Forbidden):
    code = "own_export"
    detail = _("Nobody decides about their own export, nor about that of an account that may be theirs.")


class ExportDecided(Conflict):
    code = "export_decided"
    detail = _("This request is decided, or its time is over.")


class ExportNotOpen(Conflict):
    code = "export_not_open"
    detail = _("This export cannot be taken out: it is not approved, or its time is over. Ask for it again.")


class TooManyAsked(Conflict):
    code = "too_many_asked"
    detail = _("Ten of your exports wait already. Withdraw one first.")


CONSTRAINTS: ConstraintErrors = {"ck_export_request_nobody_decides_their_own": OwnExport}
