"""
The keys a person is found by: e-mail key, name key for search, phone number in E.164.

One function for each key, used by every entry point and by the migration, so that the same person typed twice gives
the same key. What was typed is kept beside the key and never refused here.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import idna
import phonenumbers
from anyascii import anyascii

_ADDRESS: Final = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>.]+")
_MAILTO: Final = re.compile(r"mailto:([^?]*).*", re.IGNORECASE | re.DOTALL)
_SEVERAL: Final = re.compile(r"[;,]")

_TEL: Final = re.compile(r"^\W*tel:", re.IGNORECASE)
_TRUNK_IN_BRACKETS: Final = re.compile(r"\(\s*0\s*\)")
_REMARK: Final = re.compile(r"\([^()]*[^\W\d_][^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}")
_LEADING_ZEROS: Final = re.compile(r"^[^\d+]*0[\s-]*0(?=[\s()-]*[1-9])")
# Beyond this nothing is a number; phonenumbers reads no further either.
_LONGEST_PHONE: Final = 250
_LETTER: Final = re.compile(r"[^\W\d_]")
_FIRST_DIGIT: Final = re.compile(r"[+\d]")


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone number as typed, with its E.164 form when it is one that can exist."""

    typed: str
    e164: str | None

    @property
    def valid(self) -> bool:
        """Whether the number can be called; an invalid one is kept as typed and never matched."""
        return self.e164 is not None


def split_emails(typed: str) -> tuple[str, ...]:
    """The addresses of a text that may hold several, parted by `;` or `,`, each cleaned, or ()."""
    return tuple(address for part in _SEVERAL.split(typed) if (address := clean_email(part)))


def clean_email(typed: str) -> str | None:
    """
    The address without noise around it, NFC and in lower case, or None when it is not like `x@y.z`.

    Noise: blanks and invisible characters, `mailto:`, angle brackets, a full stop or semicolon at the end.
    A `+tag` and the domain's own letters stay: this is the address that is written to.
    """
    visible = "".join(c for c in typed if unicodedata.category(c) not in {"Cf", "Cc"} or c.isspace())
    address = _bare(visible)
    if scheme := _MAILTO.fullmatch(address):
        address = _bare(scheme[1])
    address = unicodedata.normalize("NFC", address.lower())
    return address if _ADDRESS.fullmatch(address) else None


def _bare(address: str) -> str:
    """Strip blanks and brackets around, full stops and semicolons behind, in whatever order they stand."""
    stripped = address.strip().lstrip("<").rstrip(">.;,")
    return stripped if stripped == address else _bare(stripped)


def without_tag(address: str) -> str:
    """A cleaned address without the `+tag` of its local part; dots stay, for they can part people."""
    local, _, domain = address.rpartition("@")
    # "+news@example.org" has no name before its tag: left alone, or everybody's would be one.
    return f"{local.partition('+')[0] or local}@{domain}"


@lru_cache(maxsize=1 << 14)
def email_key(typed: str) -> str | None:
    """
    The key that two spellings of one mailbox share, or None when the text is no address.

    Trimmed, NFC, lower case, `+tag` left out, the domain in its ASCII form (A-labels). A domain that IDNA
    does not know stays as it is: a strange address still equals itself.
    """
    address = clean_email(typed)
    if address is None:
        return None
    local, _, domain = without_tag(address).rpartition("@")
    return f"{local}@{_ascii_domain(domain)}"


def name_key(*parts: str | None) -> str:
    """
    The parts of a name, first name first, as plain lower-case ASCII words for search; may be empty.

    Scripts are romanised (`Жукова` zhukova, `王` wang): enough to find someone by, never to say who is who.
    """
    written = unicodedata.normalize("NFKC", " ".join(part for part in parts if part))
    return " ".join(anyascii(written).lower().split())


@lru_cache(maxsize=1 << 14)
def phone_e164(typed: str, country: str | None) -> Phone:
    """
    The phone with its E.164 form, read as people write it; `country` is an ISO code or None.

    With `+` or `00` in front the number is international, else a national one of `country`. `tel:`, `(0)`,
    full-width digits and bracketed remarks are understood; an extension is left out of E.164. A number with
    other words behind it is not guessed at: it is invalid, as is one that no network has.
    """
    if len(typed) > _LONGEST_PHONE:
        return Phone(typed, None)
    text = unicodedata.normalize("NFKC", typed)
    text = _REMARK.sub(" ", _TEL.sub("", text))
    text = _LEADING_ZEROS.sub("+", text)
    # "+44 (0)20" has a zero too many, "+39 (0)6" has not: the form that is a number is meant.
    spellings = dict.fromkeys((_TRUNK_IN_BRACKETS.sub("", text) if "+" in text else text, text))
    found = (_e164(spelling, country) for spelling in spellings)
    return Phone(typed, next((number for number in found if number), None))


def _e164(text: str, country: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or _has_words(text, number.extension):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _has_words(text: str, extension: str | None) -> bool:
    """Whether letters stand among or behind the digits; those of an extension ("ext. 12") do not count."""
    first = _FIRST_DIGIT.search(text)
    number = text[first.start() :] if first else text
    if extension and number.rstrip("# ").endswith(extension):
        return False
    return bool(_LETTER.search(number))


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain
