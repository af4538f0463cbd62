# ruff: noqa: RUF001  months in other scripts are what is read
"""What somebody means by what they typed: an address, a number, a birth date, names. Pure: nothing is looked up."""

import re
import unicodedata
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from app.people.keys import email_key, phone_e164, without_extension
from app.people.names import fold_letters
from app.people.search.folding import MOST_WORDS, words_of

FEWEST_DIGITS: Final = 4
_FEWEST_OF_AN_ADDRESS: Final = 3
_FEWEST_OF_A_NUMBER: Final = 7
_LONGEST_AT_HOME: Final = 11
_FIRST_YEAR: Final = 1880
_EPOCH: Final = date(2000, 1, 1)

_PHONE: Final = re.compile(
    r"(?:(?:tel|phone|telefoon|telefon|mob|mobile|mobiel)[.:]*)?[\d\s+().\-/]+\Z", re.ASCII | re.IGNORECASE
)
_BETWEEN_NUMBERS: Final = re.compile(r"\s+/\s+|[;,]|\s+(?:or|of|oder|ou|o|en|and|und)\s+", re.IGNORECASE)
_TRUNK_IN_BRACKETS: Final = re.compile(r"\(\s*0\s*\)")
_DASHES: Final = re.compile(r"[\u2010-\u2015\u2212]")
_NATIONAL_PREFIXES: Final = (("8", 11), ("06", 11), ("01", 12))
"""What is dialled in front at home and is no zero alone, with the digits of the whole: Russia, Hungary, Mexico."""

