"""
How alike two names are: equal, compatible, doubtful or different.

One comparison for all entry points, with a profile: the migration asks it by the contract of the legacy export for
millions of pairs, everybody else as people write names. Folding is remembered, and who compares one name often keeps
its readings.

Source: the contract of the legacy export, section 4 (docs/MATCHING.md says it in words and prints both profiles).
"""

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from itertools import product
from typing import Any, Final, NamedTuple

from rapidfuzz.distance import OSA

from app.platform.folding import SPELT_OUT, reduced, romanised, spellings

JOINERS: Final = "\u200c\u200d"
"""Between letters they say how the letters are joined: Persian, Urdu, and the scripts of India need them."""
_BLANK_LOOKING: Final = dict.fromkeys(map(ord, "\u115f\u1160\u2800\u3164\uffa0"), " ")
"""Fillers of Hangul and the empty pattern of Braille: letters and signs to Unicode, blanks to the eye."""

# A title stands apart from the name: "Dr. Anna", "Prof.Dr.Anna", "Jansen, Drs". Hyphen and apostrophe join.
_BETWEEN_WORDS: Final = re.compile(r"[\s.,;:/()]+")
# A particle or a generation may be joined: al-Masri, d'Almeida, Bos-Jr.
_BETWEEN_PARTS: Final = re.compile(r"[\s.,;:/()'\N{RIGHT SINGLE QUOTATION MARK}\N{HYPHEN}\N{NON-BREAKING HYPHEN}-]+")

_LETTERS_FOR_A_BEGINNING: Final = 3
_LETTERS_FOR_A_DOUBTFUL_SLIP: Final = 5
_LETTERS_FOR_A_GIVEN_SLIP: Final = 6
_LETTERS_FOR_A_FAMILY_SLIP: Final = 5
_LONGEST_GENERATION: Final = 3

_IN_BRACKETS: Final = {
    re.compile(rf"\(\s*(?:{words})\.?\s*\)", re.IGNORECASE): generation
    for words, generation in {"h|son|zoon|sohn|syn": " hijo ", "p|father|vader|vater|otec|ojciec": " padre "}.items()
}
"""A generation that is one only between brackets: Pérez (h) is the son, Pérez H. has another family name."""
_TITLES_OF_SEVERAL_WORDS: Final = re.compile(
    r"(?<![^\W_])(?:sig\.(?:ra|na)\b|(?:dott|prof)\.ssa\b"
    r"|(?<=dr\.)\s*(?:med|phil|jur|iur|ing|rer\.\s*nat|h\.\s*c)\.(?:\s*(?:dent|vet)\.)?|dipl\.[\s-]*(?:ing\.|\w+)(?=\s)"
    r"|mag\.(?=\s)|d\N{LATIN SMALL LETTER N WITH TILDE}a\.)|^\s*sr\.\s+(?=\w)",
    re.IGNORECASE,
)
"""Titles that are one only so: Sig.ra, Dr. med., Mag.; Sr. in front is a lord, behind it a father."""
_SHORTENED: Final = re.compile(
    r"\bm\.?\N{FEMININE ORDINAL INDICATOR}\.?|\b(?:ma|fco|fca|mohd|wm|geo|chas|thos|jas)\.(?=\s|$)", re.IGNORECASE
)
_FULL: Final = {
    "ma": "Maria", "fco": "Francisco", "fca": "Francisca", "mohd": "Mohammed", "wm": "William", "geo": "George",
    "chas": "Charles", "thos": "Thomas", "jas": "James",
}  # fmt: skip
"""Given names that are shortened in writing: Mª, Ma., Fco."""
_TONES: Final = re.compile("[\u0302\u0306][\u0300\u0301\u0303]|[\u0309\u031b\u0323]")
"""Marks that Vietnamese puts on letters: there they tell names apart, as letters do."""


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


class Doubt(StrEnum):
    """What two doubtful or different names differ in, the least first."""

    FAMILY_NAMES = "family_names_differ"
    ROMANISED = "names_romanised"
    GENERATION = "generation_on_one_side"
    OTHER_SCRIPT = "names_in_two_scripts"
    UNREADABLE = "name_without_letters"
    GIVEN_NAMES = "given_names_differ"
    GENERATIONS = "generations_differ"


