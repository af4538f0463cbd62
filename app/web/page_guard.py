"""
The page guard in front of every page. In this order:

1. does one of our own pages send this, 2. who comes with this browser and in which state (else to the sign-in, the
second factor or the lock, and what was typed is kept), 3. may they, 4. is the body one we read (2 and 3 are asked again
when it has arrived), and does it carry the session's token, 5. the endpoint, in one transaction, 6. the request's audit
event, 7. commit, 8. the answer leaves.

An answer with an error status, a form that comes back included, commits nothing.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response, params
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import held_forms, sessions
from app.access.accounts.sessions import State as SessionState
from app.access.accounts.sessions import Visitor
from app.access.answering import Asked, NotShown, answering, shown
from app.access.bodies import read_bounded
from app.access.openings.errors import ReasonNeeded
from app.access.policy import PERMISSIONS
from app.access.request_guard import Handler
from app.access.serving import State, record_refusal, serve, write_event
from app.access.standing import hold_rights
from app.access.uploads import read_upload
from app.access.views import AccessContext
from app.audit import service as audit
from app.platform import clock, errors
from app.platform.actor import Actor
from app.platform.crypto import new_reference
from app.platform.errors import AppError, FieldError
from app.platform.idempotency import StillRunning
from app.platform.locales import _, read_in
from app.platform.logs import describe_error
from app.platform.problems import STATUS_OF_KIND, translate
from app.platform.settings import Settings
from app.web import cookies, csrf, sendings
from app.web.addresses import asked_path, came_from, with_next, worked_from
from app.web.error_pages import error_page
from app.web.field_labels import label_in_general
from app.web.forms import on_a_page
from app.web.frame import frame_of
from app.web.render import Flash, is_htmx, language_of, page, wants_part

log = structlog.get_logger()

NOBODY = Actor(None, "", roles=frozenset(), permissions=frozenset())
RECENT = timedelta(minutes=10)
"""How long a proof of identity is good for changing the credentials themselves."""
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_KIND_OF_STATUS: dict[int, type[AppError]] = {status: kind for kind, status in STATUS_OF_KIND.items()}


@dataclass(frozen=True)
class Needs:
    """
    What a page route declares: a permission (or None where being there is enough), the states of a session in which it
    answers, and whether a password or passkey must have been given in the last ten minutes. `recorded` leaves an event
    although the method is a safe one and the permission is about nobody: a sign-in comes back by GET. `hashes` is for a
    page that hashes a password: no transaction is open when its endpoint begins, and what may have ended meanwhile is
    asked again by `let_in_again` or by its last statements. `seen_by` is the permission by which a page that everybody
    may open shows people to those who have it. `upload`: its form brings a file.
    """

    permission: str | None
    states: frozenset[SessionState] = frozenset({SessionState.OPEN})
    recent: bool = False
    recorded: bool = False
    hashes: bool = False
    seen_by: str | None = None
    upload: bool = False

    def __call__(self) -> None:
        """Do nothing: the page guard has decided before any dependency runs."""


def allow(permission: str, *, recent: bool = False, recorded: bool = False, upload: bool = False) -> params.Depends:
    """
    For anyone who has `permission`: `dependencies=[allow("user.manage")]`. `recorded` is for a page of something else
    that shows people beside it; `upload` for one whose form brings a file.
    """
    if permission not in PERMISSIONS:
        raise ValueError(f"{permission} is not a permission of app/access/policy.py")
    made: params.Depends = Depends(Needs(permission, recent=recent, recorded=recorded, upload=upload))
    return made


def signed_in(
    *, recent: bool = False, recorded: bool = False, hashes: bool = False, seen_by: str | None = None
) -> params.Depends:
    """For everybody with an open session: pages about nobody but themselves, and those that say by what they show."""
    if seen_by is not None and seen_by not in PERMISSIONS:
        raise ValueError(f"{seen_by} is not a permission of app/access/policy.py")
    made: params.Depends = Depends(Needs(None, recent=recent, recorded=recorded, hashes=hashes, seen_by=seen_by))
    return made


def in_state(*states: SessionState, hashes: bool = False) -> params.Depends:
    """For sessions that are on their way: before the second factor, while enrolling, locked."""
    made: params.Depends = Depends(Needs(None, frozenset(states), hashes=hashes))
    return made


def anyone(*, recorded: bool = False, hashes: bool = False) -> params.Depends:
    """For the whole world: the sign-in and the pages behind links of mails."""
    made: params.Depends = Depends(Needs(None, frozenset(SessionState), recorded=recorded, hashes=hashes))
    return made


def _visitor(request: Request) -> Visitor:
    visitor: Visitor = request.state.visitor
    return visitor


CurrentVisitor = Annotated[Visitor, Depends(_visitor)]


class PageRoute(APIRoute):
    """A page behind the page guard. It declares exactly one need."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        dependencies: Sequence[params.Depends] = options.get("dependencies") or ()
        declared = [d.dependency for d in dependencies if isinstance(d.dependency, Needs)]
        if len(declared) != 1:
            raise TypeError(f"{path}: a page declares exactly one need, this one {declared}")
        self.needs = declared[0]
        options["include_in_schema"] = False
        super().__init__(path, shown(endpoint), **options)

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()
        needs, action = self.needs, self.name

        async def guarded(request: Request) -> Response:
            # Until it is known who comes, in the language of their browser.
            with read_in(language_of(request)):
                return await answered(request)

        async def answered(request: Request) -> Response:
            try:
                return await _serve(request, inner, needs, action)
            except ReasonNeeded as error:
                await with_frame(request)
                person_id = error.extra["person_id"]
                return refusal_page(request, error) if person_id is None else _ask_for_reason(request, person_id)
            except AppError as error:
                if not isinstance(error, errors.Unavailable):
                    await with_frame(request)
                return _where_it_was_pressed(request, error) or refusal_page(request, error)
            except Exception as error:  # noqa: BLE001 - the page's last wall, as problems.py is the API's
                reference = request.scope.get("request_id", "")
                described = describe_error(error)
                if isinstance(error, NotShown):
                    described["detail"] = str(error)
                log.error("unhandled_error", request_id=reference, **described)  # noqa: TRY400 - by place, no text
                return error_page(request, HTTPStatus.INTERNAL_SERVER_ERROR, reference=reference)
            finally:
                # The files of a multipart form.
                await request.close()

        return guarded


