from app.platform.errors import NotFound


class StageNotFound(NotFound):
    code = "stage_not_found"
    detail = "There is no such open stage of a kind of journey."
