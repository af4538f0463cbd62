"""
Who is it? An e-mail arrives that is known: the same person, or someone else with the same address.

The answer is read from one table, the first row that fits; docs/MATCHING.md prints it. It never guesses:
every answer names the row it came from, and anyone who is not recognised is somebody else.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from app.people.birth_dates import agree_as_far_as_known, precision_of
from app.people.names import Doubt, Grade, Likeness
from app.platform.plausibility import PLACEHOLDERS


class BirthDates(StrEnum):
    """How the birth dates of two records relate."""

    UNKNOWN = "unknown"
    EQUAL = "equal"
    TYPING_ERROR = "typing_error"
    CONTRADICT = "contradict"


class Reason(StrEnum):
    """Why an e-mail's owner is the person who writes, or is not; stands in the answer's `match.reasons`."""

    EQUAL_NAMES = "email_and_equal_names"
    COMPATIBLE_NAMES = "email_and_compatible_names"
    GIVEN_NAMES = "email_and_given_names"
    BIRTH_DATE = "email_and_birth_date"
    EMAIL_ALONE = "email_without_name"
    BIRTH_DATES_CONTRADICT = "birth_dates_contradict"
    NAMES_DOUBTFUL = "names_doubtful"
    NAMES_DIFFERENT = "names_different"


@dataclass(frozen=True, slots=True)
class Identity:
    """The decision on one candidate, and the reason for it."""

    is_same_person: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One row of the table. A condition that is None holds for everything.

    `names` lists grades, None among them standing for a record that brings no name. Of doubtful names nothing but
    `doubts` may be doubtful.
    """

    names: frozenset[Grade | None]
    doubts: frozenset[Doubt] | None
    birth_dates: frozenset[BirthDates]
    answer: Identity

    def fits(self, names: Likeness | None, birth_dates: BirthDates) -> bool:
        """Whether this row speaks of such a pair."""
        return (
            (names and names.grade) in self.names
            and (self.doubts is None or names is None or names.doubts <= self.doubts)
            and birth_dates in self.birth_dates
        )


_ANY: Final = frozenset(BirthDates)
_NOT_CONTRADICTING: Final = _ANY - {BirthDates.CONTRADICT}
_PROVEN_BY_BIRTH_DATE: Final = frozenset({Doubt.FAMILY_NAMES, Doubt.ROMANISED, Doubt.GENERATION, Doubt.UNREADABLE})
"""Twins have one birth date and other given names."""

RULES: Final[tuple[Rule, ...]] = (
    Rule(frozenset({Grade.EQUAL}), None, _NOT_CONTRADICTING, Identity(True, Reason.EQUAL_NAMES)),
    Rule(frozenset({Grade.COMPATIBLE}), None, _NOT_CONTRADICTING, Identity(True, Reason.COMPATIBLE_NAMES)),
    # Marriage and double names: one given name, one address, nothing against it.
    Rule(
        frozenset({Grade.DOUBTFUL}),
        frozenset({Doubt.FAMILY_NAMES}),
        _NOT_CONTRADICTING,
        Identity(True, Reason.GIVEN_NAMES),
    ),
    Rule(
        frozenset({Grade.DOUBTFUL}),
        _PROVEN_BY_BIRTH_DATE,
        frozenset({BirthDates.EQUAL}),
        Identity(True, Reason.BIRTH_DATE),
    ),
    Rule(frozenset({None}), None, _ANY, Identity(True, Reason.EMAIL_ALONE)),
    # From here on it is someone else; the rows differ in what the navigator is told.
    Rule(frozenset({Grade.DIFFERENT}), None, _ANY, Identity(False, Reason.NAMES_DIFFERENT)),
    Rule(
        frozenset({Grade.EQUAL, Grade.COMPATIBLE, Grade.DOUBTFUL}),
        None,
        frozenset({BirthDates.CONTRADICT}),
        Identity(False, Reason.BIRTH_DATES_CONTRADICT),
    ),
    Rule(frozenset({Grade.DOUBTFUL}), None, _NOT_CONTRADICTING, Identity(False, Reason.NAMES_DOUBTFUL)),
)