def page_router(prefix: str = "") -> APIRouter:
    """The router of a group of screens: every route is guarded."""
    return APIRouter(prefix=prefix, route_class=PageRoute)


def mount_screens(app: FastAPI, *routers: APIRouter) -> None:
    """Add pages to the app; refuses a route that the page guard does not stand before."""
    for router in routers:
        for route in router.routes:
            if not isinstance(route, PageRoute):
                raise TypeError(f"{route} has no need: make its router by page_router()")
            app.router.routes.append(route)


async def _serve(request: Request, inner: Handler, needs: Needs, action: str) -> Response:
    unsafe = request.method not in csrf.SAFE_METHODS
    if "prefetch" in request.headers.get("sec-purpose", "") and _is_recorded(request, needs):
        # Each look at somebody is on record: a browser that guesses what will be asked for next has not looked.
        return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE)

    async def work(session: AsyncSession) -> Response:
        if unsafe:
            csrf.check_origin(request)
        visitor, away = await _let_in(session, request, needs)
        if unsafe and (away is None or visitor.session_id is not None):
            # The connection goes back while a browser may take its time to send the body.
            await session.rollback()
            await (read_upload(request) if needs.upload and away is None else read_body(request))
            if visitor.state in {SessionState.OPEN, SessionState.ENROLMENT} and not needs.hashes:
                # What the session allowed when the form began, it may not when the form has arrived. The steps of
                # signing in ask by themselves, in their last statement.
                await hold_rights(session, visitor.account_id)
                visitor, away = await _let_in(session, request, needs)
        if away is not None:
            return await _send_away(session, request, visitor, needs, action, away)
        if unsafe and not await csrf.carries_token(request, visitor.csrf_token):
            return await _stale_form(session, request, visitor, action)
        return await _carry_out(session, request, inner, needs, action, visitor)

    return await serve(request, action, work)


async def _let_in(session: AsyncSession, request: Request, needs: Needs) -> tuple[Visitor, str | None]:
    """Who comes, and where they have to go first, None when they may stay. Forbidden."""
    visitor = await _recognise(session, request)
    away = _detour(needs, visitor)
    if away is None and not _may(needs, visitor):
        raise errors.Forbidden
    return visitor, away


async def let_in_again(session: AsyncSession, request: Request) -> Visitor:
    """
    Who comes, for an endpoint that has hashed a password without a transaction; until the new one ends they keep the
    right to what they do. Unauthenticated when their session has ended meanwhile; Forbidden.
    """
    await hold_rights(session, _visitor(request).account_id)
    visitor, away = await _let_in(session, request, request.scope["route"].needs)
    if away is not None:
        raise errors.Unauthenticated
    return visitor


