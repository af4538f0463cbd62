"""What comes in by forms: text of the platform's strict types, errors by field."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.platform.errors import Invalid
from app.platform.problems import invalid_fields


def read_text(kind: Any, field: str, value: str) -> str:
    """`value` as a strict type of platform/text.py takes it. Invalid that names `field`."""
    try:
        text: str = TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        found = [{**fault, "loc": (field,)} for fault in error.errors()]
        raise Invalid(fields=invalid_fields(found)) from None
    return text
