from app.platform.errors import NotFound
from app.platform.locales import _


class StageNotFound(NotFound):
    code = "stage_not_found"
    detail = _("There is no such open stage of a kind of journey.")
