"""
How alike two names are: equal, compatible, doubtful or different.

One comparison for all entry points: the API asks it who an e-mail belongs to, the migration asks it for millions of
pairs. It is made for the second: folding is remembered, and who compares one name often keeps its FoldedName.

Source: the contract of the legacy export, section 4 (docs/MATCHING.md says it in words).
"""

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from rapidfuzz.distance import OSA

# Letters that have no decomposition but are written apart where a keyboard lacks them.
# The last is the dotless i of Turkish.
_SPELT_OUT: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "\N{LATIN SMALL LETTER DOTLESS I}": "i"}
)

# A title stands apart from the name: "Dr. Anna", "Prof.Dr.Anna", "Jansen, Drs". Hyphen and apostrophe join.
_BETWEEN_WORDS: Final = re.compile(r"[\s.,;:/()]+")

_LETTERS_FOR_A_BEGINNING: Final = 3
_LETTERS_FOR_A_DOUBTFUL_SLIP: Final = 5
_LETTERS_FOR_A_GIVEN_SLIP: Final = 6
_LETTERS_FOR_A_FAMILY_SLIP: Final = 5


class Grade(StrEnum):
    """How alike two names are; `equal` and `compatible` names agree."""

    EQUAL = "equal"
    COMPATIBLE = "compatible"
    DOUBTFUL = "doubtful"
    DIFFERENT = "different"

    @property
    def agrees(self) -> bool:
        """Whether the two names may be one person's without further proof."""
        return self in {Grade.EQUAL, Grade.COMPATIBLE}


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it was typed; a part that is not known is the empty string."""

    given: str
    family: str


class FoldedName(NamedTuple):
    """A name ready for comparison: see `fold`."""

    given: str
    family: str

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to compare."""
        return not self.given and not self.family


def clean_name(typed: str) -> str:
    """The name as it is stored: NFC, without invisible characters, white space collapsed."""
    visible = "".join(c for c in typed if unicodedata.category(c) != "Cf")
    return " ".join(unicodedata.normalize("NFC", visible).split())


def fold_letters(text: str) -> str:
    """The bare letters and digits of a text: no marks, no case, ß as ss, æ as ae, ø as o and so on."""
    if text.isascii():
        return "".join(filter(str.isalnum, text.lower()))
    decomposed = unicodedata.normalize("NFKD", text)
    # Marks go before case: folding the case of a combining iota would make a letter of it.
    bare = "".join(c for c in decomposed if unicodedata.category(c)[0] != "M")
    return "".join(filter(str.isalnum, bare.casefold().translate(_SPELT_OUT)))


@lru_cache(maxsize=1 << 17)
def fold(part: str) -> str:
    """A given or family name for comparison: titles out, letters and digits alone; may be empty."""
    words = _BETWEEN_WORDS.split(part)
    titles = _titles()
    return "".join(word for word in map(fold_letters, words) if word not in titles)


def fold_name(name: Name) -> FoldedName:
    """Both parts folded; keep it where one name is compared with many."""
    return FoldedName(fold(name.given), fold(name.family))


def grade_names(a: Name, b: Name) -> Grade:
    """How alike two names are; the order of the two does not matter."""
    return grade_folded(fold_name(a), fold_name(b))


def grade_folded(a: FoldedName, b: FoldedName) -> Grade:
    """
    How alike two folded names are: the six rules of the contract, the first that applies.

    1 compatible when one is empty. 2 equal when the parts joined in either order are. 3 doubtful when one is
    Latin and the other has no Latin letter: romanising is a guess. 4 family names equal: the given names
    decide. 5 given names equal and more than an initial: the family names decide. 6 different.
    """
    if a.is_empty or b.is_empty:
        return Grade.COMPATIBLE
    if _same_letters(a, b):
        return Grade.EQUAL
    if _scripts_differ(a, b):
        return Grade.DOUBTFUL
    if a.family == b.family:
        return _grade_given(a.given, b.given)
    if a.given == b.given and not _is_initial(a.given):
        return _grade_family(a.family, b.family)
    return Grade.DIFFERENT


