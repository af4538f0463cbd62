# ruff: noqa: RUF001  look-alike letters of other scripts are what is tested
"""One table of letters: how a word is written where the keyboard lacks one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.platform.folding import SPELLINGS, letter_table, reduced, romanised, spellings
from tests.printed import assert_printed


def test_the_page_shows_the_table() -> None:
    assert_printed("docs/MATCHING.md", "letters", letter_table())


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("Anna", ("anna",)),
        ("O’Brien-Smith", ("obriensmith",)),
        ("Jürgen", ("jurgen", "juergen")),
        ("JU\u0308RGEN", ("jurgen", "juergen")),
        ("Þórdís", ("thordis",)),
        ("Đorđe", ("dorde", "dordje", "djorde", "djordje")),
        ("ǾYVIND", ("oyvind", "oeyvind")),
        ("GROẞ", ("gross",)),
        ("İbrahim", ("ibrahim",)),
        ("Kaʻahumanu", ("kaahumanu",)),
        ("Ｍüller", ("muller", "mueller")),
        ("Фёдор", ("федор",)),
        ("王秀英", ("王秀英",)),
        ("äöüäöü", ("aouaou", "aeoeueaeoeue")),
        ("-", ("",)),
    ],
)
def test_spellings(typed: str, written: tuple[str, ...]) -> None:
    assert spellings(typed) == written


@pytest.mark.parametrize(
    ("spelt", "short"),
    [
        ("mueller", "muller"),
        ("joerg", "jorg"),
        ("haakon", "hakon"),
        ("djordje", "dorde"),
        ("baer", "baer"),
        ("doe", "doe"),
        ("miguel", "miguel"),
        ("xuemei", "xuemei"),
        ("nadja", "nadja"),
    ],
)
def test_digraphs_are_reduced_where_they_may_be_a_letter(spelt: str, short: str) -> None:
    assert reduced(spelt, with_ae=True) == short


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("жукова", "zhukova"),
        ("жукова", "zhoukova"),
        ("екатерина", "yekaterina"),
        ("хасан", "hassan"),
        ("сергеи", "sergey"),
        ("παπαδοπουλοσ", "papadopoulos"),
        ("秀英", "xiuying"),
    ],
)
def test_other_scripts_are_read_as_people_romanise_them(a: str, b: str) -> None:
    assert romanised(a) == romanised(b)


@given(st.text(max_size=20))
def test_a_spelling_has_letters_and_digits_alone_and_stays(word: str) -> None:
    for spelt in spellings(word):
        assert spelt == "" or spelt.isalnum()
        assert spellings(spelt)[0] == spelt


def test_every_letter_is_its_own_small_form() -> None:
    assert all(letter == letter.lower() and len(letter) == 1 for letter in SPELLINGS)