async def _recognise(session: AsyncSession, request: Request) -> Visitor:
    """Who comes with this browser; an open session also gets its frame and the messages that wait for it."""
    reference = cookies.session_reference(request)
    # Where there is no page, its error page asks who comes.
    page_asked = request.scope.get("route")
    route = f"{request.method} {page_asked.path}" if page_asked else "no page"
    found = await sessions.find_visitor(session, reference, now=clock.now(), route=route)
    visitor = found or Visitor(SessionState.NONE, reference or new_reference())
    request.state.visitor = visitor
    if visitor.state is SessionState.OPEN:
        session.info["actor"] = visitor.actor
        request.state.frame = await frame_of(request, session, visitor)
    if request.method == "GET" and not is_htmx(request):
        request.state.flashes = cookies.waiting_flashes(request)
    return visitor


async def with_frame(request: Request) -> None:
    """Put the frame of the signed-in person round what is told of an error, unless nobody can be asked who that is."""
    if hasattr(request.state, "visitor"):
        return
    state: State = request.app.state.serving
    try:
        with read_in(language_of(request)):
            async with state.database.session() as session:
                await _recognise(session, request)
    except Exception as error:  # noqa: BLE001 - the error that is being told matters more
        log.warning("page_without_frame", **describe_error(error))


def _may(needs: Needs, visitor: Visitor) -> bool:
    return needs.permission is None or (visitor.actor is not None and visitor.actor.may(needs.permission))


def _is_recorded(request: Request, needs: Needs) -> bool:
    """Every change is on record, and every look at people."""
    personal = needs.permission is not None and PERMISSIONS[needs.permission].personal
    return personal or needs.recorded or request.method not in csrf.SAFE_METHODS


async def _carry_out(
    session: AsyncSession, request: Request, inner: Handler, needs: Needs, action: str, visitor: Visitor
) -> Response:
    request.state.session, request.state.actor = session, visitor.actor
    request.state.access = access = _access(request, needs, visitor)
    is_form = request.method not in csrf.SAFE_METHODS and not needs.hashes
    sending = await sendings.sending_of(request, visitor) if is_form else None
    try:
        with answering(Asked(session, visitor.actor or NOBODY, access)):
            response = await inner(request)
    except AppError:
        if done := await _done_before(session, request, visitor, action, sending):
            return done
        raise
    is_refused = response.status_code >= HTTPStatus.BAD_REQUEST
    if is_refused or not await sendings.keep(session, visitor, sending, response):
        if done := await _done_before(session, request, visitor, action, sending):
            return done
        if not is_refused:
            raise StillRunning
        refusal = getattr(request.state, "refusal", None) or _kind_of(response.status_code)()
        state: State = request.app.state.serving
        await record_refusal(
            state.database,
            session.info.get("actor"),
            request,
            action,
            refusal,
            person_ids=audit.persons(session),
            purpose=audit.purpose(session),
        )
        return _framed(request, response, visitor)
    if visitor.state is SessionState.OPEN:
        await sessions.touch(session, visitor, now=clock.now())
    if _is_recorded(request, needs):
        await write_event(session, session.info.get("actor"), request, action=action)
    await session.commit()
    return _framed(request, response, visitor)


async def _done_before(
    session: AsyncSession, request: Request, visitor: Visitor, action: str, sending: str | None
) -> Response | None:
    """What this sending of a form was answered with when it was carried out; what it did now is undone."""
    await session.rollback()
    response = await sendings.answer_again(session, request, visitor, sending)
    if response is None:
        return None
    await write_event(session, session.info.get("actor"), request, action=action, code="replayed")
    await session.commit()
    return _framed(request, response, visitor)


def _access(request: Request, needs: Needs, visitor: Visitor) -> AccessContext:
    """A page that declares no permission shows nothing of people's data in clear, to nobody who lacks `seen_by`."""
    settings: Settings = request.app.state.settings
    permission = needs.permission
    if permission is None and needs.seen_by is not None and visitor.actor is not None:
        permission = needs.seen_by if visitor.actor.may(needs.seen_by) else None
    return AccessContext(
        permission or "",
        secret_key=settings.secret_key,
        caseload=settings.caseload,
        side_effect_hours=settings.side_effect_hours,
    )


def _kind_of(status: int) -> type[AppError]:
    return _KIND_OF_STATUS.get(status, errors.Invalid)


