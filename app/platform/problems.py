"""Errors of the JSON API: RFC 9457 problem+json with a stable code and a request id, never the value that was sent."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from asyncpg import InterfaceError, InternalClientError, InvalidCachedStatementError, PostgresError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match, Mount, Route

from app.platform import errors
from app.platform.db import ConstraintErrors, constraint_name, driver_error, sqlstate
from app.platform.errors import AppError, FieldError
from app.platform.locales import _
from app.platform.logs import describe_error
from app.platform.lost_connections import is_gone

log = structlog.get_logger()

STATUS_OF_KIND: dict[type[AppError], int] = {
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Stale: 412,
    errors.TooSlow: 408,
    errors.TooLarge: 413,
    errors.UnsupportedMedia: 415,
    errors.Invalid: 422,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}
TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Body too slow",
    409: "Conflict",
    412: "The record has changed",
    413: "Body too large",
    415: "Unsupported media type",
    422: "The request is not right",
    429: "Too many requests",
    500: "Internal error",
    503: "Not available at the moment",
}
MOST_FIELDS = 100
"""That many wrong fields an answer names; a body may have tens of thousands."""
ALTERNATIVE = "~"
"""Begins the tag of a union's alternative (text.either): part of Pydantic's place of an error, not of the request."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,49}")
"""A name from outside that may stand in an answer; any other text is no name."""


class ProblemField(BaseModel):
    field: str
    code: str
    message: str


class Problem(BaseModel):
    """An error. `code` is stable; `errors` names the fields that are wrong. Some codes add fields of their own."""

    model_config = {"extra": "allow"}

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[ProblemField]


class ProblemResponse(JSONResponse):
    media_type = "application/problem+json"


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route for these error statuses, as its description shows them."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": TITLES[status],
            "content": {"application/problem+json": {"schema": schema}},
        }
        for status in statuses
    }


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    fields: Sequence[FieldError] = (),
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    body = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request.scope.get("request_id", ""),
        "errors": [{"field": f.field, "code": f.code, "message": f.message} for f in fields],
        **(extra or {}),
    }
    return ProblemResponse(body, status, headers=dict(headers or {}))


def _place(parts: Iterable[Any]) -> str:
    shown = [str(part) for part in parts if not str(part).startswith(ALTERNATIVE)]
    if shown and shown[0] in {"body", "query", "path", "header"}:
        shown = shown[1:]
    return ".".join(shown) or "body"


_MESSAGES = {
    "missing": _("This field is needed."),
    "extra_forbidden": _("There is no such field."),
    "string_too_long": _("Too long."),
    "string_too_short": _("Too short."),
    "string_pattern_mismatch": _("Not of the expected form."),
    "literal_error": _("Not one of the allowed values."),
    "enum": _("Not one of the allowed values."),
    "greater_than_equal": _("Too small."),
    "less_than_equal": _("Too large."),
    "int_type": _("Send a whole number."),
    "bool_type": _("Send true or false."),
    "list_type": _("Send a list."),
    "dict_type": _("Send an object."),
    "model_type": _("Send an object."),
    "model_attributes_type": _("Send an object."),
}


