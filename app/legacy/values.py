"""
What a cell means: days, moments, GUIDs, e-mails, phones, texts, trial references.

Pure functions over text. A moment is an ISO text in UTC (`2024-03-14T23:00:00Z`), a day `YYYY-MM-DD`, so that both
sort as they are and go into the database without another conversion.

Source: the contract of the legacy export, section 2 (docs/MIGRATION_GUIDE.md).
"""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from app.legacy.contract import labels, rules
from app.people.countries import country_code
from app.people.keys import clean_email, email_key, phone_e164, without_tag
from app.people.names import clean_name

_GUID: Final = re.compile(
    r"\{([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}|([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)
_PLAIN_GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_ISO_MOMENT: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?\s?(?:(Z|UTC)|([+-])(\d\d):?(\d\d)?)?",
    re.IGNORECASE,
)
_UTC_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_LOCAL_MOMENT: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}),? (\d{1,2}):(\d\d)(?::(\d\d))?")
_AMERICAN_MOMENT: Final = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4}),? (\d{1,2}):(\d\d)(?::(\d\d))?\s?([AP])\.?M\.?", re.IGNORECASE
)
_SERIAL: Final = re.compile(r"\d{4,5}")
_SERIAL_MOMENT: Final = re.compile(r"(\d{4,5})[.,](\d+)")
_ISO_DAY: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_COMPACT_DAY: Final = re.compile(r"(\d{4})(\d\d)(\d\d)")
_SLASHED_DAY: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_DOTTED_DAY: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_WORDED_DAY: Final = re.compile(r"(\d{1,2})\.?\s+([A-Za-z]+)\.?,?\s+(\d{4})")

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sep sept",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}

_FIRST_SERIAL_DAY: Final = date(1899, 12, 30)
_NEW_YORK: Final = ZoneInfo("America/New_York")
_NOON: Final = 12
_MAX_AGE_YEARS: Final = 120
_LAST_MONTH: Final = 12

INVALID_DATE: Final = "INVALID_DATE"
PLACEHOLDER_DATE: Final = "PLACEHOLDER_DATE"
IMPLAUSIBLE_BIRTHDATE: Final = "IMPLAUSIBLE_BIRTHDATE"
INVALID_EMAIL: Final = "INVALID_EMAIL"
VALUE_TOO_LONG: Final = "VALUE_TOO_LONG"
_LONGEST_ADDRESS: Final = 254
PLACEHOLDER_EMAIL: Final = "PLACEHOLDER_EMAIL"
EMAIL_SEVERAL: Final = "EMAIL_SEVERAL"
TRIAL_ID_REPAIRED: Final = "TRIAL_ID_REPAIRED"
TRIAL_ID_FREE_TEXT: Final = "TRIAL_ID_FREE_TEXT"


class Read(NamedTuple):
    """What a cell gave: a value or None, and the code of what was wrong or None."""

    value: str | None
    problem: str | None = None


NOTHING: Final = Read(None)


_NO_VALUE: Final = rules().no_value_words
_LONGEST_NO_VALUE: Final = max(map(len, _NO_VALUE))
BEGINS_A_VALUE: Final = frozenset(map(chr, range(ord("!"), ord("~") + 1))).difference(
    *({word[0], word[0].upper()} for word in _NO_VALUE)
)
"""The signs of ASCII that no word for "nothing" begins with: a cell that begins with one need not be looked at."""


def is_no_value(cell: str) -> bool:
    """Whether a cell is blank or one of the words people write for "nothing"."""
    word = cell.strip()
    return not word or (len(word) <= _LONGEST_NO_VALUE and word.casefold() in _NO_VALUE)


def guid(cell: str) -> str | None:
    """The GUID in lower case without braces, or None when the cell is none."""
    if _PLAIN_GUID.fullmatch(cell):
        return cell
    found = _GUID.fullmatch(cell.strip().lower())
    return (found[1] or found[2]) if found else None


def flag(cell: str) -> bool:
    """Whether a yes/no cell says yes."""
    return cell.strip().casefold() in labels().yes


