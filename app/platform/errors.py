"""
What can go wrong, as kinds. A package's errors.py subclasses a kind and adds a stable `code` and a safe sentence.

    AppError
    ├── Unauthenticated   nobody we know asks
    ├── Forbidden         known, but not allowed
    ├── NotFound          not there, or not for this actor
    ├── Invalid           the request cannot be meant like this; carries fields
    ├── Conflict          right in itself, but not in the present state
    ├── Stale             the caller saw an earlier version
    ├── TooLarge          more than we read
    ├── TooSlow           a body that did not arrive in time
    ├── UnsupportedMedia  not a body we understand
    ├── TooMany           too often in a short time; carries retry_after in seconds
    └── Unavailable       a part we need does not answer; try again

Each entry point (JSON, page, command) translates kinds once; nobody else knows a status code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from app.platform.locales import _


@dataclass(frozen=True)
class FieldError:
    """One field that is wrong: its dotted place in the request, a stable code, a sentence without the value."""

    field: str
    code: str
    message: str


class AppError(Exception):
    """
    A refusal with a stable `code` and a `detail` that is safe to show: it never repeats what was sent.

    `about` is the person of whom `extra` tells, where it does not name them.
    """

    code: ClassVar[str] = "error"
    detail: ClassVar[str] = _("The request could not be carried out.")

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: str | None = None,
        fields: Sequence[FieldError] = (),
        extra: Mapping[str, Any] | None = None,
        about: UUID | None = None,
    ) -> None:
        self.error_code = code or self.code
        self.error_detail = detail or self.detail
        self.fields = tuple(fields)
        self.extra = dict(extra or {})
        self.about = about
        super().__init__(self.error_detail)


class Unauthenticated(AppError):
    code = "not_authenticated"
    detail = _("A valid API key is needed: Authorization: Bearer <key>.")


class Forbidden(AppError):
    code = "forbidden"
    detail = _("Your role does not allow this.")


class NotFound(AppError):
    code = "not_found"
    detail = _("There is no such record.")


class Invalid(AppError):
    code = "invalid"
    detail = _("Some fields are not right.")


class Conflict(AppError):
    code = "conflict"
    detail = _("The record's present state does not allow this.")


class Stale(AppError):
    code = "stale_version"
    detail = _("The record has changed since you read it. Read it again and repeat your change.")


class TooLarge(AppError):
    code = "body_too_large"
    detail = _("The body is larger than 1 MiB.")


class TooSlow(AppError):
    code = "body_too_slow"
    detail = _("The body did not arrive within ten seconds. Nothing was done; send it again.")


class UnsupportedMedia(AppError):
    code = "unsupported_media_type"
    detail = _("Send JSON: Content-Type: application/json, without a content encoding.")


class TooMany(AppError):
    code = "too_many_requests"
    detail = _("Too many tries in a short time. Nothing is locked: wait a little and try again.")


class Unavailable(AppError):
    code = "unavailable"
    detail = _("The service cannot answer at the moment. Try again shortly.")


def invalid_field(field: str, code: str, message: str) -> Invalid:
    """An Invalid that names one field."""
    return Invalid(fields=[FieldError(field, code, message)])
