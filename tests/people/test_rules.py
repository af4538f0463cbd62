"""The table "Who is it?": complete, with a reason for every answer, and printed into docs/MATCHING.md."""

import os
import re
from datetime import date
from itertools import combinations, product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.people.names import Doubt, Grade, Likeness
from app.people.rules import (
    RULES,
    BirthDates,
    Reason,
    birth_dates_contradict,
    compare_birth_dates,
    decide_identity,
    rule_table,
)

PAGE = Path(__file__).parents[2] / "docs" / "MATCHING.md"
PRINTED = re.compile(r"(?<=<!-- printed:rules -->\n).*?(?=<!-- /printed -->)", re.DOTALL)


def test_the_page_shows_the_table_of_the_code() -> None:
    """CRM_UPDATE_DOCS=1 writes the table into the page first."""
    page = PAGE.read_text(encoding="utf-8")
    if os.environ.get("CRM_UPDATE_DOCS") == "1":
        page = PRINTED.sub(lambda _: rule_table(), page)
        PAGE.write_text(page, encoding="utf-8")
    assert PRINTED.findall(page) == [rule_table()]


EQUAL, COMPATIBLE, DOUBTFUL, DIFFERENT = Grade
EVERY = [
    None,
    *(Likeness(grade) for grade in (EQUAL, COMPATIBLE, DIFFERENT)),
    Likeness(DIFFERENT, frozenset({Doubt.GENERATIONS})),
    *(
        Likeness(DOUBTFUL, frozenset(doubts))
        for size in (1, 2, 3)
        for doubts in combinations([doubt for doubt in Doubt if doubt is not Doubt.GENERATIONS], size)
    ),
]


@pytest.mark.parametrize(
    ("grade", "doubts", "birth_dates", "same", "reason"),
    [
        (EQUAL, (), BirthDates.UNKNOWN, True, Reason.EQUAL_NAMES),
        (EQUAL, (), BirthDates.EQUAL, True, Reason.EQUAL_NAMES),
        (EQUAL, (), BirthDates.TYPING_ERROR, True, Reason.EQUAL_NAMES),
        # Father and son.
        (EQUAL, (), BirthDates.CONTRADICT, False, Reason.BIRTH_DATES_CONTRADICT),
        (DOUBTFUL, (Doubt.GENERATION,), BirthDates.UNKNOWN, False, Reason.NAMES_DOUBTFUL),
        (DOUBTFUL, (Doubt.GENERATION,), BirthDates.TYPING_ERROR, False, Reason.NAMES_DOUBTFUL),
        (DOUBTFUL, (Doubt.GENERATION,), BirthDates.EQUAL, True, Reason.BIRTH_DATE),
        (DOUBTFUL, (Doubt.GENERATION, Doubt.FAMILY_NAMES), BirthDates.UNKNOWN, False, Reason.NAMES_DOUBTFUL),
        (DIFFERENT, (Doubt.GENERATIONS,), BirthDates.EQUAL, False, Reason.NAMES_DIFFERENT),
        (COMPATIBLE, (), BirthDates.UNKNOWN, True, Reason.COMPATIBLE_NAMES),
        (COMPATIBLE, (), BirthDates.TYPING_ERROR, True, Reason.COMPATIBLE_NAMES),
        (COMPATIBLE, (), BirthDates.CONTRADICT, False, Reason.BIRTH_DATES_CONTRADICT),
        # Marriage.
        (DOUBTFUL, (Doubt.FAMILY_NAMES,), BirthDates.UNKNOWN, True, Reason.GIVEN_NAMES),
        (DOUBTFUL, (Doubt.FAMILY_NAMES,), BirthDates.TYPING_ERROR, True, Reason.GIVEN_NAMES),
        (DOUBTFUL, (Doubt.FAMILY_NAMES,), BirthDates.CONTRADICT, False, Reason.BIRTH_DATES_CONTRADICT),
        # A romanised name, and one of two scripts that reads otherwise.
        (DOUBTFUL, (Doubt.ROMANISED,), BirthDates.EQUAL, True, Reason.BIRTH_DATE),
        (DOUBTFUL, (Doubt.ROMANISED,), BirthDates.TYPING_ERROR, False, Reason.NAMES_DOUBTFUL),
        (DOUBTFUL, (Doubt.ROMANISED,), BirthDates.UNKNOWN, False, Reason.NAMES_DOUBTFUL),
        (DOUBTFUL, (Doubt.ROMANISED,), BirthDates.CONTRADICT, False, Reason.BIRTH_DATES_CONTRADICT),
        (DOUBTFUL, (Doubt.OTHER_SCRIPT,), BirthDates.EQUAL, False, Reason.NAMES_DOUBTFUL),
        # Twins.
        (DOUBTFUL, (Doubt.GIVEN_NAMES,), BirthDates.EQUAL, False, Reason.NAMES_DOUBTFUL),
        (DOUBTFUL, (Doubt.GIVEN_NAMES,), BirthDates.UNKNOWN, False, Reason.NAMES_DOUBTFUL),
        # Siblings, spouses.
        (DIFFERENT, (), BirthDates.UNKNOWN, False, Reason.NAMES_DIFFERENT),
        (DIFFERENT, (), BirthDates.EQUAL, False, Reason.NAMES_DIFFERENT),
        (DIFFERENT, (), BirthDates.CONTRADICT, False, Reason.NAMES_DIFFERENT),
    ],
)
def test_who_is_it(
    grade: Grade, doubts: tuple[Doubt, ...], birth_dates: BirthDates, reason: Reason, *, same: bool
) -> None:
    identity = decide_identity(Likeness(grade, frozenset(doubts)), birth_dates)
    assert (identity.is_same_person, identity.reason) == (same, reason)


