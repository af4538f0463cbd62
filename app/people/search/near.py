"""
Names with a typing error: the written words that the typed ones may have been meant to be, and who has them.

A word that is missing a letter or has one too many has the letters of another but for one: both are filed by what is
left of them without it (`near_keys`), so that near words are found by equality.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from string import ascii_lowercase
from typing import Any, Final, NamedTuple

from rapidfuzz.distance import OSA
from sqlalchemy import ARRAY, Select, Text, any_, bindparam, func, literal_column, null, select, union_all

from app.people.search.folding import Reading
from app.people.search.models import SearchWord
from app.people.search.terms import LETTERS_OF_A_BEGINNING, begun, every, some, whole
from app.people.search.walk import Walk
from app.platform.fast_path import Statement

_LETTERS: Final = 3
"""Shorter words are taken as they are."""
_LETTERS_FOR_TWO_ERRORS: Final = 6
_SHORT_WORD: Final = 4
_OFTEN: Final = 50
"""A short word that so many people have is hardly a slip."""
_CANDIDATES: Final = 12
_CANDIDATES_OF_SEVERAL: Final = 40
"""Beside another word, few people have each."""
ONE_ERROR: Final = 10
_LETTERS_LEFT: Final = 3
_FAR: Final = 90


class Near(NamedTuple):
    """A word that may be meant, and how many errors away."""

    word: str
    errors: int


async def near_words(
    walk: Walk, typed: Sequence[str], parts: Iterable[str] = ()
) -> tuple[dict[str, list[Near]], set[str]]:
    """
    For each typed word the best of those that people have and that may be meant, the nearest first.

    And those of `parts`, of words with enough letters, that somebody has as they are.
    """
    asked = list(dict.fromkeys(word for word in typed if len(word) >= _LETTERS))
    if not asked:
        return {}, set()
    people_of: dict[str, dict[str, int]] = {word: {} for word in asked}
    had: set[str] = set()
    values: dict[str, Any] = {f"typed_{place}": word for place, word in enumerate(asked)}
    for place, name, people in await walk.read(_near(len(asked)), values | {"parts": list(parts)}):
        if place is None:
            had.add(name)
        else:
            people_of[asked[place]][name] = people
    found: dict[str, list[Near]] = {}
    for one, known in people_of.items():
        if len(one) <= _SHORT_WORD and known.get(one, 0) >= _OFTEN:
            continue
        most = 1 if len(one) < _LETTERS_FOR_TWO_ERRORS else 2
        near = [(errors, -count, name) for name, count in known.items() if (errors := distance(one, name)) <= most]
        candidates = _CANDIDATES if len(typed) == 1 else _CANDIDATES_OF_SEVERAL
        found[one] = [Near(name, errors) for errors, _, name in sorted(near)[:candidates]]
    return found, had


def distance(typed: str, word: str) -> int:
    """
    The errors between what was typed and a word, or its beginning: letters left out, put in or wrong, neighbours that
    have changed places.
    """
    return apart(typed, word) // ONE_ERROR


@lru_cache(maxsize=1 << 13)
def apart(typed: str, word: str) -> int:
    """
    How far a word is from what was typed: ONE_ERROR for each error, and a little more where the word is unfinished
    or begins with another letter, for that is seldom mistyped.
    """
    whole_word = OSA.distance(typed, word, score_cutoff=2) * ONE_ERROR
    length = len(typed)
    beginnings = {word[:cut] for cut in (length - 1, length, length + 1) if 0 < cut < len(word)}
    begun_so = min((OSA.distance(typed, beginning, score_cutoff=2) for beginning in beginnings), default=_FAR)
    least = min(whole_word, begun_so * ONE_ERROR + (begun_so > 0))
    return least + (least > 0 and typed[:1] != word[:1])


async def query(walk: Walk, readings: Sequence[Reading]) -> str | None:
    """
    Who has the typed words but for typing errors. None when there is nothing near.

    Two words are tried as one as well, and one as two.
    """
    words = [clause[0] for clause in readings[0]]
    joined = [a + b for a, b in pairwise(words)] if len(words) == 2 else []  # noqa: PLR2004
    pairs = _splits(words[0]) if len(words) == 1 else []
    near, had = await near_words(walk, [*words, *joined], {part for pair in pairs for part in pair})
    parts = [every(_meant(clause, near) for clause in readings[0])]
    parts += [some(whole(found.word) for found in near[word]) for word in joined if near.get(word)]
    parts += [f"{whole(a)} & {whole(b)}" for a, b in pairs if a in had and b in had]
    nothing_new = not joined and len(parts) == 1 and not any(near.values())
    return None if nothing_new else some(f"({part})" for part in parts)


def query_of_slips(readings: Sequence[Reading]) -> str | None:
    """Who has all words but for one, which begins with an error: it is not finished, so that no word is near to it."""
    return _but_for_one(readings[0], slips)


def queries_of_parts(readings: Sequence[Reading]) -> Iterable[str]:
    """When nothing is near: all words but one, of which the first letters are right; then without one of them."""
    words = readings[0]
    query = query_of_slips(readings) if len(words) == 1 else _but_for_one(words, _first_letters)
    if query is not None:
        yield query
    if len(words) > 2:  # noqa: PLR2004 - of two words one is not enough
        yield some(f"({every(_others(words, place))})" for place in range(len(words)))


def _but_for_one(words: Reading, beginnings: Callable[[str], Sequence[str]]) -> str | None:
    parts = [
        f"({every([*_others(words, place), some(map(begun, meant))])})"
        for place, clause in enumerate(words)
        if (meant := beginnings(clause[0]))
    ]
    return some(parts) if parts else None


def slips(typed: str) -> list[str]:
    """What was meant when one letter of the beginning of a word is wrong, missing, too many or behind its neighbour."""
    word = typed[:LETTERS_OF_A_BEGINNING]
    if len(word) <= _LETTERS or not word.isascii():
        return []
    found: set[str] = set()
    for place in range(len(word)):
        before, after = word[:place], word[place + 1 :]
        found.add(before + after)
        found.add(before + after[:1] + word[place] + after[1:])
        found.update(before + letter + rest for letter in ascii_lowercase for rest in (after, word[place:]))
    return sorted({word[:LETTERS_OF_A_BEGINNING] for word in found} - {word})


def _first_letters(typed: str) -> list[str]:
    return [typed[:_LETTERS_LEFT]] if len(typed) > _LETTERS_LEFT else []


def _others(words: Reading, place: int) -> list[str]:
    return [some(map(begun, other)) for at, other in enumerate(words) if at != place]


def errors(readings: Sequence[Reading], words: Iterable[str]) -> int:
    """How far somebody's words are from what was typed: all typed words together."""
    known = list(words)
    typed = [clause[0] for clause in readings[0]]
    all_apart = sum(min((apart(one, word) for word in known), default=_FAR) for one in typed)
    if len(typed) == 1:
        # One word that is two of theirs, written without the blank.
        pairs = (typed[0][:at] in known and typed[0][at:] in known for at in range(2, len(typed[0]) - 1))
        return 0 if any(pairs) else all_apart
    together = min((apart("".join(typed), word) for word in known), default=_FAR)
    return min(all_apart, together) if len(typed) == 2 else all_apart  # noqa: PLR2004 - two are tried as one


def _meant(clause: Sequence[str], near: dict[str, list[Near]]) -> str:
    return some([*map(begun, clause), *(whole(found.word) for found in near.get(clause[0], ()))])


def _splits(word: str) -> list[tuple[str, str]]:
    """The pairs of words that this one may be, written without the blank."""
    return [(word[:at], word[at:]) for at in range(2, len(word) - 1)]


@cache
def _near(words: int) -> Statement:
    """
    The words near to so many typed ones, each with its place and how many have it; those of `parts` without a place.
    Each typed word has a look-up of its own: all together would be planned as a join.
    """
    near: Iterable[Select[*tuple[Any, ...]]] = (
        select(literal_column(str(place)), SearchWord.word, func.max(SearchWord.people))
        .where(
            func.near_keys(SearchWord.word, literal_column("7")).op("&&")(
                func.near_keys(bindparam(f"typed_{place}", type_=Text), literal_column(str(_LETTERS_FOR_TWO_ERRORS)))
            )
        )
        .group_by(SearchWord.word)
        for place in range(words)
    )
    as_they_are = select(null(), SearchWord.word, null()).where(
        SearchWord.word == any_(bindparam("parts", type_=ARRAY(Text())))
    )
    return Statement(union_all(*near, as_they_are))
