"""
Strict types for everything that comes in by JSON or query.

Pydantic's own types are lax where it hurts: a number becomes a date-time, NUL and lone surrogates reach the database.
These types take one spelling each, trim outer blanks first, and say what is wrong without repeating the value.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    Tag,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from app.platform.locales import Message

# C0 and C1 controls, DEL, line and paragraph separators, bidirectional overrides: none belongs in a line of text.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_CONTROL_BUT_BREAKS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BREAKS = re.compile("\r\n?")

# What texts look like in the description, where ECMA 262 and Python read a pattern alike: outer blanks (all that
# str.strip takes off, some of it control characters), something that is none, no control character within. Each part
# begins with what the one before it cannot take, so that no text makes a client's engine go back and forth.
_BLANK = r"\u0009-\u000D\u001C-\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"
_NOT_IN_LINES = r"\u0000-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069"
_NOT_IN_PARAGRAPHS = r"\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069"
LINE_PATTERN = (
    rf"^[{_BLANK}]*[^{_BLANK}{_NOT_IN_LINES}][^{_NOT_IN_LINES}]*"
    rf"([\u0009-\u000D\u001C-\u001F\u0085\u2028\u2029][{_BLANK}]*)?$"
)
PARAGRAPHS_PATTERN = (
    rf"^[{_BLANK}]*[^{_BLANK}{_NOT_IN_PARAGRAPHS}][^{_NOT_IN_PARAGRAPHS}]*"
    rf"([\u000B\u000C\u001C-\u001F\u0085][{_BLANK}]*)?$"
)
EARLIEST, LATEST = date(1753, 1, 1), date(9999, 12, 31)
_YEAR = "(175[3-9]|17[6-9][0-9]|1[89][0-9]{2}|[2-9][0-9]{3})"
DAY_PATTERN = rf"^{_YEAR}-[0-9]{{2}}-[0-9]{{2}}$"
BIRTH_DATE_PATTERN = rf"^{_YEAR}(-[0-9]{{2}}(-[0-9]{{2}})?)?$"
INSTANT_PATTERN = rf"^{_YEAR}-"
"""The years that `format` does not tell."""


class Body(BaseModel):
    """A request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _nothing() -> Any:
    return None


OMITTED: Any = Field(default_factory=_nothing)
"""The default of a field that an update may leave out. `model_fields_set` tells what was given; null is not absence."""


class Answer(BaseModel):
    """An answer: every field is always there."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


def _as_it_is_told(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    return value if isinstance(value, Message) else validate(value)


Told = Annotated[str, WrapValidator(_as_it_is_told)]
"""What an answer says in words of ours: English to programs, in the reader's language on a page."""


def _trimmed(value: Any) -> Any:
    if not isinstance(value, str):
        raise PydanticCustomError("text", "Send text.")
    if _SURROGATE.search(value):
        raise PydanticCustomError("invalid_characters", "Holds characters that are not valid Unicode.")
    value = value.strip()
    if not value:
        raise PydanticCustomError("blank", "Must not be empty; send null to clear a field that may be empty.")
    return value


def _one_line(value: str) -> str:
    if _CONTROL.search(value):
        raise PydanticCustomError("invalid_characters", "Must be one line without control characters.")
    return value


def _many_lines(value: str) -> str:
    value = _BREAKS.sub("\n", value)
    if _CONTROL_BUT_BREAKS.search(value):
        raise PydanticCustomError(
            "invalid_characters", "May hold line breaks and tabs, but no other control characters."
        )
    return value


