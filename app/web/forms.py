"""What comes in by forms: text of the platform's strict types, errors by field."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.platform.errors import FieldError, Invalid
from app.platform.problems import invalid_fields

IN_WORDS = {
    "uuid": "This is not an id. Copy it from the record or from the audit trail.",
    "blank": "Must not be empty.",
    "missing": "Must not be empty.",
    "literal_error": "Choose one of the list.",
    "enum": "Choose one of the list.",
}
"""What a page says of a field, by the code of its error, where the platform's sentence speaks to programs."""


def on_a_page(error: FieldError) -> str:
    """The sentence that a form shows beside a field."""
    return IN_WORDS.get(error.code, error.message)


def read_text(kind: Any, field: str, value: str) -> str:
    """`value` as a strict type of platform/text.py takes it. Invalid that names `field`."""
    try:
        text: str = TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        found = [{**fault, "loc": (field,)} for fault in error.errors()]
        raise Invalid(fields=invalid_fields(found)) from None
    return text