def decide_identity(names: Likeness | None, birth_dates: BirthDates) -> Identity:
    """
    Whether the owner of a known e-mail is the person it arrives for, with the reason.

    `names` is how alike the two names are, or None when the arriving record has no name at all: an absent name is
    "compatible" and would hide that the address alone decides.

    Source: docs/MATCHING.md.
    """
    return next(rule for rule in RULES if rule.fits(names, birth_dates)).answer


def compare_birth_dates(a: date | None, b: date | None) -> BirthDates:
    """
    How two birth dates relate, as far as both are known; unknown when one is absent, or less than a day is the same.
    """
    if a is None or b is None:
        return BirthDates.UNKNOWN
    if {precision_of(a), precision_of(b)} != {"day"}:
        is_of_year = is_placeholder(a) or is_placeholder(b)
        agree = a.year == b.year if is_of_year else agree_as_far_as_known(a, b)
        return BirthDates.UNKNOWN if agree else BirthDates.CONTRADICT
    if a == b:
        return BirthDates.EQUAL
    if is_placeholder(a) or is_placeholder(b):
        # A slip is seen by what else agrees, and of two such days only the year says anything.
        return BirthDates.UNKNOWN if a.year == b.year else BirthDates.CONTRADICT
    return BirthDates.TYPING_ERROR if _is_typing_error(a, b) else BirthDates.CONTRADICT


def is_placeholder(born: date) -> bool:
    """Whether only the year is known, or month and day are those that are written where they are not."""
    return precision_of(born) == "year" or (precision_of(born) == "day" and (born.month, born.day) in PLACEHOLDERS)


def birth_dates_contradict(a: date | None, b: date | None) -> bool:
    """
    Whether both dates are present and differ by more than a typing error.

    A typing error is one of: a single digit of `YYYY-MM-DD` differs; two neighbouring digits of the year, the
    month or the day are swapped; day and month have changed places.
    """
    return compare_birth_dates(a, b) is BirthDates.CONTRADICT


def rule_table() -> str:
    """RULES as a Markdown table, a row each in order, for docs/MATCHING.md."""
    head = "| names | doubtful in | birth dates | who | reason |\n| --- | --- | --- | --- | --- |\n"
    return head + "".join(f"| {' | '.join(_cells(rule))} |\n" for rule in RULES)


def _is_typing_error(a: date, b: date) -> bool:
    if (a.year, a.month, a.day) == (b.year, b.day, b.month):
        return True
    written, other = a.isoformat(), b.isoformat()
    places = [place for place, digit in enumerate(written) if digit != other[place]]
    match places:
        case [_]:
            return True
        # Across a hyphen no two digits are neighbours: the hyphens stand at their places in every date.
        case [first, second] if second == first + 1:
            return written[first] == other[second] and written[second] == other[first]
        case _:
            return False


def _cells(rule: Rule) -> tuple[str, str, str, str, str]:
    grades = [grade.value for grade in Grade if grade in rule.names]
    if rule.birth_dates == _ANY:
        birth_dates = "any"
    elif rule.birth_dates == _NOT_CONTRADICTING:
        birth_dates = "do not contradict"
    else:
        birth_dates = " or ".join(relation.value for relation in BirthDates if relation in rule.birth_dates)
    return (
        " or ".join(grades) or "absent",
        _doubts_cell(rule),
        birth_dates,
        "that person" if rule.answer.is_same_person else "someone else",
        f"`{rule.answer.reason}`",
    )


def _doubts_cell(rule: Rule) -> str:
    if Grade.DOUBTFUL not in rule.names:
        return ""
    return "anything" if rule.doubts is None else ", ".join(f"`{doubt}`" for doubt in Doubt if doubt in rule.doubts)
