"""
Which condition a text means: exactly, by another name, or by a slip of the pen.

Pure. Source: the contract of the legacy export, section 6.
"""

import re
from typing import Final, NamedTuple

from rapidfuzz.distance import OSA

from app.legacy.contract import Condition
from app.platform.folding import fold_words

_ROMAN: Final = re.compile(r"x{0,3}(?:ix|iv|v?i{0,3})")
_SHORTEST_TO_REPAIR: Final = 6
_SIMILAR: Final = 0.90


class Meaning(NamedTuple):
    """The condition a text means, and whether the text was repaired to find it."""

    name: str
    repaired: bool = False


class Conditions:
    """The conditions known so far: those of the rules, and those that the export's own table adds."""

    def __init__(self, conditions: tuple[Condition, ...], spellings: dict[str, str] | None = None) -> None:
        self._names: dict[str, str] = {}
        for condition in conditions:
            for spelling in (condition.name, condition.abbreviation, *condition.synonyms):
                self._names.setdefault(fold_words(spelling), condition.name)
        for spelling, name in (spellings or {}).items():
            found = self.find(name)
            self._names[fold_words(spelling)] = found.name if found else name

    def add(self, name: str) -> None:
        """Make a new condition known."""
        self._names.setdefault(fold_words(name), name)

    def find(self, text: str) -> Meaning | None:
        """What a text means, or None when it is unknown."""
        folded = fold_words(text)
        if not folded:
            return None
        if name := self._names.get(folded):
            return Meaning(name)
        return self._most_similar(folded)

    def _most_similar(self, folded: str) -> Meaning | None:
        """The one condition whose spelling is nearest, at least 0.90 alike and with the same numbers."""
        if len(folded) < _SHORTEST_TO_REPAIR:
            return None
        numbers = _numbers(folded)
        best: dict[str, float] = {}
        for spelling, name in self._names.items():
            longer = max(len(folded), len(spelling))
            if len(spelling) < _SHORTEST_TO_REPAIR or _numbers(spelling) != numbers:
                continue
            likeness = 1 - OSA.distance(folded, spelling) / longer
            if likeness >= _SIMILAR - 1e-9:
                best[name] = max(best.get(name, 0), likeness)
        if not best:
            return None
        top = max(best.values())
        names = [name for name, likeness in best.items() if likeness == top]
        return Meaning(names[0], repaired=True) if len(names) == 1 else None


def _numbers(folded: str) -> list[str]:
    """The numbers and Roman numerals of a text: type 1 is never type 2."""
    return [word for word in re.findall(r"\d+|[a-z]+", folded) if word.isdigit() or _ROMAN.fullmatch(word)]