class Likeness(NamedTuple):
    """The grade of two names; of doubtful ones what is doubtful, of different ones whether they are two generations."""

    grade: Grade
    doubts: frozenset[Doubt] = frozenset()


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it was typed; a part that is not known is the empty string."""

    given: str
    family: str


def name_of(first: str | None, last: str | None) -> Name:
    """The name in the fields of a person."""
    return Name(first or "", last or "")


class FoldedName(NamedTuple):
    """
    A name ready for comparison, in one reading: see `read_name`.

    `generation` is that of a Jr, a III or nobody; `initials` are the first letters of the words of the given name,
    where the profile looks at them.
    """

    given: str
    family: str
    generation: str = ""
    initials: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to compare."""
        return not self.given and not self.family

    @property
    def turned(self) -> "FoldedName":
        """Given and family name changed round."""
        return FoldedName(self.family, self.given, self.generation)


@dataclass(frozen=True, eq=False)
class Profile:
    """
    What a comparison knows. Words are folded; a generation is the words that say it, with the name of its group.

    `nicknames` are used for one another; those of `asked` may be, where one is short for several (Alex, Alexandra).
    Those of `apart` are two names though they are a slip apart (Sabina, Sabrina); so are any two beside
    `families_of_syllables`. Where one of `given_to_many` is the given name, nobody is known by it: it is a family name
    that is written in front (Nguyễn, Trần Văn), or what all brothers are called (Mohammed, Abdul).

    `is_exact` is one folding and the six rules alone: the contract's. Else a name is read in each of its spellings,
    without particles and changed round, and the names agree when any two readings do.
    """

    name: str
    is_exact: bool
    titles: frozenset[str]
    generations: Mapping[tuple[str, ...], str]
    nicknames: Sequence[Sequence[str]]
    asked: Mapping[str, frozenset[str]] = field(default_factory=dict)
    apart: Mapping[str, frozenset[str]] = field(default_factory=dict)
    families_of_syllables: frozenset[str] = frozenset()
    given_to_many: frozenset[str] = frozenset()
    particles: frozenset[str] = frozenset()
    generations_in_front: frozenset[str] = frozenset()
    generations_alone: frozenset[str] = frozenset()
    used_for: Mapping[str, frozenset[str]] = field(init=False)

    def __post_init__(self) -> None:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for group in self.nicknames:
            for word in group:
                found[word].update(group)
        object.__setattr__(self, "used_for", {word: frozenset(others) for word, others in found.items()})

    def short_forms(self, given: str) -> frozenset[str]:
        """The given names that this one is used for, itself among them."""
        return frozenset({given}).union(self.used_for.get(given, ()), self.asked.get(given, ()))


def clean_name(typed: str, *, joiners: bool = True) -> str:
    """
    The name as it is stored: NFC, without invisible characters, white space collapsed; empty when nothing is seen.

    Joiners between letters are part of how a name is written, and stay; by the contract they go too.
    """
    if typed.isascii():
        return " ".join(typed.split())
    seen = typed.translate(_BLANK_LOOKING)
    # What is invisible is not printable: most names need not be looked through.
    visible = (
        seen
        if seen.isprintable()
        else "".join(
            c
            for place, c in enumerate(seen)
            if unicodedata.category(c) != "Cf" or (joiners and c in JOINERS and _is_between_letters(seen, place))
        )
    )
    name = " ".join(unicodedata.normalize("NFC", visible).split())
    return name if any(unicodedata.category(c)[0] != "M" for c in name) else ""


def _is_between_letters(text: str, place: int) -> bool:
    return all(
        unicodedata.category(c)[0] in "LM" for c in (text[place - 1 : place] or " ", text[place + 1 : place + 2] or " ")
    )


@lru_cache(maxsize=1 << 17)
def fold_letters(text: str) -> str:
    """The bare letters and digits of a text: no marks, no case, ß as ss, æ as ae, ø as o and so on."""
    if text.isascii():
        return "".join(filter(str.isalnum, text.lower()))
    decomposed = unicodedata.normalize("NFKD", text)
    # Marks go before case: folding the case of a combining iota would make a letter of it.
    bare = "".join(c for c in decomposed if unicodedata.category(c)[0] != "M")
    return "".join(filter(str.isalnum, bare.casefold().translate(SPELT_OUT)))


def fold_name(name: Name, profile: Profile) -> FoldedName:
    """The first reading of a name: all letters short, particles kept."""
    return read_name(name, profile)[0]


@lru_cache(maxsize=1 << 16)
def read_name(name: Name, profile: Profile) -> tuple[FoldedName, ...]:
    """
    The name in every reading, the plainest first: titles out, the generation apart, letters and digits alone.

    By the contract there is one. Else one for each spelling (Müller: muller, mueller), with and without particles
    (de Vries: devries, vries).
    """
    given, family, generation = name_words(name, profile)
    if profile.is_exact:
        return (FoldedName("".join(map(fold_letters, given)), "".join(map(fold_letters, family)), generation),)
    parts = name_parts(given)
    initials = "".join(fold_letters(part)[0] for part in parts)
    inside = [part for part in parts[1:-1] if fold_letters(part) not in profile.particles]
    givens = [*_spelt(given, with_ae=False), *_spelt([*parts[:1], *inside, *parts[1:][-1:]], with_ae=False)]
    bare = [part for part in name_parts(family) if fold_letters(part) not in profile.particles]
    families = [*_spelt(family, with_ae=True), *(_spelt(bare, with_ae=True) if bare else ())]
    return tuple(
        dict.fromkeys(
            FoldedName(given_name, family_name, generation, initials)
            for family_name, given_name in product(dict.fromkeys(families), dict.fromkeys(givens))
        )
    )


def compare_names(a: Name, b: Name, profile: Profile) -> Likeness:
    """How alike two names are; the order of the two does not matter."""
    mine, theirs = read_name(a, profile), read_name(b, profile)
    if profile.is_exact:
        return compare_folded(mine[0], theirs[0], profile)
    if mine[0].is_empty or theirs[0].is_empty:
        return Likeness(Grade.COMPATIBLE)
    if _tones_differ(a, b):
        return Likeness(Grade.DOUBTFUL, frozenset({Doubt.GIVEN_NAMES}))
    if _same_letters(_all_letters(a), _all_letters(b)):
        # Where the words are the same, it does not matter which of them is read as a generation.
        return Likeness(Grade.EQUAL)
    straight = _best(compare_folded(x, y, profile) for x, y in product(mine, theirs))
    if straight.grade.agrees or Doubt.GENERATIONS in straight.doubts:
        return straight
    pairs = list(product(mine, theirs))
    # Bob Kim and Kim Robert.
    turned = [both for x, y in pairs for both in ((x.turned, y), (x, y.turned))]
    guesses = _guesses(turned, profile, are_turned=True)
    in_latin = (
        [
            *_guesses(_all_in_latin(pairs), profile),
            *_guesses(_all_in_latin(turned), profile, are_turned=True),
        ]
        if _is_foreign(pairs)
        else []
    )
    in_latin_alike = list(map(_doubtful, in_latin))
    if in_latin_alike and _are_characters(mine[0]) and _are_characters(theirs[0]):
        in_latin_alike = [Likeness(grade, doubts | {Doubt.GIVEN_NAMES}) for grade, doubts in in_latin_alike]
    return _best([straight, *guesses, *in_latin_alike])


def compare_folded(a: FoldedName, b: FoldedName, profile: Profile) -> Likeness:
    """
    How alike two names in one reading are: the six rules of the contract, the first that applies, and generations.

    1 compatible when one is empty. 2 equal when the parts joined in either order are. 3 doubtful when one is
    Latin and the other has no Latin letter: romanising is a guess. 4 family names equal: the given names
    decide. 5 given names equal and more than an initial: the family names decide. 6 different.
    Two generations are different people; one on one side only makes names that agree doubtful.
    """
    if a.is_empty or b.is_empty:
        return Likeness(Grade.COMPATIBLE)
    likeness = _compare_parts(a, b, profile)
    if a.generation == b.generation or likeness.grade is Grade.DIFFERENT:
        return likeness
    if a.generation and b.generation:
        return Likeness(Grade.DIFFERENT, frozenset({Doubt.GENERATIONS}))
    return Likeness(Grade.DOUBTFUL, likeness.doubts | {Doubt.GENERATION})


