"""What comes in by forms and addresses, read by the API's models: one function each, and every wrong field is named."""

import re
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, TypeVar
from uuid import UUID

from fastapi import Request
from pydantic import AwareDatetime, BaseModel, ValidationError
from starlette.datastructures import ImmutableMultiDict

from app.access import answering
from app.people.birth_dates import BirthDate
from app.platform import clock
from app.platform.errors import FieldError, Invalid
from app.platform.locales import Message, _
from app.platform.paging import PageQuery
from app.platform.problems import invalid_fields, unknown_parameters
from app.web.typed_dates import read_day, read_moment
from app.web.words import local

M = TypeVar("M", bound=BaseModel)
Q = TypeVar("Q", bound=PageQuery)
Typed = dict[str, Any]
"""What somebody typed by the names of the fields: text, or a list of texts where a field takes several."""

IN_WORDS = {
    "uuid": _("This is not an id. Copy it from the record or from the audit trail."),
    "blank": _("Must not be empty."),
    "missing": _("Must not be empty."),
    "literal_error": _("Choose one of the list."),
    "enum": _("Choose one of the list."),
    "instant": _("Give a day and a time, such as tomorrow 14:30 or 2026-11-24 09:30."),
    "day": _("Give a day, such as tomorrow, 24/11 or 2026-11-24."),
    "int_type": _("Give a whole number."),
    "bool_type": _("Choose yes or no."),
    "list_type": _("Choose at least one."),
    "too_short": _("Choose at least one."),
}
"""What a page says of a field, by the code of its error, where the platform's sentence speaks to programs."""
OF_THE_PAST = frozenset(
    {
        *("happened_at", "call_date", "reported_at"),
        *("departed_on", "date_of_death", "first_contact_date", "decided_on"),
        *("start_date", "valid_from"),
    }
)
"""Fields that tell what has been: a day without its year is the last such one. In any other it is the next."""
_LONGEST_SHOWN = 20_000
_LOCAL = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?\Z", re.ASCII)
"""A moment on a clock that is known beside it."""


def on_a_page(error: FieldError) -> str:
    """The sentence that a form shows beside a field."""
    known = IN_WORDS.get(error.code, error.message)
    return known if isinstance(known, Message) else Message(known)


def as_typed(value: object) -> str:
    """A value as the field of a form holds it, a moment on the viewer's clock; a list is parted by commas."""
    if isinstance(value, (list, tuple)):
        return ",".join(sorted(map(str, value)))
    if isinstance(value, datetime):
        return f"{local(value):%Y-%m-%d %H:%M}"
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


async def typed_in(request: Request, kind: type[BaseModel]) -> Typed:
    """What the form brought for the fields of `kind`, as it is shown again when something is wrong."""
    return typed_of(await request.form(), kind)


def asked_in(request: Request, kind: type[BaseModel]) -> Typed:
    """What the address's query brought for the fields of `kind`."""
    return typed_of(request.query_params, kind)


def typed_of(given: ImmutableMultiDict[str, Any], kind: type[BaseModel]) -> Typed:
    """What a form or an address brought for the fields of `kind`."""
    found: Typed = {}
    for name, info in kind.model_fields.items():
        texts = [value[:_LONGEST_SHOWN] for value in given.getlist(name) if isinstance(value, str)]
        is_list = list in _kinds(info.annotation)
        found[name] = [text for text in texts if text.strip()] if is_list else next(iter(texts), "")
    return found


def read_form(
    kind: type[M], typed: Mapping[str, Any], *, zone: tzinfo | None = None, wrong: Sequence[FieldError] = ()
) -> M:
    """
    `typed` as the model takes it: blank is null where that is allowed, times are on the clock of `zone`.

    Invalid names every wrong field, those of `wrong` too, which the caller has found.
    """
    values = {name: _value(kind, name, value, zone) for name, value in typed.items()}
    found: list[FieldError] = []
    try:
        made = kind.model_validate(values)
    except ValidationError as error:
        found = [_told_as_blank(_of_a_field(field, kind), typed) for field in invalid_fields(error.errors())]
    known = {field.field for field in wrong}
    found = [field for field in found if field.field not in known] + list(wrong)
    if found:
        told = {field.field: field for field in reversed(found)}
        raise Invalid(fields=[told[name] for name in dict.fromkeys(field.field for field in found)])
    return made


