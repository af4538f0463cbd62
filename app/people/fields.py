"""Strict types of what people send about themselves: names, addresses, languages, time zones."""

import unicodedata
import zoneinfo
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from typing import Annotated, Any

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.people.birth_dates import BirthDate, read_birth_date
from app.people.keys import email_key
from app.people.names import clean_name
from app.platform import clock
from app.platform.text import BIRTH_DATE_PATTERN, EARLIEST, LINE_PATTERN, Label, line

_JOINERS = "\u200c\u200d"
_LONGEST_NAME = 100
_LONGEST_EMAIL = 254


def _line(max_length: int, check: Callable[[str], str], **described: Any) -> Any:
    """The type of one line of text that `check` gives back as it is stored, or refuses."""
    schema = {"type": "string", "minLength": 1, "maxLength": max_length, "pattern": LINE_PATTERN, **described}
    return Annotated[line(max_length), AfterValidator(check), WithJsonSchema(schema)]


def _clean_name(value: str) -> str:
    value = clean_name(value)
    if not value:
        raise PydanticCustomError("blank", "Must not be empty; send null to clear a field that may be empty.")
    # Composing can lengthen a text of some scripts.
    if len(value) > _LONGEST_NAME:
        raise PydanticCustomError("string_too_long", "Too long.")
    return value


def email_address(value: str) -> str:
    """`value` when it is one address that has a key; it stays as typed."""
    try:
        validate_email(value, check_deliverability=False)
        key = email_key(value)
    except EmailNotValidError:
        key = None
    if key is None:
        raise PydanticCustomError("email", "Send one e-mail address, such as name@example.org.")
    return value


def _time_zone(value: str) -> str:
    if value not in _time_zones():
        raise PydanticCustomError("time_zone", "Send an IANA time zone, such as Europe/Amsterdam.")
    return value


def _as_seen(value: Any) -> Any:
    """Without the characters that nobody sees: a number pasted from a chat comes between marks of its direction."""
    if not isinstance(value, str):
        return value
    return "".join(c for c in value if unicodedata.category(c) != "Cf" or c in _JOINERS)


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


def _not_in_the_future(value: BirthDate) -> BirthDate:
    # It is tomorrow already in the east of us.
    if value > clock.today() + timedelta(days=1):
        raise PydanticCustomError("in_the_future", "Nobody is born in the future.")
    return value


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


PersonName = _line(_LONGEST_NAME, _clean_name)
Email = _line(_LONGEST_EMAIL, email_address, format="email")
Phone = line(64)
"""Kept as typed; one that cannot exist is flagged (`phone_valid`), never refused."""
Language = line(35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$")
"""BCP 47."""
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
