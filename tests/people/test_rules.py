"""The table "Who is it?": complete, with a reason for every answer, and printed into docs/MATCHING.md."""

import os
import re
from datetime import date
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.people.names import Grade
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


@pytest.mark.parametrize(
    ("names", "given_names_equal", "birth_dates", "same", "reason"),
    [
        (Grade.EQUAL, True, BirthDates.UNKNOWN, True, Reason.EQUAL_NAMES),
        (Grade.EQUAL, True, BirthDates.EQUAL, True, Reason.EQUAL_NAMES),
        (Grade.EQUAL, True, BirthDates.TYPING_ERROR, True, Reason.EQUAL_NAMES),
        # Father and son.
        (Grade.EQUAL, True, BirthDates.CONTRADICT, False, Reason.BIRTH_DATES_CONTRADICT),
        (Grade.COMPATIBLE, False, BirthDates.UNKNOWN, True, Reason.COMPATIBLE_NAMES),
        (Grade.COMPATIBLE, True, BirthDates.TYPING_ERROR, True, Reason.COMPATIBLE_NAMES),
        (Grade.COMPATIBLE, False, BirthDates.CONTRADICT, False, Reason.BIRTH_DATES_CONTRADICT),
        # Marriage.
        (Grade.DOUBTFUL, True, BirthDates.UNKNOWN, True, Reason.GIVEN_NAMES),
        (Grade.DOUBTFUL, True, BirthDates.TYPING_ERROR, True, Reason.GIVEN_NAMES),
        (Grade.DOUBTFUL, True, BirthDates.CONTRADICT, False, Reason.BIRTH_DATES_CONTRADICT),
        # A romanised name.
        (Grade.DOUBTFUL, False, BirthDates.EQUAL, True, Reason.BIRTH_DATE),
        (Grade.DOUBTFUL, False, BirthDates.TYPING_ERROR, False, Reason.NAMES_DOUBTFUL),
        (Grade.DOUBTFUL, False, BirthDates.UNKNOWN, False, Reason.NAMES_DOUBTFUL),
        (Grade.DOUBTFUL, False, BirthDates.CONTRADICT, False, Reason.BIRTH_DATES_CONTRADICT),
        # Siblings, twins, spouses.
        (Grade.DIFFERENT, False, BirthDates.UNKNOWN, False, Reason.NAMES_DIFFERENT),
        (Grade.DIFFERENT, False, BirthDates.EQUAL, False, Reason.NAMES_DIFFERENT),
        (Grade.DIFFERENT, True, BirthDates.CONTRADICT, False, Reason.NAMES_DIFFERENT),
        (None, False, BirthDates.UNKNOWN, True, Reason.EMAIL_ALONE),
        (None, False, BirthDates.CONTRADICT, True, Reason.EMAIL_ALONE),
    ],
)
def test_who_is_it(
    names: Grade | None, birth_dates: BirthDates, reason: Reason, *, given_names_equal: bool, same: bool
) -> None:
    identity = decide_identity(names, given_names_equal=given_names_equal, birth_dates=birth_dates)
    assert (identity.is_same_person, identity.reason) == (same, reason)


def test_every_case_has_an_answer_that_follows_the_design() -> None:
    for names, given_names_equal, birth_dates in product((*Grade, None), (True, False), BirthDates):
        answer = decide_identity(names, given_names_equal=given_names_equal, birth_dates=birth_dates)
        no_contradiction = birth_dates is not BirthDates.CONTRADICT
        expected = (
            names is None
            or (names.agrees and no_contradiction)
            or (names is Grade.DOUBTFUL and no_contradiction and (given_names_equal or birth_dates is BirthDates.EQUAL))
        )
        assert answer.is_same_person is expected


def test_every_row_is_reached_and_every_reason_has_one_row() -> None:
    reached = {
        decide_identity(names, given_names_equal=given_names_equal, birth_dates=birth_dates)
        for names, given_names_equal, birth_dates in product((*Grade, None), (True, False), BirthDates)
    }
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
