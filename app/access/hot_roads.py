"""
The hot road of a route: one statement that checks the key, does the work and leaves the audit event.

    @router.get("/{patient_id}", response_model=PatientRead, dependencies=[allow("patient.read")])
    @hot_road(hot.get_patient)
    async def get_patient(...) -> PatientRead: ...      # the ordinary road, as ever

A hot road answers what is plain and gives None for everything else: a key that does not open, a role that sees people
masked, a record that is not there, an unusual filter, a broken rule. Then nothing has happened, and the ordinary road
answers. So a hot road has no errors of its own, and both give the same bytes, headers and rows; tests hold them to it.

Credentials are checked inside the statement (`who`), never cached: a revoked key is dead at the next request.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, TypeVar

import asyncpg
import orjson
import structlog
from fastapi import Request, Response
from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    FromClause,
    LargeBinary,
    TableValuedAlias,
    Text,
    any_,
    bindparam,
    column,
    exists,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.types import TypeEngine
from starlette.requests import ClientDisconnect

from app.access import keys
from app.access.json_body import read_json_body
from app.access.models import ApiKey, RoleGrant, UserAccount
from app.access.policy import PERMISSIONS, roles_allowing
from app.access.queries import opens
from app.access.reasons import ACCESS_REASON, CHANGE_REASON
from app.access.serving import State
from app.audit.models import AuditEvent
from app.platform.errors import AppError
from app.platform.hot import Lane

log = structlog.get_logger()

_ORDINARY_HEADERS: Final = frozenset(
    name.lower().encode() for name in ("Idempotency-Key", ACCESS_REASON, CHANGE_REASON)
)
"""A key may have an answer on file, a reason is to be kept: the ordinary road's business."""
_WORD = re.compile(r"[a-z_.-]+")
MAX_BODY_BYTES: Final = 65_536
"""A larger body is not what a hot road is for."""


class Asked(NamedTuple):
    """A request to a hot road. `values` are the parameters of `who` and `seen`; a road adds its own."""

    request: Request
    lane: Lane
    values: dict[str, Any]


