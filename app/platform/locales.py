"""
The language of the reader: what a sentence says to them, and how days, numbers and names are written for them.

English is the source text. `_("Saved.")` is English to programs (answers of the API, logs, the database) and speaks
the reader's language where a page or a mail shows it: when it is shown, not when it is made. So constants are written
the same way as what a function says. docs/CHANGING.md ("A sentence") says how sentences are written and translated.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Self

from babel import Locale
from babel.dates import format_skeleton
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from markupsafe import Markup, escape

SOURCE: Final = "en"
PSEUDO: Final = "en-XA"
"""Accented and lengthened English in brackets: it shows which text is not marked, and where a long one does not fit."""
FOLDER: Final = Path(__file__).parents[1] / "locale"

_reader: ContextVar[str] = ContextVar("reader_language", default=SOURCE)


@contextmanager
def read_in(language: str) -> Iterator[None]:
    """Within the block sentences are shown in `language`."""
    reset = _reader.set(language)
    try:
        yield
    finally:
        _reader.reset(reset)


def read_from_here_in(language: str) -> None:
    """Until the end of the block of `read_in`: it is known by now who reads."""
    _reader.set(language)


def language() -> str:
    """The language of the reader of what is being made."""
    return _reader.get()


class Message(str):
    """A sentence of ours: English as a text, the reader's language when shown (`str()`, a template, an f-string)."""

    __slots__ = ("_context", "_count", "_several", "_source", "_values")
    _source: str
    _values: dict[str, Any] | None
    _several: str | None
    _count: int | None
    _context: str | None

    def __new__(
        cls,
        source: str,
        values: dict[str, Any] | None = None,
        *,
        several: str | None = None,
        count: int | None = None,
        context: str | None = None,
    ) -> Self:
        english = source if several is None or count == 1 else several
        if values:
            english %= {name: _english(value) for name, value in values.items()}
        self = super().__new__(cls, english)
        self._source, self._values, self._several, self._count, self._context = source, values, several, count, context
        return self

    def __str__(self) -> str:
        told = _told(self._source, self._several, self._count, self._context)
        return told % self._values if self._values else told

    def __html__(self) -> Markup:
        if self._values or self._several is not None or self._context is not None:
            return escape(str(self))
        return _escaped(self._source, _reader.get())

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def lower(self) -> str:
        return str(self).lower()


@lru_cache(10_000)
def _escaped(source: str, code: str) -> Markup:
    """A sentence without values as a page has it."""
    return escape(translations(code).gettext(source))


def _english(value: Any) -> Any:
    return str.__str__(value) if isinstance(value, Message) else value


def _told(source: str, several: str | None, count: int | None, context: str | None) -> str:
    known = translations(_reader.get())
    if several is not None and count is not None:
        if context is None:
            return known.ngettext(source, several, count)
        return known.npgettext(context, source, several, count)
    return known.gettext(source) if context is None else known.pgettext(context, source)


def _(source: str, **values: object) -> Message:
    """A sentence; `%(name)s` stands for a value."""
    return Message(source, values)


def ngettext(singular: str, several: str, count: int, **values: object) -> Message:
    """A sentence about `count` things; `%(count)s` is the number as the reader writes it."""
    return Message(singular, {"count": Number(count), **values}, several=several, count=count)


def pgettext(context: str, source: str, **values: object) -> Message:
    """A sentence whose English means several things; `context` says which."""
    return Message(source, values, context=context)


class Number(int):
    """A number that is written as the reader writes it: 1,234 or 1.234."""

    def __str__(self) -> str:
        return number_text(self)

    def __format__(self, spec: str) -> str:
        return format(number_text(self), spec) if spec in ("", "s") else super().__format__(spec)


@cache
def translations(code: str) -> NullTranslations:
    """What is said in a language; what has no translation is said in English."""
    if code == SOURCE:
        return NullTranslations()
    if code == PSEUDO:
        return _Pseudo()
    compiled = BytesIO()
    with (FOLDER / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)


