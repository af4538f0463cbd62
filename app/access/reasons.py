"""
Reasons in words that come with a request, in a header: why somebody looks, and why somebody changes.

A header holds ASCII alone, so other letters are percent-encoded UTF-8 (`caf%C3%A9`), and the percent sign is `%25`.
"""

import re
from typing import Any
from urllib.parse import unquote_to_bytes

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from app.platform.errors import invalid_field
from app.platform.text import line

ACCESS_REASON = "X-Access-Reason"
CHANGE_REASON = "X-Change-Reason"
LONGEST = 500
_REASON: TypeAdapter[str] = TypeAdapter(line(LONGEST))
# A character: itself, or percent-encoded in one to four bytes. That the bytes are UTF-8 and no control character is
# left to the line.
_CHARACTER = r"[!-$&-~]|%[2-7][0-9A-Fa-f]|%[C-Fc-f][0-9A-Fa-f](?:%[89ABab][0-9A-Fa-f]){1,3}"
_PATTERN = f"^(?:{_CHARACTER})(?: |{_CHARACTER}){{0,{LONGEST - 1}}}$"
_SPELLING = re.compile(_PATTERN.removesuffix("$") + r"\Z")
DESCRIBED_REASON: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST * len("%F0%9F%98%80"),
    "pattern": _PATTERN,
}
"""A reason as it stands in the header, for the API's description."""


def reason_in(request: Request, header: str) -> str | None:
    """The reason in this header, None without one; Invalid when it is not a line of at most 500 characters."""
    given = request.headers.get(header)
    if given is None:
        return None
    try:
        if _SPELLING.match(given):
            return _REASON.validate_python(unquote_to_bytes(given).decode())
    except (ValidationError, UnicodeDecodeError):
        pass
    raise invalid_field(
        header,
        "reason",
        "Send one line of 1 to 500 characters; letters beyond ASCII as percent-encoded UTF-8, the percent sign as %25.",
    )
