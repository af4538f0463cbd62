"""What a cell means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.legacy import values
from app.legacy.values import Read

TZ = "Europe/Amsterdam"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2024-03-14T23:00:00Z", "2024-03-14T23:00:00Z"),
        ("2024-03-14T23:00:00.1234567Z", "2024-03-14T23:00:00Z"),
        ("2024-03-15T01:00:00+02:00", "2024-03-14T23:00:00Z"),
        ("2024-03-14 23:00:00", "2024-03-14T23:00:00Z"),
        ("15/03/2024 00:00", "2024-03-14T23:00:00Z"),
        ("3/14/2024 7:00 PM", "2024-03-14T23:00:00Z"),
        ("1/2/2024 12:05 am", "2024-01-02T05:05:00Z"),
        ("45365.958333", "2024-03-14T23:00:00Z"),
        ("2024-07-01", "2024-06-30T22:00:00Z"),
        ("45474", "2024-06-30T22:00:00Z"),
    ],
)
def test_moments_are_read_in_the_writings_people_use(cell: str, expected: str) -> None:
    assert values.moment(cell, TZ) == Read(expected)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2024-03-14", "2024-03-14"),
        ("20240314", "2024-03-14"),
        ("14/03/2024", "2024-03-14"),
        ("03/14/2024", "2024-03-14"),
        ("04/03/2024", "2024-03-04"),
        ("14.03.2024", "2024-03-14"),
        ("14 March 2024", "2024-03-14"),
        ("45365", "2024-03-14"),
        ("2024-03-14T23:00Z", "2024-03-15"),
        ("2024-03-14T22:59:59Z", "2024-03-14"),
    ],
)
def test_days_are_the_calendar_days_of_the_zone(cell: str, expected: str) -> None:
    assert values.day(cell, TZ) == Read(expected)


@pytest.mark.parametrize(
    "cell", ["soon", "2024-13-01", "31/04/2024", "14-03-2024", "2024-03-14T25:00:00Z", "13/13/2024", "123"]
)
def test_what_cannot_be_read_is_invalid(cell: str) -> None:
    assert values.day(cell, TZ) == Read(None, "INVALID_DATE")
    assert values.moment(cell, TZ) == Read(None, "INVALID_DATE")


@pytest.mark.parametrize(
    "cell",
    [
        "1753-01-01", "1900-01-01T00:00:00Z", "9999-12-31", "9999-12-31T23:59:59Z", "01/01/1900",
        "0001-01-01", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00", "01/01/0001", "1/1/0001 12:00 AM", "01.01.0001",
    ],
)  # fmt: skip
def test_placeholders_are_no_value(cell: str) -> None:
    assert values.day(cell, TZ) == Read(None, "PLACEHOLDER_DATE")
    assert values.moment(cell, TZ) == Read(None, "PLACEHOLDER_DATE")


def test_a_birthday_has_no_zone_and_a_plausible_year() -> None:
    assert values.birth_day("1980-03-14T23:00:00Z", "2025-06-30") == Read("1980-03-14")
    assert values.birth_day("1905-06-29", "2025-06-30").problem == "IMPLAUSIBLE_BIRTHDATE"
    assert values.birth_day("1905-06-30", "2025-06-30") == Read("1905-06-30")
    assert values.birth_day("2025-07-01", "2025-06-30").problem == "IMPLAUSIBLE_BIRTHDATE"


def test_guids_in_any_case_and_in_braces() -> None:
    plain = "0f8cbbf5-8fe8-4c42-a592-e5bedb5ee48b"
    assert values.guid("{" + plain.upper() + "}") == values.guid(f" {plain} ") == plain
    assert values.guid("{" + plain) is None
    assert values.guid("0f8cbbf58fe84c42a592e5bedb5ee48b") is None


@pytest.mark.parametrize(
    ("cell", "shown", "problems"),
    [
        (" Anna.B+crm@Example.ORG. ", ("anna.b@example.org",), ()),
        ("<mailto:a@x.org>;", ("a@x.org",), ()),
        ("a@x.org; b@y.org", ("a@x.org", "b@y.org"), ("EMAIL_SEVERAL",)),
        ("a@b@c", (), ("INVALID_EMAIL",)),
        ("test@test.com", (), ("PLACEHOLDER_EMAIL",)),
        ("\u200bzoë@exämple.org", ("zoë@exämple.org",), ()),
        ("", (), ()),
    ],
)
def test_addresses(cell: str, shown: tuple[str, ...], problems: tuple[str, ...]) -> None:
    found = values.emails(cell)
    assert (found.shown, found.problems) == (shown, problems)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("NCT99123456", Read("NCT99123456")),
        ("nct 9912-3456", Read("NCT99123456", "TRIAL_ID_REPAIRED")),
        ("https://example.org/study/NCT99123456", Read("NCT99123456", "TRIAL_ID_REPAIRED")),
        ("2023-512345-12-01", Read("2023-512345-12-01")),
        ("2023–512345–12", Read("2023-512345-12-00", "TRIAL_ID_REPAIRED")),
        ("EudraCT 2008-079195-52", Read("2008-079195-52", "TRIAL_ID_REPAIRED")),
        ("studyNCT99123456 12 weeks", Read("NCT99123456", "TRIAL_ID_REPAIRED")),
        ("isrctn12345678", Read("ISRCTN12345678", "TRIAL_ID_REPAIRED")),
        (" ask  PI, arm 7 ", Read("ask PI, arm 7", "TRIAL_ID_FREE_TEXT")),
        ("NCT991234567", Read("NCT991234567", "TRIAL_ID_FREE_TEXT")),
    ],
)
def test_trial_references(cell: str, expected: Read) -> None:
    assert values.trial_reference(cell) == expected


def test_double_encoding_is_undone_and_nothing_else() -> None:
    assert values.undo_double_encoding("RenÃ©e") == "Renée"
    assert values.undo_double_encoding("Ã\x81lvarez") == "Álvarez"
    assert values.undo_double_encoding("Renée") is None
    assert values.undo_double_encoding("Жукова") is None


@given(st.text(max_size=60))
def test_no_text_breaks_a_reader(text: str) -> None:
    for read in (values.moment(text, TZ), values.day(text, TZ), values.birth_day(text, "2025-06-30")):
        assert read.value is None or read.problem is None
    values.emails(text)
    values.trial_reference(text)
    values.phone(text, "Nederland")
    values.undo_double_encoding(text)
    assert values.guid(text) is None or len(text.strip()) >= 36


@pytest.mark.parametrize("cell", ["#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", " #n/a "])
def test_what_a_spreadsheet_says_of_its_own_errors_is_no_value(cell: str) -> None:
    assert values.is_no_value(cell)
