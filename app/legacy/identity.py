"""
Who is one person, given pairs that speak for it: connected components, joined unless two of their groups clash.

Pure. Groups are numbers; what speaks for a pair (evidence E, N, L) is found in the database.

Source: the contract of the legacy export, section 4.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from app.people.names import CONTRACT, FoldedName, Name, compare_folded, fold_name


class Group(NamedTuple):
    """A group of rows that belong together already: every name in it, every day of birth."""

    number: int
    names: tuple[FoldedName, ...]
    births: frozenset[str]


def components(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """For every number in the pairs the smallest number it is connected with."""
    parent: dict[int, int] = {}

    def root(number: int) -> int:
        top = number
        while (above := parent.setdefault(top, top)) != top:
            top = above
        while (above := parent[number]) != top:
            parent[number], number = top, above
        return top

    for a, b in pairs:
        x, y = root(a), root(b)
        if x != y:
            parent[max(x, y)] = min(x, y)
    return {number: root(number) for number in parent}


def clash(groups: Sequence[Group]) -> bool:
    """
    Whether two of the groups cannot be one person.

    They cannot when no name of one agrees with any of the other, or both have days of birth and none in common.
    """
    kinds = list({(group.names, group.births) for group in groups})
    return any(_contradict(a, b) for i, a in enumerate(kinds) for b in kinds[i + 1 :])


def _contradict(
    a: tuple[tuple[FoldedName, ...], frozenset[str]], b: tuple[tuple[FoldedName, ...], frozenset[str]]
) -> bool:
    if a[1] and b[1] and not a[1] & b[1]:
        return True
    if set(a[0]) & set(b[0]):
        return False
    return not any(compare_folded(x, y, CONTRACT).grade.agrees for x in a[0] for y in b[0])


def folded(first: str, last: str) -> FoldedName:
    """A typed name ready for comparison."""
    return fold_name(Name(first, last), CONTRACT)


@lru_cache(maxsize=1 << 15)
def name_keys(first: str, last: str) -> tuple[str, str, str, str]:
    """
    A name's two letters-only forms (given+family, family+given), and its folded parts; all '' for an empty name.

    Behind a form stands the generation, `/jr`: two names are equal exactly when they share one of the forms, and have
    the same letters when they share what stands before the `/`. Names of plain letters that share neither letters nor a
    part, and are not empty, are different: the database leaves those pairs out by itself.
    """
    name = folded(first, last)
    behind = f"/{name.generation}" if name.generation else ""
    return name.given + name.family + behind, name.family + name.given + behind, name.given, name.family
