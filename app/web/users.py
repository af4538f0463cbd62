"""Users and roles, for administrators: invite, give roles, close, help back in, end sessions."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response

from app.access.accounts import queries, sessions, users
from app.access.accounts.schemas import Invitation, NameOfUser, RolesOfUser, UserFilter
from app.access.policy import HUMAN_ROLES, ROLE_DESCRIPTIONS
from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.casework.hand_over import open_work_of
from app.people import colleagues
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, Invalid
from app.platform.locales import _
from app.web.forms import asked_in, read_form, read_query, typed_in
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.render import Flash, page
from app.web.sign_in import settings_of
from app.web.words import words

router = page_router("/users")

ROLES = [(role.value, words(role.value), ROLE_DESCRIPTIONS[role]) for role in HUMAN_ROLES]


@router.get("", dependencies=[allow("user.manage")])
async def show_users(request: Request, session: DbSession) -> Response:
    context: dict[str, Any] = {**NO_ERRORS, "typed": asked_in(request, UserFilter), "users": None}
    try:
        found = await queries.page_of_users(session, query=read_query(request, UserFilter, context["typed"]))
    except Invalid as error:
        return form_again(request, "users/list.html", context, error)
    return page(request, "users/list.html", {**context, "users": found})


@router.get("/new", dependencies=[allow("user.manage", recent=True)])
async def show_new_user(request: Request) -> Response:
    typed = {"email": "", "display_name": "", "roles": []}
    return page(request, "users/new.html", {**NO_ERRORS, "typed": typed, "all_roles": ROLES})


@router.post("", dependencies=[allow("user.manage", recent=True)])
async def invite_user(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    settings = settings_of(request)
    typed = await typed_in(request, Invitation)
    try:
        asked = read_form(Invitation, typed)
        async with known_errors(request, session):
            account = await colleagues.open_colleague(
                session,
                actor,
                email=asked.email,
                display_name=asked.display_name,
                roles=asked.roles,
                now=clock.now(),
            )
        link = await users.invite(
            session, actor, account_id=account.user_account_id, base_url=settings.base_url, now=clock.now()
        )
    except AppError as error:
        return form_again(request, "users/new.html", {"typed": typed, "all_roles": ROLES}, error)
    return _after_invitation(request, account.user_account_id, link)


def _after_invitation(request: Request, account_id: UUID, link: str) -> Response:
    """By mail where there is a mail server; else the administrator hands the link over, which is shown this once."""
    settings = settings_of(request)
    if settings.smtp_host is None and settings.is_production:
        return page(request, "users/link.html", {"link": link, "account_id": account_id})
    return go_to(
        request, f"/users/{account_id}", flash=Flash(_("The invitation is on its way. The link works for seven days."))
    )


async def _user_context(session: DbSession, account_id: UUID, actor: Actor) -> dict[str, Any]:
    user = await queries.get_user(session, account_id)
    return {
        "user": user,
        "all_roles": ROLES,
        "typed": {"roles": user.roles},
        "is_oneself": account_id == actor.account_id,
        "work": await open_work_of(session, account_id=account_id) if actor.may("work.count") else None,
        "may_hand_over": actor.may("work.hand_over"),
        "sessions": await sessions.list_sessions(session, account_id=account_id, now=clock.now()),
    }


@router.get("/{account_id}", dependencies=[allow("user.manage")])
async def show_user(request: Request, session: DbSession, actor: CurrentActor, account_id: UUID) -> Response:
    return page(request, "users/user.html", {**NO_ERRORS, **await _user_context(session, account_id, actor)})


@router.post("/{account_id}/roles", dependencies=[allow("user.manage", recent=True)])
async def set_user_roles(
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    account_id: UUID,
) -> Response:
    typed = await typed_in(request, RolesOfUser)
    try:
        asked = read_form(RolesOfUser, typed)
        await users.set_roles(session, actor, account_id=account_id, roles=asked.roles, now=clock.now())
        await colleagues.settle(session, actor, account_id=account_id, now=clock.now())
    except AppError as error:
        context = await _user_context(session, account_id, actor)
        return form_again(request, "users/user.html", {**context, "typed": typed}, error)
    return go_to(request, f"/users/{account_id}", flash=Flash(_("Roles saved. This user is signed out everywhere.")))


@router.get("/{account_id}/name", dependencies=[allow("user.manage", recent=True)])
async def show_user_name(request: Request, session: DbSession, account_id: UUID) -> Response:
    user = await queries.get_user(session, account_id)
    typed = {"display_name": user.display_name, "email": user.email, "seen_version": user.version}
    return page(request, "users/name.html", {**NO_ERRORS, "user": user, "typed": typed})


@router.post("/{account_id}/name", dependencies=[allow("user.manage", recent=True)])
async def rename_user(
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    account_id: UUID,
) -> Response:
    user = await queries.get_user(session, account_id)
    typed = await typed_in(request, NameOfUser)
    try:
        asked = read_form(NameOfUser, typed)
        async with known_errors(request, session):
            await users.rename(
                session,
                actor,
                account_id=account_id,
                display_name=asked.display_name,
                email=asked.email,
                seen_version=asked.seen_version,
            )
            await colleagues.settle(session, actor, account_id=account_id, now=clock.now())
    except AppError as error:
        return form_again(request, "users/name.html", {"user": user, "typed": typed}, error)
    return go_to(request, f"/users/{account_id}", flash=Flash(_("Name and e-mail saved.")))


@router.post("/{account_id}/disable", dependencies=[allow("user.manage", recent=True)])
async def disable_user(request: Request, session: DbSession, actor: CurrentActor, account_id: UUID) -> Response:
    try:
        await users.disable(session, actor, account_id=account_id, now=clock.now())
        await colleagues.settle(session, actor, account_id=account_id, now=clock.now())
    except AppError as error:
        context = await _user_context(session, account_id, actor)
        return form_again(request, "users/user.html", context, error)
    return go_to(
        request,
        f"/users/{account_id}",
        flash=Flash(_("The account is closed. Its sessions and keys have stopped working.")),
    )


@router.post("/{account_id}/enable", dependencies=[allow("user.manage", recent=True)])
async def enable_user(request: Request, session: DbSession, actor: CurrentActor, account_id: UUID) -> Response:
    await users.enable(session, actor, account_id=account_id)
    await colleagues.settle(session, actor, account_id=account_id, now=clock.now())
    return go_to(request, f"/users/{account_id}", flash=Flash(_("The account is open again.")))


@router.post("/{account_id}/invitation", dependencies=[allow("user.manage", recent=True)])
async def invite_again(request: Request, session: DbSession, actor: CurrentActor, account_id: UUID) -> Response:
    link = await users.invite(
        session, actor, account_id=account_id, base_url=settings_of(request).base_url, now=clock.now()
    )
    return _after_invitation(request, account_id, link)


@router.post("/{account_id}/start-over", dependencies=[allow("user.manage", recent=True)])
async def start_over(request: Request, session: DbSession, actor: CurrentActor, account_id: UUID) -> Response:
    """Every credential of the account goes; its owner chooses new ones by a link."""
    link = await users.start_over(
        session, actor, account_id=account_id, base_url=settings_of(request).base_url, now=clock.now()
    )
    return _after_invitation(request, account_id, link)


@router.post("/{account_id}/sessions/end", dependencies=[allow("user.manage", recent=True)])
async def end_user_sessions(request: Request, session: DbSession, account_id: UUID) -> Response:
    await queries.get_user(session, account_id)
    await sessions.end_sessions(session, account_id=account_id, reason="ended_by_admin", now=clock.now())
    audit.note(session, record_type="user_account", record_id=account_id, fields=["web_session"])
    return go_to(request, f"/users/{account_id}", flash=Flash(_("This user is signed out everywhere.")))
