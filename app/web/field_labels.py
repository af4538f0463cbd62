"""What is wrong with a form is told above it by the labels of its fields, which stand further down the page."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from markupsafe import Markup, escape

from app.platform.locales import _

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