def invalid_fields(found: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """
    Pydantic's errors as ours, each once, at most MOST_FIELDS.

    An own sentence per rule: Pydantic's may repeat the value.
    """
    fields: dict[FieldError, None] = {}
    for error in found:
        if len(fields) == MOST_FIELDS:
            break
        kind = str(error["type"])
        own = "ctx" not in error and kind not in _MESSAGES
        # Our own PydanticCustomErrors carry a sentence without the value and no context.
        ctx = error.get("ctx") or {}
        message = _MESSAGES.get(kind) or (str(error["msg"]) if own else _("This value is not right."))
        if kind in {"literal_error", "enum"} and "expected" in ctx:
            message = _("Allowed: %(values)s.", values=ctx["expected"])
        place = error["loc"]
        if kind == "extra_forbidden":
            # The name of an unknown field came from outside; it may be anything, so only its parent is named.
            parent = _place(place[:-1])
            fields[FieldError("*" if parent == "body" else f"{parent}.*", "unknown_field", message)] = None
            continue
        fields[FieldError(_place(place), kind, message)] = None
    return list(fields)


def unknown_parameters(given: Iterable[str], known: Collection[str]) -> list[FieldError]:
    """An error for each name in an address's query that is none of `known`; it says which there are."""
    names = dict.fromkeys(name if _NAME.fullmatch(name) else "*" for name in given if name not in known)
    if not names:
        return []
    there_are = f"There are: {', '.join(sorted(known))}." if known else "This address takes none."
    return [
        FieldError(
            name,
            "unknown_parameter",
            f"There is no {'such parameter' if name == '*' else f'parameter {name}'}. {there_are}",
        )
        for name in list(names)[:MOST_FIELDS]
    ]


def translate(error: BaseException, constraint_errors: ConstraintErrors) -> AppError | None:
    """The AppError that stands for an error of the database or the pool; None for a fault of ours."""
    if isinstance(error, AppError):
        return error
    if isinstance(error, RequestValidationError):
        return errors.Invalid(fields=invalid_fields(error.errors()))
    if isinstance(error, StaleDataError):
        return errors.Stale()
    # A server whose socket is not there; a file that is not there has a name, and its lack is a fault of ours.
    no_socket = isinstance(error, FileNotFoundError) and error.filename is None
    # InternalClientError is the driver's confusion over a connection that has died while it was read.
    if no_socket or isinstance(error, (InternalClientError, PoolTimeout, ConnectionError, TimeoutError)):
        return errors.Unavailable()
    if isinstance(error, (DBAPIError, PostgresError, InterfaceError)):
        return _of_database(error, constraint_errors)
    return None


def _of_database(error: BaseException, constraint_errors: ConstraintErrors) -> AppError | None:
    state, constraint = sqlstate(error) or "", constraint_name(error)
    if constraint is not None and constraint in constraint_errors:
        made = constraint_errors[constraint]()
        return made if isinstance(made, AppError) else None
    by_state: dict[str, AppError] = {
        "23505": errors.Conflict(
            _("A record with these values exists."), code="already_exists", extra=_named(constraint)
        ),
        "23503": errors.Invalid(
            _("Names a record that does not exist."), code="unknown_reference", extra=_named(constraint)
        ),
        "23514": errors.Invalid(_("Breaks a rule of the data."), code="rule_broken", extra=_named(constraint)),
        "23502": errors.Invalid(_("A needed value is missing."), code="rule_broken"),
        "23P01": errors.Conflict(_("Overlaps with another record."), code="overlap", extra=_named(constraint)),
        "22003": errors.Invalid(_("A number is out of range."), code="out_of_range"),
        "22021": errors.Invalid(_("Holds characters that cannot be stored."), code="invalid_characters"),
        "22P05": errors.Invalid(_("Holds characters that cannot be stored."), code="invalid_characters"),
        "40001": errors.Unavailable(),
        "40P01": errors.Unavailable(),
        "55P03": errors.Unavailable(),
        "57014": errors.Unavailable(_("The database took too long."), code="timeout"),
    }
    if state in by_state:
        return by_state[state]
    # The server has become a standby; the next request finds the primary.
    if is_gone(driver_error(error)):
        return errors.Unavailable()
    # A column has changed its type under a statement that was prepared; the driver prepares it anew for the next one.
    if isinstance(driver_error(error), InvalidCachedStatementError):
        return errors.Unavailable()
    # 08 connection, 53 resources (full disk, too many connections), 57P operator intervention; none: no server.
    if not state or state[:2] in {"08", "53", "58"} or state.startswith("57P"):
        return errors.Unavailable()
    return None


def _named(constraint: str | None) -> dict[str, str]:
    return {"constraint": constraint} if constraint else {}


def respond(request: Request, error: AppError) -> ProblemResponse:
    """The one translation of an AppError to HTTP."""
    status = next(STATUS_OF_KIND[kind] for kind in type(error).__mro__ if kind in STATUS_OF_KIND)
    headers = {
        401: {"WWW-Authenticate": "Bearer"},
        429: {"Retry-After": str(error.extra.get("retry_after", 60))},
        503: {"Retry-After": "2"},
    }.get(status)
    return problem(
        request,
        status,
        error.error_code,
        error.error_detail,
        fields=error.fields,
        extra=error.extra,
        headers=headers,
    )


def allowed_methods(request: Request, error: HTTPException) -> str:
    """What the header Allow says of this address: the methods of all its routes, `error` names the first one's."""
    # Where a mounted application refuses, the path has lost its beginning to it.
    root = request.scope.get("app_root_path", request.scope.get("root_path", ""))
    scope = {**request.scope, "root_path": root}
    named = (error.headers or {}).get("Allow", "")
    methods = {method.strip() for method in named.split(",") if method.strip()}
    for route in request.app.router.routes:
        if isinstance(route, Route | Mount) and route.matches(scope)[0] is not Match.NONE:
            # What is mounted are files.
            methods |= {"GET"} if isinstance(route, Mount) else route.methods or set()
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))


def install(app: FastAPI, constraint_errors: ConstraintErrors) -> None:
    """Answer every error of the JSON API, the router's own 404 and 405 included, with problem+json."""

    async def on_error(request: Request, error: Exception) -> ProblemResponse:
        known = translate(error, constraint_errors)
        if known is not None:
            return respond(request, known)
        log.error("unhandled_error", request_id=request.scope.get("request_id", ""), **describe_error(error))
        return problem(request, 500, "internal_error", "Something went wrong on our side. It is on record.")

    async def on_http_error(request: Request, error: Exception) -> ProblemResponse:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
        code = {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        detail = {404: "There is nothing at this address.", 405: "This address does not take that method."}
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = allowed_methods(request, error)
        return problem(
            request,
            error.status_code,
            code,
            detail.get(error.status_code, "The request could not be read."),
            headers=headers,
        )

    for kind in (
        AppError,
        RequestValidationError,
        DBAPIError,
        PostgresError,
        InterfaceError,
        InternalClientError,
        PoolTimeout,
        Exception,
    ):
        app.add_exception_handler(kind, on_error)
    for kind in (StaleDataError, ConnectionError, FileNotFoundError, TimeoutError):
        app.add_exception_handler(kind, on_error)
    app.add_exception_handler(HTTPException, on_http_error)
