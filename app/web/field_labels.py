"""What is wrong with a form is told above it by the labels of its fields, which stand further down the page."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from markupsafe import Markup, escape

from app.platform.locales import Message, _
from app.web.words import words

_IN_GENERAL: Final[Mapping[str, Message]] = {
    "medical_condition_id": _("Condition"),
    "pn_id": _("Navigator"),
    "q": _("Search"),
}
"""What a field is called where its name does not say it."""
_labels: ContextVar[dict[str, str]] = ContextVar("labels_of_a_page")
# No value holds a comment: every one is escaped.
_LABEL: Final = re.compile(r"<!--label of (.+?)-->")


@contextmanager
def fields_of_a_page() -> Iterator[None]:
    """Within the block a page, or a part of one, is rendered: it has the fields that are told of within."""
    reset = _labels.set({})
    try:
        yield
    finally:
        _labels.reset(reset)


def label_of(label: object, field: str) -> str:
    """The label, unchanged; from now on it is known whose it is. `field` is its name."""
    written = escape(label)
    _labels.get({})[field] = written.striptags().rstrip("?")
    return written


def label_in_general(field: str) -> str:
    """What a field is called where no page shows it, as in an address; empty for none that we know."""
    name = field.rpartition(".")[2]
    return str(_IN_GENERAL.get(name) or words(name.removesuffix("_id"))) if name.isidentifier() else ""


def named_later(field: str) -> Markup:
    """Where the label of a field will stand."""
    return Markup("<!--label of {}-->").format(field)


def with_labels(text: str) -> str:
    """A rendered page with its labels; of a field that it does not show nothing but the sentence is said."""
    known = _labels.get()

    def named(found: re.Match[str]) -> str:
        label = known.get(found[1])
        return f"{escape(_('%(field)s:', field=label))} " if label else ""

    return _LABEL.sub(named, text)
