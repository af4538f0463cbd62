"""
Days and moments as people type them: `tomorrow 14:30`, `tue`, `14/3/79`, `3 aug`, `in 2 weeks`, and in the words of
their own language where it is Dutch: `morgen 14:30`, `di`, `over 2 weken`.

A day stands before its month, as everywhere but in the United States; what can only be meant the other way round is not
guessed. What is not understood is left to the field's own check, which names the form that always works.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from app.platform.locales import SOURCE, language

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FURTHER_MONTHS: Final = {"maa": 3, "mrt": 3, "mär": 3, "mei": 5, "mai": 5, "okt": 10, "dez": 12}
_BY_NUMBERS: Final = re.compile(r"(\d{1,2})[./-](\d{1,2})(?:[./-](\d{4}|\d{2}))?\.?\Z", re.ASCII)
_BY_NAME: Final = re.compile(r"(\d{1,2})\.? ?([^\W\d_]{3,9})\.?(?: (\d{4}|\d{2}))?\Z")
_TIME: Final = re.compile(r"(?:^|[ ,])(?:at )?(\d{1,2})(?:[:.h](\d{2})|h)? ?(am|pm)?\Z", re.ASCII)
_TIME_IN_DUTCH: Final = re.compile(r"(?P<hour>\d{1,2})(?:u(?P<minutes>\d{2})?|(?P<rest>[:.]\d{2}) uur)\Z", re.ASCII)
_LATEST: Final = 10
"""A year of two digits is one of the past when it lies further ahead than this."""


@dataclass(frozen=True)
class Words:
    """What days are called in a language: the week from its Monday on, each by its beginning of `shortest` letters."""

    relative: Mapping[str, int]
    weekdays: tuple[str, ...]
    shortest: int
    next_one: str
    ahead: re.Pattern[str]
    units: Mapping[str, int]


_OF_LANGUAGE: Final[Mapping[str, Words]] = {
    "en": Words(
        {"today": 0, "tomorrow": 1, "yesterday": -1},
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        len("mon"),
        "next ",
        re.compile(r"in (\d{1,3}|a|one) (day|week)s?\Z", re.ASCII),
        {"day": 1, "week": 7},
    ),
    "nl": Words(
        {"vandaag": 0, "morgen": 1, "overmorgen": 2, "gisteren": -1, "eergisteren": -2},
        ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"),
        len("ma"),
        "volgende ",
        re.compile(r"over (\d{1,3}|een|één) (dag|week|dagen|weken)\Z"),
        {"dag": 1, "dagen": 1, "week": 7, "weken": 7},
    ),
}


def _words() -> list[Words]:
    """English, which everybody may type, and the reader's own language."""
    return [_OF_LANGUAGE[one] for one in dict.fromkeys((SOURCE, language())) if one in _OF_LANGUAGE]


def read_day(text: str, *, today: date, is_past: bool = False, is_last: bool = False) -> date | None:
    """
    The day that `text` means on `today`, or None. Without a year it is the next such day, today included.

    `is_past`: a year of two digits does not lie ahead, and there is none left out. `is_last`: without a year, and of a
    weekday, it is the last such day, today included.
    """
    typed = " ".join(text.lower().split())
    return _iso(typed) or _in_words(typed, today=today, is_past=is_past, is_last=is_last)


def _in_words(typed: str, *, today: date, is_past: bool, is_last: bool) -> date | None:
    for words in _words():
        if (days := _days_ahead(typed, words, today, is_last=is_last)) is not None:
            return _after(today, days)
    if found := _BY_NUMBERS.match(typed):
        return _day(int(found[1]), int(found[2]), found[3], today, is_past=is_past, is_last=is_last)
    if (found := _BY_NAME.match(typed)) and (month := _month(found[2])):
        return _day(int(found[1]), month, found[3], today, is_past=is_past, is_last=is_last)
    return None


def _days_ahead(typed: str, words: Words, today: date, *, is_last: bool) -> int | None:
    """How many days ahead of `today` is meant. The next week is its Monday."""
    if typed in words.relative:
        return words.relative[typed]
    if found := words.ahead.match(typed):
        return (int(found[1]) if found[1].isdigit() else 1) * words.units[found[2]]
    weekday = 0 if typed == f"{words.next_one}week" else _weekday(typed.removeprefix(words.next_one), words)
    if weekday is None:
        return None
    return -((today.weekday() - weekday) % 7) if is_last else (weekday - today.weekday() - 1) % 7 + 1


def read_moment(text: str, *, now: datetime, is_last: bool = False) -> datetime | None:
    """
    The moment that `text` means on the clock of `now`, or None; a time without a day is one of today.

    `is_last` as for a day.
    """
    typed = " ".join(text.lower().split())
    if language() == "nl":
        typed = _TIME_IN_DUTCH.sub(_colon, typed).replace(" om ", " ")
    found = _TIME.search(typed)
    if found is None or not (found[2] or found[3] or "h" in found[0]):
        return None
    at = _time(int(found[1]), int(found[2] or 0), found[3])
    before = typed[: found.start()].rstrip(" ,")
    day = read_day(before, today=now.date(), is_last=is_last) if before else now.date()
    if at is None:
        return None
    if day is None:
        day = _iso(before)
    return None if day is None else datetime.combine(day, at, now.tzinfo)


def _colon(found: re.Match[str]) -> str:
    """`9u`, `9u30` and `9.15 uur` as `9:00`, `9:30` and `9.15`."""
    return f"{found['hour']}{found['rest'] or ':' + (found['minutes'] or '00')}"


def _iso(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _after(today: date, days: int) -> date | None:
    try:
        return today + timedelta(days=days)
    except OverflowError:
        return None


def _weekday(word: str, words: Words) -> int | None:
    start = word.removesuffix(".")
    days = enumerate(words.weekdays)
    return next((at for at, name in days if len(start) >= words.shortest and name.startswith(start)), None)


def _month(word: str) -> int | None:
    start = word[:3]
    return _MONTHS.index(start) + 1 if start in _MONTHS else _FURTHER_MONTHS.get(start)


def _day(day: int, month: int, year: str | None, today: date, *, is_past: bool, is_last: bool) -> date | None:
    if year is None:
        return None if is_past else _nearest(day, month, today, is_last=is_last)
    return _date(int(year) if len(year) == len("2026") else _century(int(year), today, is_past=is_past), month, day)


def _nearest(day: int, month: int, today: date, *, is_last: bool) -> date | None:
    """The next such day, or the last one, `today` included: 29 February may be up to eight years away."""
    way = -1 if is_last else 1
    there = (_date(today.year + way * years, month, day) for years in range(9))
    return next((one for one in there if one and (one <= today if is_last else one >= today)), None)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _century(year: int, today: date, *, is_past: bool) -> int:
    meant = today.year - today.year % 100 + year
    return meant - 100 if meant > today.year + (0 if is_past else _LATEST) else meant


def _time(hour: int, minute: int, half: str | None) -> time | None:
    if half and not 1 <= hour <= 12:  # noqa: PLR2004 - a clock of twelve hours
        return None
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        return time(hour, minute)
    except ValueError:
        return None