def _compare_parts(a: FoldedName, b: FoldedName, profile: Profile) -> Likeness:
    if _same_letters(a, b):
        return Likeness(Grade.EQUAL)
    if _scripts_differ(a, b):
        return Likeness(Grade.DOUBTFUL, frozenset({Doubt.OTHER_SCRIPT}))
    if a.family == b.family:
        return _compare_given(a, b, profile)
    if not (a.given or b.given or profile.is_exact):
        # Single names, which somebody has put into the field of the family name.
        return _compare_given(a.turned, b.turned, profile)
    if a.given == b.given and not _is_initial(a.given):
        return _compare_family(a, b, profile)
    return Likeness(Grade.DIFFERENT)


_Pairs = list[tuple[FoldedName, FoldedName]]


def _guesses(pairs: _Pairs, profile: Profile, *, are_turned: bool = False) -> list[Likeness]:
    """
    How alike names are that are not read as typed: at most compatible, and none where they do not agree.

    Of names changed round nobody knows which is the family name: a slip in it may be two given names.
    """
    found = []
    for x, y in pairs:
        likeness = compare_folded(x, y, profile)
        if likeness.grade is Grade.EQUAL:
            found.append(Likeness(Grade.COMPATIBLE))
        elif likeness.grade.agrees and are_turned and x.given == y.given:
            found.append(Likeness(Grade.DOUBTFUL, frozenset({Doubt.GIVEN_NAMES})))
        elif likeness.grade.agrees or (likeness.doubts and likeness.doubts <= {Doubt.GENERATION, Doubt.GENERATIONS}):
            found.append(likeness)
    return found


def _doubtful(likeness: Likeness) -> Likeness:
    """What names that agree when romanised are: alike, and no proof."""
    if likeness.grade is Grade.DIFFERENT:
        return likeness
    return Likeness(Grade.DOUBTFUL, likeness.doubts | {Doubt.ROMANISED})


def _are_characters(name: FoldedName) -> bool:
    """Whether a name is written in Chinese characters or in Hangul, of which several are read alike."""
    return all(unicodedata.name(c, "").startswith(("CJK UNIFIED", "HANGUL")) for c in name.given + name.family)


def _tones_differ(a: Name, b: Name) -> bool:
    """Whether two names are the same words but for marks, and both are written with the marks of Vietnamese."""
    mine, theirs = _with_tones(a), _with_tones(b)
    return mine != theirs and bool(mine and theirs) and [word for word, _ in mine] == [word for word, _ in theirs]


@lru_cache(maxsize=1 << 14)
def _with_tones(name: Name) -> list[tuple[str, list[str]]]:
    """The words of a name without their marks, each with its marks; empty where no mark is of Vietnamese."""
    decomposed = unicodedata.normalize("NFD", f"{name.given} {name.family}".casefold())
    if not _TONES.search(decomposed):
        return []
    return sorted(
        (fold_letters(word), sorted(c for c in word if unicodedata.category(c)[0] == "M"))
        for word in decomposed.split()
    )


def _is_foreign(pairs: _Pairs) -> bool:
    return not all((x.given + x.family).isascii() for both in pairs for x in both)


def _all_in_latin(pairs: _Pairs) -> _Pairs:
    return [(_in_latin(x), _in_latin(y)) for x, y in pairs]


def _in_latin(name: FoldedName) -> FoldedName:
    return FoldedName(romanised(name.given), romanised(name.family), name.generation)


_ORDER: Final = {grade: place for place, grade in enumerate(Grade)}
_WEIGHT: Final = {doubt: 1 << place for place, doubt in enumerate(Doubt)}


