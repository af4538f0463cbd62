"""
The fast path of a route: one statement that checks the key, does the work and leaves the audit event.

    @router.get("/{patient_id}", response_model=PatientRead, dependencies=[allow("patient.read")])
    @with_fast_path(fast_path.get_patient)
    async def get_patient(...) -> PatientRead: ...      # the ordinary path, as ever

A fast path answers what is plain and gives None for everything else: a key that does not open, a role that sees people
masked, a record that is not there, an unusual filter, a broken rule. Then nothing has happened, and the ordinary path
answers. So a fast path has no errors of its own, and both give the same bytes, headers and rows; tests hold them to it.

Credentials are checked inside the statement (`credentials`), never cached: a revoked key is dead at the next request.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, TypeVar

import asyncpg
import orjson
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
from app.access.standing import rights_are_held
from app.audit.models import AuditEvent
from app.platform.errors import AppError
from app.platform.fast_path import StatementRunner

_ORDINARY_HEADERS: Final = frozenset(
    name.lower().encode() for name in ("Idempotency-Key", ACCESS_REASON, CHANGE_REASON)
)
"""A key may have an answer on file, a reason is to be kept: the ordinary path's business."""
_WORD = re.compile(r"[a-z_.-]+")
MAX_BODY_BYTES: Final = 65_536
"""A larger body is not what a fast path is for."""


class FastRequest(NamedTuple):
    """A request to a fast path. `values` are the parameters of `credentials` and `audit_row`; a path adds its own."""

    request: Request
    statements: StatementRunner
    values: dict[str, Any]


