# ruff: noqa: RUF001  look-alike letters of other scripts are what is tested
"""Registry numbers are found in what people type and written as the registries do."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.journeys.trial.identifiers import (
    Registry,
    TrialReference,
    read_trial_number,
)
from app.journeys.trial.models import REGISTRIES

NCT, EU_CT, EUDRACT, ISRCTN, JRCT = Registry
NUMBERS = st.one_of(
    st.from_regex(r"NCT[0-9]{8}", fullmatch=True),
    st.from_regex(r"20[0-9]{2}-5[0-9]{5}-[0-9]{2}-[0-9]{2}", fullmatch=True),
    st.from_regex(r"20[0-9]{2}-[0-46-9][0-9]{5}-[0-9]{2}", fullmatch=True),
    st.from_regex(r"ISRCTN[0-9]{8}", fullmatch=True),
    st.from_regex(r"jRCT(?:[a-z][0-9]{9}|[0-9]{10})", fullmatch=True),
)


@pytest.mark.parametrize(
    ("text", "registry", "number"),
    [
        ("NCT01234567", NCT, "NCT01234567"),
        ("nct01234567", NCT, "NCT01234567"),
        (" NCT 01234567 ", NCT, "NCT01234567"),
        ("NCT-01234567", NCT, "NCT01234567"),
        ("NCT01 234567", NCT, "NCT01234567"),
        ("NCT0123-4567", NCT, "NCT01234567"),
        ("ＮＣＴ０１２３４５６７", NCT, "NCT01234567"),
        ("NCT\u200b01234567", NCT, "NCT01234567"),
        ("2023-501234-12-01", EU_CT, "2023-501234-12-01"),
        ("2023-501234-12", EU_CT, "2023-501234-12-00"),
        ("2023 501234 12 01", EU_CT, "2023-501234-12-01"),
        ("2023\u2013501234\u201312\u201300", EU_CT, "2023-501234-12-00"),
        ("2015-001234-12", EUDRACT, "2015-001234-12"),
        ("2015 001234 12", EUDRACT, "2015-001234-12"),
        ("2015\u2013001234\u201312", EUDRACT, "2015-001234-12"),
        ("ISRCTN12345678", ISRCTN, "ISRCTN12345678"),
        ("isrctn 1234 5678", ISRCTN, "ISRCTN12345678"),
        ("jRCT2031200001", JRCT, "jRCT2031200001"),
        ("JRCTS031180159", JRCT, "jRCTs031180159"),
    ],
)
def test_a_number_is_read_however_it_is_spelled(text: str, registry: Registry, number: str) -> None:
    assert read_trial_number(text) == TrialReference(registry, number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ask PI, arm 123456",
        "Study of SYN-101 part 123456",
        "site protocol K-123456",
        "NCT0123456",
        "NCT012345678",
        "ISRCTN1234567",
        "jRCT203120000",
        "jRCTs0311801590",
        "2015-00123-12",
        "12015-001234-12",
        "2015-001234-123",
        "3015-001234-12",
        "2015/001234/12",
    ],
)
def test_other_text_is_no_reference(text: str) -> None:
    assert read_trial_number(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("nct 01234567", "NCT01234567"),
        (" 2023-501234-12 ", "2023-501234-12-00"),
        ("trial NCT01234567", None),
        ("NCT01234567, NCT01234568", None),
    ],
)
def test_input_must_be_a_number_and_nothing_else(text: str, number: str | None) -> None:
    reference = read_trial_number(text)
    assert (reference.number if reference else None) == number


def test_the_registries_are_those_of_the_table() -> None:
    assert {registry.value for registry in Registry} == set(REGISTRIES) - {"other"}


@given(NUMBERS)
def test_a_number_well_written_is_its_own_reference(number: str) -> None:
    assert _number_of(number) == number


@given(NUMBERS, st.sampled_from(["", " ", "-", "\u2013", "\u00a0"]), st.sampled_from([str, str.upper, str.lower]))
def test_blanks_dashes_and_case_change_no_number(number: str, gap: str, retyped: Callable[[str], str]) -> None:
    loose = re.sub(r"(?<=[0-9])-?(?=[0-9])", gap, number)
    assert _number_of(retyped(loose)) == number


@given(st.text(max_size=60))
def test_any_text_may_be_asked_and_what_is_read_is_well_written(text: str) -> None:
    number = _number_of(text)
    assert number is None or _number_of(number) == number


def _number_of(text: str) -> str | None:
    reference = read_trial_number(text)
    return reference.number if reference else None
