# ruff: noqa: RUF001  look-alike letters of other scripts are what is tested
"""How names are folded and graded: the six rules of the contract as tables, their symmetry as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.people.names import (
    FoldedName,
    Grade,
    Name,
    _data,
    clean_name,
    fold,
    fold_letters,
    fold_name,
    given_names_equal,
    grade_folded,
    grade_names,
)

LETTERS = "aAbBeéÉëoøØsßẞæłđıİ'’ -.žŽ 伟王Жжα"
parts = st.text(alphabet=LETTERS, max_size=12)
names = st.builds(Name, parts, parts)


def name(written: str) -> Name:
    """`given|family`."""
    given_name, _, family = written.partition("|")
    return Name(given_name, family)


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("Anna", "anna"),
        ("  O’Brien-Smith ", "obriensmith"),
        ("D'Almeida", "dalmeida"),
        ("René", "rene"),
        ("Rene\u0301", "rene"),
        ("Weiß", "weiss"),
        ("GROẞ", "gross"),
        ("Sørensen", "sorensen"),
        ("Æsir Œuvre", "aesiroeuvre"),
        ("Łuczak", "luczak"),
        ("Đorđević", "dordevic"),
        ("Işık", "isik"),
        ("İbrahim", "ibrahim"),
        ("Ｍüller", "muller"),
        ("ΕΛΈΝΗ", "ελενη"),
        ("Фёдор", "федор"),
        ("王秀英", "王秀英"),
        ("zero\u200bwidth", "zerowidth"),
        ("Henry 8", "henry8"),
        ("😀", ""),
        ("", ""),
    ],
)
def test_folding_leaves_letters_and_digits(typed: str, folded: str) -> None:
    assert fold(typed) == folded


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("Dr. Anna", "anna"),
        ("dr Anna", "anna"),
        ("Prof.Dr.Anna", "anna"),
        ("Prof. Dr. Anna", "anna"),
        ("Jansen, Drs.", "jansen"),
        ("HERR Klaus", "klaus"),
        ("Mme", ""),
        ("ＤＲ Anna", "anna"),
        ("Drake", "drake"),
        ("Profumo", "profumo"),
        ("M.S.", "ms"),
        ("Al-Mr", "almr"),
    ],
)
def test_titles_go_where_they_are_words(typed: str, folded: str) -> None:
    assert fold(typed) == folded


@pytest.mark.parametrize(
    ("rule", "a", "b", "grade"),
    [
        ("1 one is empty", "|", "Ekaterina|Zhukova", Grade.COMPATIBLE),
        ("1 both are empty", "|", "|", Grade.COMPATIBLE),
        ("1 a title alone is empty", "Dr.|", "Anna|Bos", Grade.COMPATIBLE),
        ("2 the same", "Anna|Bos", "ANNA|bos", Grade.EQUAL),
        ("2 marks and case", "Zoë|'t Hart", "zoe|T HART", Grade.EQUAL),
        ("2 swapped", "Anna|Bos", "Bos|Anna", Grade.EQUAL),
        ("2 all in one field", "Anna Bos|", "Anna|Bos", Grade.EQUAL),
        ("2 all in one field, family first", "|Bos Anna", "Anna|Bos", Grade.EQUAL),
        ("2 the border moved", "Jan van|Dijk", "Jan|van Dijk", Grade.EQUAL),
        ("2 a title more", "Dr. Anna|Bos", "Anna|Bos", Grade.EQUAL),
        ("3 romanised", "Екатерина|Жукова", "Ekaterina|Zhukova", Grade.DOUBTFUL),
        ("3 even when nothing fits", "秀英|王", "Peter|Smith", Grade.DOUBTFUL),
        ("3 not when one is mixed", "Екатерина|Zhukova", "Ekaterina|Zhukova", Grade.DIFFERENT),
        ("4 initial", "J.|Bos", "Joost|Bos", Grade.COMPATIBLE),
        ("4 initial with a mark", "É.|Bos", "Elodie|Bos", Grade.COMPATIBLE),
        ("4 Cyrillic initial", "Е.|Жукова", "Екатерина|Жукова", Grade.COMPATIBLE),
        ("4 another initial", "K.|Bos", "Joost|Bos", Grade.DIFFERENT),
        ("4 no initial without case", "秀|王", "秀英|王", Grade.DIFFERENT),
        ("4 nickname", "Bob|Kim", "Robert|Kim", Grade.COMPATIBLE),
        ("4 two nicknames of one name", "Rob|Kim", "Bob|Kim", Grade.COMPATIBLE),
        ("4 nicknames of two groups", "Bob|Kim", "Bill|Kim", Grade.DIFFERENT),
        ("4 slip inside, six letters", "Catalin|Bos", "Catelin|Bos", Grade.COMPATIBLE),
        ("4 neighbours swapped", "Alexandrina|Bos", "Alxeandrina|Bos", Grade.COMPATIBLE),
        ("4 letter left out inside", "Gwendolina|Bos", "Gwndolina|Bos", Grade.COMPATIBLE),
        ("4 slip at the end", "Michael|Bos", "Michaet|Bos", Grade.DOUBTFUL),
        ("4 slip at the beginning", "Dannis|Bos", "Tannis|Bos", Grade.DOUBTFUL),
        ("4 slip inside, five letters", "Maria|Bos", "Mavia|Bos", Grade.DOUBTFUL),
        ("4 Maria and Marie", "Maria|Bos", "Marie|Bos", Grade.DOUBTFUL),
        ("4 Paul and Paula", "Paul|Bos", "Paula|Bos", Grade.DOUBTFUL),
        ("4 beginning, six letters, another end", "Johann|Bos", "Johanna|Bos", Grade.DOUBTFUL),
        ("4 beginning of three letters", "Ann|Bos", "Annemarie|Bos", Grade.DOUBTFUL),
        ("4 beginning of two letters", "Al|Bos", "Albert|Bos", Grade.DIFFERENT),
        ("4 slip in four letters", "Emma|Bos", "Erma|Bos", Grade.DIFFERENT),
        ("4 siblings", "Anna|Bos", "Joost|Bos", Grade.DIFFERENT),
        ("4 no given name", "|Bos", "Joost|Bos", Grade.DIFFERENT),
        ("5 slip in the family name", "Lucas|Pupudiba", "Lucas|Puupdiba", Grade.COMPATIBLE),
        ("5 slip, five letters", "Lucas|Weber", "Lucas|Webex", Grade.COMPATIBLE),
        ("5 slip, four letters", "Lucas|Wang", "Lucas|Yang", Grade.DOUBTFUL),
        ("5 slip at the beginning", "Lucas|Bakker", "Lucas|Wakker", Grade.DOUBTFUL),
        ("5 marriage", "Zoë|de Vries", "Zoë|van 't Hoff", Grade.DOUBTFUL),
        ("5 double name", "Zoë|de Vries", "Zoë|de Vries-Bos", Grade.DOUBTFUL),
        ("5 no family name", "Zoë|", "Zoë|Bos", Grade.DOUBTFUL),
        ("5 one character is no initial", "伟|王", "伟|李", Grade.DOUBTFUL),
        ("6 equal initials are no given name", "J.|Weber", "J.|Webex", Grade.DIFFERENT),
        ("6 nothing in common", "Anna|Bos", "Lucas|Weber", Grade.DIFFERENT),
        ("6 two slips, one in each", "Alxeandrina|Webex", "Alexandrina|Weber", Grade.DIFFERENT),
    ],
)
def test_the_rules_of_the_contract(rule: str, a: str, b: str, grade: Grade) -> None:
    assert grade_names(name(a), name(b)) is grade, rule
    assert grade_names(name(b), name(a)) is grade, f"{rule}, the other way round"


def test_equal_and_compatible_names_agree() -> None:
    assert [grade for grade in Grade if grade.agrees] == [Grade.EQUAL, Grade.COMPATIBLE]


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ("Zoë|de Vries", "zoe|Bos", True),
        ("Zoë|de Vries", "Noah|de Vries", False),
        ("|de Vries", "|Bos", False),
        ("Dr.|de Vries", "Prof|Bos", False),
        ("J.|de Vries", "J|Bos", False),
        ("伟|王", "伟|李", True),
    ],
)
def test_given_names_are_equal_when_there_are_any(a: str, b: str, *, equal: bool) -> None:
    assert given_names_equal(name(a), name(b)) is equal


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("  Anna\u00a0 Maria\t", "Anna Maria"),
        ("Rene\u0301", "Ren\u00e9"),
        ("\ufeffAnna\u200b", "Anna"),
        ("d'ARC", "d'ARC"),
        ("", ""),
    ],
)
def test_a_name_is_stored_as_typed_but_tidy(typed: str, stored: str) -> None:
    assert clean_name(typed) == stored


def test_the_data_is_folded_so_that_it_is_found() -> None:
    groups = _data()["nicknames"]
    words = [*_data()["titles"], *(given_name for group in groups for given_name in group)]
    assert words
    assert [fold_letters(word) for word in words] == words
    assert all(len(group) > 1 for group in groups)


@given(names, names)
def test_the_order_of_the_two_does_not_matter(a: Name, b: Name) -> None:
    assert grade_names(a, b) is grade_names(b, a)


@given(names)
def test_a_name_equals_itself_in_any_order_of_its_parts(a: Name) -> None:
    expected = Grade.COMPATIBLE if fold_name(a).is_empty else Grade.EQUAL
    assert grade_names(a, a) is expected
    assert grade_names(a, Name(a.family, a.given)) is expected


@given(st.text(max_size=30))
def test_folding_twice_changes_nothing(text: str) -> None:
    folded = fold_letters(text)
    assert fold_letters(folded) == folded
    assert all(c.isalnum() for c in folded)


@given(names, names)
def test_marks_case_and_blanks_change_no_grade(a: Name, b: Name) -> None:
    louder = Name(f" {a.given.upper()}-", f"{a.family.upper()}\u0301")
    if fold_name(louder) == fold_name(a):
        assert grade_names(louder, b) is grade_names(a, b)
    assert grade_folded(fold_name(a), fold_name(b)) is grade_names(a, b)


@given(st.text(alphabet="abcde", min_size=6, max_size=9), st.integers(1, 4))
def test_swapped_neighbours_inside_a_long_given_name_are_one_slip(given_name: str, at: int) -> None:
    swapped = given_name[:at] + given_name[at + 1] + given_name[at] + given_name[at + 2 :]
    grade = grade_folded(FoldedName(given_name, "bos"), FoldedName(swapped, "bos"))
    if swapped == given_name:
        assert grade is Grade.EQUAL
    elif swapped[-1] == given_name[-1]:
        assert grade.agrees
    else:
        assert grade is Grade.DOUBTFUL
