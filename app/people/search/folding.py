# ruff: noqa: RUF001  look-alike letters of other scripts are what this is about
"""
How a name is spelt in the index, and how one that was typed is read.

The stored side keeps every spelling, the typed side has one or two: `Müller` is stored as muller and mueller, so either
is found, and nobody who types `Muller` gets what only looks alike.

Source: docs/MATCHING.md prints the cases.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from anyascii import anyascii

from app.people.names import PEOPLE, fold_letters
from app.platform.folding import SPELLINGS, reduced

VERSION: Final = 2
"""Goes up when these rules change, or what marks there are: rows of earlier rules are made anew (rows.fill)."""
MOST_WORDS: Final = 6
_LETTERS_TYPED: Final = 5

_SHORT: Final = str.maketrans({letter: written[0] for letter, written in SPELLINGS.items()} | {"ς": "σ"})
_LONG: Final = str.maketrans({letter: written[-1] for letter, written in SPELLINGS.items()})
_GREEK: Final = (("ου", "ou"), ("ευ", "ev"), ("αυ", "av"), ("γγ", "ng"), ("χ", "ch"), ("υ", "y"))
_GREEK_MARKED: Final = {"ού": "ου", "εύ": "ευ", "αύ": "αυ"}

_CJK: Final = (
    "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_KANA: Final = re.compile("[\u3041-\u30ff\u31f0-\u31ff]")
_RUN: Final = re.compile(f"([{_CJK}]+)|([^{_CJK}]+)")
_ASCII_WORD: Final = re.compile("[A-Za-z0-9]+")
_VIRAMA: Final = 9
_LETTERS_AS_APOSTROPHES: Final = frozenset(map(chr, (*range(0x2B9, 0x2C0), 0x2C8, 0x2EE)))
"""Unicode counts them among the letters."""


class Folded(NamedTuple):
    """
    The words of a person: `all` in every spelling, and `written` as somebody would type them, for typing errors.
    """

    all: tuple[str, ...]
    written: tuple[str, ...]


class Word(NamedTuple):
    """One part of a name, of one script: `王小明` is one, `O'Brien` is two."""

    text: str
    is_cjk: bool


Clause = tuple[str, ...]
"""Spellings of one typed word; any of them will do."""
Reading = tuple[Clause, ...]
"""One way to read what was typed: every clause has to be met."""


def words_of(text: str) -> list[Word]:
    """The parts of a text: hyphen, apostrophe, dot and blank part words alike, in all their forms; joiners do not."""
    if text.isascii():
        return [Word(word, is_cjk=False) for word in _ASCII_WORD.findall(text)]
    parts: list[Word] = []
    visible = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    for run in "".join(c if _is_of_a_word(c) else " " for c in visible).split():
        parts += [Word(cjk or other, is_cjk=bool(cjk)) for cjk, other in _RUN.findall(run) if cjk or _clause(other)]
    return parts


def fold_names(fields: Iterable[str | None]) -> Folded:
    """
    The words by which a person with these names is found, each field a name of theirs; duplicates left out.

    Of a field: its parts, each pair of neighbours joined, and all of it joined, so that `de Vries` is found by devries.
    """
    found: dict[str, None] = {}
    written: dict[str, None] = {}
    for field in fields:
        if field:
            of_field = _fold_name(field)
            found.update(dict.fromkeys(of_field.all))
            written.update(dict.fromkeys(of_field.written))
    return Folded(tuple(found), tuple(written))


@lru_cache(maxsize=1 << 13)
def _fold_name(field: str) -> Folded:
    found: dict[str, None] = {}
    written: dict[str, None] = {}
    parts = words_of(field)
    for part in parts:
        spelt = _characters(part.text) if part.is_cjk else spellings(part.text)
        found.update(dict.fromkeys(spelt))
        written.update(dict.fromkeys((roman(part.text),) if part.is_cjk else spelt))
    for joined in _joined(parts):
        found.update(dict.fromkeys(spellings(joined)))
        # A double name is written as one as well.
        written.update(dict.fromkeys(spellings(joined)[:1] if len(parts) == 2 else ()))  # noqa: PLR2004
    return Folded(tuple(found), tuple(word for word in written if word.isalpha()))


def read_names(typed: str) -> list[Reading]:
    """
    The ways to read typed names, the plain one first; none when nothing is left to look for.

    Besides the words as they are: each pair of neighbours joined, all joined, and without titles.
    """
    parts = words_of(typed)[:MOST_WORDS]
    readings = [_reading(parts)]
    readings += [
        (*_reading(parts[:at]), _clause(parts[at].text + parts[at + 1].text), *_reading(parts[at + 2 :]))
        for at in range(len(parts) - 1)
        if not (parts[at].is_cjk or parts[at + 1].is_cjk)
    ]
    if len(parts) > 2 and not any(part.is_cjk for part in parts):  # noqa: PLR2004 - two are a pair
        readings.append((_clause("".join(part.text for part in parts)),))
    named = [part for part in parts if fold_letters(part.text) not in PEOPLE.titles]
    if len(named) < len(parts):
        readings.append(_reading(named))
    return [reading for reading in dict.fromkeys(readings) if reading]


@lru_cache(maxsize=1 << 16)
def spellings(word: str) -> tuple[str, ...]:
    """Every spelling of a word that is no CJK, the short one first."""
    low = _bare_case(word)
    short = _short(low)
    found = [short, _short(low.translate(_LONG)), reduced(short, with_ae=True)]
    if not short.isascii():
        found += _romanised(low)
    return tuple(dict.fromkeys(spelling for spelling in found if spelling))


def roman(text: str) -> str:
    """The text in Latin letters, as a guess; small letters and digits alone."""
    return "".join(filter(str.isalnum, anyascii(text).lower()))


def _is_of_a_word(character: str) -> bool:
    if character in _LETTERS_AS_APOSTROPHES:
        return False
    category = unicodedata.category(character)
    return category[0] in "LM" or category in {"Nd", "Nl"}


def _characters(run: str) -> tuple[str, ...]:
    """The words of a run of CJK: each character, each romanised; a Japanese syllable says nothing by itself."""
    return tuple(
        spelling
        for character in run
        for spelling in ((character,) if _KANA.match(character) else (character, roman(character)))
        if spelling
    )


def _joined(parts: Sequence[Word]) -> Iterable[str]:
    """Neighbours joined, and all; CJK in Latin letters, one character after the other."""
    if any(part.is_cjk for part in parts):
        latin = [roman(part.text) for part in parts]
        runs = [word for word, part in zip(latin, parts, strict=True) if part.is_cjk]
        return dict.fromkeys((*runs, "".join(latin)))
    texts = [part.text for part in parts]
    pairs = [a + b for a, b in pairwise(texts)]
    return dict.fromkeys((*pairs, "".join(texts))) if len(texts) > 1 else ()


def _reading(parts: Sequence[Word]) -> Reading:
    clauses: list[Clause] = []
    for part in parts:
        clauses += [(character,) for character in part.text] if part.is_cjk else [_clause(part.text)]
    return tuple(clause for clause in clauses if clause)


def _clause(word: str) -> Clause:
    low = _bare_case(word)
    short = _short(low)
    found = [short]
    if len(short) >= _LETTERS_TYPED:
        found.append(reduced(short, with_ae=True))
    if not short.isascii():
        found += _romanised(low)
    return tuple(dict.fromkeys(spelling for spelling in found if spelling))


def _bare_case(word: str) -> str:
    # A combining iota is a mark: folding its case would make a letter of it.
    return unicodedata.normalize("NFC", word.replace("\u0345", "").casefold()).replace("i\u0307", "i")


def _short(low: str) -> str:
    if low.isascii():
        return low
    parts = unicodedata.normalize("NFKD", low.translate(_SHORT))
    bare = "".join(c for c in parts if unicodedata.combining(c) in {0, _VIRAMA} and c.isprintable())
    return unicodedata.normalize("NFC", bare.translate(_SHORT))


def _romanised(low: str) -> list[str]:
    """The usual Latin spellings of a word in another script: with its marks, without, and the shorter ones."""
    for marked, plain in _GREEK_MARKED.items():
        low = low.replace(marked, plain)
    found = []
    for text in (low, _short(low)):
        latin = text
        for greek, letters in _GREEK:
            latin = latin.replace(greek, letters)
        found.append(roman(latin))
    found += [word.replace("iya", "ia").replace("iy", "y").replace("kh", "h") for word in found]
    found += [word.replace("ch", "h") for word in found if _short(low)[:1] == "χ"]
    return found