def _framed(request: Request, response: Response, visitor: Visitor) -> Response:
    # With "no-referrer" browsers would send the Origin of a form as "null", and check_origin would refuse our own.
    response.headers.setdefault("referrer-policy", "same-origin")
    sets_one = any(b"crm_session=" in value for name, value in response.raw_headers if name == b"set-cookie")
    if cookies.session_reference(request) is None and not sets_one:
        cookies.set_session(request, response, visitor.reference)
    if getattr(request.state, "flashes", ()) and response.status_code == HTTPStatus.OK:
        cookies.drop_flash(request, response)
    return response


_PLACE_OF_STATE = {
    SessionState.NONE: "/sign-in",
    SessionState.ENDED: "/sign-in",
    SessionState.SECOND_FACTOR: "/sign-in/second-factor",
    SessionState.ENROLMENT: "/sign-in/enrolment",
    SessionState.LOCKED: "/unlock",
    SessionState.OPEN: "/",
}


def _detour(needs: Needs, visitor: Visitor) -> str | None:
    """Where somebody has to go first, without the way back; None when they may stay."""
    if visitor.state not in needs.states:
        return _PLACE_OF_STATE[visitor.state]
    if needs.recent and (visitor.proved_at is None or clock.now() - visitor.proved_at > RECENT):
        return "/unlock"
    return None


async def _send_away(
    session: AsyncSession, request: Request, visitor: Visitor, needs: Needs, action: str, away: str
) -> Response:
    """To the sign-in or the lock. What a form brought is kept for its owner, to be sent after all."""
    back = asked_path(request)
    unsafe = request.method not in csrf.SAFE_METHODS
    if unsafe:
        # What changes one's own credentials is typed anew.
        held = None if needs.recent and needs.permission is None else await _hold(session, request, visitor)
        back = f"/resume/{held}" if held else came_from(request)
        await session.commit()
    elif is_htmx(request):
        back = came_from(request)
    if _is_recorded(request, needs):
        # The event is written by a connection of its own: two at once could wait for others that hold one too.
        await session.rollback()
        state: State = request.app.state.serving
        await record_refusal(state.database, None, request, action, errors.Unauthenticated())
    address = with_next(away, back) if away != "/" else away
    if is_htmx(request):
        return Response(headers={"hx-redirect": address})
    return _framed(request, RedirectResponse(address, HTTPStatus.SEE_OTHER), visitor)


async def _hold(session: AsyncSession, request: Request, visitor: Visitor) -> str | None:
    """Keep a form that carried the session's token; the id under which it is kept."""
    if visitor.session_id is None or visitor.end_reason == "disabled" or not _is_plain_form(request):
        return None
    if not await csrf.carries_token(request, visitor.csrf_token):
        return None
    return await _keep_fields(session, request, visitor)


def _is_plain_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith(FORMS[0])


async def _keep_fields(session: AsyncSession, request: Request, visitor: Visitor) -> str | None:
    fields = [(name, str(value)) for name, value in (await request.form()).multi_items()]
    held = await held_forms.hold(
        session, account_id=visitor.account_id, path=asked_path(request), fields=fields, now=clock.now()
    )
    return str(held) if held else None


async def _stale_form(session: AsyncSession, request: Request, visitor: Visitor, action: str) -> Response:
    """
    A form with the token of an earlier session, perhaps because its owner signed in again elsewhere: nothing is done,
    and to a signed-in owner it is offered to look at what was typed and send it.
    """
    state: State = request.app.state.serving
    error = csrf.TokenRefused() if cookies.session_reference(request) else csrf.NoCookie()
    # As in _send_away.
    await session.rollback()
    await record_refusal(state.database, session.info.get("actor"), request, action, error)
    if visitor.state is not SessionState.OPEN or not _is_plain_form(request) or is_htmx(request):
        return _framed(request, refusal_page(request, error), visitor)
    held = await _keep_fields(session, request, visitor)
    await session.commit()
    return page(request, "sign_in/stale_form.html", {"held": held, "detail": error.error_detail}, status=403)


async def read_body(request: Request) -> None:
    """Read at most 1 MiB of a form or JSON, once; what is larger or of another kind is not read at all."""
    if hasattr(request, "_body"):
        return
    length = request.headers.get("content-length")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    has_body = (length or "0") != "0" or "transfer-encoding" in request.headers
    if has_body and media_type not in {*FORMS, "application/json"}:
        raise errors.UnsupportedMedia(_("Send a form."))
    request._body = await read_bounded(request)  # noqa: SLF001 - where Starlette keeps a body that was read


