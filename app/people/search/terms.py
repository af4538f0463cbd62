"""
Readings of what was typed as a query of PostgreSQL over the terms of the index, and how well somebody meets them.

The letters of a query are quoted; what was typed is never read as an operator.
"""

from collections.abc import Collection, Iterable, Sequence
from enum import IntEnum
from typing import Final

from app.people.search.folding import Clause, Reading

LETTERS_OF_A_BEGINNING: Final = 8
"""Beginnings of more letters are no terms of their own."""


class Rank(IntEnum):
    """How what was typed is met, the best first."""

    WHOLE = 0
    """Every typed word is a word of the person's names."""
    ALL_BUT_LAST = 1
    """Every one but the last, which begins one: it is still being typed."""
    BEGUN = 2
    """Words begin so."""
    SIMILAR = 3
    """But for a typing error."""


def term(text: str) -> str:
    """A term of the index as tsquery has it."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def whole(word: str) -> str:
    return term(f"={word}")


def begun(word: str) -> str:
    return term(word) if len(word) <= LETTERS_OF_A_BEGINNING else f"{term('=' + word)}:*"


def every(parts: Iterable[str]) -> str:
    return " & ".join(parts)


def some(parts: Iterable[str]) -> str:
    """One of these, in brackets; without any it is nothing that could be met."""
    return f"({' | '.join(parts)})"


def query(readings: Sequence[Reading], rank: Rank) -> str:
    """Who meets one of the readings with exactly this rank."""
    at_whole, at_last = _of_rank(readings, Rank.WHOLE), _of_rank(readings, Rank.ALL_BUT_LAST)
    if rank is Rank.WHOLE:
        return at_whole
    if rank is Rank.ALL_BUT_LAST:
        return f"{at_last} & !{at_whole}"
    better = [at_whole, *([at_last] if Rank.ALL_BUT_LAST in ranks(readings) else [])]
    return every([_of_rank(readings, Rank.BEGUN), *(f"!{part}" for part in better)])


def query_of_all(readings: Sequence[Reading]) -> str:
    """Who meets one of the readings at all."""
    return _of_rank(readings, Rank.BEGUN)


def rank(readings: Sequence[Reading], words: Collection[str]) -> Rank:
    """How well the best of the readings is met by these words, which do meet one."""
    best = Rank.BEGUN
    for reading in readings:
        are_whole = [any(spelling in words for spelling in clause) for clause in reading]
        if all(are_whole):
            return Rank.WHOLE
        if len(reading) > 1 and all(are_whole[:-1]) and _begins(reading[-1], words):
            best = Rank.ALL_BUT_LAST
    return best


def _begins(clause: Clause, words: Collection[str]) -> bool:
    return any(word.startswith(spelling) for spelling in clause for word in words)


def _of_rank(readings: Sequence[Reading], rank: Rank) -> str:
    met = []
    for reading in readings:
        if rank is Rank.ALL_BUT_LAST and len(reading) == 1:
            continue
        clauses = []
        for place, clause in enumerate(reading):
            is_whole = rank is Rank.WHOLE or (rank is Rank.ALL_BUT_LAST and place < len(reading) - 1)
            clauses.append(some((whole if is_whole else begun)(spelling) for spelling in clause))
        met.append(f"({every(clauses)})")
    return some(met)


def ranks(readings: Sequence[Reading]) -> list[Rank]:
    """The ranks there are for these readings: one word is whole or begun."""
    several = any(len(reading) > 1 for reading in readings)
    return [Rank.WHOLE, *([Rank.ALL_BUT_LAST] if several else []), Rank.BEGUN]