@cache
def messages_of(ending: str) -> Sequence[str]:
    """The messages that stand in files whose names end so."""
    return tuple(_in_catalogue(ending))


def _in_catalogue(ending: str = "") -> Iterator[str]:
    with (FOLDER / "messages.pot").open("rb") as file:
        catalog = read_po(file)
    for one in catalog:
        if one.id and any(path.endswith(ending) for path, _line in one.locations):
            yield from (one.id,) if isinstance(one.id, str) else one.id


_KEPT = re.compile(r"(%\(\w+\)[sd]|%%|<[^>]*>|&\w+;)")
_ACCENTED = str.maketrans("aceinouyACEINOUY", "àçéîñöûýÀÇÉÎÑÖÛÝ")


class _Pseudo(NullTranslations):
    """
    Each message of the catalogue as `[Šàvé ~~]`: a bracket, accents, and as much longer as German is. One that is
    missing there stays as it is.
    """

    def __init__(self) -> None:
        super().__init__()
        self._known = frozenset(_in_catalogue())

    def gettext(self, message: str) -> str:
        if message not in self._known:
            return message
        parts = _KEPT.split(message)
        letters = sum(len(part) for part in parts[::2])
        accented = "".join(part if place % 2 else part.translate(_ACCENTED) for place, part in enumerate(parts))
        return f"[{accented} {'~' * max(1, letters * 2 // 5)}]"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:  # noqa: ARG002 - gettext's signature
        return self.gettext(message)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:  # noqa: ARG002 - as above
        return self.ngettext(msgid1, msgid2, n)


def chosen_language(accepted: str, offered: Sequence[str], default: str) -> str:
    """The first of the `offered` languages that a header `Accept-Language` asks for, else `default`."""
    asked: list[tuple[float, str]] = []
    for part in accepted.split(",")[:20]:
        code, _sep, quality = part.partition(";q=")
        try:
            asked.append((-float(quality or 1), code.strip().lower()))
        except ValueError:
            continue
    by_code = {code.lower(): code for code in offered}
    for weight, code in sorted(asked, key=lambda one: one[0]):
        if weight < 0 and (found := by_code.get(code) or by_code.get(code.partition("-")[0])):
            return found
    return default


@cache
def _locale(code: str) -> Locale:
    return Locale.parse(SOURCE if code == PSEUDO else code)


def locale() -> Locale:
    """How the reader's language writes."""
    return _locale(_reader.get())


@lru_cache(4096)
def _written(value: date, skeleton: str, code: str) -> str:
    if _locale(code).language == SOURCE:
        # Day before month, as everywhere that our users work; Babel's English is American.
        month = f"{value:%b}"
        return {
            "yMMMd": f"{value.day} {month} {value.year}",
            "MMMd": f"{value.day} {month}",
            "yMMM": f"{month} {value.year}",
        }[skeleton]
    return format_skeleton(skeleton, value, locale=_locale(code))


def day_written(value: date) -> str:
    """A day, month in letters so that nobody reads the day for the month: 4 Nov 2026."""
    return _written(value, "yMMMd", _reader.get())


def day_of_year(value: date) -> str:
    """A day without its year: 4 Nov."""
    return _written(value, "MMMd", _reader.get())


def month_written(value: date) -> str:
    """A month: Nov 2026."""
    return _written(value, "yMMM", _reader.get())


def number_text(value: float) -> str:
    """A number with the reader's separators: 12,480."""
    if _reader.get() == SOURCE:
        return f"{int(value):,}" if isinstance(value, int) else f"{value:,}"
    return format_decimal(int(value) if isinstance(value, int) else value, locale=locale())


def listed(values: Sequence[object]) -> str:
    """Values as a list in a sentence: a, b and c."""
    return format_list([str(value) for value in values], locale=locale())
