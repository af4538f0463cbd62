from app.leads.errors import owner_unknown
from app.platform.db import ConstraintErrors
from app.platform.errors import NotFound
from app.platform.locales import _


class TaskNotFound(NotFound):
    code = "task_not_found"
    detail = _("There is no such task.")


CONSTRAINTS: ConstraintErrors = {"fk_task_owner_id": owner_unknown}