def _best(found: Iterable[Likeness]) -> Likeness:
    """The most alike, with the least doubts; of different ones that which says why."""
    return min(
        found,
        key=lambda likeness: (
            _ORDER[likeness.grade],
            sum(_WEIGHT[doubt] for doubt in likeness.doubts) * (-1 if likeness.grade is Grade.DIFFERENT else 1),
        ),
    )


def name_words(name: Name, profile: Profile) -> tuple[list[str], list[str], str]:
    """The words of the given and of the family name without titles, and the generation taken from them."""
    given, family = (
        [word for word in _BETWEEN_WORDS.split(part) if (folded := fold_letters(word)) and folded not in profile.titles]
        for part in ((name.given, name.family) if profile.is_exact else map(_spell_out, (name.given, name.family)))
    )
    if profile.is_exact:
        generation = _take_generation(family or given, profile)
        return given, family, generation
    if not given and not family:
        return given, family, ""
    if given and family and tuple(map(fold_letters, family)) in {(word,) for word in profile.generations_alone}:
        return given, [], profile.generations[tuple(map(fold_letters, family))]
    generation = _take_generation(family, profile) or _take_generation(given, profile, with_letters=False)
    return given, family, generation


def _spell_out(part: str) -> str:
    """A part of a name without titles of several words; a generation between brackets is a word, and Mª is María."""
    if "." in part or "\N{FEMININE ORDINAL INDICATOR}" in part:
        part = _TITLES_OF_SEVERAL_WORDS.sub(" ", part)
        part = _SHORTENED.sub(lambda found: f"{_FULL[fold_letters(found[0])]} ", part)
    if "(" in part:
        for in_brackets, word in _IN_BRACKETS.items():
            part = in_brackets.sub(word, part)
    return part


def _take_generation(words: list[str], profile: Profile, *, with_letters: bool = True) -> str:
    """
    The generation at the end of the words (Bos Jr.), or in front (ifj. Kovács), taken out; a word of the name remains.

    Without `with_letters` a single letter is no generation but an initial: the V of John V.
    """
    folded = [fold_letters(word) for word in words]
    for length in range(min(_LONGEST_GENERATION, len(words) - 1), 0, -1):
        phrase = tuple(folded[-length:])
        is_name_left = not profile.particles.issuperset(folded[:-length])
        if (found := profile.generations.get(phrase)) and is_name_left and (with_letters or min(map(len, phrase)) > 1):
            del words[-length:]
            return found
    if len(words) > 1 and folded[0] in profile.generations_in_front:
        del words[0]
        return profile.generations[(folded[0],)]
    if words and not profile.is_exact:
        *front, last = _BETWEEN_PARTS.split(words[-1])
        if any(front) and len(last) > 1 and (found := profile.generations.get((fold_letters(last),))):
            words[-1] = "-".join(front)
            return found
    return ""


def name_parts(words: Sequence[str]) -> list[str]:
    """The words, taken apart at hyphens and apostrophes too."""
    return [part for word in words for part in _BETWEEN_PARTS.split(word) if fold_letters(part)]


def _spelt(words: Sequence[str], *, with_ae: bool) -> list[str]:
    """The spellings of some words as one: each short, each long, each reduced."""
    ways = [spellings(word) for word in words]
    found = {"".join(way[0] for way in ways): None, "".join(way[-1] for way in ways): None}
    if sum(len(way) > 1 for way in ways) == 1:
        found |= dict.fromkeys("".join(chosen) for chosen in product(*ways))
    for spelt in list(found):
        found.setdefault(reduced(spelt, with_ae=with_ae))
    return list(found)


def _all_letters(name: Name) -> FoldedName:
    return FoldedName(fold_letters(name.given), fold_letters(name.family))


def _same_letters(a: FoldedName, b: FoldedName) -> bool:
    """Whether given+family or family+given of one is either of the other."""
    if len(a.given) + len(a.family) != len(b.given) + len(b.family):
        return False
    forward = a.given + a.family
    if forward in {b.given + b.family, b.family + b.given}:
        return True
    return a.family + a.given in {b.given + b.family, b.family + b.given}


