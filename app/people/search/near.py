"""
Names with a typing error: the written words that the typed ones may have been meant to be, and who has them.

A word that is missing a letter or has one too many has the letters of another but for one: both are filed by what is
left of them without it (`near_keys`), so that near words are found by equality.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from rapidfuzz.distance import OSA
from sqlalchemy import ARRAY, Text, any_, bindparam, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.search.folding import Reading
from app.people.search.models import SearchWord
from app.people.search.terms import begun, every, some, whole
from app.people.search.walk import run_statement
from app.platform.fast_path import Statement

_LETTERS: Final = 3
"""Shorter words are taken as they are."""
_LETTERS_FOR_TWO_ERRORS: Final = 6
_SHORT_WORD: Final = 4
_OFTEN: Final = 50
"""A short word that so many people have is hardly a slip."""
_CANDIDATES: Final = 12
_LETTERS_LEFT: Final = 3
_FAR: Final = 9


class Near(NamedTuple):
    """A word that may be meant, and how many errors away."""

    word: str
    errors: int


async def near_words(session: AsyncSession, typed: Sequence[str]) -> dict[str, list[Near]]:
    """For each typed word the best of those that people have and that may be meant, the nearest first."""
    asked = list(dict.fromkeys(word for word in typed if len(word) >= _LETTERS))
    if not asked:
        return {}
    found: dict[str, list[Near]] = {}
    for one in asked:
        # One by one: each is a look-up in an index, all together would be planned as a join.
        rows = await run_statement(session, _NEAR, {"typed": one})
        people = {row[0]: row[1] for row in rows}
        if len(one) <= _SHORT_WORD and people.get(one, 0) >= _OFTEN:
            continue
        most = 1 if len(one) < _LETTERS_FOR_TWO_ERRORS else 2
        near = [(errors, -count, name) for name, count in people.items() if (errors := distance(one, name)) <= most]
        found[one] = [Near(name, errors) for errors, _, name in sorted(near)[:_CANDIDATES]]
    return found


def distance(typed: str, word: str) -> int:
    """
    The errors between what was typed and a word, or its beginning: letters left out, put in or wrong, neighbours that
    have changed places.
    """
    length = len(typed)
    beginnings = {word, *(word[:cut] for cut in (length - 1, length, length + 1) if 0 < cut < len(word))}
    return min(OSA.distance(typed, beginning, score_cutoff=2) for beginning in beginnings)


async def query(session: AsyncSession, readings: Sequence[Reading]) -> str | None:
    """
    Who has the typed words but for typing errors. None when there is nothing near.

    Two words are tried as one as well, and one as two.
    """
    words = [clause[0] for clause in readings[0]]
    joined = [a + b for a, b in pairwise(words)] if len(words) == 2 else []  # noqa: PLR2004
    near = await near_words(session, [*words, *joined])
    parts = [every(_meant(clause, near) for clause in readings[0])]
    parts += [some(whole(found.word) for found in near[word]) for word in joined if near.get(word)]
    if len(words) == 1:
        parts += [f"{whole(a)} & {whole(b)}" for a, b in await _splits(session, words[0])]
    nothing_new = not joined and len(parts) == 1 and not any(near.values())
    return None if nothing_new else some(f"({part})" for part in parts)


def queries_of_parts(readings: Sequence[Reading]) -> Iterable[str]:
    """When nothing is near: all words but one, of which the first letters are right; then without one of them."""
    words = readings[0]
    if len(words) > 1:
        shortened = []
        for place, clause in enumerate(words):
            if len(clause[0]) > _LETTERS_LEFT:
                others = [some(map(begun, other)) for at, other in enumerate(words) if at != place]
                shortened.append(every([*others, begun(clause[0][:_LETTERS_LEFT])]))
        if shortened:
            yield some(f"({part})" for part in shortened)
    if len(words) > 2:  # noqa: PLR2004 - of two words one is not enough
        left_out = [
            every(some(map(begun, other)) for at, other in enumerate(words) if at != place)
            for place in range(len(words))
        ]
        yield some(f"({part})" for part in left_out)


def errors(readings: Sequence[Reading], words: Iterable[str]) -> int:
    """How far somebody's words are from what was typed: the errors of all typed words together."""
    known = list(words)
    typed = [clause[0] for clause in readings[0]]
    apart = sum(min((distance(one, word) for word in known), default=_FAR) for one in typed)
    if len(typed) == 1:
        # One word that is two of theirs, written without the blank.
        pairs = (typed[0][:at] in known and typed[0][at:] in known for at in range(2, len(typed[0]) - 1))
        return 0 if any(pairs) else apart
    together = min((distance("".join(typed), word) for word in known), default=_FAR)
    return min(apart, together) if len(typed) == 2 else apart  # noqa: PLR2004 - two are tried as one


def _meant(clause: Sequence[str], near: dict[str, list[Near]]) -> str:
    return some([*map(begun, clause), *(whole(found.word) for found in near.get(clause[0], ()))])


async def _splits(session: AsyncSession, word: str) -> list[tuple[str, str]]:
    """The pairs of known words that this one is, written without the blank."""
    pairs = [(word[:at], word[at:]) for at in range(2, len(word) - 1)]
    parts = sorted({part for pair in pairs for part in pair})
    if not parts:
        return []
    known = {row["word"] for row in await run_statement(session, _KNOWN, {"parts": parts})}
    return [pair for pair in pairs if known.issuperset(pair)]


_NEAR = Statement(
    select(SearchWord.word, func.max(SearchWord.people))
    .where(
        func.near_keys(SearchWord.word, literal_column("7")).op("&&")(
            func.near_keys(bindparam("typed", type_=Text), literal_column(str(_LETTERS_FOR_TWO_ERRORS)))
        )
    )
    .group_by(SearchWord.word)
)
_KNOWN = Statement(select(SearchWord.word).where(SearchWord.word == any_(bindparam("parts", type_=ARRAY(Text())))))
