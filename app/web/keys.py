"""
API keys, for administrators: make, rotate with an overlap, revoke. A key is shown once, where it is made.

A key is a credential like another: it is made within ten minutes of a password or passkey.
"""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Request, Response

from app.access import service as access
from app.access.accounts import queries
from app.access.accounts.schemas import ApiKeyFilter
from app.access.policy import GRANTS, PERMISSIONS, ROLE_DESCRIPTIONS, Role
from app.access.request_guard import CurrentActor, DbSession
from app.platform import clock
from app.platform.errors import AppError, invalid_field
from app.platform.text import Label
from app.web.forms import asked_in, read_query, read_text
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, page_router
from app.web.render import Flash, page
from app.web.words import plural, words

router = page_router("/api-keys")

GOOD_FOR_DAYS = (1, 30, 90, 180, 365)
OVERLAP_DAYS = (1, 7, 30)
ROLES = [(role.value, words(role.value), ROLE_DESCRIPTIONS[role]) for role in Role]


def _days(value: str, allowed: tuple[int, ...], field: str) -> timedelta:
    if value not in {str(days) for days in allowed}:
        raise invalid_field(field, "days", "Choose one of the offered times.")
    return timedelta(days=int(value))


@router.get("", dependencies=[allow("key.manage")])
async def show_keys(request: Request, session: DbSession, all: str = "") -> Response:  # noqa: A002
    typed = asked_in(request, ApiKeyFilter)
    query = read_query(ApiKeyFilter, {**typed, "working": None if all else "true"})
    found = await queries.page_of_keys(session, query=query, now=clock.now())
    return page(request, "keys/list.html", {"keys": found, "all": bool(all), "typed": typed})


def _typed(name: str, role: str, scopes: list[str], days: str) -> dict[str, Any]:
    # The permissions that some role gives to a key, with the roles that give each.
    offered = [
        (code, permission.description, [role.value for role in Role if code in GRANTS[role]])
        for code, permission in PERMISSIONS.items()
    ]
    return {
        "name": name,
        "role": role,
        "scopes": set(scopes),
        "days": days,
        "all_roles": ROLES,
        "offered": offered,
        "good_for": [(str(number), f"{number} day{'s' if number > 1 else ''}") for number in GOOD_FOR_DAYS],
    }


@router.get("/new", dependencies=[allow("key.make", recent=True)])
async def show_new_key(request: Request, role: str = Role.INTEGRATION.value) -> Response:
    chosen = role if role in {known.value for known in Role} else Role.INTEGRATION.value
    return page(request, "keys/new.html", {**NO_ERRORS, **_typed("", chosen, [], "90")})


@router.post("", dependencies=[allow("key.make", recent=True)])
async def create_key(
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    name: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    scopes: Annotated[list[str] | None, Form()] = None,
    days: Annotated[str, Form()] = "",
) -> Response:
    try:
        shown_name = read_text(Label, "name", name)
        if role not in {known.value for known in Role}:
            raise invalid_field("role", "role", "Choose a role.")
        # Nothing ticked is all of the role.
        narrowed = sorted(set(scopes or ())) or None
        good_for = _days(days, GOOD_FOR_DAYS, "days")
        if access.stands_for_a_proof(narrowed) and good_for > access.PROVED_KEY_LIVES:
            raise invalid_field(
                "days", "days", "A key with a permission that asks for a fresh proof lives for a day at most."
            )
        text = await access.create_service_key(
            session,
            actor,
            role=Role(role),
            name=shown_name,
            scopes=narrowed,
            expires_at=clock.now() + good_for,
        )
    except AppError as error:
        return form_again(request, "keys/new.html", _typed(name[:200], role, scopes or [], days), error)
    return page(request, "keys/made.html", {"key": text, "name": shown_name, "rotated": False})


@router.get("/{api_key_id}", dependencies=[allow("key.manage")])
async def show_key(request: Request, session: DbSession, api_key_id: UUID) -> Response:
    key = await queries.get_key(session, api_key_id, now=clock.now())
    overlaps = [(days, plural(days, "day")) for days in OVERLAP_DAYS]
    described = {code: permission.description for code, permission in PERMISSIONS.items()}
    return page(request, "keys/key.html", {"key": key, "overlaps": overlaps, "described": described})


@router.post("/{api_key_id}/rotate", dependencies=[allow("key.make", recent=True)])
async def rotate_key(
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    api_key_id: UUID,
    overlap: Annotated[str, Form()] = "7",
) -> Response:
    """A successor with the same rights; the old key works on for the overlap."""
    text, name = await access.rotate_api_key(
        session, actor, api_key_id=api_key_id, overlap=_days(overlap, OVERLAP_DAYS, "overlap"), now=clock.now()
    )
    return page(request, "keys/made.html", {"key": text, "name": name, "rotated": True, "overlap": int(overlap)})


@router.post("/{api_key_id}/revoke", dependencies=[allow("key.manage")])
async def revoke_key(request: Request, session: DbSession, actor: CurrentActor, api_key_id: UUID) -> Response:
    await access.revoke_api_key(session, actor, api_key_id=api_key_id, now=clock.now())
    return go_to(request, "/api-keys", flash=Flash("The key is revoked. It no longer works."))