def _compare_given(one: FoldedName, other: FoldedName, profile: Profile) -> Likeness:
    """Compare two different given names beside one family name."""
    a, b = one.given, other.given
    shorter, longer = sorted((a, b), key=len)
    is_its_initial = _is_initial(shorter) and longer.startswith(shorter)
    is_slip = _is_given_slip(a, b) and one.family not in profile.families_of_syllables
    if b in profile.apart.get(a, ()):
        return Likeness(Grade.DOUBTFUL, frozenset({Doubt.GIVEN_NAMES}))
    if is_its_initial or _share_group(a, b, profile) or is_slip or _are_its_initials(one, other):
        return Likeness(Grade.COMPATIBLE)
    begins = len(shorter) >= _LETTERS_FOR_A_BEGINNING and longer.startswith(shorter)
    slipped = len(shorter) >= _LETTERS_FOR_A_DOUBTFUL_SLIP and OSA.distance(a, b, score_cutoff=1) <= 1
    if not profile.is_exact and _is_patronymic(longer.removeprefix(shorter)) and longer.startswith(shorter):
        return Likeness(Grade.COMPATIBLE)
    # By the contract no given name beside one, and the second of two given names, are another one.
    is_second = len(shorter) >= _LETTERS_FOR_A_BEGINNING and longer.endswith(shorter)
    ends = not profile.is_exact and (not shorter or is_second)
    if begins or slipped or ends or b in profile.asked.get(a, ()):
        return Likeness(Grade.DOUBTFUL, frozenset({Doubt.GIVEN_NAMES}))
    return Likeness(Grade.DIFFERENT)


_PATRONYMIC: Final = re.compile(
    r"\w{2,}(?:ович|евич|ьич|овна|евна|ична|івна|ївна|йович|ovich|evich|ovych|yovych|ovna|evna|ivna|ichna|inichna)"
)


def _is_patronymic(rest: str) -> bool:
    """Whether what one given name has more is the name of the father: Dmitry Sergeevich."""
    return bool(_PATRONYMIC.fullmatch(rest))


def _are_its_initials(a: FoldedName, b: FoldedName) -> bool:
    """Whether the given name of one is initials alone, those that the other's begin with: J.P., Jan Peter."""
    return any(
        x.initials.startswith(y.initials) or y.initials.startswith(x.initials)
        for x, y in ((a, b), (b, a))
        if x.given and y.given and x.given == x.initials and all(map(_is_initial, x.given))
    )


def _compare_family(one: FoldedName, other: FoldedName, profile: Profile) -> Likeness:
    """Compare two different family names beside one given name: a slip, or else marriage, Wang and Yang."""
    a, b = one.family, other.family
    if one.given in profile.given_to_many and not profile.families_of_syllables.issuperset((a, b)):
        # Wang Wei, Wang Lihua; Mohammed Usman, Mohammed Bilal: the other name tells them apart as a given name does.
        if _compare_given(one.turned, other.turned, profile).grade.agrees:
            return Likeness(Grade.COMPATIBLE)
        return Likeness(Grade.DOUBTFUL, frozenset({Doubt.GIVEN_NAMES}))
    long_enough = min(len(a), len(b)) >= _LETTERS_FOR_A_FAMILY_SLIP
    if long_enough and a[0] == b[0] and OSA.distance(a, b, score_cutoff=1) <= 1:
        return Likeness(Grade.COMPATIBLE)
    return Likeness(Grade.DOUBTFUL, frozenset({Doubt.FAMILY_NAMES}))


def _share_group(a: str, b: str, profile: Profile) -> bool:
    return b in profile.used_for.get(a, ())


def _is_given_slip(a: str, b: str) -> bool:
    """
    Whether two given names are one, mistyped inside: neighbours swapped, or a letter missing or too many.

    A letter in another's place is none: Jordan and Jordyn may be twins. Maria and Marie end differently and are two.
    """
    long_enough = min(len(a), len(b)) >= _LETTERS_FOR_A_GIVEN_SLIP
    if not long_enough or a[0] != b[0] or a[-1] != b[-1] or OSA.distance(a, b, score_cutoff=1) > 1:
        return False
    return len(a) != len(b) or sorted(a) == sorted(b)


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


