from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.access.masking import Health
from app.drafts.words import KINDS
from app.platform.paging import PageQuery
from app.platform.text import Answer, Body, Code, Id, Instant, one_of

MOST_BYTES = 65_536
Kind: Any = one_of(KINDS)
Field: Any = Code


def _bounded(value: dict[str, Any]) -> dict[str, Any]:
    # The database keeps no NUL, in names neither.
    try:
        written = orjson.dumps(value)
    except (orjson.JSONEncodeError, RecursionError):
        raise PydanticCustomError("invalid_content", "Send a JSON object that is not nested too deep.") from None
    if len(written) > MOST_BYTES:
        raise PydanticCustomError("too_large", "A draft holds 64 KiB at most.")
    if rb"\u0000" in written and _has_nul(value):
        raise PydanticCustomError("invalid_characters", "Holds characters that cannot be kept.")
    return value


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(map(_has_nul, value)) or any(map(_has_nul, value.values()))
    return isinstance(value, list) and any(map(_has_nul, value))


Content = Annotated[dict[str, Any], AfterValidator(_bounded), WithJsonSchema({"type": "object"})]
"""What a page has typed in, in its own words."""


class DraftSave(Body):
    """`person_id` is whom it is about, where it is about somebody."""

    content: Content
    person_id: Id | None = None


class DraftFilter(PageQuery):
    """`expires_before`: those that will be removed until then unless they are saved again."""

    kind: Kind | None = None
    record_id: Id | None = None
    person_id: Id | None = None
    expires_before: Instant | None = None


class DraftRead(Answer):
    """`version` counts how often it was saved: more than one's own savings are those of another tab."""

    draft_id: UUID
    kind: str
    record_id: UUID
    field: str
    person_id: UUID | None
    content: Health[dict[str, Any]]
    created_at: datetime
    saved_at: datetime
    expires_at: datetime
    version: int
