from app.platform.errors import Invalid, NotFound, invalid_field


class NotificationNotFound(NotFound):
    code = "notification_not_found"
    detail = "There is no such notification of yours."


def not_by_mail() -> Invalid:
    return invalid_field("by_mail", "in_the_app_only", "A mail of this kind would come too late.")
