"""
Who may be one human though no address says so: whom to compare with, and how alike the two are.

Two keys of a name stand in the person's row. People whose names are alike share one, so that an index gives the few of
one birth date who are worth comparing; the comparison of names decides.

Source: docs/MATCHING.md.
"""

import unicodedata
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from app.people.birth_dates import precision_of
from app.people.names import PEOPLE, Doubt, Grade, Name, compare_names, name_parts, name_words
from app.people.rules import BirthDates, compare_birth_dates, is_placeholder
from app.platform.folding import reduced, romanised, spellings
from app.platform.plausibility import PLACEHOLDERS


class AlikeKeys(NamedTuple):
    """The family name with the initial of the given name, and the other way round; None where letters are missing."""

    family_key: str | None
    given_key: str | None


@dataclass(frozen=True, slots=True)
class Probe:
    """The keys and birth dates by which people are looked for who may be somebody; empty without a birth date."""

    keys: tuple[str, ...] = ()
    birth_dates: tuple[date, ...] = ()


_MAY_BE_ONE: Final = frozenset({Doubt.GENERATION, Doubt.ROMANISED, Doubt.GIVEN_NAMES})
"""What may be doubtful in the names of two people of one birth date, for somebody to look at them."""


def alike_keys(name: Name) -> AlikeKeys:
    """The keys of a name: they change places when the name is turned round."""
    given, family = _words(name)
    return AlikeKeys(_key(family, given), _key(given, family))


def keys_asked(name: Name) -> tuple[str, ...]:
    """
    The keys by which those are looked for whose names may be alike.

    Besides their own: those with the initial of each of their names and of each short form (Bob Kim, Robert Kim).
    """
    given, family = _words(name)
    keys = {
        _key(words, [other])
        for words, others in ((family, given), (given, family))
        for word in others or ("",)
        for other in PEOPLE.short_forms(word)
    }
    return tuple(sorted(filter(None, keys)))


def probe(name: Name, born: date | None) -> Probe:
    """Whom to compare with somebody of this name and birth date."""
    return Probe() if born is None else Probe(keys_asked(name), tuple(sorted(set(_days(born)))))


def how_alike(name: Name, born: date | None, other: Name, other_born: date | None) -> Grade | None:
    """How alike the names of two people are who may be one by name and birth date; None when they may not."""
    dates = compare_birth_dates(born, other_born)
    if born is None or other_born is None or dates is BirthDates.CONTRADICT:
        return None
    names = compare_names(name, other, PEOPLE)
    match dates:
        case BirthDates.UNKNOWN:
            # Of a day that nobody knows the year alone agrees.
            may_be = names.grade is Grade.EQUAL
        case BirthDates.TYPING_ERROR:
            # Every other slip is a day that many people of a frequent name are born on.
            may_be = names.grade.agrees and (born.month, born.day) == (other_born.day, other_born.month)
        case _:
            may_be = names.grade.agrees or (
                names.grade is Grade.DOUBTFUL
                and (
                    names.doubts <= _MAY_BE_ONE or (names.doubts == {Doubt.FAMILY_NAMES} and _share_a_word(name, other))
                )
            )
    return names.grade if may_be else None


@lru_cache(maxsize=1 << 10)
def _words(name: Name) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of the given and of the family name in their short spelling, without titles, generation, particles."""
    of_name = name_words(name, PEOPLE)[:2]
    parts = [tuple(spellings(part)[0] for part in name_parts(words)) for words in of_name]
    given, family = (tuple(word for word in words if word not in PEOPLE.particles) or words for words in parts)
    together = given or family
    if given and family:
        return given, family
    if len(together) > 1:
        # All in one field: the last word, as most write it.
        return together[:-1], together[-1:]
    if together and _is_chinese(together[0]) and len(together[0]) > 1:
        return (together[0][1:],), (together[0][:1],)
    return given, family


def _is_chinese(word: str) -> bool:
    return all(unicodedata.name(c, "").startswith("CJK UNIFIED") for c in word)


def _key(words: Sequence[str], others: Sequence[str]) -> str | None:
    skeleton = _skeleton("".join(words))
    return f"{skeleton}/{_skeleton(others[0])[:1] if others else ''}" if skeleton else None


@lru_cache(maxsize=1 << 16)
def _skeleton(word: str) -> str:
    """What all spellings of a word have in common, about."""
    return romanised(reduced(word, with_ae=True))


def _share_a_word(name: Name, other: Name) -> bool:
    return not set(map(_skeleton, _words(name)[1])).isdisjoint(map(_skeleton, _words(other)[1]))


def _days(born: date) -> Iterator[date]:
    """The days on which somebody may be registered who was born on this one."""
    if precision_of(born) == "month":
        yield from (date(born.year, born.month, day + 1) for day in range(monthrange(born.year, born.month)[1]))
        yield from (date(born.year, month, day) for month, day in PLACEHOLDERS)
        return
    if is_placeholder(born):
        first = date(born.year, 1, 1)
        yield from (day for n in range(366) if (day := first + timedelta(n)).year == born.year)
        return
    yield date(born.year, born.month, born.day)
    # Where the month alone is known.
    yield date(born.year, born.month, 1)
    yield from (date(born.year, month, day) for month, day in PLACEHOLDERS)
    if born.day <= 12 and born.day != born.month:  # noqa: PLR2004 - months of a year
        yield date(born.year, born.day, born.month)


__all__ = ["AlikeKeys", "Probe", "alike_keys", "how_alike", "keys_asked", "probe"]
