"""The body of a JSON request: bounded, of one kind, read once."""

import re
from typing import Any

import orjson
from fastapi import Request

from app.access.bodies import read_bounded
from app.platform import errors
from app.platform.locales import _

MOST_VALUES = 20_000
"""Each may be wrong by itself, and costs a sentence."""
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')


async def read_json_body(request: Request) -> None:
    """Read at most 1 MiB of JSON, once; what is larger or of another kind is not read at all."""
    if not hasattr(request, "_body"):
        request._body = await _read(request)  # noqa: SLF001 - where Starlette keeps a body that was read
    if request._body and not hasattr(request, "_json"):  # noqa: SLF001
        try:
            # orjson and not the standard library: it refuses NaN, lone surrogates and bottomless nesting.
            document = orjson.loads(request._body)  # noqa: SLF001
        except orjson.JSONDecodeError:
            raise errors.Invalid(_("The body is not valid JSON."), code="invalid_json") from None
        members, values = _count(document)
        if values > MOST_VALUES:
            raise errors.Invalid(_("The body holds more values than any record has."), code="too_many_values")
        if _members_written(request._body) != members:  # noqa: SLF001
            raise errors.Invalid(_("The body names a field twice."), code="duplicate_field")
        request._json = document  # noqa: SLF001


async def _read(request: Request) -> bytes:
    length = request.headers.get("content-length") or "0"
    has_body = length != "0" or "transfer-encoding" in request.headers
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if has_body and (media_type != "application/json" or encoding != "identity"):
        raise errors.UnsupportedMedia
    return await read_bounded(request)


def _members_written(body: bytes) -> int:
    """How many members the objects of this valid JSON have: each has one colon outside of strings."""
    return _STRING.sub(b"", body).count(b":")


def _count(value: Any) -> tuple[int, int]:
    """How many members its objects have, and how many values it holds in all."""
    # Of members with the same name a parser keeps one, and not every parser the same one.
    members, values, waiting = 0, 0, [value]
    while waiting:
        one = waiting.pop()
        values += 1
        if isinstance(one, dict):
            members += len(one)
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return members, values
