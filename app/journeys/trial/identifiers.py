"""
Registry numbers of clinical trials: found in what people typed, and written as the registries write them.

| registry | number |
| --- | --- |
| ClinicalTrials.gov | `NCT` and 8 digits |
| EU CT (CTIS) | `YYYY-5NNNNN-NN-NN`; the last pair counts resubmissions and is `00` when left out |
| EudraCT | `YYYY-NNNNNN-NN` |
| ISRCTN | `ISRCTN` and 8 digits |
| jRCT | `jRCT` and 10 digits, or a small letter for the kind of research and 9 digits (`jRCTs031180159`) |
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Registry(StrEnum):
    """Who gives the number; the words of `clinical_trial.registry_code`."""

    NCT = "NCT"
    EU_CT = "EUCT"
    EUDRACT = "EudraCT"
    ISRCTN = "ISRCTN"
    JRCT = "jRCT"


@dataclass(frozen=True, slots=True)
class TrialReference:
    """A trial's number as its registry writes it."""

    registry: Registry
    number: str


@dataclass(frozen=True, slots=True)
class _Form:
    """How a registry's numbers are found (any case, blanks and dashes between digits) and written."""

    registry: Registry
    found: re.Pattern[str]
    written: Callable[[re.Match[str]], str]


_GAP: Final = r"[\s\-\u2010-\u2015\u2212]*"


def _digits(count: int, first: str = "[0-9]") -> str:
    return _GAP.join([first, *["[0-9]"] * (count - 1)])


def _bare(found: str | None) -> str:
    return re.sub(_GAP, "", found or "")


def _pattern(*parts: str) -> re.Pattern[str]:
    """Join the parts with gaps; no digit may go before or follow, so that a longer number is not cut to size."""
    return re.compile(f"(?<![0-9]){_GAP.join(parts)}(?![0-9])", re.IGNORECASE)


# A year of this or the last century: the migration reads free text, in which other long numbers stand too.
_YEAR: Final = f"((?:1{_GAP}9|2{_GAP}0){_GAP}{_digits(2)})"

# In this order: an EU CT number without its last pair looks like one of EudraCT, but for the 5.
_FORMS: Final = (
    _Form(Registry.NCT, _pattern("NCT", f"({_digits(8)})"), lambda m: f"NCT{_bare(m[1])}"),
    _Form(
        Registry.EU_CT,
        _pattern(_YEAR, f"({_digits(6, '5')})", f"({_digits(2)})(?:{_GAP}({_digits(2)}))?"),
        lambda m: f"{_bare(m[1])}-{_bare(m[2])}-{_bare(m[3])}-{_bare(m[4]) or '00'}",
    ),
    _Form(
        Registry.EUDRACT,
        _pattern(_YEAR, f"({_digits(6)})", f"({_digits(2)})"),
        lambda m: f"{_bare(m[1])}-{_bare(m[2])}-{_bare(m[3])}",
    ),
    _Form(Registry.ISRCTN, _pattern("ISRCTN", f"({_digits(8)})"), lambda m: f"ISRCTN{_bare(m[1])}"),
    _Form(
        Registry.JRCT,
        _pattern("jRCT", f"([a-z]{_GAP}{_digits(9)}|{_digits(10)})"),
        lambda m: f"jRCT{_bare(m[1]).lower()}",
    ),
)


def read_trial_number(text: str) -> TrialReference | None:
    """The number that the whole text is, case and gaps aside, or None: for input that must be a number."""
    plain = _plain(text).strip()
    for form in _FORMS:
        if match := form.found.fullmatch(plain):
            return TrialReference(form.registry, form.written(match))
    return None


def _plain(text: str) -> str:
    """The text with full-width letters and digits made plain, without invisible characters."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
