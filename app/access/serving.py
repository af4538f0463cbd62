"""
What every guarded entry point shares: one transaction a request, tried again when the database asks for it, and the
event of a request that was refused.
"""

import contextlib
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from fastapi import Request, Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import ClientDisconnect

from app.access.masking import persons_named
from app.access.rate_limits import RateLimits
from app.audit import service as audit
from app.platform import errors
from app.platform.actor import Actor
from app.platform.db import ConstraintErrors, Database, sqlstate
from app.platform.errors import AppError
from app.platform.locales import _
from app.platform.logs import describe_error
from app.platform.problems import translate
from app.platform.settings import Settings
from app.platform.sources import source_of

log = structlog.get_logger()

TRIES = 3
_RETRIED = {"40001", "40P01"}
_OUTCOMES: dict[type[AppError], str] = {
    errors.Unauthenticated: "refused",
    errors.Forbidden: "refused",
    errors.TooMany: "refused",
    errors.NotFound: "absent",
    errors.Conflict: "conflict",
    errors.Stale: "conflict",
    errors.Invalid: "invalid",
    errors.TooSlow: "invalid",
    errors.TooLarge: "invalid",
    errors.UnsupportedMedia: "invalid",
}


@dataclass(frozen=True)
class State:
    """
    What create_app hands to the guards. Without `fast_paths` every request goes the ordinary way.

    `known_keys` are keys that have opened in this process, the secret's hash with the account. They say whose body may
    be read early and on whom a request is counted, never what the key may do: that is asked of the database at each
    request. Of very many the oldest are forgotten: dicts keep the order in which they were filled.
    """

    database: Database
    constraint_errors: ConstraintErrors
    fast_paths: bool = True
    known_keys: dict[bytes, UUID] = field(default_factory=dict)
    rate_limits: RateLimits = field(default_factory=RateLimits)


async def serve(request: Request, action: str, work: Callable[[AsyncSession], Awaitable[Response]]) -> Response:
    """
    The answer of `work`, which gets a fresh session and commits it itself; `session.info["actor"]` is who acts.

    Deadlocks and serialization failures are tried again, three times in all. Any other error rolls back, leaves its
    event in a transaction of its own and is raised, as an AppError where it is a known one.
    """
    state: State = request.app.state.serving
    for attempt in range(1, TRIES + 1):
        session = state.database.session()
        try:
            async with session:
                return await work(session)
        except ClientDisconnect:
            log.info("client_disconnected", request_id=request.scope.get("request_id", ""))
            return Response(status_code=400)
        except Exception as error:
            if sqlstate(error) in _RETRIED and attempt < TRIES:
                continue
            known = translate(error, state.constraint_errors)
            purpose = audit.purpose(session)
            await record_refusal(state.database, session.info.get("actor"), request, action, known, purpose=purpose)
            if known is not None:
                raise known from error
            raise
    raise AssertionError("the loop returns or raises")


async def write_event(
    session: AsyncSession,
    actor: Actor | None,
    request: Request,
    *,
    action: str,
    outcome: str = "done",
    code: str | None = None,
) -> None:
    """
    The request's one event. No audit, no answer: when it cannot be written the request fails with 503.

    Where nobody has noted a record, it is the one that the address names.
    """
    record_type, record_id = _record(request)
    audit.note(session, record_type=record_type, record_id=record_id)
    request_id = request.scope.get("request_id")
    try:
        await audit.write_event(session, actor, action=action, outcome=outcome, code=code, request_id=request_id)
    except DBAPIError as error:
        if sqlstate(error) in _RETRIED:
            raise
        raise errors.Unavailable(_("The audit trail cannot be written."), code="audit_unavailable") from error


async def record_refusal(
    database: Database,
    actor: Actor | None,
    request: Request,
    action: str,
    known: AppError | None,
    *,
    person_ids: Iterable[UUID] = (),
    purpose: str | None = None,
) -> None:
    """
    The event of a refused or failed request, in a transaction of its own: nothing else of it is stored.

    It names everybody whom the problem names or tells of, and `person_ids`, whom the answer shows beside it; `purpose`
    is by which opening. Of refusals for asking too often, one a minute for each account or
    address. Where a part does not answer (Unavailable) that part is the likely reason, and the log alone tells, with
    the error that is being handled; an error of ours (None) is in the log and, where it can be, in an event.
    """
    if isinstance(known, errors.TooMany) and not _is_news(request, actor):
        return
    if known is None or isinstance(known, errors.Unavailable):
        code = known.error_code if known else "internal_error"
        error = sys.exception() or known
        described = describe_error(error) if error else {}
        log.error("request_failed", request_id=request.scope.get("request_id", ""), code=code, **described)
        if known is None:
            with contextlib.suppress(Exception):
                await _write_refusal(database, actor, request, action, outcome="failed", code=code)
        return
    outcome = next(_OUTCOMES[kind] for kind in type(known).__mro__ if kind in _OUTCOMES)
    shown = {*persons_named(known.extra), *person_ids, *([known.about] if known.about else [])}
    await _write_refusal(
        database, actor, request, action, outcome=outcome, code=known.error_code, shown=shown, purpose=purpose
    )


async def _write_refusal(
    database: Database,
    actor: Actor | None,
    request: Request,
    action: str,
    *,
    outcome: str,
    code: str,
    shown: Iterable[UUID] = (),
    purpose: str | None = None,
) -> None:
    async with database.unit_of_work() as session:
        audit.note(session, person_ids=shown, purpose=purpose)
        await write_event(session, actor, request, action=action, outcome=outcome, code=code)


def _is_news(request: Request, actor: Actor | None) -> bool:
    state: State = request.app.state.serving
    settings: Settings = request.app.state.settings
    if actor is None or actor.account_id is None:
        return state.rate_limits.is_news(source_of(request, proxy_hops=settings.proxy_hops))
    return state.rate_limits.is_news(str(actor.account_id))


def _record(request: Request) -> tuple[str, UUID | None]:
    """The record that the address names: its kind, and its id where it has one."""
    kind = kind_of_record(request.scope["route"].path)
    for value in request.path_params.values():
        try:
            return kind, UUID(str(value))
        except ValueError:
            continue
    return kind, None


def kind_of_record(path: str) -> str:
    """The kind of record that the address of a route names, for an event that notes none: its first part."""
    return next((part for part in path.split("/") if part not in {"", "api", "v1"}), "start")
