"""Strict types of what people send about themselves: names, addresses, languages, time zones."""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Any

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.people.birth_dates import BirthDate, read_birth_date
from app.people.countries import country_meant, country_of_language
from app.people.keys import email_key
from app.people.names import JOINERS, clean_name
from app.people.time_zones import is_zone
from app.platform import clock
from app.platform.emails import straight_apostrophes
from app.platform.text import BIRTH_DATE_PATTERN, EARLIEST, LINE_PATTERN, Label, line

_LONGEST_NAME = 100
_DIRECTIONS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_REVERSING = "\u202d\u202e"
_PASTED_PATTERN = LINE_PATTERN.replace(r"\u202A-\u202E\u2066-\u2069", "")
"""A line between marks of direction, which are dropped."""
_LONGEST_EMAIL = 254
_FULL_WIDTH = dict(zip(range(0xFF01, 0xFF5F), range(0x21, 0x7F), strict=True)) | {0x3002: "."}
_PLAIN_LOCAL_PART = re.compile(r"[A-Za-z0-9_'+-]+(?:\.[A-Za-z0-9_'+-]+)*")


def _line(max_length: int, check: Callable[[str], str], **described: Any) -> Any:
    """The type of one line of text that `check` gives back as it is stored, or refuses; marks around it are dropped."""
    schema = {"type": "string", "minLength": 1, "maxLength": max_length, "pattern": _PASTED_PATTERN, **described}
    return Annotated[line(max_length), AfterValidator(check), BeforeValidator(_as_pasted), WithJsonSchema(schema)]


def _clean_name(value: str) -> str:
    value = clean_name(value)
    if not value:
        raise PydanticCustomError("blank", "Must not be empty; send null to clear a field that may be empty.")
    # Composing can lengthen a text of some scripts.
    if len(value) > _LONGEST_NAME:
        raise PydanticCustomError("string_too_long", "Too long.")
    return value


def email_address(value: str) -> str:
    """`value` when it is one address that has a key; as typed, with usual letters and apostrophes."""
    value = straight_apostrophes(value).translate(_FULL_WIDTH)
    local, _, domain = value.rpartition("@")
    # Of most addresses the domain alone is to be looked at, and many have the same one.
    is_plain = len(value) <= _LONGEST_EMAIL and _PLAIN_LOCAL_PART.fullmatch(local) and _is_plain_domain(domain)
    if not (is_plain or _is_email(value)) or email_key(value) is None:
        raise PydanticCustomError("email", "Send one e-mail address, such as name@example.org.")
    return value


@lru_cache(maxsize=1 << 10)
def _is_plain_domain(domain: str) -> bool:
    return domain.isascii() and "xn--" not in domain.lower() and _is_email(f"x@{domain}")


def _is_email(value: str) -> bool:
    try:
        validate_email(value, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _time_zone(value: str) -> str:
    if not is_zone(value):
        raise PydanticCustomError("time_zone", "Send an IANA time zone, such as Europe/Amsterdam.")
    return value


def _country(value: str) -> str:
    found = country_meant(value)
    if found is not None:
        return found
    meant = country_of_language(value)
    hint = f" This is the code of a language; {meant} may be meant." if meant else ""
    raise PydanticCustomError("country", f"Send an ISO 3166-1 code, such as NL, or the name of a country.{hint}")


def _as_seen(value: Any) -> Any:
    """Without the characters that nobody sees: a number pasted from a chat comes between marks of its direction."""
    if not isinstance(value, str):
        return value
    return "".join(c for c in value if unicodedata.category(c) != "Cf" or c in JOINERS)


def _birth_date(value: Any) -> BirthDate:
    if isinstance(value, BirthDate):  # made by our own code
        return value
    if type(value) is date:
        return BirthDate.of(value)
    found = read_birth_date(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise PydanticCustomError("day", "Send a birth date as YYYY-MM-DD; as YYYY-MM or YYYY when no more is known.")
    if found < EARLIEST:
        raise PydanticCustomError("out_of_range", "Must lie between the years 1753 and 9999.")
    return found


def _as_pasted(value: Any) -> Any:
    """The same, but for a mark that reverses what stands behind it: inside a text it is refused, as everywhere."""
    if not isinstance(value, str):
        return value
    inside = value.strip(_DIRECTIONS + " ")
    if inside.isascii():
        return inside
    return "".join(c for c in inside if c in _REVERSING or c in JOINERS or unicodedata.category(c) != "Cf")


def _not_in_the_future(value: BirthDate) -> BirthDate:
    # It is tomorrow already in the east of us.
    if value > clock.today() + timedelta(days=1):
        raise PydanticCustomError("in_the_future", "Nobody is born in the future.")
    return value


PersonName = _line(_LONGEST_NAME, _clean_name)
Email = _line(_LONGEST_EMAIL, email_address, format="email")
Phone = _line(64, str)
"""Kept as typed; one that cannot exist is flagged (`phone_valid`), never refused."""
Language = line(35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$")
"""BCP 47."""
Country = _line(100, _country)
"""ISO 3166-1 and XK, from a code or a name; stored as the code of two letters."""
ContactValue = _line(254, str)
TimeZone = _line(64, _time_zone)
KnownBirthDate = Annotated[
    BirthDate,
    PlainValidator(_birth_date),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": BIRTH_DATE_PATTERN}),
]
"""A birth date as far as it is known: `1967`, `1967-03` or `1967-03-14`."""
NewBirthDate = Annotated[KnownBirthDate, AfterValidator(_not_in_the_future)]
ConsentTextVersion = line(50)
SearchText = Annotated[Label, BeforeValidator(_as_seen)]
"""What somebody types or pastes who looks for a person."""
