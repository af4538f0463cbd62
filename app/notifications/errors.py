from app.platform.errors import Invalid, NotFound, invalid_field
from app.platform.locales import _


class NotificationNotFound(NotFound):
    code = "notification_not_found"
    detail = _("There is no such notification of yours.")


def not_by_mail() -> Invalid:
    return invalid_field("by_mail", "in_the_app_only", "A mail of this kind would come too late.")
