# ruff: noqa: RUF001  letters that look like others are the table
"""
How a letter is written where the keyboard lacks it: one table, for who is who, for search and for what is one thing.

Everything gives bare letters and digits in small letters; hyphens, apostrophes and marks are gone.

Source: docs/MATCHING.md prints the table.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from itertools import product
from typing import Final

from anyascii import anyascii

SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "ä": ("a", "ae"),
    "ö": ("o", "oe"),
    "ü": ("u", "ue"),
    "ø": ("o", "oe"),
    "å": ("a", "aa"),
    "æ": ("ae",),
    "œ": ("oe",),
    "ß": ("ss",),
    "þ": ("th",),
    "ð": ("d",),
    "đ": ("d", "dj"),
    "ł": ("l",),
    "ħ": ("h",),
    "ŧ": ("t",),
    "ŋ": ("ng",),
    "ə": ("a", "e"),
    "\N{LATIN SMALL LETTER DOTLESS I}": ("i",),
    "č": ("c", "ch"),
    "ç": ("c", "ch"),
    "š": ("s", "sh"),
    "ş": ("s", "sh"),
    "ș": ("s", "sh"),
    "ž": ("z", "zh"),
    "ğ": ("g", "gh"),
}
"""A letter and how it is written without it, the short form first. Any other mark is left out."""

SPELT_OUT: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "\N{LATIN SMALL LETTER DOTLESS I}": "i"}
)
"""Letters that no mark can be taken off, as the contract of the legacy export has them."""
_APOSTROPHES: Final = re.compile("['`\u2018\u2019\u00b4\u02bc\uff07]")
_TITLES: Final = frozenset({"dr", "prof", "mr", "mrs", "ms", "drs", "herr", "frau", "mme"})
_DIGRAPH: Final = re.compile(r"(?<![qgxy])(?P<first>[ou])e|(?P<double>a)a|(?P<front>a)e")
_DJ_IN_FRONT: Final = re.compile(r"^dj")
_SHORTEST_REDUCED: Final = 4
_MOST_SPELLINGS: Final = 8

_LOOSE: Final = (
    ("sch", "s"), ("shch", "s"), ("sh", "s"), ("kh", "h"), ("ch", "c"), ("zh", "z"), ("th", "t"), ("gh", "g"),
    ("ph", "f"), ("ts", "c"), ("ks", "x"), ("w", "v"), ("ou", "u"), ("j", "i"), ("y", "i"),
)  # fmt: skip
_GREEK: Final = (("ου", "u"), ("ευ", "ev"), ("αυ", "av"), ("γγ", "ng"))
_IN_FRONT: Final = re.compile(r"^(?:ie|ye|je)")
_REPEATED: Final = re.compile(r"(.)\1+")


@lru_cache(maxsize=1 << 16)
def spellings(word: str) -> tuple[str, ...]:
    """
    The ways to write a word without marks, the short one first: `Jürgen` jurgen, juergen; `Anna` anna.

    A word of many such letters is written all short, all long, and no third way. Empty where nothing is left.
    """
    if word.isascii():
        return ("".join(filter(str.isalnum, word.lower())),)
    letters = [_of_letter(letter) for letter in unicodedata.normalize("NFKC", word).lower()]
    ways = 1
    for letter in letters:
        ways *= len(letter)
    if ways > _MOST_SPELLINGS:
        return "".join(letter[0] for letter in letters), "".join(letter[-1] for letter in letters)
    return tuple(dict.fromkeys("".join(chosen) for chosen in product(*letters)))


def reduced(spelt: str, *, with_ae: bool, shortest: int = _SHORTEST_REDUCED) -> str:
    """
    A spelling with oe, ue, aa, dj (and ae) as one letter: what `Mueller` and `Muller` have in common.

    `shortest` letters remain, or it is left as it is: Doe is not Do. Behind q, g, x and y, ue is no ü (Miguel, Xue).
    """
    short = _DIGRAPH.sub(lambda found: found[0][0] if with_ae or found[0] != "ae" else found[0], spelt)
    if _DJ_IN_FRONT.match(short):
        short = short.replace("dj", "d")
    return short if len(short) >= shortest else spelt


@lru_cache(maxsize=1 << 14)
def romanised(spelt: str) -> str:
    """
    A spelling in Latin letters, loosely: Жукова, Zhukova and Zhoukova are alike. A guess, to be proven by other facts.
    """
    for pair, read in _GREEK:
        spelt = spelt.replace(pair, read)
    loose = "".join(filter(str.isalnum, anyascii(spelt).lower()))
    loose = _IN_FRONT.sub("e", loose)
    for written, read in _LOOSE:
        loose = loose.replace(written, read)
    return _REPEATED.sub(r"\1", loose)


def fold_words(text: str) -> str:
    """A text's words as names are folded, kept apart by one blank; apostrophes are dropped."""
    bare = "".join(
        c for c in unicodedata.normalize("NFKD", _APOSTROPHES.sub("", text)) if unicodedata.category(c)[0] != "M"
    )
    folded = bare.casefold().translate(SPELT_OUT)
    words = "".join(c if c.isalnum() else " " for c in folded if unicodedata.category(c) != "Cf").split()
    return " ".join(word for word in words if word not in _TITLES)


@lru_cache(maxsize=1 << 12)
def _of_letter(letter: str) -> tuple[str, ...]:
    if letter in SPELLINGS:
        return SPELLINGS[letter]
    # Hawaiian and Arabic apostrophes are letters to Unicode; to people they are apostrophes.
    if "\N{MODIFIER LETTER PRIME}" <= letter <= "\N{MODIFIER LETTER LOW LEFT ARROWHEAD}":
        return ("",)
    bare = "".join(c for c in unicodedata.normalize("NFKD", letter) if unicodedata.category(c)[0] != "M")
    if bare in SPELLINGS:
        return SPELLINGS[bare]
    return ("".join(filter(str.isalnum, bare.casefold())),)


def letter_table() -> str:
    """SPELLINGS as a Markdown table for docs/MATCHING.md."""
    rows = (f"| {letter} | {', '.join(written)} |\n" for letter, written in SPELLINGS.items())
    return "| letter | written |\n| --- | --- |\n" + "".join(rows)
