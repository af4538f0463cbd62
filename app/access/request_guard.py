"""
The request guard in front of every JSON route. In this order:

1. who asks (429 when too often, see rate_limits.py; 401, and a stranger's body is not read), 2. may they (403),
3. is the body one we read (413, 415, 422), and does the route know every parameter of the address (422), 4. the
endpoint, in one transaction in which 1 and 2 are asked (again, where a body was on its way meanwhile), 5. the request's
audit event and the stored answer of its Idempotency-Key, 6. commit, 7. the answer leaves.

Some routes have a fast path (fast_paths.py), which does all of this in one statement where it can; it is tried first.
A refusal rolls the transaction back and leaves its event in a transaction of its own. Deadlocks and serialization
failures are tried again, three times in all. Nobody else commits.
"""

from collections.abc import Callable, Coroutine, Sequence
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request, Response, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.routing import Match
from starlette.types import Scope

from app.access import description, fast_paths, keys, queries, replays
from app.access.answering import Asked, answering, shown
from app.access.bodies import MAX_BODY_BYTES
from app.access.fast_paths import FastPath
from app.access.json_body import read_json_body
from app.access.openings.errors import ScopeNeeded
from app.access.policy import NAMED_ONLY, PERMISSIONS, permissions_of
from app.access.reasons import ACCESS_REASON, CHANGE_REASON, reason_in
from app.access.serving import State, record_refusal, serve, write_event
from app.access.standing import hold_rights
from app.access.uploads import read_upload
from app.access.views import AccessContext
from app.audit import service as audit
from app.platform import errors, idempotency, problems
from app.platform.actor import Actor
from app.platform.errors import FieldError
from app.platform.idempotency import StoredAnswer
from app.platform.problems import described, translate
from app.platform.settings import Settings
from app.platform.sources import source_of

_MOST_KNOWN_KEYS = 10_000
_STORED_HEADERS = ("content-type", "etag", "location")

_scheme = HTTPBearer(auto_error=False, description="An API key, `crm_…`.")


class Allow:
    """The permission a route declares: `dependencies=[allow("patient.read")]`. `upload`: its body brings a file."""

    def __init__(self, permission: str, *, upload: bool = False) -> None:
        if permission not in PERMISSIONS:
            raise ValueError(f"{permission} is not a permission of app/access/policy.py")
        self.permission, self.upload = permission, upload

    def __call__(self, _described: Annotated[Any, Depends(_scheme)] = None) -> None:
        """Do nothing: the request guard has decided before any dependency runs; the parameter describes the scheme."""


def allow(permission: str, *, upload: bool = False) -> params.Depends:
    depends: params.Depends = Depends(Allow(permission, upload=upload))
    return depends


def _session(request: Request) -> AsyncSession:
    session: AsyncSession = request.state.session
    return session


def _actor(request: Request) -> Actor:
    actor: Actor = request.state.actor
    return actor


DbSession = Annotated[AsyncSession, Depends(_session)]
"""The request's session. The request guard commits it; an endpoint or a service never does."""
CurrentActor = Annotated[Actor, Depends(_actor)]


def _access(request: Request) -> AccessContext:
    access: AccessContext = request.state.access
    return access


CurrentAccess = Annotated[AccessContext, Depends(_access)]
"""By which permission the request came in and which reason it states, for answers that mask themselves."""


def _change_reason(request: Request) -> str | None:
    return reason_in(request, CHANGE_REASON)


ChangeReason = Annotated[str | None, Depends(_change_reason)]
"""Why the record is changed or deleted, as the header says; kept in the history of every changed row besides."""


def _if_match(request: Request) -> str | None:
    return request.headers.get("if-match")


IfMatch = Annotated[str | None, Depends(_if_match)]

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


_FIXED: set[str] = set()
"""The addresses of routes without a parameter: `match` in `/persons/match` is nobody's id, whatever the method."""