def _no_longer_than(max_length: int) -> BeforeValidator:
    """The length as sent, outer blanks too: what the description's maxLength says."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and len(value) > max_length:
            raise PydanticKnownError("string_too_long", {"max_length": max_length})
        return value

    return BeforeValidator(check)


def line(max_length: int, *, pattern: str | None = None) -> Any:
    """The type of one line of text of 1 to `max_length` characters; `pattern` is kept to after trimming."""
    return Annotated[
        str,
        StringConstraints(pattern=pattern),
        AfterValidator(_one_line),
        BeforeValidator(_trimmed),
        _no_longer_than(max_length),
        WithJsonSchema({"type": "string", "minLength": 1, "maxLength": max_length, "pattern": pattern or LINE_PATTERN}),
    ]


def paragraphs(max_length: int) -> Any:
    """The type of text of several lines, 1 to `max_length` characters; every line break becomes a newline."""
    return Annotated[
        str,
        AfterValidator(_many_lines),
        BeforeValidator(_trimmed),
        _no_longer_than(max_length),
        WithJsonSchema({"type": "string", "minLength": 1, "maxLength": max_length, "pattern": PARAGRAPHS_PATTERN}),
    ]


_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)\Z", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.ASCII | re.IGNORECASE)


def _instant_text(value: Any) -> Any:
    if isinstance(value, datetime):  # made by our own code
        return value
    if not isinstance(value, str) or not _INSTANT.match(value.strip()):
        raise PydanticCustomError("instant", "Send an instant with its offset, for example 2026-03-14T09:30:00Z.")
    return value.strip()


def _sane_instant(value: datetime) -> datetime:
    return _sane_as_sent(value).astimezone(UTC)


def _sane_as_sent(value: datetime) -> datetime:
    try:
        day = value.astimezone(UTC).date()
    except OverflowError:
        raise PydanticCustomError("out_of_range", "Must lie between the years 1753 and 9999.") from None
    # A day at both ends is left for the clocks of other places, and for what is reckoned from an instant.
    if not EARLIEST < day < LATEST:
        raise PydanticCustomError("out_of_range", "Must lie between the years 1753 and 9999.")
    return value


def _day_text(value: Any) -> Any:
    if type(value) is date:  # made by our own code
        return value
    if not isinstance(value, str) or not _DAY.match(value.strip()):
        raise PydanticCustomError("day", "Send a calendar day as YYYY-MM-DD.")
    return value.strip()


def _sane_day(value: date) -> date:
    if not EARLIEST <= value <= LATEST:
        raise PydanticCustomError("out_of_range", "Must lie between the years 1753 and 9999.")
    return value


def _uuid_text(value: Any) -> Any:
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or not _UUID.match(value):
        raise PydanticCustomError("uuid", "Send a UUID: 8-4-4-4-12 hexadecimal digits.")
    return value


Instant = Annotated[
    AwareDatetime,
    AfterValidator(_sane_instant),
    BeforeValidator(_instant_text),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": INSTANT_PATTERN}),
]
"""An instant from an ISO string with an offset, given back in UTC."""
InstantAsSent = Annotated[
    AwareDatetime,
    AfterValidator(_sane_as_sent),
    BeforeValidator(_instant_text),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": INSTANT_PATTERN}),
]
"""The same with the offset that it was sent with."""
Day = Annotated[
    date,
    AfterValidator(_sane_day),
    BeforeValidator(_day_text),
    WithJsonSchema({"type": "string", "format": "date", "pattern": DAY_PATTERN}),
]
"""A calendar day from `YYYY-MM-DD` only."""
Id = Annotated[UUID, BeforeValidator(_uuid_text), WithJsonSchema({"type": "string", "format": "uuid"})]
"""A UUID in its usual spelling."""
Flag = StrictBool


def whole(minimum: int, maximum: int) -> Any:
    """The type of a whole number from `minimum` to `maximum`, both included; no text, no 1.0, no true."""
    return Annotated[StrictInt, Field(ge=minimum, le=maximum)]


def one_of(words: Iterable[str]) -> Any:
    """The type of one of these words, as the machine or the list that they come from has them."""
    return Literal.__getitem__(tuple(words))


Name = line(100)
Label = line(200)
Notes = paragraphs(20_000)
Reason = paragraphs(2_000)
Code = line(50, pattern=r"^[a-z][a-z0-9_-]*$")


def either(first: type[BaseModel], second: type[BaseModel], *, second_has: str) -> Any:
    """
    The type of a body that is one of two models: `second` when it has the field `second_has`, else `first`.

    Chosen by a field and not by trial, so that errors name the fields of the alternative that was meant.
    """

    def which(value: Any) -> str:
        has = second_has in value if isinstance(value, dict) else isinstance(value, second)
        return "~second" if has else "~first"

    return Annotated[
        Annotated[first, Tag("~first")] | Annotated[second, Tag("~second")],
        Discriminator(which),
    ]
