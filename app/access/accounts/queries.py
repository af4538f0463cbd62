"""Users and keys as their pages and routes show them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts.models import Passkey, PasswordCredential, TotpCredential, WebSession
from app.access.accounts.schemas import ApiKeyFilter, ApiKeyRead, KeyStatus, UserFilter, UserRead
from app.access.models import ApiKey, RoleGrant, UserAccount
from app.access.queries import current_roles
from app.platform.errors import NotFound
from app.platform.locales import _
from app.platform.paging import Page, SortKey, fetch_keys


def _user_rows() -> Select[Any]:
    account_id = UserAccount.user_account_id
    keys = select(func.count()).select_from(Passkey).where(Passkey.user_account_id == account_id).scalar_subquery()
    seen = select(func.max(WebSession.last_seen_at)).where(WebSession.user_account_id == account_id).scalar_subquery()
    return select(
        UserAccount,
        current_roles(),
        exists().where(PasswordCredential.user_account_id == account_id),
        exists().where(TotpCredential.user_account_id == account_id),
        keys,
        seen,
    ).where(UserAccount.kind == "human")


def _user(found: Any) -> UserRead:
    account, roles, has_password, has_app, passkeys, seen = found
    is_invited = not (has_password or passkeys)
    return UserRead(
        user_account_id=account.user_account_id,
        display_name=account.display_name,
        email=account.email,
        status="disabled" if not account.is_active else "invited" if is_invited else "active",
        roles=sorted(roles or ()),
        has_second_factor=bool(has_app or passkeys),
        has_app=has_app,
        has_passkey=bool(passkeys),
        last_seen_at=seen,
        version=account.version,
    )


_BY_NAME = SortKey((UserAccount.display_name, UserAccount.user_account_id), (str, UUID), ascending=True)


async def page_of_users(session: AsyncSession, *, query: UserFilter) -> Page[UserRead]:
    """Accounts of people by name."""
    ids = select(UserAccount.user_account_id, *_BY_NAME.columns).where(UserAccount.kind == "human")
    if query.q is not None:
        ids = ids.where(_contains(query.q))

    found = await fetch_keys(session, ids=ids, query=query, sort=_BY_NAME)
    loaded = await session.execute(_user_rows().where(UserAccount.user_account_id.in_(found.rows)))
    users = {user.user_account_id: user for user in map(_user, loaded)}
    return found.page(users[account_id] for account_id in found.rows)


def _contains(text: str) -> ColumnElement[bool]:
    return or_(
        UserAccount.display_name.icontains(text, autoescape=True), UserAccount.email.icontains(text, autoescape=True)
    )


async def get_user(session: AsyncSession, account_id: UUID) -> UserRead:
    """NotFound for anything but a human's account."""
    found = (await session.execute(_user_rows().where(UserAccount.user_account_id == account_id))).first()
    if found is None:
        raise NotFound(_("There is no such account."))
    return _user(found)


def _key_rows() -> Select[ApiKey, str, list[str] | None]:
    roles = (
        select(func.array_agg(RoleGrant.role))
        .where(RoleGrant.user_account_id == ApiKey.user_account_id, RoleGrant.revoked_at.is_(None))
        .scalar_subquery()
    )
    return select(ApiKey, UserAccount.display_name, roles).join(
        UserAccount, ApiKey.user_account_id == UserAccount.user_account_id
    )


def _key(key: ApiKey, account_name: str, roles: Sequence[str] | None, now: datetime) -> ApiKeyRead:
    return ApiKeyRead(
        api_key_id=key.api_key_id,
        name=key.name,
        prefix=key.prefix,
        user_account_id=key.user_account_id,
        account_name=account_name,
        roles=sorted(roles or ()),
        scopes=key.scopes,
        status=_status(key, now),
        created_at=key.created_at,
        expires_at=key.expires_at,
        replaced_by=key.replaced_by,
        version=key.version,
    )


def _status(key: ApiKey, now: datetime) -> KeyStatus:
    """`revoked`, `expired`, `rotating` (it has a successor and still works), `active`."""
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired"
    return "rotating" if key.replaced_by is not None else "active"


_NEWEST_KEYS = SortKey((ApiKey.created_at, ApiKey.api_key_id), (datetime, UUID))


async def page_of_keys(session: AsyncSession, *, query: ApiKeyFilter, now: datetime) -> Page[ApiKeyRead]:
    """Keys, newest first."""
    ids = select(ApiKey.api_key_id, *_NEWEST_KEYS.columns)
    if query.working is not None:
        works = and_(ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now))
        ids = ids.where(works if query.working == "true" else not_(works))

    found = await fetch_keys(session, ids=ids, query=query, sort=_NEWEST_KEYS)
    loaded = await session.execute(_key_rows().where(ApiKey.api_key_id.in_(found.rows)))
    keys = {key.api_key_id: _key(key, name, roles, now) for key, name, roles in loaded}
    return found.page(keys[key_id] for key_id in found.rows)


async def get_key(
    session: AsyncSession, api_key_id: UUID | None = None, *, prefix: str | None = None, now: datetime
) -> ApiKeyRead:
    """One key by its id or its prefix, whatever its state; NotFound."""
    named = ApiKey.api_key_id == api_key_id if prefix is None else ApiKey.prefix == prefix
    found = (await session.execute(_key_rows().where(named))).first()
    if found is None:
        raise NotFound(_("There is no such key."))
    key, name, roles = found
    return _key(key, name, roles, now)
