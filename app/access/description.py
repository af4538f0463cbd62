"""What the API's description says of a guarded route beside its own parameters: error statuses and headers."""

from typing import Any, get_args

from pydantic import BaseModel

from app.access.masking import class_of, models_in
from app.access.reasons import ACCESS_REASON, CHANGE_REASON, DESCRIBED_REASON

METHODS_WITH_BODY = {"POST", "PUT"}
_UNSAFE = {"POST", "PUT", "DELETE"}

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": (
        "Same key, one effect: a repeated request gets the first one's answer for 24 hours, with the header "
        "`Idempotency-Replayed: true`. Status, Location and ids are those of the first; what you may not see any more "
        "is masked. What was seen by a stated reason is not kept: then the repetition gets 409 `answer_not_kept`."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
ACCESS_REASON_HEADER: dict[str, Any] = {
    "name": ACCESS_REASON,
    "in": "header",
    "required": False,
    "description": (
        "Why you look at the case of somebody outside your caseload, or take them over from a colleague: asked for by "
        "403 `access_reason_needed` where caseloads are assigned. One line of at most 500 characters, those beyond "
        "ASCII as percent-encoded UTF-8. It opens this person to you for an hour and is on record."
    ),
    "schema": DESCRIBED_REASON,
}
_CHANGE_REASON = {
    "name": CHANGE_REASON,
    "in": "header",
    "required": False,
    "description": (
        "Why this is changed: stands in the history with the versions that the request makes. One line of at most 500 "
        "characters, those beyond ASCII as percent-encoded UTF-8."
    ),
    "schema": DESCRIBED_REASON,
}


def statuses(path: str, method: str) -> list[int]:
    """The error statuses that a route with this path and method may answer with."""
    found = [401, 403, 422, 429, 503]
    if "{" in path:
        found.append(404)
    if method in _UNSAFE:
        found.append(409)
    if method in METHODS_WITH_BODY:
        found += [408, 413, 415]
    if method in {"PUT", "DELETE"}:
        found.append(412)
    return sorted(found)


def headers(method: str, *, opens: bool) -> list[dict[str, Any]]:
    """
    The headers that count on such a route, as parameters.

    `opens`: it shows detail of a case that may have to be opened, or names an owner.
    """
    found = []
    if method == "POST":
        found.append(_IDEMPOTENCY_KEY)
    if opens:
        found.append(ACCESS_REASON_HEADER)
    if method in _UNSAFE:
        found.append(_CHANGE_REASON)
    return found


def names_an_owner(body: Any) -> bool:
    """Whether a body of this type may name the owner of a record."""
    return any("owner_id" in model.model_fields for model in models_in(body))


def holds_detail(answer: Any, seen: frozenset[type] = frozenset()) -> bool:
    """Whether an answer of this type has a field of case detail, at any depth."""
    if isinstance(answer, type) and issubclass(answer, BaseModel):
        if answer in seen:
            return False
        known = seen | {answer}
        return any(
            ((shown := class_of(info)) is not None and shown.detail) or holds_detail(info.annotation, known)
            for info in answer.model_fields.values()
        )
    return any(holds_detail(part, seen) for part in get_args(answer))
