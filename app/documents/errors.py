from app.platform.errors import Conflict, Forbidden, NotFound
from app.platform.locales import _


class DocumentNotFound(NotFound):
    code = "document_not_found"
    detail = _("There is no such document.")


class DocumentVersionNotFound(NotFound):
    code = "document_version_not_found"
    detail = _("The document has no such version.")


class NotScannedYet(Conflict):
    code = "document_not_scanned"
    detail = _("The file is being scanned. It opens as soon as it has passed.")


class ScanFailed(Conflict):
    code = "document_quarantined"
    detail = _("The scan found something harmful in the file. It is kept closed.")


class DocumentErased(Conflict):
    code = "document_erased"
    detail = _("The content was erased. Nobody can read it any more.")


class DocumentMasked(Forbidden):
    code = "document_masked"
    detail = _("You see this person masked, and so you cannot read their documents.")