def given_names_equal(a: Name, b: Name) -> bool:
    """Whether both have the same given name; an absent one or an initial is no given name."""
    given = fold(a.given)
    return bool(given) and not _is_initial(given) and given == fold(b.given)


def _same_letters(a: FoldedName, b: FoldedName) -> bool:
    """Whether given+family or family+given of one is either of the other."""
    if len(a.given) + len(a.family) != len(b.given) + len(b.family):
        return False
    forward = a.given + a.family
    if forward in {b.given + b.family, b.family + b.given}:
        return True
    return a.family + a.given in {b.given + b.family, b.family + b.given}


def _grade_given(a: str, b: str) -> Grade:
    """Grade two different given names beside one family name."""
    shorter, longer = sorted((a, b), key=len)
    is_its_initial = _is_initial(shorter) and longer.startswith(shorter)
    if is_its_initial or _nickname_groups(a) & _nickname_groups(b) or _is_given_slip(a, b):
        return Grade.COMPATIBLE
    begins = len(shorter) >= _LETTERS_FOR_A_BEGINNING and longer.startswith(shorter)
    slipped = len(shorter) >= _LETTERS_FOR_A_DOUBTFUL_SLIP and _one_slip_apart(a, b)
    return Grade.DOUBTFUL if begins or slipped else Grade.DIFFERENT


def _grade_family(a: str, b: str) -> Grade:
    """Grade two different family names beside one given name: a slip, or else marriage, Wang and Yang."""
    long_enough = min(len(a), len(b)) >= _LETTERS_FOR_A_FAMILY_SLIP
    if long_enough and a[0] == b[0] and _one_slip_apart(a, b):
        return Grade.COMPATIBLE
    return Grade.DOUBTFUL


def _is_given_slip(a: str, b: str) -> bool:
    """Whether two given names are one, mistyped inside: Maria and Marie end differently and are two."""
    long_enough = min(len(a), len(b)) >= _LETTERS_FOR_A_GIVEN_SLIP
    return long_enough and a[0] == b[0] and a[-1] == b[-1] and _one_slip_apart(a, b)


def _one_slip_apart(a: str, b: str) -> bool:
    """Whether at most one letter was inserted, left out, replaced, or swapped with its neighbour."""
    return abs(len(a) - len(b)) <= 1 and OSA.distance(a, b, score_cutoff=1) <= 1


def _is_initial(given: str) -> bool:
    """Whether this is a single letter of a script with case: J, but neither 伟 nor 7."""
    return len(given) == 1 and given.upper() != given.lower()


class _Latin(StrEnum):
    ALL = "all"
    SOME = "some"
    NONE = "none"


def _scripts_differ(a: FoldedName, b: FoldedName) -> bool:
    """Whether one name is all Latin and the other has no Latin letter."""
    return {_latin_letters(a.given + a.family), _latin_letters(b.given + b.family)} == {
        _Latin.ALL,
        _Latin.NONE,
    }


@lru_cache(maxsize=1 << 16)
def _latin_letters(folded: str) -> _Latin:
    """Which letters of a folded name are Latin; digits do not count."""
    latin = {unicodedata.name(c, "").startswith("LATIN ") for c in folded if c.isalpha()}
    if latin == {True}:
        return _Latin.ALL
    return _Latin.SOME if True in latin else _Latin.NONE


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files("app.people").joinpath("data/names.toml").read_text(encoding="utf-8"))


@cache
def _titles() -> frozenset[str]:
    return frozenset(_data()["titles"])


@cache
def _groups_of_nicknames() -> Mapping[str, frozenset[int]]:
    """For each short or full name the numbers of the groups that hold it."""
    groups: defaultdict[str, set[int]] = defaultdict(set)
    for number, group in enumerate(_data()["nicknames"]):
        for given in group:
            groups[given].add(number)
    return {given: frozenset(numbers) for given, numbers in groups.items()}


def _nickname_groups(given: str) -> frozenset[int]:
    return _groups_of_nicknames().get(given, frozenset())
