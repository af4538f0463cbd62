from app.platform.errors import FieldError, Invalid, invalid_field


def of_another_person(field: str) -> Invalid:
    """What is named is not all of one human."""
    message = "Is not of the same person as the rest of what is named."
    return Invalid(message, code="of_another_person", fields=[FieldError(field, "of_another_person", message)])


def about_several(field: str) -> Invalid:
    return invalid_field(field, "about_several", "Name one call or journey at most.")
