# ruff: noqa: RUF001  look-alike letters of other scripts are what is tested
"""How names are folded and graded: the six rules of the contract as tables, their symmetry as properties."""

import json
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.people.names import (
    CONTRACT,
    PEOPLE,
    Doubt,
    FoldedName,
    Grade,
    Name,
    Profile,
    _data,
    _is_given_slip,
    clean_name,
    compare_folded,
    compare_names,
    fold_letters,
    fold_name,
    profile_table,
)
from tests.printed import ROOT, assert_printed

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
    assert fold_name(Name(typed, ""), CONTRACT).given == folded


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
    assert fold_name(Name(typed, ""), CONTRACT).given == folded


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
        ("4 a letter in another's place is no slip", "Catalin|Bos", "Catelin|Bos", Grade.DOUBTFUL),
        ("4 twins", "Jordan|Bos", "Jordyn|Bos", Grade.DOUBTFUL),
        ("4 twins of five letters", "Maria|Bos", "Marta|Bos", Grade.DOUBTFUL),
        ("4 a letter too many", "Alexandrina|Bos", "Alexanddrina|Bos", Grade.COMPATIBLE),
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
        ("7 two generations", "Jan|Bos Jr.", "Jan|Bos Sr.", Grade.DIFFERENT),
        ("7 two writings of one generation", "Jan|Bos Jr.", "Jan|Bos, Junior", Grade.EQUAL),
        ("7 one side only, equal names", "Jan|Bos III", "Jan|Bos", Grade.DOUBTFUL),
        ("7 one side only, names changed round", "Jan|Bos III", "Bos|Jan", Grade.DOUBTFUL),
        ("7 one side only, compatible names", "J.|Bos 2nd", "Jan|Bos", Grade.DOUBTFUL),
        ("7 one side only, other people", "Jan|Bos Sr", "Kees|Bos", Grade.DIFFERENT),
        ("7 one side only, an absent name", "Jan|Bos Sr", "|", Grade.COMPATIBLE),
        ("7 of the given name, where there is no family name", "Jan Bos Sr|", "Jan Bos Jr|", Grade.DIFFERENT),
        ("7 not of the given name beside a family name", "Jan Jr|Bos", "Jan Sr|Bos", Grade.DOUBTFUL),
        ("7 the only word is a name", "Jan|Junior", "Jan|Senior", Grade.DOUBTFUL),
        ("7 groups of their own", "João|Silva Filho", "João|Silva Júnior", Grade.DIFFERENT),
        ("7 marks", "Alexandre|Dumas père", "Alexandre|Dumas Fils", Grade.DIFFERENT),
        ("6 equal initials are no given name", "J.|Weber", "J.|Webex", Grade.DIFFERENT),
        ("6 nothing in common", "Anna|Bos", "Lucas|Weber", Grade.DIFFERENT),
        ("6 two slips, one in each", "Alxeandrina|Webex", "Alexandrina|Weber", Grade.DIFFERENT),
    ],
)
def test_the_rules_of_the_contract(rule: str, a: str, b: str, grade: Grade) -> None:
    assert compare_names(name(a), name(b), CONTRACT).grade is grade, rule
    assert compare_names(name(b), name(a), CONTRACT).grade is grade, f"{rule}, the other way round"


EQUAL, COMPATIBLE, DOUBTFUL, DIFFERENT = Grade