class GuardedRoute(APIRoute):
    """A route behind the request guard. It declares exactly one permission, and its statuses are described."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        dependencies: Sequence[params.Depends] = options.get("dependencies") or ()
        declared = [d.dependency for d in dependencies if isinstance(d.dependency, Allow)]
        if len(declared) != 1:
            raise TypeError(f"{path}: a route declares exactly one permission, this one {len(declared)}")
        self.permission, self.takes_upload = declared[0].permission, declared[0].upload
        self.fast_path = fast_paths.path_of(endpoint)
        self._beginning, has_parameters, _ = path.partition("{")
        self._has_parameters = bool(has_parameters)
        if not self._has_parameters:
            _FIXED.add(path)
        method = next(iter(options.get("methods") or {"GET"}))
        options["responses"] = {
            **described(*description.statuses(path, method)),
            **(options.get("responses") or {}),
        }
        super().__init__(path, shown(endpoint), **options)
        self.parameters = _parameters(self.dependant)
        # What a route has just made was entered by who is answered: there is nothing to be opened
        # (AccessContext.makes_new).
        shows_detail = self.status_code != HTTPStatus.CREATED and description.holds_detail(self.response_model)
        bodies = (parameter.field_info.annotation for parameter in self.dependant.body_params)
        opens = shows_detail or any(description.names_an_owner(body) for body in bodies)
        extra = self.openapi_extra or {}
        headers = [*extra.get("parameters", []), *description.headers(method, opens=opens)]
        self.openapi_extra = {**extra, "parameters": headers} if headers else self.openapi_extra

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        # A look at the fixed beginning of the address spares nine routes of ten their pattern (100 µs a request).
        if not scope.get("root_path") and not scope["path"].startswith(self._beginning):
            return Match.NONE, {}
        if self._has_parameters and scope["path"] in _FIXED:
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Handler:
        inner = self.unguarded = super().get_route_handler()
        permission, action, path = self.permission, self.name, self.fast_path

        async def guarded(request: Request) -> Response:
            await _count(request, action)
            has_query = bool(request.scope["query_string"])
            unknown = problems.unknown_parameters(request.query_params, self.parameters) if has_query else []
            answer = None if path is None or unknown else await _answer_fast(request, path, action)
            return await _serve(request, inner, permission, action, unknown) if answer is None else answer

        return guarded


def api_router(prefix: str, tag: str) -> APIRouter:
    """The router of a package's api.py: guarded, operation ids as the functions are called."""
    return APIRouter(
        prefix=f"/api/v1{prefix}",
        tags=[tag],
        route_class=GuardedRoute,
        generate_unique_id_function=lambda route: route.name,
    )


def mount(app: FastAPI, router: APIRouter) -> None:
    """Add a router's routes to the app; refuses a route that the request guard does not stand before."""
    for route in router.routes:
        if not isinstance(route, GuardedRoute):
            raise TypeError(f"{route} has no permission: make its router by api_router()")
        app.router.routes.append(route)


def _parameters(dependant: Dependant) -> frozenset[str]:
    """The names that a route reads of an address's query, by itself or by what it depends on."""
    found: set[str] = set()
    for parameter in dependant.query_params:
        kind: Any = parameter.field_info.annotation
        is_model = isinstance(kind, type) and issubclass(kind, BaseModel)
        found |= set(kind.model_fields) if is_model else {parameter.alias}
    return frozenset(found).union(*map(_parameters, dependant.dependencies))


async def _serve(
    request: Request, inner: Handler, permission: str, action: str, unknown: Sequence[FieldError]
) -> Response:
    async def work(session: AsyncSession) -> Response:
        actor, fault = None, None
        account_id = _known_account(request)
        takes_upload = request.scope["route"].takes_upload
        # A large body is not read of anyone who may not send it.
        if account_id is None or request.method == "GET" or takes_upload:
            actor = await _let_in(session, request, permission)
            account_id = actor.account_id
        if request.method in description.METHODS_WITH_BODY:
            # The connection goes back while a client may take its time to send the body.
            await session.rollback()
            try:
                await (read_upload(request) if takes_upload else read_json_body(request))
            except errors.AppError as error:
                fault = error
        if request.method != "GET" and account_id is not None:
            # What its key allowed when the request began, it may not when the body has arrived.
            await hold_rights(session, account_id)
            actor = await _let_in(session, request, permission)
        if fault is not None:
            raise fault
        if unknown:
            raise errors.Invalid(fields=unknown)
        assert actor is not None  # noqa: S101 - anyone who is not let in has been refused
        return await _carry_out(session, actor, request, inner, permission, action)

    return await serve(request, action, work)


def _known_account(request: Request) -> UUID | None:
    """The account of a key that has opened in this process; what the key may do now is not said by it."""
    state: State = request.app.state.serving
    key = keys.key_of(request)
    return state.known_keys.get(key.secret_sha256) if key else None


async def _let_in(session: AsyncSession, request: Request, permission: str) -> Actor:
    """Who asks, when they may. Unauthenticated, Forbidden."""
    actor = await _authenticate(session, request)
    if not actor.may(permission):
        raise ScopeNeeded if permission in NAMED_ONLY & permissions_of(actor.roles) else errors.Forbidden
    return actor


