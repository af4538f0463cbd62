"""`/users`, `/api-keys`: the accounts of people to read; the keys of machines to read, make, rotate and revoke."""

from datetime import timedelta
from typing import Annotated

from fastapi import Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import service as access
from app.access.accounts import queries
from app.access.accounts.schemas import (
    ApiKeyCreate,
    ApiKeyFilter,
    ApiKeyMade,
    ApiKeyRead,
    ApiKeyRotation,
    UserFilter,
    UserRead,
)
from app.access.keys import prefix_of
from app.access.policy import NAMED_ONLY, Role
from app.access.request_guard import CurrentActor, DbSession, allow, api_router
from app.platform import clock, idempotency
from app.platform.errors import invalid_field
from app.platform.paging import Page
from app.platform.text import Id

users_router = api_router("/users", "accounts")
keys_router = api_router("/api-keys", "accounts")
LONGEST_LIFE = timedelta(days=365)


@users_router.get("", response_model=Page[UserRead], dependencies=[allow("user.manage")])
async def list_users(query: Annotated[UserFilter, Query()], session: DbSession) -> Page[UserRead]:
    return await queries.page_of_users(session, query=query)


@users_router.get("/{user_account_id}", response_model=UserRead, dependencies=[allow("user.manage")])
async def get_user(user_account_id: Id, session: DbSession) -> UserRead:
    return await queries.get_user(session, user_account_id)


@keys_router.get("", response_model=Page[ApiKeyRead], dependencies=[allow("key.manage")])
async def list_api_keys(query: Annotated[ApiKeyFilter, Query()], session: DbSession) -> Page[ApiKeyRead]:
    return await queries.page_of_keys(session, query=query, now=clock.now())


@keys_router.get("/{api_key_id}", response_model=ApiKeyRead, dependencies=[allow("key.manage")])
async def get_api_key(api_key_id: Id, session: DbSession) -> ApiKeyRead:
    return await queries.get_key(session, api_key_id, now=clock.now())


@keys_router.post("", status_code=201, response_model=ApiKeyMade, dependencies=[allow("key.make")])
async def create_api_key(
    asked: ApiKeyCreate, session: DbSession, actor: CurrentActor, response: Response
) -> ApiKeyMade:
    """
    Make a key. Its text is in this answer and nowhere else, so the answer is not kept for an Idempotency-Key.

    A permission that asks for a person's fresh proof (`break_glass.use`, `key.make`) is given to a key by page only.
    """
    now = clock.now()
    if not now < asked.expires_at:
        raise invalid_field("expires_at", "in_the_past", "A key ends in the future.")
    if asked.expires_at > now + LONGEST_LIFE:
        raise invalid_field("expires_at", "too_long", "A key lives for a year at most.")
    if not NAMED_ONLY.isdisjoint(asked.scopes or ()):
        raise invalid_field(
            "scopes", "proof_needed", "A key with this permission is made by page, after a fresh proof."
        )
    text = await access.create_service_key(
        session, actor, role=Role(asked.role), name=asked.name, scopes=asked.scopes, expires_at=asked.expires_at
    )
    return await _made(session, text, response)


@keys_router.post("/{api_key_id}/rotate", status_code=201, response_model=ApiKeyMade, dependencies=[allow("key.make")])
async def rotate_api_key(
    api_key_id: Id, asked: ApiKeyRotation, session: DbSession, actor: CurrentActor, response: Response
) -> ApiKeyMade:
    """Make a successor with the same rights and span of life; the old key works on for the overlap."""
    text, _ = await access.rotate_api_key(
        session, actor, api_key_id=api_key_id, overlap=timedelta(days=asked.overlap_days), now=clock.now()
    )
    return await _made(session, text, response)


@keys_router.post("/{api_key_id}/revoke", response_model=ApiKeyRead, dependencies=[allow("key.manage")])
async def revoke_api_key(api_key_id: Id, session: DbSession, actor: CurrentActor) -> ApiKeyRead:
    """End a key: its next request is refused. Twice is one effect."""
    await access.revoke_api_key(session, actor, api_key_id=api_key_id, now=clock.now())
    await session.flush()
    return await queries.get_key(session, api_key_id, now=clock.now())


async def _made(session: AsyncSession, text: str, response: Response) -> ApiKeyMade:
    idempotency.show_once(session)
    made = await queries.get_key(session, prefix=prefix_of(text), now=clock.now())
    response.headers["location"] = f"{keys_router.prefix}/{made.api_key_id}"
    return ApiKeyMade(key=text, **dict(made))