_MONTHS: Final = {
    fold_letters(name): number
    for number, names in enumerate(
        (
            "jan ene gen ian sty led янв січ oca ιαν ينا", "feb fev lut uno фев лют şub φεβ فبر",
            "mar mrt mae maa bře мар бер μαρ мар مار", "apr avr abr kwi dub апр кві nis απρ ابر",
            "may mei mai mag maj kvě май мая тра μαϊ ماي", "jun juin giu iun cze červ июн чер haz ιουν يون",
            "jul juil lug iul lip červenec července июл лип tem ιουλ يول", "aug aou ago sie srp авг сер ağu αυγ اغس",
            "sep set szep wrz zář сен вер eyl σεπ سبت", "oct okt ott out paź říj окт жов eki οκτ اكت",
            "nov noi lis ноя лис kas νοε نوف", "dec dez dic gru pro дек гру ara δεκ ديس",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
"""How the names of months begin, folded; the longest beginning that is here counts."""
_LONGEST_MONTH: Final = max(map(len, _MONTHS))
_CHARACTERS: Final = re.compile(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월](?:\s*(\d{1,2})\s*[日일]?)?")
_BORN: Final = re.compile(
    r"(?:(?<![^\W_])(?:geb|geboren|geboortedatum|geburtsdatum|born|dob|d\.o\.b|nato|nata|nacid[oa]|n[ée]e?)[.:]*|\*)\s*(?=\d)",
    re.IGNORECASE,
)
"""What is written in front of a birth date."""
_BETWEEN: Final = r"[\s./-]+"
_DAY_FIRST: Final = re.compile(rf"(\d{{1,2}}){_BETWEEN}(\d{{1,2}}){_BETWEEN}(\d{{4}}|\d{{2}})", re.ASCII)
_YEAR_FIRST: Final = re.compile(rf"(\d{{4}}){_BETWEEN}(\d{{1,2}}){_BETWEEN}(\d{{1,2}})", re.ASCII)
_IN_ONE: Final = re.compile(r"\d{8}", re.ASCII)
_MONTH_OF_A_YEAR: Final = re.compile(r"(\d{4})[-/](\d{1,2})|(\d{1,2})[-/](\d{4})", re.ASCII)
_IN_WORDS: Final = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th|er|o)?[\s.,/-]*(?:(?:of|del?|di)\s+)?([^\W\d_]{3,})[\s.,/-]*(?:(?:of|del?|di)\s+)?'?(\d{4}|\d{2})"
)
_IN_WORDS_MONTH_FIRST: Final = re.compile(r"([^\W\d_]{3,})\.?[\s-]+(\d{1,2})(?:st|nd|rd|th)?[,\s-]+(\d{4})")
_IN_WORDS_YEAR_FIRST: Final = re.compile(r"(\d{4})[\s.,/-]+([^\W\d_]{3,})[\s.,/-]+(\d{1,2})\.?")
_WHOLE_MONTHS: Final = frozenset({
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december", "januari", "februari", "maart", "mei", "juni", "juli", "augustus", "oktober", "januar", "februar",
    "marz", "maerz", "mai", "dezember", "janvier", "fevrier", "mars", "avril", "juin", "juillet", "aout", "septembre",
    "octobre", "novembre", "decembre", "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto",
    "septiembre", "octubre", "noviembre", "diciembre", "gennaio", "febbraio", "aprile", "maggio", "giugno", "luglio",
    "settembre", "ottobre", "dicembre", "janeiro", "fevereiro", "marco", "maio", "junho", "julho", "setembro",
    "outubro", "novembro", "dezembro", "styczen", "luty", "marzec", "kwiecien", "maj", "czerwiec", "lipiec",
    "sierpien", "wrzesien", "pazdziernik", "listopad", "grudzien", "leden", "unor", "brezen", "duben", "kveten",
    "cerven", "cervenec", "srpen", "zari", "rijen", "prosinec",
})  # fmt: skip
"""Beside a year alone a month is written in full: Marlene 1967 is somebody, and no March."""
_MONTH_IN_WORDS: Final = re.compile(r"([^\W\d_]{3,})\.?\s+(\d{4})")
_YEAR: Final = re.compile(r"(?:18|19|20)\d{2}", re.ASCII)
_DIGIT: Final = re.compile("[0-9]")
_PLACES: Final = (
    _YEAR_FIRST,
    _DAY_FIRST,
    _IN_WORDS,
    _IN_WORDS_MONTH_FIRST,
    _IN_WORDS_YEAR_FIRST,
    _IN_ONE,
    _MONTH_OF_A_YEAR,
)


@dataclass(frozen=True)
class NamesAndDay:
    """Names, and the birth date beside them: `terms` of the index of which one has to be met, none without a date."""

    names: str
    terms: tuple[str, ...]
    day: date | None


def clean(typed: str) -> str:
    """As it is read: full-width letters and all scripts' digits are usual ones, no direction marks, a dash a hyphen."""
    text = "".join(c for c in unicodedata.normalize("NFKC", typed) if unicodedata.category(c) != "Cf")
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    return _DASHES.sub("-", text).strip()


def email_beginnings(typed: str) -> list[str]:
    """
    The beginnings of e-mail keys that are meant, the likely one first; none where no address is meant.

    One word with an @ or a full stop inside.
    """
    text = clean(typed).lower().removeprefix("mailto:").strip("<>;, ")
    if " " in text or text.startswith("@") or not ("@" in text or "." in text.strip(".")):
        return []
    return list(dict.fromkeys(key for key in (email_key(text) if "@" in text else None, text) if key))


def email_beginning_of_a_word(typed: str) -> str | None:
    """What is tried as an address when nobody has such a name: one word of three letters or more."""
    text = clean(typed).lower()
    return text if text.isascii() and len(text) >= _FEWEST_OF_AN_ADDRESS and len(text.split()) == 1 else None


def phone_ends(typed: str) -> list[str]:
    """
    The ends of phone numbers that are meant, to be tried in this order; none where no phone is meant.

    Every writing of a number is an end of its international form, once (0) and the zeros in front are gone. They are
    dropped at a second try only: the last digits of a number may begin with a zero.
    """
    text = clean(typed)
    several = [part for part in _BETWEEN_NUMBERS.split(text) if sum(map(str.isdigit, part)) >= _FEWEST_OF_A_NUMBER]
    return list(dict.fromkeys(end for part in (several if len(several) > 1 else [text]) for end in _ends_of(part)))


def _ends_of(text: str) -> list[str]:
    number = without_extension(text).strip(" ,;")
    if not _PHONE.match(number):
        return []
    digits = re.sub(r"\D", "", _TRUNK_IN_BRACKETS.sub("", number))
    if len(digits) < FEWEST_DIGITS:
        return []
    tries = [digits, digits.lstrip("0")]
    tries += [digits[len(prefix) :] for prefix, long in _NATIONAL_PREFIXES if digits.startswith(prefix)
              and len(digits) == long]  # fmt: skip
    # A zero behind the code of the country; what is dialled in front of that in America.
    tries += [e164.removeprefix("+")] if (e164 := phone_e164(number, None).e164) else []
    tries += [digits[3:]] if digits.startswith("011") and len(digits) > _LONGEST_AT_HOME else []
    return list(dict.fromkeys(end for end in tries if len(end) >= FEWEST_DIGITS))


def read_days(typed: str, *, today: date) -> tuple[date, ...]:
    """The birth dates that the whole text may mean, two when day and month may be either; none when it is no date."""
    text = _plain_date(clean(typed))
    if not _DIGIT.search(text):
        return ()
    for place in _PLACES:
        found = place.fullmatch(text)
        days = _days_of(place, found, today) if found else ()
        if days:
            return days
    return ()


def read_month(typed: str, *, today: date) -> tuple[date, ...]:
    """The days of a month that is written in words (March 1967); it may be a name with a year too (Jan 1967)."""
    found = _MONTH_IN_WORDS.fullmatch(_plain_date(clean(typed)))
    month = _month_named(found[1]) if found and fold_letters(found[1]) in _WHOLE_MONTHS else None
    return _month(int(found[2]), month, today) if found and month else ()


def split_day(typed: str, *, today: date) -> NamesAndDay:
    """The names, and the date or year of birth that stands before, behind or between them."""
    text = _plain_date(clean(typed))
    if not _DIGIT.search(text):
        return NamesAndDay(text, (), None)
    for place in _PLACES:
        for found in re.finditer(rf"(?<!\S){place.pattern}(?!\S)", text, place.flags):
            days = _days_of(place, found, today)
            rest = f"{text[: found.start()]} {text[found.end() :]}".strip()
            if days and words_of(rest):
                known_less_well = (day for one in days for day in _as_partly_known(one))
                terms = dict.fromkeys(map(day_term, (*days, *known_less_well)))
                return NamesAndDay(rest, tuple(terms), days[0] if len(days) == 1 else None)
    words = text.split()
    years = [word for word in words if _YEAR.fullmatch(word) and int(word) <= today.year]
    rest = " ".join(word for word in words if word not in years)
    if len(years) == 1 and words_of(rest):
        return NamesAndDay(rest, (f"@year{years[0]}",), None)
    return NamesAndDay(text, (), None)


def read_year(typed: str, *, today: date) -> str | None:
    """The term of the index for a year of birth that is all that was typed."""
    text = _plain_date(clean(typed))
    return f"@year{text}" if _YEAR.fullmatch(text) and int(text) <= today.year else None


def day_term(day: date) -> str:
    """The term of the index that a person born on this day has."""
    return f"@day{(day - _EPOCH).days}"


def as_names(typed: str) -> tuple[str | None, str | None]:
    """What was typed as a first and a last name, for a form to begin with."""
    words = [word for word in clean(typed).split() if words_of(word)][:MOST_WORDS]
    if not words:
        return None, None
    return (None, words[0]) if len(words) == 1 else (words[0], " ".join(words[1:]))


def _days_of(place: re.Pattern[str], found: re.Match[str], today: date) -> tuple[date, ...]:
    if place is _YEAR_FIRST:
        tries = [(found[1], found[2], found[3])]
    elif place is _DAY_FIRST:
        tries = [
            (year, month, day)
            for year in _years(found[3], today)
            for day, month in ((found[1], found[2]), (found[2], found[1]))
        ]
    elif place in {_IN_WORDS, _IN_WORDS_MONTH_FIRST, _IN_WORDS_YEAR_FIRST}:
        day, name, year = {
            _IN_WORDS: (1, 2, 3),
            _IN_WORDS_MONTH_FIRST: (2, 1, 3),
            _IN_WORDS_YEAR_FIRST: (3, 2, 1),
        }[place]
        month = _month_named(found[name])
        tries = [(written, str(month), found[day]) for written in _years(found[year], today)] if month else []
    elif place is _IN_ONE:
        text = found[0]
        tries = [
            (text[:4], text[4:6], text[6:]),
            (text[4:], text[2:4], text[:2]),
            (text[4:], text[:2], text[2:4]),
        ]
    else:
        return _month(int(found[1] or found[4]), int(found[2] or found[3]), today)
    days = (_day(*map(int, parts)) for parts in tries)
    return tuple(dict.fromkeys(day for day in days if day and day.year >= _FIRST_YEAR and day <= today))


def _plain_date(text: str) -> str:
    """The text with a date that is written in characters in digits, and without what is written in front of one."""
    if "年" in text or "년" in text:
        text = _CHARACTERS.sub(lambda found: f" {'-'.join(filter(None, found.groups()))} ", text)
    return _BORN.sub(" ", text).strip()


def _month_named(word: str) -> int | None:
    folded = fold_letters(word)
    beginnings = (folded[:length] for length in range(_LONGEST_MONTH, 2, -1))
    return next((_MONTHS[beginning] for beginning in beginnings if beginning in _MONTHS), None)


def _as_partly_known(day: date) -> tuple[date, ...]:
    """How the day stands where only its month or its year is known, or a placeholder was entered."""
    return day.replace(day=1), *(date(day.year, month, number) for month, number in ((1, 1), (6, 30), (7, 1)))


def _years(written: str, today: date) -> list[str]:
    if len(written) == len("1967"):
        return [written]
    # Somebody of a hundred years is rarer than somebody who leaves the century out.
    return [f"{century}{written}" for century in ("19", "20") if int(f"{century}{written}") <= today.year]


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _month(year: int, month: int, today: date) -> tuple[date, ...]:
    first = _day(year, month, 1)
    if first is None or not _FIRST_YEAR <= year <= today.year:
        return ()
    return tuple(first + timedelta(days=number) for number in range(monthrange(year, month)[1]))