async def _authenticate(session: AsyncSession, request: Request) -> Actor:
    key = keys.key_of(request)
    route: str = request.scope["route"].path
    actor = await queries.find_actor_by_key(session, key, route=f"{request.method} {route}") if key else None
    state: State = request.app.state.serving
    if key is None or actor is None or actor.account_id is None:
        if key is not None:
            state.known_keys.pop(key.secret_sha256, None)
        state.rate_limits.count_failure(_source(request))
        raise errors.Unauthenticated
    session.info["actor"] = actor
    if key.secret_sha256 not in state.known_keys:
        if len(state.known_keys) >= _MOST_KNOWN_KEYS:
            del state.known_keys[next(iter(state.known_keys))]
        state.known_keys[key.secret_sha256] = actor.account_id
        state.rate_limits.count_request(actor.account_id)
    return actor


async def _count(request: Request, action: str) -> None:
    """TooMany for an account that has asked too often, and for an address from which too many unknown keys came."""
    state: State = request.app.state.serving
    account_id = _known_account(request)
    try:
        if account_id is not None:
            state.rate_limits.count_request(account_id)
        elif not await _opens_in_a_flood(state, request):
            state.rate_limits.refuse_after_failures(_source(request))
    except errors.TooMany as error:
        await record_refusal(state.database, _counted_actor(request), request, action, error)
        raise


async def _answer_fast(request: Request, path: FastPath, action: str) -> Response | None:
    try:
        return await fast_paths.answer(request, path)
    except Exception as error:
        state: State = request.app.state.serving
        known = translate(error, state.constraint_errors)
        await record_refusal(state.database, _counted_actor(request), request, action, known)
        raise


def _counted_actor(request: Request) -> Actor | None:
    """Whose key has come before (State.known_keys), for events: it may do nothing."""
    account_id = _known_account(request)
    return None if account_id is None else Actor(account_id, "", roles=frozenset(), permissions=frozenset())


async def _opens_in_a_flood(state: State, request: Request) -> bool:
    """Whether a key from an address that is over its limit of failures opens all the same."""
    key = keys.key_of(request)
    if key is None or not state.rate_limits.is_over_failures(_source(request)):
        return False
    async with state.rate_limits.lookups_in_a_flood, state.database.session() as session:
        return await queries.find_actor_by_key(session, key) is not None


def _source(request: Request) -> str:
    settings: Settings = request.app.state.settings
    return source_of(request, proxy_hops=settings.proxy_hops)


async def _carry_out(
    session: AsyncSession, actor: Actor, request: Request, inner: Handler, permission: str, action: str
) -> Response:
    request.state.session, request.state.actor = session, actor
    settings: Settings = request.app.state.settings
    access = AccessContext(
        permission,
        secret_key=settings.secret_key,
        caseload=settings.caseload,
        side_effect_hours=settings.side_effect_hours,
        reason=reason_in(request, ACCESS_REASON),
        makes_new=request.scope["route"].status_code == HTTPStatus.CREATED,
    )
    request.state.access = access
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    if key is not None and actor.account_id is not None:
        idempotency.check_key(key)
        fingerprint = idempotency.request_hash(request.method, request.url.path, await request.body())
        stored = await idempotency.claim(session, owner_id=actor.account_id, key=key, fingerprint=fingerprint)
        if stored is not None:
            response = await replays.answer_again(request, Asked(session, actor, access), stored)
            await write_event(session, actor, request, action=action, code="replayed")
            await session.commit()
            return response
    change_reason = reason_in(request, CHANGE_REASON)
    if change_reason is not None and request.method != "GET":
        await audit.state_change_reason(session, change_reason)
    with answering(Asked(session, actor, access)):
        response = await inner(request)
    if PERMISSIONS[permission].personal or request.method != "GET":
        await write_event(session, actor, request, action=action)
    if key is not None and actor.account_id is not None:
        kept = {name: value for name, value in response.headers.items() if name in _STORED_HEADERS}
        # What somebody saw by a stated reason is open for a while or for one look: its repetition is asked for anew.
        is_for_one_look = audit.purpose(session) is not None or idempotency.is_shown_once(session)
        body = None if is_for_one_look else bytes(response.body)
        answer = StoredAnswer(response.status_code, kept, body)
        await idempotency.store(session, owner_id=actor.account_id, key=key, answer=answer)
    await session.commit()
    return response


__all__ = [
    "MAX_BODY_BYTES",
    "ChangeReason",
    "CurrentAccess",
    "CurrentActor",
    "DbSession",
    "IfMatch",
    "State",
    "allow",
    "api_router",
    "mount",
]