HotRoad = Callable[[Asked], Awaitable[Response | None]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def hot_road(road: HotRoad) -> Callable[[Endpoint], Endpoint]:
    """Give an endpoint a hot road, which the guard tries first."""

    def with_road(endpoint: Endpoint) -> Endpoint:
        endpoint.hot_road = road  # type: ignore[attr-defined]  # read by GuardedRoute
        return endpoint

    return with_road


def constant(word: str) -> ColumnElement[str]:
    """A word of ours as a constant of the statement's text, not a parameter."""
    if not _WORD.fullmatch(word):
        raise ValueError(f"{word} is not a word of ours")
    return literal_column(f"'{word}'", Text)


def asking(**columns: TypeEngine[Any]) -> TableValuedAlias:
    """
    The askers of a shared statement (Lane.shared): their keys, request ids and `columns`, numbered by `nr`.

    Each is a parameter of the same name that holds one value for each asker.
    """
    kinds: dict[str, Any] = {"key_prefix": Text(), "key_hash": LargeBinary(), "request_id": Text(), **columns}
    arrays = [bindparam(name, type_=ARRAY(kind)) for name, kind in kinds.items()]
    made = func.unnest(*arrays).table_valued(
        *(column(name, kind) for name, kind in kinds.items()), with_ordinality="nr", name="asking"
    )
    return made.render_derived()


def who(permission: str, askers: TableValuedAlias | None = None) -> CTE:
    """
    One row when the key opens, its account may, and no field is hidden from it; none otherwise.

    With `askers` a row for each of them, with all that they ask.
    """
    if permission not in PERMISSIONS:
        raise ValueError(f"{permission} is not a permission of app/access/policy.py")
    may = exists(
        select(RoleGrant.role_grant_id).where(
            RoleGrant.user_account_id == UserAccount.user_account_id,
            RoleGrant.revoked_at.is_(None),
            RoleGrant.role.in_([constant(role) for role in roles_allowing(permission, unmasked=True)]),
        )
    )
    columns = (
        UserAccount.user_account_id.label("actor_id"),
        UserAccount.person_id.label("actor_person_id"),
        ApiKey.api_key_id,
    )
    if askers is None:
        rows = select(*columns).select_from(ApiKey)
        opened = opens(bindparam("key_prefix"), bindparam("key_hash"))
    else:
        rows = select(*columns, *askers.c).select_from(askers).join(ApiKey, true())
        opened = opens(askers.c.key_prefix, askers.c.key_hash)
    return (
        rows.join(UserAccount, ApiKey.user_account_id == UserAccount.user_account_id)
        .where(*opened, or_(ApiKey.scopes.is_(None), constant(permission) == any_(ApiKey.scopes)), may)
        .cte("who")
    )


def seen(
    who: CTE,
    shown: FromClause,
    *,
    action: str,
    record_type: str,
    record_id: ColumnElement[Any] | None = None,
    person_ids: ColumnElement[Any],
    field_names: ColumnElement[Any] | None = None,
) -> CTE:
    """
    The request's one audit event, as the guard writes it, when `shown` has a row. `action` is the route's name.

    Of a shared statement one for each asker whose row is there.
    """
    is_shared = "nr" in who.c
    event = {
        "actor_id": who.c.actor_id,
        "api_key_id": who.c.api_key_id,
        "action": constant(action),
        "record_type": constant(record_type),
        "record_id": null() if record_id is None else record_id,
        "person_ids": person_ids,
        "field_names": null() if field_names is None else field_names,
        "outcome": constant("done"),
        "request_id": who.c.request_id if is_shared else bindparam("request_id"),
    }
    rows = select(*event.values()).select_from(who).join(shown, who.c.nr == shown.c.nr if is_shared else true())
    return insert(AuditEvent).from_select(list(event), rows).cte("seen")


def json_answer(document: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The document as the ordinary road's bytes: instants in UTC with a Z, ids as text."""
    body = orjson.dumps(document, default=str, option=orjson.OPT_UTC_Z)
    return Response(body, status, headers=headers, media_type="application/json")


async def answer(request: Request, road: HotRoad) -> Response | None:
    """What the hot road answers, or None when the ordinary road shall."""
    state: State = request.app.state.guard
    key = _plain_key(request) if state.hot_path else None
    # A key's first request in this process goes the ordinary road: a stranger's body is not read, and from then on the
    # account's requests are counted. What the key may do now is for the statement to say.
    if key is None or key.secret_sha256 not in state.known_keys:
        return None
    if request.method == "POST" and not await _has_plain_body(request):
        return None
    values = {
        "key_prefix": key.prefix,
        "key_hash": key.secret_sha256,
        "request_id": request.scope.get("request_id"),
    }
    try:
        return await road(Asked(request, state.database.lane, values))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, PoolTimeout, OSError) as error:
        if _was_undone(error):
            return None
        # No traceback: an exception of the database may quote a value.
        log.error("request_failed", request_id=values["request_id"], code="unavailable")  # noqa: TRY400
        raise


def _plain_key(request: Request) -> keys.KeyText | None:
    """The request's key; None without one, or with a header that the ordinary road must look at."""
    authorization = [value for name, value in request.scope["headers"] if name == b"authorization"]
    if len(authorization) != 1 or any(name in _ORDINARY_HEADERS for name, _ in request.scope["headers"]):
        return None
    return keys.bearer(authorization[0].decode("latin-1"))


async def _has_plain_body(request: Request) -> bool:
    """Whether there is a body for a hot road; it is read then."""
    length = request.headers.get("content-length", "")
    if not length.isdigit() or not 0 < int(length) <= MAX_BODY_BYTES:
        return False
    try:
        await read_json_body(request)
    except (AppError, ClientDisconnect):
        return False
    return True


def _was_undone(error: Exception) -> bool:
    """Whether the statement has surely left nothing behind, for a reason that the ordinary road can explain."""
    state = getattr(error, "sqlstate", None) or ""
    # Data, constraints, races: the server said no. Anything else may be a connection that broke after the commit.
    return state[:2] in {"22", "23", "40"}
