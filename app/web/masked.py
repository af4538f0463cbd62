"""
What is masked looks masked on every page, and what is empty looks empty.

A masked text is `•••` already. Of every other kind the answer has null, as the API gives it, and a template could not
tell it from a value that is not there: `marked` puts a stand-in in its place, which templates take for no value
(`{% if task.due_at %}`), which is written as the mask, and which `is masked` names. `read_aloud` says it in words.
"""

import re
from functools import cache
from typing import Any, Final, TypeVar

from markupsafe import Markup
from pydantic import BaseModel

from app.access.masking import HIDDEN, class_of
from app.platform.locales import _

M = TypeVar("M", bound=BaseModel)


class Masked(str):
    """Stands for a masked date, number, truth value or id."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


class MaskedList(list[Any]):
    """Stands for a masked list: it has nothing to walk over."""


_MASKED: Final = Masked(HIDDEN)


def is_masked(value: object) -> bool:
    """Whether a value of an answer is masked, whatever its kind."""
    return isinstance(value, (Masked, MaskedList)) or value == HIDDEN


def marked(before: M, shown: M, closed: frozenset[str] = frozenset()) -> M:
    """
    `shown`, which is `before` as the viewer may see it, with stand-ins for what is masked.

    `closed` are the privacy classes that are not clear to the viewer.
    """
    changed: dict[str, Any] = {}
    if shown is not before:
        for name in type(shown).model_fields:
            value = getattr(shown, name)
            made = _marked(getattr(before, name), value)
            if made is not value:
                changed[name] = made
    hiding = [name for name, privacy in _hiding_emptiness(type(shown)) if privacy in closed]
    if not any(getattr(shown, name) for name in hiding):
        # Of somebody whose data the viewer has opened one of them may be there to be read.
        changed |= dict.fromkeys(hiding, _MASKED)
    return shown.model_copy(update=changed) if changed else shown


@cache
def _hiding_emptiness(model: type[BaseModel]) -> tuple[tuple[str, str], ...]:
    """The fields that look masked where they are empty, and their privacy class."""
    marks = {name: class_of(info) for name, info in model.model_fields.items()}
    return tuple((name, mark.privacy) for name, mark in marks.items() if mark is not None and mark.empty_too)


def _marked(before: Any, shown: Any) -> Any:
    if isinstance(before, BaseModel) and isinstance(shown, BaseModel):
        return marked(before, shown)
    if isinstance(before, list) and isinstance(shown, list):
        if before and not shown:
            return MaskedList()
        items = [_marked(*pair) for pair in zip(before, shown, strict=True)]
        return items if any(a is not b for a, b in zip(items, shown, strict=True)) else shown
    return _MASKED if before is not None and shown is None else shown


_TAG: Final = re.compile(r"(<[^>]*>)")
_MARK: Final = re.compile(f"(?<!•){HIDDEN}(?!•)")
_OF_TEXT_ALONE: Final = ("<title", "<textarea", "<option", "<script", "<style")
"""Elements that hold no other element."""


def read_aloud(text: str) -> str:
    """A rendered page whose every mask is told in words to who does not see the dots."""
    if HIDDEN not in text:
        return text
    told = Markup('<span class="masked-value" role="img" aria-label="{}">{}</span>').format(
        _("hidden from your role"), HIDDEN
    )
    parts = _TAG.split(text)
    for at in range(0, len(parts), 2):
        if HIDDEN in parts[at] and not (at and parts[at - 1].startswith(_OF_TEXT_ALONE)):
            parts[at] = _MARK.sub(lambda _found: str(told), parts[at])
    return "".join(parts)
