"""
Reasons in words that come with a request, in a header: why somebody looks, and why somebody changes.

A header holds ASCII alone, so other letters are percent-encoded UTF-8 (`caf%C3%A9`).
"""

from urllib.parse import unquote_to_bytes

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from app.platform.errors import invalid_field
from app.platform.text import line

ACCESS_REASON = "X-Access-Reason"
CHANGE_REASON = "X-Change-Reason"
LONGEST = 500
_REASON: TypeAdapter[str] = TypeAdapter(line(LONGEST))


def reason_in(request: Request, header: str) -> str | None:
    """The reason in this header, None without one; Invalid when it is not a line of at most 500 characters."""
    given = request.headers.get(header)
    if given is None:
        return None
    try:
        return _REASON.validate_python(unquote_to_bytes(given).decode())
    except (ValidationError, UnicodeDecodeError):
        raise invalid_field(
            header, "reason", "Send one line of 1 to 500 characters; letters beyond ASCII as percent-encoded UTF-8."
        ) from None