def opt_out(cell: str) -> bool | None:
    """Whether a cell of a wish not to be contacted says yes; None where nobody can tell what it says."""
    word = cell.strip().casefold()
    if not word or word in labels().no or is_no_value(cell):
        return False
    return True if word in labels().yes else None


def moment(cell: str, time_zone: str) -> Read:
    """The instant a cell gives, in UTC to the second; local writings are those of `time_zone`."""
    if _UTC_MOMENT.fullmatch(cell) and cell[:4] not in _PLACEHOLDER_YEARS:
        # Nearly every moment of an export is written as it is stored.
        try:
            datetime.fromisoformat(cell)
        except ValueError:
            return Read(None, INVALID_DATE)
        return Read(cell)
    return _any_moment(cell, time_zone)


@lru_cache(maxsize=1 << 16)
def _any_moment(cell: str, time_zone: str) -> Read:
    text = cell.strip()
    if not text:
        return NOTHING
    found = _moment(text, time_zone)
    if found is None:
        written = _day(text)
        if written is None:
            return Read(None, INVALID_DATE)
        if written.isoformat() in rules().no_value_dates:
            return Read(None, PLACEHOLDER_DATE)
        local = datetime(written.year, written.month, written.day, tzinfo=ZoneInfo(time_zone))
        found = (written, local)
    written, instant = found
    placeholders = rules().no_value_dates
    if written.isoformat() in placeholders:
        return Read(None, PLACEHOLDER_DATE)
    try:
        if instant.astimezone(ZoneInfo(time_zone)).date().isoformat() in placeholders:
            return Read(None, PLACEHOLDER_DATE)
        return Read(_utc(instant))
    except OverflowError:
        return Read(None, INVALID_DATE)


_PLACEHOLDER_YEARS: Final = frozenset(
    f"{int(day[:4]) + near:04d}" for day in rules().no_value_dates for near in (-1, 0, 1)
)
"""A moment of another year is on none of the days that stand for "none", in no zone."""


@lru_cache(maxsize=1 << 16)
def day(cell: str, time_zone: str) -> Read:
    """The calendar day a cell gives; a moment becomes its day in `time_zone`."""
    text = cell.strip()
    if not text:
        return NOTHING
    found = _moment(text, time_zone)
    if found is None:
        value = _day(text)
    else:
        written, instant = found
        if written.isoformat() in rules().no_value_dates:
            return Read(None, PLACEHOLDER_DATE)
        try:
            value = instant.astimezone(ZoneInfo(time_zone)).date()
        except OverflowError:
            value = None
    if value is None:
        return Read(None, INVALID_DATE)
    text = value.isoformat()
    return Read(None, PLACEHOLDER_DATE) if text in rules().no_value_dates else Read(text)


@lru_cache(maxsize=1 << 16)
def birth_day(cell: str, today: str) -> Read:
    """The day of birth a cell gives, without any zone; after `today` or 120 years before it is implausible."""
    text = cell.strip()
    if not text:
        return NOTHING
    found = _moment(text, "UTC")
    value = found[0] if found else _day(text)
    if value is None:
        return Read(None, INVALID_DATE)
    if value.isoformat() in rules().no_value_dates:
        return Read(None, PLACEHOLDER_DATE)
    oldest = f"{int(today[:4]) - _MAX_AGE_YEARS:04d}{today[4:]}"
    born = value.isoformat()
    return Read(None, IMPLAUSIBLE_BIRTHDATE) if born > today or born < oldest else Read(born)


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def _moment(text: str, time_zone: str) -> tuple[date, datetime] | None:
    """The day as written and the instant, or None when the text is not written as a moment."""
    try:
        if _UTC_MOMENT.fullmatch(text):
            # Nearly every moment of a Web API export is written this way.
            instant = datetime.fromisoformat(text)
            return instant.date(), instant
        if found := _ISO_MOMENT.fullmatch(text):
            return _iso_moment(found)
        if found := _AMERICAN_MOMENT.fullmatch(text):
            month, on, year, hour, minute = (int(found[n]) for n in range(1, 6))
            if not 1 <= hour <= _NOON:
                return None
            hour = hour % _NOON + (_NOON if found[7].upper() == "P" else 0)
            local = datetime(year, month, on, hour, minute, int(found[6] or 0), tzinfo=_NEW_YORK)
            return local.date(), local
        if found := _LOCAL_MOMENT.fullmatch(text):
            written = _day_first(int(found[1]), int(found[2]), int(found[3]))
            at = (int(found[4]), int(found[5]), int(found[6] or 0))
            return written, datetime(written.year, written.month, written.day, *at, tzinfo=ZoneInfo(time_zone))
        if found := _SERIAL_MOMENT.fullmatch(text):
            minutes = round(float(f"0.{found[2]}") * 24 * 60)
            first = datetime(1899, 12, 30, tzinfo=UTC)
            instant = first + timedelta(days=int(found[1]), minutes=minutes)
            return instant.date(), instant
    except ValueError:
        return None
    return None