@pytest.mark.parametrize("birth_dates", BirthDates)
def test_without_a_name_the_address_decides(birth_dates: BirthDates) -> None:
    assert decide_identity(None, birth_dates).reason is Reason.EMAIL_ALONE


def test_every_case_has_an_answer_that_follows_the_design() -> None:
    proven = {Doubt.FAMILY_NAMES, Doubt.ROMANISED, Doubt.GENERATION, Doubt.UNREADABLE}
    for names, birth_dates in product(EVERY, BirthDates):
        no_contradiction = birth_dates is not BirthDates.CONTRADICT
        expected = (
            names is None
            or (names.grade.agrees and no_contradiction)
            or (
                names.grade is DOUBTFUL
                and no_contradiction
                and (
                    names.doubts == {Doubt.FAMILY_NAMES} or (birth_dates is BirthDates.EQUAL and names.doubts <= proven)
                )
            )
        )
        assert decide_identity(names, birth_dates).is_same_person is expected


def test_every_row_is_reached_and_every_reason_has_one_row() -> None:
    reached = {decide_identity(names, birth_dates) for names, birth_dates in product(EVERY, BirthDates)}
    assert reached == {rule.answer for rule in RULES}
    assert sorted(rule.answer.reason for rule in RULES) == sorted(Reason)


@pytest.mark.parametrize(
    ("a", "b", "relation"),
    [
        (None, None, BirthDates.UNKNOWN),
        (date(1967, 6, 24), None, BirthDates.UNKNOWN),
        (date(1967, 6, 24), date(1967, 6, 24), BirthDates.EQUAL),
        # One digit differs.
        (date(1967, 6, 24), date(1977, 6, 24), BirthDates.TYPING_ERROR),
        (date(1967, 6, 24), date(1967, 5, 24), BirthDates.TYPING_ERROR),
        (date(1967, 6, 24), date(1967, 6, 20), BirthDates.TYPING_ERROR),
        # Neighbours are swapped.
        (date(1967, 6, 24), date(1976, 6, 24), BirthDates.TYPING_ERROR),
        (date(1967, 6, 12), date(1967, 6, 21), BirthDates.TYPING_ERROR),
        (date(1967, 10, 4), date(1967, 1, 4), BirthDates.TYPING_ERROR),
        (date(1967, 1, 10), date(1967, 10, 1), BirthDates.TYPING_ERROR),
        # Day and month have changed places.
        (date(1967, 3, 4), date(1967, 4, 3), BirthDates.TYPING_ERROR),
        (date(1967, 12, 11), date(1967, 11, 12), BirthDates.TYPING_ERROR),
        # More than that.
        (date(1967, 6, 24), date(1967, 7, 25), BirthDates.CONTRADICT),
        (date(1967, 6, 24), date(1968, 6, 25), BirthDates.CONTRADICT),
        (date(1967, 6, 24), date(1998, 1, 2), BirthDates.CONTRADICT),
        # Digits swapped over the border of year and month, month and day are two errors.
        (date(1961, 12, 24), date(1961, 1, 2), BirthDates.CONTRADICT),
        (date(1967, 3, 4), date(1968, 4, 3), BirthDates.CONTRADICT),
        # Where month and day are not known, the year alone contradicts.
        (date(1967, 1, 1), date(1967, 6, 24), BirthDates.UNKNOWN),
        (date(1967, 6, 30), date(1967, 12, 24), BirthDates.UNKNOWN),
        (date(1967, 7, 1), date(1967, 2, 28), BirthDates.UNKNOWN),
        (date(1967, 1, 1), date(1967, 7, 1), BirthDates.UNKNOWN),
        (date(1967, 1, 1), date(1967, 1, 1), BirthDates.EQUAL),
        (date(1967, 1, 1), date(1968, 6, 24), BirthDates.CONTRADICT),
        (date(1967, 1, 1), date(1968, 1, 1), BirthDates.CONTRADICT),
        (date(1967, 6, 30), date(1976, 6, 30), BirthDates.CONTRADICT),
        # Digits that are no neighbours.
        (date(1967, 6, 24), date(1769, 6, 24), BirthDates.CONTRADICT),
    ],
)
def test_birth_dates_relate(a: date | None, b: date | None, relation: BirthDates) -> None:
    assert compare_birth_dates(a, b) is relation
    assert compare_birth_dates(b, a) is relation
    assert birth_dates_contradict(a, b) is (relation is BirthDates.CONTRADICT)


@given(st.dates(), st.dates())
def test_the_order_of_two_birth_dates_does_not_matter(a: date, b: date) -> None:
    assert compare_birth_dates(a, b) is compare_birth_dates(b, a)
    assert (compare_birth_dates(a, b) is BirthDates.EQUAL) is (a == b)