@pytest.mark.parametrize(
    ("a", "b", "grade", "doubts"),
    [
        # Either folding, in one part or in both, and each its own.
        ("Jürgen|Müller", "Juergen|Mueller", EQUAL, ()),
        ("Jürgen|Müller", "Jurgen|Muller", EQUAL, ()),
        ("Jürgen|Müller", "Juergen|Muller", EQUAL, ()),
        ("Juergen|Muller", "Jurgen|Mueller", EQUAL, ()),
        ("Joerg|Bos", "Jorg|Bos", EQUAL, ()),
        ("Þórdís|Jónsdóttir", "Thordis|Jonsdottir", EQUAL, ()),
        ("Guðrún|Ösp", "Gudrun|Oesp", EQUAL, ()),
        ("Đorđe|Đoković", "Djordje|Djokovic", EQUAL, ()),
        ("Đorđe|Đoković", "Dorde|Dokovic", EQUAL, ()),
        ("Åse|Ås", "Aase|Aas", EQUAL, ()),
        ("Søren|Ødegård", "Soeren|Odegaard", EQUAL, ()),
        ("Æsa|Bos", "Aesa|Bos", EQUAL, ()),
        ("Saša|Šimić", "Sasha|Shimic", EQUAL, ()),
        ("Ayşe|Yılmaz", "Ayshe|Yilmaz", EQUAL, ()),
        ("Elçin|Əliyev", "Elchin|Aliyev", EQUAL, ()),
        ("Weiß|Groß", "Weiss|Gross", EQUAL, ()),
        ("Łukasz|Wałęsa", "Lukasz|Walesa", EQUAL, ()),
        ("Đức|Nguyễn", "Duc|Nguyen", EQUAL, ()),
        # What looks like a digraph and is none.
        ("Wei|Xu", "Wei|Xue", DOUBTFUL, (Doubt.FAMILY_NAMES,)),
        ("Xiaoyue|Li", "Xiaoyu|Li", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Haena|Kim", "Hana|Kim", DIFFERENT, ()),
        ("Nadja|Bos", "Nada|Bos", DIFFERENT, ()),
        # Hyphen, apostrophe, blank, particles, the order of the parts.
        ("Anne-Marie|Bos", "Annemarie|Bos", EQUAL, ()),
        ("Anne Marie|O’Brien", "Anne-Marie|OBrien", EQUAL, ()),
        ("Lani|Kaʻahumanu", "Lani|Kaahumanu", EQUAL, ()),
        ("Anna|de Vries", "Anna|Vries", EQUAL, ()),
        ("A.|Dijk, van", "Anna|van Dijk", COMPATIBLE, ()),
        ("Ali|Al-Masri", "Ali|El Masri", EQUAL, ()),
        ("Maria del Carmen|Ruiz", "Maria Carmen|Ruiz", EQUAL, ()),
        ("Bob|Kim", "Kim|Robert", COMPATIBLE, ()),
        ("Thi Van|Nguyen", "Thi|Nguyen", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        # Short forms, spellings, initials.
        ("Bobby|Kim", "Rob|Kim", COMPATIBLE, ()),
        ("Sergey|Ivanov", "Sergei|Ivanov", COMPATIBLE, ()),
        ("Mohammed|Ali", "Muhammad|Ali", COMPATIBLE, ()),
        ("J.P.|Vries", "Jan Peter|Vries", COMPATIBLE, ()),
        ("J.-P.|Vries", "Jean-Pierre|Vries", COMPATIBLE, ()),
        ("J.P.|Vries", "J.H.|Vries", DIFFERENT, ()),
        ("Ж.П.|Вриз", "Жан Поль|Вриз", COMPATIBLE, ()),
        # In brackets it is the son; else an initial.
        ("Luis|Pérez H.", "Luis|Pérez", COMPATIBLE, ()),
        # Names that are shortened in writing, titles of several words, the name of the father.
        ("Mª Carmen|Ruiz", "María Carmen|Ruiz", EQUAL, ()),
        ("M.ª del Carmen|Ruiz", "Maria Carmen|Ruiz", EQUAL, ()),
        ("Ma. Elena|Torres", "María Elena|Torres", EQUAL, ()),
        ("Fco. Javier|Ruiz", "Francisco Javier|Ruiz", EQUAL, ()),
        ("Ma|Chen", "Maria|Chen", DIFFERENT, ()),
        ("Prof. Dr. med. Jan|Bos", "Jan|Bos", EQUAL, ()),
        ("Dipl.-Ing. Karl|Huber", "Karl|Huber", EQUAL, ()),
        ("Mag. Karl|Huber", "Karl|Huber", EQUAL, ()),
        ("Dott.ssa Anna|Rossi", "Sig.ra Anna|Rossi", EQUAL, ()),
        ("Sr. Juan|Pérez", "Juan|Pérez", EQUAL, ()),
        ("Dña. Ana|Pérez", "Ana|Pérez", EQUAL, ()),
        ("Дмитрий Сергеевич|Фёдоров", "Дмитрий|Федоров", COMPATIBLE, ()),
        ("Dmitry Sergeevich|Fedorov", "Dmitry|Fedorov", COMPATIBLE, ()),
        ("Дмитрий Сергеевич|Фёдоров", "Дмитрий Иванович|Федоров", DIFFERENT, ()),
        ("Mark|Bos", "Marc|Bos", COMPATIBLE, ()),
        ("Dmytro|Koval", "Dmitry|Koval", COMPATIBLE, ()),
        # A character of a script without case is a name and no initial.
        ("伟|王", "伟明|王", DIFFERENT, ()),
        ("秀 英|王", "秀兰|王", DIFFERENT, ()),
        ("秀 英|王", "秀英|王", EQUAL, ()),
        ("Maria José|Ruiz", "José María|Ruiz", DIFFERENT, ()),
        # Given names that differ, however little.
        ("Peter|Bos", "Jan Peter|Bos", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Jean|Bos", "Jean-Pierre|Bos", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("John V|Smith", "John|Smith", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("|Bos", "Joost|Bos", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Maria|Bos", "Marie|Bos", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Jordan|Bos", "Jordyn|Bos", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        # Two names of their own, though one is a slip away from the other; and what is a slip.
        ("Sabina|Bos", "Sabrina|Bos", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Kristin|Bos", "Kristian|Bos", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Mariana|Souza", "Marina|Souza", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Martina|Souza", "Marina|Souza", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Andrés|Ruiz", "Andreas|Ruiz", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Georgia|Bos", "Georgina|Bos", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        # Changed round: a slip in what may be the given name.
        ("Bos|Maria", "Marta|Bos", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Kim|Jiyoung", "Jinyoung|Kim", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Жукова|Мария", "Marta|Zhukova", DOUBTFUL, (Doubt.OTHER_SCRIPT,)),
        ("Joost|Pupudiba", "Puupdiba|Joost", COMPATIBLE, ()),
        # Family name first, as it is written at home: an equal one in the field of the given name proves nothing.
        ("Nguyễn|Văn An", "Nguyễn|Thị Hoa", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Wang|Wei", "Wang|Lihua", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("王|伟", "王|丽华", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("김|지영", "김|민준", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Trần Văn|An", "Trần Văn|Bình", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        # Brothers, each known by his second name.
        ("Mohammed|Usman", "Mohammed|Bilal", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Mohammed|Hassan", "Mohammed|Hasan", COMPATIBLE, ()),
        ("Abdul|Karim", "Abdul|Rahim", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Md|Hasan", "Md|Karim", DIFFERENT, ()),
        ("Francis|Roux", "François|Roux", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Kim|de Vries", "Kim|Bakker", DOUBTFUL, (Doubt.FAMILY_NAMES,)),
        ("Marianna|Souza", "Mariana|Souza", COMPATIBLE, ()),
        # Where each syllable is a word, a letter makes another name.
        ("Jiyoung|Kim", "Jinyoung|Kim", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Jianhua|Chen", "Jinhua|Chen", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        # Tones are letters to who writes them; who leaves them out writes the same name.
        ("Văn Hùng|Trần", "Văn Hưng|Trần", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Thị Hoa|Nguyễn", "Nguyễn|Thị Hòa", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        ("Thị Hoà|Nguyễn", "Thị Hòa|Nguyễn", EQUAL, ()),
        ("Văn Hùng|Trần", "Van Hung|Tran", EQUAL, ()),
        ("Văn Hùng|Trần", "Trần|Văn Hùng", EQUAL, ()),
        # Characters that are read alike are two names.
        ("伟|王", "炜|王", DOUBTFUL, (Doubt.ROMANISED, Doubt.GIVEN_NAMES)),
        ("지영|김", "이영|김", DOUBTFUL, (Doubt.GIVEN_NAMES,)),
        # Scripts: only what reads alike.
        ("Екатерина|Жукова", "Ekaterina|Zhukova", DOUBTFUL, (Doubt.ROMANISED,)),
        ("Жукова|Екатерина", "Yekaterina|Zhoukova", DOUBTFUL, (Doubt.ROMANISED,)),
        ("Екатерина|Zhukova", "Ekaterina|Zhukova", DOUBTFUL, (Doubt.ROMANISED,)),
        ("Γιώργος|Παπαδόπουλος", "Giorgos|Papadopoulos", DOUBTFUL, (Doubt.ROMANISED,)),
        ("秀英|王", "Xiuying|Wang", DOUBTFUL, (Doubt.ROMANISED,)),
        ("Мария|Жукова", "Ekaterina|Zhukova", DOUBTFUL, (Doubt.OTHER_SCRIPT,)),
        ("秀英|王", "Peter|Smith", DOUBTFUL, (Doubt.OTHER_SCRIPT,)),
        ("حسن|علي", "Hussein|Ali", DOUBTFUL, (Doubt.OTHER_SCRIPT,)),
    ],
)
def test_names_as_people_write_them(a: str, b: str, grade: Grade, doubts: tuple[Doubt, ...]) -> None:
    for x, y in ((a, b), (b, a)):
        assert compare_names(name(x), name(y), PEOPLE) == (grade, frozenset(doubts)), (x, y)


@pytest.mark.parametrize(
    ("elder", "younger"),
    [
        ("Jan|Bos Sr.", "Jan|Bos Jr."),
        ("Jan|Bos senior", "Jan|Bos jun."),
        ("Jan|Bos snr", "Jan|Bos, JNR"),
        ("Jan Bos|Sr.", "Jan Bos|Jr."),
        ("Bos Sr.|Jan", "Bos Jr.|Jan"),
        ("Jan Sr.|Bos", "Jan Jr.|Bos"),
        ("Jan|Bos-Senior", "Jan|Bos-Junior"),
        ("John|Smith the Elder", "John|Smith the Younger"),
        ("Henry|Ford I", "Henry|Ford II"),
        ("Henry|Ford II", "Henry|Ford III"),
        ("Henry|Ford IV", "Henry|Ford V"),
        ("Henry|Ford 2nd", "Henry|Ford 3rd"),
        ("Henry|Ford the Second", "Henry|Ford the Third"),
        ("Hans|Meier der Ältere", "Hans|Meier der Jüngere"),
        ("Hans|Meier der Aeltere", "Hans|Meier der Juengere"),
        ("Hans|Meier d. Ä.", "Hans|Meier d.J."),
        ("Jan|Bakker de Oude", "Jan|Bakker de Jonge"),
        ("Alexandre|Dumas père", "Alexandre|Dumas fils"),
        ("Jean|Martin l'aîné", "Jean|Martin le Jeune"),
        ("Jean|Martin aîné", "Jean|Martin cadet"),
        ("João|Silva Filho", "João|Silva Neto"),
        ("João|Silva Júnior", "João|Silva Sobrinho"),
        ("Luis|Pérez padre", "Luis|Pérez hijo"),
        ("Luis|Pérez (p)", "Luis|Pérez (h)"),
        ("Robert|Smith, Sr., MD", "Robert|Smith, Jr., MD"),
        ("Mohammed|Ali (father)", "Mohammed|Ali (son)"),
        ("Pieter|de Boer vader", "Pieter|de Boer zoon"),
        ("Luis|Pérez padre", "Luis|Pérez (H.)"),
        ("Luis|Pérez el Viejo", "Luis|Pérez el Joven"),
        ("Paolo|Rossi il Vecchio", "Paolo|Rossi il Giovane"),
        ("Ion|Popescu cel Bătrân", "Ion|Popescu cel Tânăr"),
        ("Per|Hansen d.æ.", "Per|Hansen d.y."),
        ("Per|Hansson den äldre", "Per|Hansson den yngre"),
        ("Matti|Virtanen vanhempi", "Matti|Virtanen nuorempi"),
        ("Jan|Bos (Sr.)", "Jan|Bos (Jr.)"),
        ("Henry|Ford Ⅱ", "Henry|Ford Ⅲ"),
        ("Jón|Jónsson eldri", "Jón|Jónsson yngri"),
        ("Иван|Петров старши", "Иван|Петров младши"),
        ("Янка|Лявон старэйшы", "Янка|Лявон малодшы"),
        ("Pere|Puig pare", "Pere|Puig fill"),
        ("משה|לוי האב", "משה|לוי הבן"),
        ("Jan|Nowak starszy", "Jan|Nowak mł."),
        ("Jan|Novák st.", "Jan|Novák ml."),
        ("Ivan|Horvat stariji", "Ivan|Horvat mlađi"),
        ("János|id. Kovács", "János|ifj. Kovács"),
        ("id. Kovács|János", "ifj. Kovács|János"),
        ("Иван|Петров старший", "Иван|Петров младший"),
        ("Иван|Петров ст.", "Иван|Петров мл."),
        ("Иван|Петров ст.", "Ivan|Petrov Jr."),
        ("Јован|Јовић старији", "Јован|Јовић млађи"),
        ("Γιώργος|Παπάς πρεσβύτερος", "Γιώργος|Παπάς νεότερος"),
        ("حسن|علي الأب", "حسن|علي الابن"),
        ("太郎|山田 二世", "太郎|山田 三世"),
    ],
)
def test_generations_are_different_people(elder: str, younger: str) -> None:
    for a, b in ((elder, younger), (younger, elder)):
        assert compare_names(name(a), name(b), PEOPLE) == (DIFFERENT, frozenset({Doubt.GENERATIONS})), (a, b)
    for one in (elder, younger):
        assert compare_names(name(one), name(one.upper()), PEOPLE).grade is EQUAL
        bare = fold_name(name(one), PEOPLE)
        found = compare_names(name(one), Name(bare.given, bare.family), PEOPLE)
        assert found == (DOUBTFUL, frozenset({Doubt.GENERATION})), one


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Jan|Bos Jr.", "Jan|Bos junior"),
        ("Jan|Bos Jr.", "Jan Bos|Jr."),
        ("Jan|Bos Jr.", "Bos Jr|Jan"),
        ("Hans|Meier d.Ä.", "Hans|Meier der Aeltere"),
        ("János|ifj. Kovács", "János|Kovács ifj."),
        # Where the words are the same, nobody has to know which is a generation.
        ("Wang Jun|", "Jun|Wang"),
        ("Neto|Silva", "|Silva Neto"),
        ("Vi|Nguyen", "|Nguyen Vi"),
        ("Jan|de Jonge", "de Jonge|Jan"),
        ("Jan|van den Oude", "Jan van den|Oude"),
        ("Junior|Seau", "Seau|Junior"),
    ],
)
def test_one_generation_in_two_writings_is_one(a: str, b: str) -> None:
    for x, y in ((a, b), (b, a)):
        assert compare_names(name(x), name(y), PEOPLE).grade is EQUAL


def test_surnames_that_look_like_a_generation_are_surnames() -> None:
    assert compare_names(name("Jan|de Jonge"), name("Jan|de Oude"), PEOPLE).doubts == {Doubt.FAMILY_NAMES}
    assert compare_names(name("Jan|van den Oude"), name("Jan|van den Jonge"), PEOPLE).doubts == {Doubt.FAMILY_NAMES}


@pytest.mark.parametrize("profile", [CONTRACT, PEOPLE], ids=lambda profile: profile.name)
def test_the_page_shows_what_a_profile_knows(profile: Profile) -> None:
    assert_printed("docs/MATCHING.md", profile.name, profile_table(profile))


def test_equal_and_compatible_names_agree() -> None:
    assert [grade for grade in Grade if grade.agrees] == [Grade.EQUAL, Grade.COMPATIBLE]


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
    contract, people = _data()["contract"], _data()["people"]
    groups = [group for data in (contract, people) for name in ("nicknames", "generations") for group in data[name]]
    words = [word for group in groups for phrase in group for word in phrase.split()]
    words += [word for name in ("asked", "apart") for group in people[name] for word in group]
    words += [*contract["titles"], *people["titles"], *people["particles"]]
    assert words
    assert [fold_letters(word) for word in words] == words
    assert all(len(group) > 1 for data in (contract, people) for group in data["nicknames"])
    # Each word of `apart` is there for another one of its group that it would be a slip of.
    assert all(
        any(word != other and _is_given_slip(word, other) for other in group)
        for group in people["apart"]
        for word in group
    )


SHORT_FORMS = [
    *(("Ursula", short) for short in ("Ulla", "Uschi", "Ula", "Urszula")),
    *(("Elisabeth", short) for short in ("Liesbeth", "Els", "Bep", "Betsy", "Libby")),
    *(("Wilhelmus", short) for short in ("Wim", "Willem")),
    *(("Antonius", short) for short in ("Ton", "Toon", "Teun", "Tony")),
    *(("Jacobus", short) for short in ("Koos", "Jaap")),
    *(("Adrianus", short) for short in ("Arie", "Adriaan")),
    *(("Sebastian", short) for short in ("Bas", "Basti", "Sébastien")),
    *(("Johanna", short) for short in ("Joke", "Hanneke")),
    *(("Heinrich", short) for short in ("Heinz",)),
    *(("Günter", short) for short in ("Guenther", "Gunther")),
    *(("Friedrich", short) for short in ("Fritz",)),
    *(("Francisco", short) for short in ("Paco", "Pancho", "Curro")),
    *(("Concepción", short) for short in ("Concha", "Conchita")),
    *(("Manuel", short) for short in ("Manolo",)),
    *(("Giovanni", short) for short in ("Gianni",)),
    *(("Domenico", short) for short in ("Mimmo",)),
    *(("Madeleine", short) for short in ("Mado",)),
    *(("Henry", short) for short in ("Hank",)),
    *(("Sarah", short) for short in ("Sally", "Sara")),
    *(("Katarzyna", short) for short in ("Kasia",)),
    *(("Małgorzata", short) for short in ("Gosia", "Małgosia")),
    *(("Mehmet", short) for short in ("Memet",)),
    *(("Zeynep", short) for short in ("Zainab",)),
    *(("Anastasia", short) for short in ("Nastya",)),
    *(("Vladimir", short) for short in ("Volodymyr", "Vova")),
    *(("Khaled", short) for short in ("Khalid",)),
    *(("Abdulrahman", short) for short in ("Abderrahman", "Abdelrahman")),
]


@pytest.mark.parametrize(("full", "short"), SHORT_FORMS)
def test_short_forms_of_one_name_agree(full: str, short: str) -> None:
    assert compare_names(Name(full, "Bos"), Name(short, "Bos"), PEOPLE).grade is Grade.COMPATIBLE


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("Alex", "Alexandra"),
        ("Sasha", "Alexandra"),
        ("Chris", "Christine"),
        ("Bert", "Albert"),
        ("Bert", "Hubert"),
        ("Toni", "Antonia"),
        ("Ted", "Theodore"),
        ("Lena", "Magdalena"),
        ("Lena", "Helena"),
        ("Fred", "Alfred"),
        ("Uli", "Ulrike"),
        ("Enzo", "Lorenzo"),
        ("Pat", "Patrick"),
        ("Slava", "Yaroslav"),
        ("Harry", "Henry"),
        ("Nel", "Petronella"),
    ],
)
def test_a_short_form_of_several_names_is_asked_about(short: str, full: str) -> None:
    likeness = compare_names(Name(short, "Bos"), Name(full, "Bos"), PEOPLE)
    assert (likeness.grade, likeness.doubts) == (Grade.DOUBTFUL, frozenset({Doubt.GIVEN_NAMES}))


def test_no_short_form_joins_two_full_names() -> None:
    full = sorted({group[0] for group in PEOPLE.nicknames})
    assert [(a, b) for a, b in combinations(full, 2) if b in PEOPLE.used_for[a]] == []
    count = Counter(word for group in PEOPLE.nicknames for word in set(group))
    in_two = {word for word, groups in count.items() if groups > 1}
    assert in_two == {"maria"}, "one name with short forms in two languages; any other stands in `asked`"
    assert [a for a, others in PEOPLE.asked.items() if others & PEOPLE.used_for.get(a, frozenset())] == []


def test_the_contract_knows_what_its_rules_say() -> None:
    rules = json.loads((ROOT / "app/legacy/data/rules.json").read_text(encoding="utf-8"))
    data = _data()["contract"]
    assert (data["titles"], data["generations"], data["nicknames"]) == (
        rules["titles"],
        rules["suffixes"],
        rules["nicknames"],
    )


@pytest.mark.parametrize("profile", [CONTRACT, PEOPLE], ids=lambda profile: profile.name)
@given(a=names, b=names)
def test_the_order_of_the_two_does_not_matter(profile: Profile, a: Name, b: Name) -> None:
    assert compare_names(a, b, profile) == compare_names(b, a, profile)


@pytest.mark.parametrize("profile", [CONTRACT, PEOPLE], ids=lambda profile: profile.name)
@given(a=names)
def test_a_name_equals_itself(profile: Profile, a: Name) -> None:
    expected = Grade.COMPATIBLE if fold_name(a, profile).is_empty else Grade.EQUAL
    assert compare_names(a, a, profile).grade is expected


@given(names)
def test_a_name_equals_itself_changed_round(a: Name) -> None:
    expected = Grade.COMPATIBLE if fold_name(a, PEOPLE).is_empty else Grade.EQUAL
    assert compare_names(a, Name(a.family, a.given), PEOPLE).grade is expected


@given(names, names)
def test_what_agrees_by_the_contract_agrees_among_people_too(a: Name, b: Name) -> None:
    if compare_names(a, b, CONTRACT).grade.agrees:
        assert compare_names(a, b, PEOPLE).grade.agrees


@given(st.text(max_size=30))
def test_folding_twice_changes_nothing(text: str) -> None:
    folded = fold_letters(text)
    assert fold_letters(folded) == folded
    assert all(c.isalnum() for c in folded)


@given(names, names)
def test_marks_case_and_blanks_change_no_grade(a: Name, b: Name) -> None:
    louder = Name(f" {a.given.upper()}-", f"{a.family.upper()}\u0301")
    if fold_name(louder, CONTRACT) == fold_name(a, CONTRACT):
        assert compare_names(louder, b, CONTRACT) == compare_names(a, b, CONTRACT)


@given(st.text(alphabet="abcde", min_size=6, max_size=9), st.integers(1, 4))
def test_swapped_neighbours_inside_a_long_given_name_are_one_slip(given_name: str, at: int) -> None:
    swapped = given_name[:at] + given_name[at + 1] + given_name[at] + given_name[at + 2 :]
    grade = compare_folded(FoldedName(given_name, "bos"), FoldedName(swapped, "bos"), CONTRACT).grade
    if swapped == given_name:
        assert grade is Grade.EQUAL
    elif swapped[-1] == given_name[-1]:
        assert grade.agrees
    else:
        assert grade is Grade.DOUBTFUL


JUDGED_OTHERWISE = (
    # The migration joins them; where somebody is entered they are doubtful.
    ("Sabina|Bos", "Sabrina|Bos"), ("Johanna|Bos", "Joanna|Bos"), ("Marinus|Bos", "Martinus|Bos"),
    ("Johannes|Ng", "Johanes|Ng"),
    # The other way round.
    ("Jan|Müller", "Jan|Mueller"),
    ("Jan|de Vries", "Jan|Vries"), ("Bob|Kim", "Kim|Robert"), ("J.P.|Bos", "Jan Peter|Bos"),
)  # fmt: skip


def test_page_says_where_the_migration_judges_otherwise() -> None:
    lines = ["| the two names | by the contract | among people |", "| --- | --- | --- |"]
    for names in JUDGED_OTHERWISE:
        one, other = (Name(*written.split("|")) for written in names)
        grades = [compare_names(one, other, profile).grade for profile in (CONTRACT, PEOPLE)]
        assert grades[0] != grades[1]
        lines.append(f"| {', '.join(written.replace('|', ' ') for written in names)} | {grades[0]} | {grades[1]} |")
    assert_printed("docs/MATCHING.md", "judged_otherwise", "\n".join(lines) + "\n")
