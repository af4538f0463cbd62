"""
Short references: what people read out to each other instead of an id. `P-7K2Q9XAM` is a person, `L-…` a lead.

Seven random letters of Crockford's alphabet, which has no I, L, O and U, and a check letter by which a wrong letter and
two that have changed places are noticed. The database makes them (its `new_reference` looks that nobody has this one
yet); here one is made for a fast path, where the unique key tells of it, and one that was typed is read.
"""

import re
import secrets
import unicodedata
from typing import Final

LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MEANT: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
_TYPED: Final = re.compile(r"([A-Z])[\s-]*((?:[0-9A-TV-Z][\s-]*){8})\Z", re.ASCII)
_DASHES: Final = re.compile(r"[\u2010-\u2015\u2212]")
_RANDOM_LETTERS: Final = 7
_CARRY, _POLYNOMIAL = 0b100000, 0b100101


def new_reference(kind: str) -> str:
    """One that hardly anybody has: 32 to the power of 7 are as likely as each other."""
    letters = "".join(LETTERS[number & 31] for number in secrets.token_bytes(_RANDOM_LETTERS))
    return f"{kind}-{letters}{check_letter(letters)}"


def read_reference(typed: str) -> str | None:
    """
    The reference as it is stored, when this is one: blanks, hyphens and capitals as somebody likes, O for 0, I and L
    for 1. None where the check letter is another one.
    """
    found = _TYPED.fullmatch(_DASHES.sub("-", unicodedata.normalize("NFKC", typed)).strip().upper())
    if found is None:
        return None
    letters = re.sub(r"[\s-]", "", found[2]).translate(_MEANT)
    return f"{found[1]}-{letters}" if check_letter(letters[:-1]) == letters[-1] else None


def check_letter(letters: str) -> str:
    """The letter that goes behind these: they are numbers of a field of 32 elements, weighed by their place."""
    total = 0
    for letter in letters:
        total = (total ^ LETTERS.index(letter)) << 1
        if total & _CARRY:
            total ^= _POLYNOMIAL
    return LETTERS[total]
