"""Errors told to people: what happened and what to do now, as a page or, to htmx, as an alert above what is there."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from app.platform.locales import _
from app.platform.problems import allowed_methods
from app.web.render import is_htmx, page, wants_part


@dataclass(frozen=True)
class ErrorWords:
    """What an error page says: what happened, and what the reader can do now."""

    title: str
    way_forward: str
    icon: str = "alert-triangle"
    actions: Sequence[tuple[str, str]] = ((_("Go to the start page"), "/"),)


ERRORS: Mapping[int, ErrorWords] = {
    400: ErrorWords(
        _("We could not read that request"),
        _("The address or the form was incomplete. Go back, reload the page and try once more."),
        "help-circle",
    ),
    401: ErrorWords(
        _("Please sign in"),
        _("Your session has ended or you have not signed in yet. What you typed is still in the page behind this one."),
        "lock",
        ((_("Sign in"), "/sign-in"),),
    ),
    403: ErrorWords(
        _("Your role does not include this"),
        _("If you need it for your work, ask an administrator for the role and give them the reference below."),
        "shield-lock",
    ),
    404: ErrorWords(
        _("There is nothing here"),
        _(
            "The page or record does not exist, was removed, or is not one you may see. "
            "Check the address, or start over."
        ),
        "search",
    ),
    405: ErrorWords(
        _("That cannot be done at this address"),
        _("An old bookmark may lead here. Open the page from the start page instead."),
        "ban",
    ),
    409: ErrorWords(
        _("The record has moved on"),
        _("Somebody may have changed it in the meantime. Reload the page, look at it again, then go on."),
        "arrows-exchange",
    ),
    422: ErrorWords(
        _("Some fields need another look"),
        _("Go back to the form: the fields are marked, and what you typed is kept."),
        "edit",
    ),
    429: ErrorWords(
        _("Too many attempts"),
        _("We pause for a short while to protect accounts. Nothing is locked: wait a minute and try again."),
        "hourglass",
    ),
    500: ErrorWords(
        _("Something went wrong on our side"),
        _("Nothing was saved by this step. Try again; if it happens twice, give the reference below to support."),
    ),
    503: ErrorWords(
        _("The CRM is busy or being updated"),
        _("Your work is safe. Wait half a minute and reload; nothing was saved by this step."),
        "hourglass",
    ),
}


REFUSED: Mapping[str, ErrorWords] = {
    **dict.fromkeys(
        ("csrf_refused", "no_cookie"),
        ErrorWords(
            _("This form belongs to an earlier session"),
            _("Nothing was done. Load the page again and repeat the step."),
            "refresh",
        ),
    ),
    "origin_refused": ErrorWords(
        _("This did not come from a page of the CRM"), _("Nothing was done. Open the page here and repeat the step.")
    ),
    "field_masked": ErrorWords(
        _("Your role sees this field masked"),
        _("So a list cannot be searched or sorted by it. Take it out of the filter."),
        "lock",
    ),
    "access_reason_needed": ErrorWords(
        _("A reason is needed"),
        _("This is outside your caseload. Open the person's record and say why you need it."),
        "lock",
    ),
    "scope_needed": ErrorWords(
        _("A key cannot do this"),
        _("Only somebody who is signed in and has just proved who they are may do it."),
        "key",
    ),
}
"""What the page of a refusal says, by its code, where its status says something else in general."""
NOT_DONE: Mapping[int, ErrorWords] = {
    401: ErrorWords(
        _("That did not let you in"),
        _("Check what you typed and try again, or go back to the sign-in page."),
        "lock",
        ((_("Sign in"), "/sign-in"),),
    ),
    403: ErrorWords(_("This cannot be done"), _("Nothing was changed. Go back, or start over."), "shield-lock"),
    409: ErrorWords(
        _("This cannot be done now"),
        _("Nothing was changed. Look at the record as it is now, then decide."),
        "arrows-exchange",
    ),
}
"""The same for a code without words of its own: what happened stands in the error's own sentence."""
_IN_GENERAL = {401: "not_authenticated", 403: "forbidden", 409: "conflict"}


def words_for(status: int, code: str | None = None) -> ErrorWords:
    """What a page says of an error of this status and code."""
    if code is not None and code in REFUSED:
        return REFUSED[code]
    if code is not None and status in NOT_DONE and code != _IN_GENERAL[status]:
        return NOT_DONE[status]
    return ERRORS.get(status) or ERRORS[400 if status < HTTPStatus.INTERNAL_SERVER_ERROR else 500]


def wants_page(request: Request) -> bool:
    """Whether an error should be told as a page: a browser or htmx asks, and not the JSON API."""
    return not request.url.path.startswith("/api/") and (
        is_htmx(request) or "text/html" in request.headers.get("accept", "")
    )


def errors_as_pages(app: FastAPI, frame: Callable[[Request], Awaitable[None]]) -> None:
    """
    Tell a browser the router's own refusals as pages; other clients get what they got. After problems.install.

    `frame` puts the frame of the signed-in person round the page.
    """
    as_problem: Any = app.exception_handlers[HTTPException]

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
        if not wants_page(request):
            answer: Response = await as_problem(request, error)
            return answer
        await frame(request)
        reference = request.scope.get("request_id", "")
        refused = error.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        headers = {"Allow": allowed_methods(request, error)} if refused else error.headers
        return error_page(request, error.status_code, reference=reference, headers=headers)

    app.add_exception_handler(HTTPException, on_http_error)


def error_page(
    request: Request,
    status: int,
    *,
    code: str | None = None,
    detail: str | None = None,
    reference: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """
    An error told to people; its heading follows `code`. `detail` is a safe sentence about this case, `reference` what
    support can look up.

    For htmx it is a message at the top of the page; the form or list that asked stays as it is.
    """
    context = {"status": status, "error": words_for(status, code), "detail": detail, "reference": reference}
    if wants_part(request):
        placed = {"hx-retarget": "#alerts", "hx-reswap": "innerHTML", **(headers or {})}
        return page(request, "errors/alert.html", context, status=status, headers=placed)
    return page(request, "errors/error.html", context, status=status, headers=headers)
