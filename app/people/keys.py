"""
The keys a person is found by: e-mail key, phone number in E.164.

One function for each key, used by every entry point and by the migration, so that the same person typed twice gives
the same key. What was typed is kept beside the key and never refused here.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers

from app.people.plain_phones import PLAIN, plain_e164
from app.platform.emails import clean_email, email_key, split_emails, without_tag

_TEL: Final = re.compile(r"^\W*tel:", re.IGNORECASE)
_TRUNK_IN_BRACKETS: Final = re.compile(r"\(\s*0\s*\)")
_REMARK: Final = re.compile(r"\([^()]*[^\W\d_][^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}")
_EXTENSION: Final = re.compile(
    r"[\s,;]*(?<![^\W\d_])(?:toestel|tst|durchwahl|dw|nebenstelle|klappe|kl|poste|interno|int|anexo|ramal|extensión|extensao|extensão"
    r"|anknytning|anknytn|ankn|anexă|lokal|lokalnr|dahili|wewn|wew|w|linka|klapka|mellék|εσωτ|εσωτερικό|доб|дод|внутр|вн|внутренний"
    r"|内線|内线|分机|分機|转|轉|내선|داخلي|داخلی|שלוחה)[\s.:№-]*(?=\d{1,7}\s*$)",
    re.IGNORECASE,
)
"""What comes before an extension in other languages than phonenumbers knows."""
_KNOWN_EXTENSION: Final = re.compile(r"[\s,;]*(?:ext(?:ension|n)?|x|#)[\s.:=]*\d{1,7}\s*#?\s*$", re.IGNORECASE)
_EXTENSION_IN_BRACKETS: Final = re.compile(r"[(\[]\s*([^\W\d_]+\.?[\s:]*\d{1,7})\s*[)\]]\s*$")
"""A remark that may be an extension: (ext. 12)."""
_LEADING_ZEROS: Final = re.compile(r"^[^\d+]*0[\s-]*0(?=[\s()-]*[1-9])")
# Beyond this nothing is a number; phonenumbers reads no further either.
_LONGEST_PHONE: Final = 250
_LETTER: Final = re.compile(r"[^\W\d_]")
_FIRST_DIGIT: Final = re.compile(r"[+\d]")


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone number as typed, with its E.164 form when it is one that can exist, and the extension behind it."""

    typed: str
    e164: str | None
    extension: str | None = None

    @property
    def valid(self) -> bool:
        """Whether the number can be called; an invalid one is kept as typed and never matched."""
        return self.e164 is not None


@lru_cache(maxsize=1 << 14)
def phone_e164(typed: str, country: str | None) -> Phone:
    """
    The phone with its E.164 form, read as people write it; `country` is an ISO code or None.

    With `+` or `00` in front the number is international, else a national one of `country`. `tel:`, `(0)`,
    full-width digits and bracketed remarks are understood; an extension is kept apart. A number with
    other words behind it is not guessed at: it is invalid, as is one that no network has.
    """
    if len(typed) > _LONGEST_PHONE:
        return Phone(typed, None)
    text = typed
    if not PLAIN.fullmatch(typed):
        text = _with_plain_extension(_TEL.sub("", unicodedata.normalize("NFKC", typed)))
    text = _LEADING_ZEROS.sub("+", text)
    # "+44 (0)20" has a zero too many, "+39 (0)6" has not: the form that is a number is meant.
    spellings = dict.fromkeys((_TRUNK_IN_BRACKETS.sub("", text) if "+" in text else text, text))
    found = (_e164(spelling, country) for spelling in spellings)
    return Phone(typed, *next((number for number in found if number), (None, None)))


def _with_plain_extension(text: str) -> str:
    """The text without remarks; an extension, also one that is a remark, is written as phonenumbers knows it."""
    unwrapped = _EXTENSION_IN_BRACKETS.sub(r" \1", text)
    extended = _EXTENSION.sub(" ext. ", unwrapped)
    # A remark with a number in it is an extension only by its word.
    is_one = extended != unwrapped or _KNOWN_EXTENSION.search(unwrapped)
    return _REMARK.sub(" ", extended if is_one else text)


def without_extension(typed: str) -> str:
    """A typed number without the extension behind it; what has none stays."""
    return _KNOWN_EXTENSION.sub("", _with_plain_extension(typed))


def _e164(text: str, country: str | None) -> tuple[str, str | None] | None:
    if PLAIN.fullmatch(text) and (number := plain_e164(text, country)):
        return number, None
    return _e164_of_any(text, country)


def _e164_of_any(text: str, country: str | None) -> tuple[str, str | None] | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or _has_words(text, number.extension):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), number.extension


def region_of_phone(typed: str) -> str | None:
    """The country whose prefix an international number begins with, as an ISO code; None where it tells none."""
    try:
        code = phonenumbers.parse(_LEADING_ZEROS.sub("+", typed), None).country_code
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_country_code(code or 0) or ""
    return region if len(region) == 2 and region.isalpha() else None  # noqa: PLR2004 - an ISO code


def is_cut_short(typed: str) -> bool:
    """Whether an international number is none that a network has, as one of which digits are missing."""
    return region_of_phone(typed) is not None and phone_e164(typed, None).e164 is None


def _has_words(text: str, extension: str | None) -> bool:
    """Whether letters stand among or behind the digits; those of an extension ("ext. 12") do not count."""
    first = _FIRST_DIGIT.search(text)
    number = text[first.start() :] if first else text
    if extension and number.rstrip("# ").endswith(extension):
        return False
    return bool(_LETTER.search(number))


__all__ = [
    "Phone",
    "clean_email",
    "email_key",
    "is_cut_short",
    "phone_e164",
    "region_of_phone",
    "split_emails",
    "without_extension",
    "without_tag",
]