def _added(known: Sequence[Sequence[str]], more: Sequence[Sequence[str]]) -> list[list[str]]:
    """Groups of words, with more words and groups: one that begins like a known one adds to it."""
    groups = {group[0]: list(group) for group in known}
    for group in more:
        groups.setdefault(group[0], []).extend(word for word in group if word not in groups[group[0]])
    return list(groups.values())


def _each_other(groups: Sequence[Sequence[str]]) -> dict[str, frozenset[str]]:
    """For the first word of each group the rest, and for each of the rest the first."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for short, *names in groups:
        for name in names:
            found[short].add(name)
            found[name].add(short)
    return {word: frozenset(others) for word, others in found.items()}


def _any_two(groups: Sequence[Sequence[str]]) -> dict[str, frozenset[str]]:
    """For each word of each group the others of it."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for group in groups:
        for word in group:
            found[word].update(other for other in group if other != word)
    return {word: frozenset(others) for word, others in found.items()}


def _by_phrase(groups: Sequence[Sequence[str]]) -> dict[tuple[str, ...], str]:
    return {tuple(phrase.split()): group[0] for group in groups for phrase in group}


def _contract() -> Profile:
    data = _data()["contract"]
    return Profile("contract", True, frozenset(data["titles"]), _by_phrase(data["generations"]), data["nicknames"])


def _given_to_many(data: Mapping[str, Any]) -> frozenset[str]:
    families = frozenset(map(fold_letters, data["families_of_syllables"])) - frozenset(data["given_names_elsewhere"])
    with_middle = {
        family + middle for family in families for middle in data["middle_names_of_many"] if family.isascii()
    }
    return families | with_middle | frozenset(data["given_to_many"])


def _people() -> Profile:
    known, more = _data()["contract"], _data()["people"]
    return Profile(
        "people",
        False,
        frozenset([*known["titles"], *more["titles"]]),
        _by_phrase(_added(known["generations"], more["generations"])),
        _added(known["nicknames"], more["nicknames"]),
        _each_other(more["asked"]),
        apart=_any_two(more["apart"]),
        families_of_syllables=frozenset(map(fold_letters, more["families_of_syllables"])),
        given_to_many=_given_to_many(more),
        particles=frozenset(more["particles"]),
        generations_in_front=frozenset(more["generations_in_front"]),
        generations_alone=frozenset(more["generations_alone"]),
    )


CONTRACT: Final = _contract()
"""The legacy export: one folding, exact dates."""
PEOPLE: Final = _people()
"""Everything else: names as people write them."""


def profile_table(profile: Profile) -> str:
    """What a profile knows, as a Markdown table for docs/MATCHING.md."""
    generations: defaultdict[str, list[str]] = defaultdict(list)
    for phrase, group in profile.generations.items():
        generations[group].append(" ".join(phrase))
    rows = {
        "titles": ", ".join(sorted(profile.titles)),
        "generations": "; ".join(", ".join(words) for words in generations.values()),
        "generations in front": ", ".join(sorted(profile.generations_in_front)),
        "generations alone in the field of the family name": ", ".join(sorted(profile.generations_alone)),
        "particles": ", ".join(sorted(profile.particles)),
        "given names used for one another": "; ".join(map(", ".join, profile.nicknames)),
        "given names that may be one": "; ".join(
            f"{name}: {', '.join(sorted(others))}" for name, others in profile.asked.items()
        ),
        "given names a slip apart that are two": "; ".join(
            f"{name}: {', '.join(sorted(others))}" for name, others in profile.apart.items()
        ),
        "family names beside which no slip is one": ", ".join(sorted(profile.families_of_syllables)),
        "given names by which nobody is known": ", ".join(_data()["people"]["given_to_many"])
        if profile.given_to_many
        else "",
        "of the family names, those that are given names elsewhere": ", ".join(
            sorted(profile.families_of_syllables - profile.given_to_many)
        ),
    }
    lines = (f"| {what} | {words} |\n" for what, words in rows.items() if words)
    return f"| {profile.name} | folded words |\n| --- | --- |\n" + "".join(lines)
