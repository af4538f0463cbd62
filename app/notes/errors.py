from app.platform.errors import NotFound


class NoteNotFound(NotFound):
    code = "note_not_found"
    detail = "There is no such note."
