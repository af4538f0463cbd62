# ruff: noqa: RUF001  names in other scripts are what is tested
"""How names are spelt for search: the table that docs/MATCHING.md prints, and what always holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.people.search.folding import MOST_WORDS, Reading, fold_names, read_names
from tests.printed import assert_printed

NAMES = st.lists(st.text(alphabet="aAeEmüÜöøØåÅßþÞđĐłıİ'’ -.王伟明ЖуйёΧουέ김\u0301\u200d", max_size=14), max_size=4)

CASES = (
    # what it shows, a stored name (fields apart by |), typed names that find it, typed names that do not
    ("accents", "René|Nuñez", "rene nunez, René Nuñez, nunez rene", "renner"),
    ("umlauts both ways", "Jörg|Müller", "Müller, Muller, Mueller, Joerg", "Moller"),
    ("written long", "Joerg|Mueller", "Müller, Muller, Jörg Mueller", "Moller"),
    ("Nordic letters", "Søren|Ågård", "Soren Agard, Soeren Aagaard, Ågård", "Sorren"),
    ("thorn and eth", "Þórdís|Guðrúnardóttir", "Thordis, Þórdís Gudrunardottir", "Tordis"),
    ("crossed d", "Đorđe|Petrović", "Djordje, Dorde, Đorđe Petrovic", "Jorge"),
    ("written dj", "Djordje|Petrovic", "Đorđe, Dorde, Petrović Djordje", "Jorge"),
    ("Turkish letters", "İpek|Işık", "ipek isik, IPEK IŞIK, İPEK", "ibek"),
    ("other letters", "Łukasz|Großkreutz", "Lukasz Grosskreutz, GROSSKREUTZ", "Ukasz"),
    ("hyphen", "Anne-Marie|Bos", "Annemarie Bos, Anne Marie, anne‑marie, AnneMarie", "Annamarie"),
    ("written as one", "Annemarie|Bos", "Anne-Marie, Anne Marie Bos", "Anne Bos Jansen"),
    ("apostrophe", "Sean|O'Brien", "OBrien, O’Brien, O Brien, Oʼbrien sean", "OBryan"),
    ("particles", "Jan|de Vries", "devries, de Vries, Vries, vries jan, de-vries", "van Vries"),
    ("several particles", "Piet|van den Berg", "vandenberg, van denberg, Berg, van den Berg Piet", "van der Berg"),
    ("short names", "Li|Ng", "ng, Ng Li, l", "ngo"),
    ("one letter", "O|Kim", "o, Kim O", "ok"),
    ("titles", "Anna|Bos", "Dr. Anna Bos, Mrs Bos", "Drs"),
    ("joiners", "Ali\u200cReza|Karimi", "AliReza", "Ali Karimi Reza"),
    ("Chinese", "伟|王", "王伟, 伟 王, 王 伟, wang wei", "王明"),
    ("Japanese", "タナカ|ケン", "タナカ, tanaka, ﾀﾅｶ", "タナベ"),
    ("Korean", "민준|김", "김민준, 민준 김, minjun", "박민준"),
    ("Cyrillic", "Дмитрий|Фёдоров", "Дмитрий Федоров, dmitry fedorov, Dmitriy, Фёдоров", "Федотов"),
    ("stored in Latin", "Anna|Zhukova", "Жукова, жукова anna", "Жуков Петр"),
    ("Greek", "Χρήστος|Παπαδόπουλος", "Χρηστος, Christos Papadopoulos, Hristos, παπαδοπουλος", "Χριστίνα"),
    ("Arabic", "فَاطِمَة|حسن", "فاطمة, حسن فاطمة", "فطوم"),
)  # fmt: skip


def _finds(readings: list[Reading], words: tuple[str, ...]) -> bool:
    """Whether one of the readings is met: each clause by a word that begins so."""
    return any(
        all(any(word.startswith(spelling) for spelling in clause for word in words) for clause in reading)
        for reading in readings
    )


@pytest.mark.parametrize(("stored", "found", "not_found"), [case[1:] for case in CASES])
def test_a_name_is_found_in_every_spelling(stored: str, found: str, not_found: str) -> None:
    words = fold_names(stored.split("|")).all
    for typed in found.split(", "):
        assert _finds(read_names(typed), words), (typed, words)
    assert not _finds(read_names(not_found), words), (not_found, words)


def test_the_table_of_spellings_is_printed() -> None:
    lines = ["| | stored | in the index | found by |", "| --- | --- | --- | --- |"]
    for what, stored, found, _ in CASES:
        words = ", ".join(fold_names(stored.split("|")).all)
        shown = stored.replace("|", " · ").replace("\u200c", "")
        lines.append(f"| {what} | {shown} | {words} | {found} |")
    assert_printed("docs/MATCHING.md", "spellings", "\n".join(lines) + "\n")


@given(NAMES)
def test_every_part_of_a_name_finds_it_whole_and_begun(fields: list[str]) -> None:
    words = fold_names(fields).all
    assert len(set(words)) == len(words)
    assert not any(" " in word or not word for word in words)
    for field in fields:
        readings = read_names(field)
        assert not readings or _finds(readings, words), (field, words)


@given(st.text(max_size=60))
def test_anything_can_be_typed(typed: str) -> None:
    for reading in read_names(typed):
        assert all(clause and all(clause) for clause in reading)
        assert len([clause for clause in reading if len(clause[0]) > 1]) <= MOST_WORDS
