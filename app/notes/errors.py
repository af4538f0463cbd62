from app.platform.errors import NotFound
from app.platform.locales import _


class NoteNotFound(NotFound):
    code = "note_not_found"
    detail = _("There is no such note.")
