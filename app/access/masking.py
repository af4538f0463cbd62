"""
Masking: what a role may not see is hidden in the answer itself, whichever route gives it.

Every field of an answer that shows personal or health data says so in its type (`Personal`, `Health`). The guard masks
the endpoint's answer before it becomes bytes, so no route can forget it.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import BaseModel

T = TypeVar("T")

HIDDEN = "•••"
"""Stands for a masked text; every other kind of value becomes null."""


@dataclass(frozen=True)
class Shown:
    """The privacy class of a field in an answer, as in platform/db.py."""

    privacy: str


Personal = Annotated[T, Shown("personal")]
Health = Annotated[T, Shown("health")]


def mask(answer: Any, hidden: frozenset[str]) -> Any:
    """`answer` with every field of a hidden class masked, nested models and lists included."""
    if not hidden:
        return answer
    if isinstance(answer, BaseModel):
        changed: dict[str, Any] = {}
        for name, info in type(answer).model_fields.items():
            value = getattr(answer, name)
            privacy = next((m.privacy for m in info.metadata if isinstance(m, Shown)), None)
            masked = _masked(value) if privacy in hidden else mask(value, hidden)
            if masked is not value:
                changed[name] = masked
        return answer.model_copy(update=changed) if changed else answer
    if isinstance(answer, list):
        return [mask(item, hidden) for item in answer]
    return answer


def _masked(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, date, datetime, UUID)):
        return None
    if isinstance(value, str):
        return HIDDEN
    if isinstance(value, list):
        return []
    if isinstance(value, dict):
        return {}
    if isinstance(value, BaseModel):
        names = type(value).model_fields
        return value.model_copy(update={name: _masked(getattr(value, name)) for name in names})
    return None
