"""
The answer to a repeated request with an Idempotency-Key: the first one, as far as the actor may see it now.

Status, address and ids are those of the first answer. Its fields are masked by the rights, openings and caseload of
this moment; where the record itself can no longer be read, all that is personal or health is masked.
"""

from collections.abc import Iterator
from dataclasses import replace

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.routing import Match

from app.access.answering import Asked, answering
from app.access.masking import View, mask, persons_in
from app.access.openings.errors import ReasonNeeded
from app.audit import service as audit
from app.platform.errors import AppError, NotFound
from app.platform.idempotency import AnswerNotKept, StoredAnswer

_CLASSES = frozenset({"personal", "health"})
_NOTHING_OF_PEOPLE = View(closed=_CLASSES, hidden=_CLASSES)


async def answer_again(request: Request, asked: Asked, stored: StoredAnswer) -> Response:
    """The stored answer as the actor may see it now; AnswerNotKept when this version of the program cannot read it."""
    asked = replace(asked, access=replace(asked.access, makes_new=False))
    try:
        model: type[BaseModel] = request.scope["route"].response_model
        first = model.model_validate_json(stored.body or b"")
    except ValidationError:
        raise AnswerNotKept from None
    shown = mask(first, _NOTHING_OF_PEOPLE)
    if await _is_there(request, asked, stored.headers.get("location", request.url.path)):
        try:
            shown = await asked.show(first)
        except ReasonNeeded:
            # One record of a case that is a colleague's by now: refused when it is read, masked when it is repeated.
            shown = mask(first, _NOTHING_OF_PEOPLE)
    audit.note(asked.session, person_ids=persons_in(shown))
    body = stored.body if shown is first else shown.model_dump_json()
    return Response(body, stored.status, headers={**stored.headers, "idempotency-replayed": "true"})


async def _is_there(request: Request, asked: Asked, address: str) -> bool:
    """Whether a GET finds what lies at the address for the actor, or, of an action, at the nearest address above it."""
    for place in _upwards(address):
        scope = {**request.scope, "method": "GET", "path": place, "raw_path": place.encode(), "query_string": b""}
        for route in request.app.router.routes:
            read = getattr(route, "unguarded", None)
            match, child = route.matches(scope) if read is not None else (Match.NONE, {})
            if read is None or match is not Match.FULL:
                continue
            # Without a reason nothing is opened by it, and what it notes is not what is shown.
            quietly = replace(asked, access=replace(asked.access, reason=None))
            try:
                with answering(quietly), audit.without_notes(asked.session):
                    await read(Request({**scope, **child, "headers": []}))
            except NotFound:
                return False
            except (AppError, RequestValidationError):
                return True
            return True
    return True


def _upwards(address: str) -> Iterator[str]:
    while address.count("/") > 2:  # noqa: PLR2004 - "/api/v1" is no record
        yield address
        address = address.rpartition("/")[0]
