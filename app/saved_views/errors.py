from app.platform.errors import Conflict, FieldError, NotFound
from app.platform.locales import _


class SavedViewNotFound(NotFound):
    code = "saved_view_not_found"
    detail = _("There is no such view that you may see.")


class NameTaken(Conflict):
    code = "view_name_taken"
    detail = _("You have a view of this name for this list. Give another name, or change that view.")

    def __init__(self) -> None:
        super().__init__(fields=[FieldError("name", self.code, self.detail)])


class TooManyViews(Conflict):
    code = "too_many_views"
    detail = _("There are 50 of your views for this list. Remove one that is not needed.")


class TooManyPinned(Conflict):
    code = "too_many_pinned_views"
    detail = _("Five views of this list are pinned. Take one of them off the sidebar first.")


CONSTRAINTS = {"uq_saved_view_name": NameTaken}