def _iso_moment(found: re.Match[str]) -> tuple[date, datetime]:
    year, month, on, hour, minute = (int(found[n]) for n in range(1, 6))
    instant = datetime(year, month, on, hour, minute, int(found[6] or 0), tzinfo=UTC)
    written = instant.date()
    if found[8]:
        offset = timedelta(hours=int(found[9]), minutes=int(found[10] or 0))
        try:
            instant = instant - offset if found[8] == "+" else instant + offset
        except OverflowError:
            # The first or last day there is: its day as written decides what becomes of it.
            return written, instant
    return written, instant


def _day(text: str) -> date | None:
    """The day a text writes, or None."""
    try:
        if found := _ISO_DAY.fullmatch(text) or _COMPACT_DAY.fullmatch(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _SLASHED_DAY.fullmatch(text):
            return _day_first(int(found[1]), int(found[2]), int(found[3]))
        if found := _DOTTED_DAY.fullmatch(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
        if (found := _WORDED_DAY.fullmatch(text)) and (month := _MONTHS.get(found[2].lower())):
            return date(int(found[3]), month, int(found[1]))
    except ValueError:
        return None
    return _FIRST_SERIAL_DAY + timedelta(days=int(text)) if _SERIAL.fullmatch(text) and text.isascii() else None


def _day_first(on: int, month: int, year: int) -> date:
    # 03/14/2024 can only be the American way round.
    return date(year, on, month) if month > _LAST_MONTH >= on else date(year, month, on)


_PLAIN_ADDRESS: Final = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z0-9-]+")


class Emails(NamedTuple):
    """The addresses of a cell, in order: keys to match by, forms to show (without `+tag`), and what was wrong."""

    keys: tuple[str, ...]
    shown: tuple[str, ...]
    problems: tuple[str, ...]


def emails(cell: str) -> Emails:
    """The addresses of a cell; `;` and `,` separate several."""
    if len(cell) <= _LONGEST_ADDRESS and _PLAIN_ADDRESS.fullmatch(cell):
        # Most addresses are written as they should be.
        plain = cell.lower()
        if plain not in rules().placeholder_emails:
            return Emails((plain,), (plain,), ())
    parts = [part for part in re.split("[;,]", cell) if _visible(part).strip(" \t\r\n.<>")]
    if not parts:
        return Emails((), (), ())
    problems = [EMAIL_SEVERAL] if len(parts) > 1 else []
    found: dict[str, str] = {}
    for part in parts:
        address = clean_email(part)
        if address is None:
            problems.append(INVALID_EMAIL)
            continue
        if len(address) > _LONGEST_ADDRESS:
            # The beginning of an address is another one: it is left out, not cut.
            problems.append(VALUE_TOO_LONG)
            continue
        shown = without_tag(address)
        if address in rules().placeholder_emails or shown in rules().placeholder_emails:
            problems.append(PLACEHOLDER_EMAIL)
        elif key := email_key(address):
            found.setdefault(key, shown)
    return Emails(tuple(found), tuple(found.values()), tuple(problems))


def phone(cell: str, country: str) -> str | None:
    """A phone number in E.164, or None when it cannot be one; a national one is of `country`, as typed."""
    return phone_e164(cell, country_code(country) if country else None).e164


def text(cell: str) -> str:
    """A one-line text as it is stored: NFC, without invisible characters, white space collapsed."""
    if cell.isascii() and "  " not in cell:
        return " ".join(cell.split()) if not cell.isprintable() or cell[:1] == " " or cell[-1:] == " " else cell
    return clean_name(cell, joiners=False)


def code_text(cell: str) -> str:
    """A licence or EAP number: no white space, upper case."""
    return "".join(_visible(cell).split()).upper()


def _visible(cell: str) -> str:
    if cell.isascii():
        return cell
    return "".join(c for c in cell if unicodedata.category(c) != "Cf")


# Windows-1252 leaves five bytes undefined; software in the field passes them through.
_UNDEFINED_IN_1252: Final = {0x81, 0x8D, 0x8F, 0x90, 0x9D}


def decode_windows_1252(data: bytes) -> str:
    """Bytes read as Windows-1252; its five undefined bytes stay what they are."""
    return "".join(chr(byte) if byte in _UNDEFINED_IN_1252 else bytes((byte,)).decode("cp1252") for byte in data)


def undo_double_encoding(name: str) -> str | None:
    """The name meant by a double-encoded one (`RenÃ©e` -> `Renée`), or None when it is not."""
    if name.isascii():
        return None
    try:
        if _UNDEFINED_IN_1252.isdisjoint(map(ord, name)):
            return name.encode("cp1252").decode("utf-8")
        encoded = b"".join(bytes((ord(c),)) if ord(c) in _UNDEFINED_IN_1252 else c.encode("cp1252") for c in name)
        return encoded.decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return None


_BETWEEN_DIGITS: Final = r"[\s\-\u2010-\u2015]*"


def _digits(count: int) -> str:
    return _BETWEEN_DIGITS.join([r"\d"] * count)


_NCT: Final = re.compile(rf"NCT[\s\-:.#]*({_digits(8)})(?!\d)", re.IGNORECASE)
_EU_CT: Final = re.compile(
    rf"(?<!\d)({_digits(4)}){_BETWEEN_DIGITS}(5(?:{_BETWEEN_DIGITS}\d){{5}}){_BETWEEN_DIGITS}({_digits(2)})"
    rf"(?:{_BETWEEN_DIGITS}({_digits(2)}))?(?!\d)"
)
_EUDRACT: Final = re.compile(
    rf"(?<!\d)({_digits(4)}){_BETWEEN_DIGITS}({_digits(6)}){_BETWEEN_DIGITS}({_digits(2)})(?!\d)"
)
_ISRCTN: Final = re.compile(rf"ISRCTN[\s\-:.#]*({_digits(8)})(?!\d)", re.IGNORECASE)


@lru_cache(maxsize=1 << 14)
def trial_reference(cell: str) -> Read:
    """
    The registry number of a trial found anywhere in a cell, in its canonical writing, else the text itself.

    NCT and eight digits; EU CT `YYYY-5NNNNN-NN-NN` (`-00` where the version is absent); EudraCT `YYYY-NNNNNN-NN`;
    ISRCTN and eight digits. Spaces and dashes between digits are allowed.
    """
    written = " ".join(_visible(cell).split())
    if not written:
        return NOTHING
    found = _registry_number(written)
    if found is None:
        return Read(written, TRIAL_ID_FREE_TEXT)
    return Read(found, None if found == cell.strip() else TRIAL_ID_REPAIRED)


def _registry_number(written: str) -> str | None:
    if found := _NCT.search(written):
        return f"NCT{_bare(found[1])}"
    if found := _EU_CT.search(written):
        return f"{_bare(found[1])}-{_bare(found[2])}-{_bare(found[3])}-{_bare(found[4] or '00')}"
    if found := _EUDRACT.search(written):
        return f"{_bare(found[1])}-{_bare(found[2])}-{_bare(found[3])}"
    if found := _ISRCTN.search(written):
        return f"ISRCTN{_bare(found[1])}"
    return None


def _bare(digits: str) -> str:
    return re.sub(r"\D", "", digits)
