"""
API keys, for administrators: make, rotate with an overlap, revoke. A key is shown once, where it is made.

A key is a credential like another: it is made within ten minutes of a password or passkey.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import service as access
from app.access.accounts import queries
from app.access.accounts.schemas import ApiKeyFilter, PermissionCode, RoleName
from app.access.policy import GRANTS, PERMISSIONS, ROLE_DESCRIPTIONS, Role
from app.access.request_guard import CurrentActor, DbSession
from app.platform import clock, idempotency
from app.platform.errors import AppError, FieldError, NotFound
from app.platform.locales import Message, _
from app.platform.text import Body, Label, one_of
from app.web.forms import Typed, asked_in, read_form, read_query, typed_in
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, page_router
from app.web.render import Flash, page
from app.web.words import plural, words

router = page_router("/api-keys")

GOOD_FOR_DAYS = (1, 30, 90, 180, 365)
OVERLAP_DAYS = (1, 7, 30)
ROLES = [(role.value, words(role.value), ROLE_DESCRIPTIONS[role]) for role in Role]
GoodFor: Any = one_of(str(days) for days in GOOD_FOR_DAYS)
OverlapAsked: Any = one_of(str(days) for days in OVERLAP_DAYS)


class NewKey(Body):
    """A key as the page asks for it: `days` are those for which it works, no scopes are all that the role allows."""

    name: Label
    role: RoleName
    scopes: list[PermissionCode]
    days: GoodFor


class Overlap(Body):
    """For how many days a replaced key works on."""

    overlap: OverlapAsked


@router.get("", dependencies=[allow("key.manage")])
async def show_keys(request: Request, session: DbSession, all: str = "") -> Response:  # noqa: A002
    typed = asked_in(request, ApiKeyFilter)
    query = read_query(request, ApiKeyFilter, {**typed, "working": None if all else "true"}, beside={"all"})
    found = await queries.page_of_keys(session, query=query, now=clock.now())
    return page(request, "keys/list.html", {"keys": found, "all": bool(all), "typed": typed})


def _choices() -> dict[str, Any]:
    # The permissions that some role gives to a key, with the roles that give each.
    offered = [
        (code, str(Message(permission.description)), [role.value for role in Role if code in GRANTS[role]])
        for code, permission in PERMISSIONS.items()
    ]
    good_for = [(str(number), plural(number, "day")) for number in GOOD_FOR_DAYS]
    return {"all_roles": ROLES, "offered": offered, "good_for": good_for}


@router.get("/new", dependencies=[allow("key.make", recent=True)])
async def show_new_key(request: Request) -> Response:
    typed = {"name": "", "role": Role.INTEGRATION.value, "scopes": [], "days": "90"}
    return page(request, "keys/new.html", {**NO_ERRORS, **_choices(), "typed": typed})


def _against_each_other(typed: Typed) -> list[FieldError]:
    """What is wrong with scopes and days only because of what else was chosen."""
    wrong = []
    role, scopes, days = typed["role"], typed["scopes"], typed["days"]
    if role in set(Role) and set(scopes) <= set(PERMISSIONS) and not GRANTS[Role(role)].issuperset(scopes):
        wrong.append(access.not_of_the_role("scopes"))
    lives = timedelta(days=int(days)) if days in {str(number) for number in GOOD_FOR_DAYS} else timedelta()
    if access.stands_for_a_proof(scopes) and lives > access.PROVED_KEY_LIVES:
        wrong.append(access.lives_too_long("days"))
    return wrong


@router.post("", dependencies=[allow("key.make", recent=True)])
async def create_key(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    typed = await typed_in(request, NewKey)
    try:
        asked = read_form(NewKey, typed, wrong=_against_each_other(typed))
        text = await access.create_service_key(
            session,
            actor,
            role=Role(asked.role),
            name=asked.name,
            scopes=sorted(set(asked.scopes)) or None,
            expires_at=clock.now() + timedelta(days=int(asked.days)),
        )
    except AppError as error:
        return form_again(request, "keys/new.html", {**_choices(), "typed": typed}, error)
    idempotency.show_once(session)
    return page(request, "keys/made.html", {"key": text, "name": asked.name, "rotated": False})


@router.get("/{api_key_id}", dependencies=[allow("key.manage")])
async def show_key(request: Request, session: DbSession, api_key_id: UUID) -> Response:
    return page(request, "keys/key.html", await _key_context(session, api_key_id))


async def _key_context(session: AsyncSession, api_key_id: UUID) -> dict[str, Any]:
    return {
        **NO_ERRORS,
        "key": await queries.get_key(session, api_key_id, now=clock.now()),
        "overlaps": [(days, plural(days, "day")) for days in OVERLAP_DAYS],
        "described": {code: Message(permission.description) for code, permission in PERMISSIONS.items()},
    }


@router.post("/{api_key_id}/rotate", dependencies=[allow("key.make", recent=True)])
async def rotate_key(
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    api_key_id: UUID,
) -> Response:
    """A successor with the same rights; the old key works on for the overlap."""
    try:
        days = int(read_form(Overlap, await typed_in(request, Overlap)).overlap)
        text, name = await access.rotate_api_key(
            session, actor, api_key_id=api_key_id, overlap=timedelta(days=days), now=clock.now()
        )
    except NotFound:
        raise
    except AppError as error:
        return form_again(request, "keys/key.html", await _key_context(session, api_key_id), error)
    idempotency.show_once(session)
    return page(request, "keys/made.html", {"key": text, "name": name, "rotated": True, "overlap": days})


@router.post("/{api_key_id}/revoke", dependencies=[allow("key.manage")])
async def revoke_key(request: Request, session: DbSession, actor: CurrentActor, api_key_id: UUID) -> Response:
    await access.revoke_api_key(session, actor, api_key_id=api_key_id, now=clock.now())
    return go_to(request, "/api-keys", flash=Flash(_("The key is revoked. It no longer works.")))