def status_of(error: AppError) -> int:
    """The HTTP status that stands for an error."""
    return next(STATUS_OF_KIND[kind] for kind in type(error).__mro__ if kind in STATUS_OF_KIND)


def _told(field: FieldError) -> str:
    """What is wrong with a field of an address, by its label; one that there is not has its name alone."""
    if field.code == "unknown_parameter":
        return str(_("The address asks for %(name)s, which is not there.", name=field.field))
    label = label_in_general(field.field)
    return f"{_('%(field)s:', field=label)} {on_a_page(field)}" if label else str(on_a_page(field))


def refusal_page(request: Request, error: AppError) -> HTMLResponse:
    """The one translation of an AppError to a page."""
    status = status_of(error)
    waits = {429: str(error.extra.get("retry_after", 60)), 503: "2"}
    headers = {"retry-after": waits[status]} if status in waits else {}
    # What is said of a kind in general, the page says in its own words already.
    general = type(error).__module__ == errors.__name__ and error.error_detail == type(error).detail
    named = " ".join(map(_told, error.fields))
    return error_page(
        request,
        status,
        code=error.error_code,
        detail=(named or None) if general else error.error_detail,
        reference=request.scope.get("request_id", ""),
        headers={"referrer-policy": "same-origin", **headers},
    )


_SAID_THERE = (errors.Invalid, errors.Conflict, errors.Stale, errors.NotFound)
"""What a press may be refused by: the record has moved on, or one did not see how it stands."""


def _where_it_was_pressed(request: Request, error: AppError) -> Response | None:
    """
    What a button of Today, of a list or of a record is refused with is said there, on the page as it is now. None for
    a form on a page of its own, and for what leads elsewhere.
    """
    place = worked_from(request)
    is_own = place.partition("?")[0] == request.url.path
    if request.method != "POST" or wants_part(request) or not place or is_own or not isinstance(error, _SAID_THERE):
        return None
    with read_in(language_of(request)):
        said = " ".join(map(_told, error.fields)) or str(_(error.error_detail))
        return go_to(request, place, flash=Flash(said, "danger"))


def _ask_for_reason(request: Request, person_id: str) -> HTMLResponse:
    """Why do you need this? For what lies outside the caseload; the answer opens it for an hour."""
    back = asked_path(request) if request.method == "GET" else came_from(request)
    context = {**NO_ERRORS, "typed": {"person_id": person_id, "reason": ""}, "back": back}
    headers = {"referrer-policy": "same-origin"}
    return page(request, "oversight/reason.html", context, status=403, headers=headers)


def form_again(
    request: Request, template: str, context: Mapping[str, Any], error: AppError, *, block: str | None = None
) -> HTMLResponse:
    """
    The form with what was typed and what is wrong with it. The page guard rolls back and records the refusal.

    The template gets `errors` (field, sentence), `error_of` by field, and `refusal`, the sentence for the whole form.
    """
    request.state.refusal = error
    status = status_of(error)
    named = [(field.field, on_a_page(field)) for field in error.fields]
    shown = {
        **context,
        "errors": named,
        "error_of": dict(named),
        "refusal": None if named else error.error_detail,
    }
    waits = error.extra.get("retry_after")
    headers = {"retry-after": str(waits)} if waits else None
    return page(request, template, shown, status=status, block=block, headers=headers)


@asynccontextmanager
async def known_errors(request: Request, session: AsyncSession) -> AsyncIterator[None]:
    """
    Within the block a broken rule of the database is the domain error that it stands for, so that a form can come back
    with it. What the block did is undone; what the database asks to try again passes through.
    """
    state: State = request.app.state.serving
    try:
        async with session.begin_nested():
            yield
    except DBAPIError as error:
        known = translate(error, state.constraint_errors)
        if known is None or isinstance(known, errors.Unavailable):
            raise
        raise known from error


NO_ERRORS: Mapping[str, Any] = {"errors": (), "error_of": {}, "refusal": None}
"""The context of a form that is shown for the first time."""


def go_to(request: Request, path: str, *, flash: Flash | None = None) -> Response:
    """After a change: 303 to a plain post, the same to htmx by its header. `flash` is shown on the next page."""
    response = Response(headers={"hx-redirect": path}) if is_htmx(request) else RedirectResponse(path, 303)
    if flash is not None:
        cookies.leave_flash(request, response, flash)
    return response