FastPath = Callable[[FastRequest], Awaitable[Response | None]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
_PATHS: Final[dict[Callable[..., Any], FastPath]] = {}
"""The fast path of each endpoint that has one."""


def with_fast_path(path: FastPath) -> Callable[[Endpoint], Endpoint]:
    """Give an endpoint a fast path, which the request guard tries first."""

    def with_path(endpoint: Endpoint) -> Endpoint:
        _PATHS[endpoint] = path
        return endpoint

    return with_path


def path_of(endpoint: Callable[..., Any]) -> FastPath | None:
    """The fast path of an endpoint, None for one that has none."""
    return _PATHS.get(endpoint)


def constant(word: str) -> ColumnElement[str]:
    """A word of ours as a constant of the statement's text, not a parameter."""
    if not _WORD.fullmatch(word):
        raise ValueError(f"{word} is not a word of ours")
    return literal_column(f"'{word}'", Text)


def batch_of(**columns: TypeEngine[Any]) -> TableValuedAlias:
    """
    The batch of a shared statement (StatementRunner.shared): their keys, request ids and `columns`, numbered by `nr`.

    Each is a parameter of the same name that holds one value for each asker.
    """
    kinds: dict[str, Any] = {"key_prefix": Text(), "key_hash": LargeBinary(), "request_id": Text(), **columns}
    arrays = [bindparam(name, type_=ARRAY(kind)) for name, kind in kinds.items()]
    made = func.unnest(*arrays).table_valued(
        *(column(name, kind) for name, kind in kinds.items()), with_ordinality="nr", name="batch"
    )
    return made.render_derived()


def credentials(permission: str, batch: TableValuedAlias | None = None, *, changes: bool = False) -> CTE:
    """
    One row when the key opens, its account may, and no field is hidden from it; none otherwise.

    With `batch` a row for each of them, with all that they ask. A statement that `changes` something is ordered with
    the end of the key's rights (standing.py).
    """
    if permission not in PERMISSIONS:
        raise ValueError(f"{permission} is not a permission of app/access/policy.py")
    roles = [constant(role) for role in roles_allowing(permission, unmasked=True)]
    may = exists(
        select(RoleGrant.role_grant_id).where(
            RoleGrant.user_account_id == UserAccount.user_account_id,
            RoleGrant.revoked_at.is_(None),
            RoleGrant.role.in_(roles),
        )
    )
    columns = (
        UserAccount.user_account_id.label("actor_id"),
        UserAccount.person_id.label("actor_person_id"),
        ApiKey.api_key_id,
    )
    if batch is None:
        rows = select(*columns).select_from(ApiKey)
        opened = opens(bindparam("key_prefix"), bindparam("key_hash"))
    else:
        rows = select(*columns, *batch.c).select_from(batch).join(ApiKey, true())
        opened = opens(batch.c.key_prefix, batch.c.key_hash)
    rows = rows.join(UserAccount, ApiKey.user_account_id == UserAccount.user_account_id).where(
        *opened, or_(ApiKey.scopes.is_(None), constant(permission) == any_(ApiKey.scopes)), may
    )
    if not changes:
        return rows.cte("credentials")
    # Materialised, so that the lock of no other account is taken on the way to this one.
    found = rows.cte("key_account").prefix_with("MATERIALIZED")
    return select(found).where(rights_are_held(found.c.api_key_id, found.c.actor_id, roles)).cte("credentials")


def audit_row(
    caller: CTE,
    shown: FromClause,
    *,
    action: str,
    record_type: str,
    record_id: ColumnElement[Any] | None = None,
    person_ids: ColumnElement[Any],
    field_names: ColumnElement[Any] | None = None,
) -> CTE:
    """
    The request's one audit event, as the request guard writes it, when `shown` has a row. `action` is the route's name.

    Of a shared statement one for each asker whose row is there.
    """
    is_shared = "nr" in caller.c
    event = {
        "actor_id": caller.c.actor_id,
        "api_key_id": caller.c.api_key_id,
        "action": constant(action),
        "record_type": constant(record_type),
        "record_id": null() if record_id is None else record_id,
        "person_ids": person_ids,
        "field_names": null() if field_names is None else field_names,
        "outcome": constant("done"),
        "request_id": caller.c.request_id if is_shared else bindparam("request_id"),
    }
    rows = select(*event.values()).select_from(caller).join(shown, caller.c.nr == shown.c.nr if is_shared else true())
    return insert(AuditEvent).from_select(list(event), rows).cte("audit_row")


def json_answer(document: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The document as the ordinary path's bytes: instants in UTC with a Z, ids as text."""
    body = orjson.dumps(document, default=str, option=orjson.OPT_UTC_Z)
    return Response(body, status, headers=headers, media_type="application/json")


async def answer(request: Request, path: FastPath) -> Response | None:
    """What the fast path answers, or None when the ordinary path must answer."""
    state: State = request.app.state.serving
    key = _plain_key(request) if state.fast_paths else None
    # A key's first request in this process goes the ordinary path: a stranger's body is not read, and from then on the
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
        return await path(FastRequest(request, state.database.statements, values))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, PoolTimeout, OSError) as error:
        if _was_undone(error):
            return None
        raise


def _plain_key(request: Request) -> keys.KeyText | None:
    """The request's key; None without one, or with a header that the ordinary path must look at."""
    names = [name for name, _ in request.scope["headers"]]
    if names.count(b"authorization") != 1 or not _ORDINARY_HEADERS.isdisjoint(names):
        return None
    return keys.key_of(request)


async def _has_plain_body(request: Request) -> bool:
    """Whether there is a body for a fast path; it is read then."""
    length = request.headers.get("content-length", "")
    if not length.isdigit() or not 0 < int(length) <= MAX_BODY_BYTES:
        return False
    try:
        await read_json_body(request)
    except (AppError, ClientDisconnect):
        return False
    return True


def _was_undone(error: Exception) -> bool:
    """Whether the statement has surely left nothing behind, for a reason that the ordinary path can explain."""
    state = getattr(error, "sqlstate", None) or ""
    # Data, constraints, races: the server said no. Anything else may be a connection that broke after the commit.
    return state[:2] in {"22", "23", "40"}