def read_query(
    request: Request,
    kind: type[Q],
    typed: Mapping[str, Any],
    *,
    beside: Collection[str] = (),
    zone: tzinfo | None = None,
    wrong: Sequence[FieldError] = (),
) -> Q:
    """
    The question that an address asks; what is left blank is not asked. Its cursor is one that a page was given.

    `beside` are the parameters that the page reads beside those of `kind`; any other is wrong.
    """
    asked = {name: value for name, value in typed.items() if value not in ("", [], None)}
    unknown = unknown_parameters(request.query_params, {*kind.model_fields, *beside})
    query = read_form(kind, asked, zone=zone, wrong=[*wrong, *unknown])
    opened: Q = answering.current().open_cursor(query)  # type: ignore[assignment]  # a copy of the same kind
    return opened


def _kinds(annotation: Any) -> set[Any]:
    """The types that a value of this annotation may have, without what is said about them."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _kinds(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return set().union(*map(_kinds, typing.get_args(annotation)))
    return {typing.get_origin(annotation) or annotation}


def _value(kind: type[BaseModel], name: str, value: Any, zone: tzinfo | None) -> Any:
    if not isinstance(value, str) or name not in kind.model_fields:
        return value
    kinds, text = _kinds(kind.model_fields[name].annotation), value.strip()
    if not text and type(None) in kinds:
        return None
    if bool in kinds and text in ("true", "false"):
        return text == "true"
    if int in kinds and text.isascii() and text.isdigit() and len(text) < 10:  # noqa: PLR2004 - no number here is longer
        return int(text)
    return _dated(kinds, text, zone, is_last=name in OF_THE_PAST) or value


def _dated(kinds: set[Any], text: str, zone: tzinfo | None, *, is_last: bool) -> str | None:
    """What a field of a day or a moment takes for what was typed; None for what is no such field, or not understood."""
    if AwareDatetime in kinds and zone is not None:
        return _moment(text, zone, is_last=is_last)
    if BirthDate in kinds or date in kinds:
        return _day(text, zone or UTC, is_past=BirthDate in kinds, is_last=is_last)
    return None


def looking_back(text: str, zone: tzinfo, *, is_end: bool = False) -> str:
    """
    What somebody typed of a moment that has been, as a field of a moment takes it; a day is meant whole.

    A day alone is its beginning, or with `is_end` its end. What is not understood stays for the field's own check.
    """
    typed, now = text.strip(), clock.now().astimezone(zone)
    if day := read_day(typed, today=now.date(), is_last=True):
        whole = day + timedelta(days=1) if is_end and day < date.max else day
        return f"{whole.isoformat()}T00:00"
    meant = read_moment(typed, now=now, is_last=True)
    return f"{meant:%Y-%m-%dT%H:%M}" if meant else text


def _moment(text: str, zone: tzinfo, *, is_last: bool) -> str | None:
    if _LOCAL.match(text):
        return _on_the_clock_of(zone, text)
    meant = read_moment(text, now=clock.now().astimezone(zone), is_last=is_last)
    return meant.isoformat() if meant else None


def _day(text: str, zone: tzinfo, *, is_past: bool, is_last: bool) -> str | None:
    meant = read_day(text, today=clock.now().astimezone(zone).date(), is_past=is_past, is_last=is_last)
    return meant.isoformat() if meant else None


def _on_the_clock_of(zone: tzinfo, text: str) -> str:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).isoformat()
    except ValueError:
        return text


def _of_a_field(error: FieldError, kind: type[BaseModel]) -> FieldError:
    """What is wrong with one choice of several is told of the field: `roles.0` is `roles`."""
    name, _, place = error.field.partition(".")
    return FieldError(name, error.code, error.message) if place.isdigit() and name in kind.model_fields else error


def _told_as_blank(error: FieldError, typed: Mapping[str, Any]) -> FieldError:
    is_blank = str(typed.get(error.field, "x")).strip() == ""
    return FieldError(error.field, "blank", error.message) if is_blank else error


def id_in(text: str) -> UUID | None:
    """The id that a form brought; None for any other text."""
    try:
        return UUID(text)
    except ValueError:
        return None
