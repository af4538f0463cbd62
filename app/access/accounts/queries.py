"""What the pages and routes of users and keys show."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts.models import Passkey, PasswordCredential, TotpCredential, WebSession
from app.access.accounts.schemas import ApiKeyFilter, KeyStatus, UserFilter, UserStatus
from app.access.models import ApiKey, RoleGrant, UserAccount
from app.platform.errors import NotFound
from app.platform.paging import SortKey, fetch_keys

MOST = 100


@dataclass(frozen=True)
class UserRow:
    """An account of a human with what an administrator needs to know. `last_seen_at` is of its newest session."""

    account_id: UUID
    display_name: str
    email: str
    is_active: bool
    roles: tuple[str, ...]
    has_password: bool
    has_app: bool
    passkeys: int
    last_seen_at: datetime | None
    version: int

    @property
    def status(self) -> UserStatus:
        """`disabled`, `invited` (no password chosen yet), `active`."""
        if not self.is_active:
            return "disabled"
        return "active" if self.has_password or self.passkeys else "invited"

    @property
    def second_factor(self) -> str | None:
        """What it signs in with besides the password; None for nothing yet."""
        if self.passkeys:
            return "Passkey and app" if self.has_app else "Passkey"
        return "App" if self.has_app else None


def _user_rows() -> Select[Any]:
    account_id = UserAccount.user_account_id
    roles = (
        select(func.array_agg(RoleGrant.role))
        .where(RoleGrant.user_account_id == account_id, RoleGrant.revoked_at.is_(None))
        .scalar_subquery()
    )
    keys = select(func.count()).select_from(Passkey).where(Passkey.user_account_id == account_id).scalar_subquery()
    seen = select(func.max(WebSession.last_seen_at)).where(WebSession.user_account_id == account_id).scalar_subquery()
    return select(
        UserAccount,
        roles,
        exists().where(PasswordCredential.user_account_id == account_id),
        exists().where(TotpCredential.user_account_id == account_id),
        keys,
        seen,
    ).where(UserAccount.kind == "human")


def _row(found: Any) -> UserRow:
    account, roles, has_password, has_app, count, seen = found
    return UserRow(
        account_id=account.user_account_id,
        display_name=account.display_name,
        email=account.email or "",
        is_active=account.is_active,
        roles=tuple(sorted(roles or ())),
        has_password=has_password,
        has_app=has_app,
        passkeys=count,
        last_seen_at=seen,
        version=account.version,
    )


async def list_users(
    session: AsyncSession, *, q: str = "", after: str = "", only_active: bool = False
) -> list[UserRow]:
    """
    Up to 101 accounts by name, those that follow `after` (a name and an id, as `place_of` gives them).

    The 101st says that there is more.
    """
    query = _user_rows().order_by(UserAccount.display_name, UserAccount.user_account_id).limit(MOST + 1)
    if q.strip():
        query = query.where(_contains(q.strip()))
    if only_active:
        query = query.where(UserAccount.is_active)
    name, found, last = after.rpartition("|")
    if found:
        try:
            key = UUID(last)
        except ValueError:
            return []
        query = query.where(
            or_(
                UserAccount.display_name > name,
                (UserAccount.display_name == name) & (UserAccount.user_account_id > key),
            )
        )
    return [_row(row) for row in await session.execute(query)]


_BY_NAME = SortKey((UserAccount.display_name, UserAccount.user_account_id), (str, UUID), ascending=True)


async def page_of_users(session: AsyncSession, *, query: UserFilter) -> tuple[list[UserRow], str | None, int, bool]:
    """A page of accounts by name."""
    ids = select(UserAccount.user_account_id, *_BY_NAME.columns).where(UserAccount.kind == "human")
    if query.q is not None:
        ids = ids.where(_contains(query.q))

    found, cursor, total, capped = await fetch_keys(session, ids=ids, query=query, sort=_BY_NAME)
    loaded = await session.execute(_user_rows().where(UserAccount.user_account_id.in_(found)))
    rows = {row.account_id: row for row in map(_row, loaded)}
    return [rows[account_id] for account_id in found], cursor, total, capped


def place_of(row: UserRow) -> str:
    """Where a list goes on after this row."""
    return f"{row.display_name}|{row.account_id}"


def _contains(text: str) -> ColumnElement[bool]:
    return or_(
        UserAccount.display_name.icontains(text, autoescape=True), UserAccount.email.icontains(text, autoescape=True)
    )


async def get_user(session: AsyncSession, account_id: UUID) -> UserRow:
    """NotFound for anything but a human's account."""
    found = (await session.execute(_user_rows().where(UserAccount.user_account_id == account_id))).first()
    if found is None:
        raise NotFound("There is no such account.")
    return _row(found)


@dataclass(frozen=True)
class KeyRow:
    """An API key without its secret, with the account it acts for."""

    key: ApiKey
    account_name: str
    roles: tuple[str, ...]

    def status(self, now: datetime) -> KeyStatus:
        """`revoked`, `expired`, `rotating` (it has a successor and still works), `active`."""
        if self.key.revoked_at is not None:
            return "revoked"
        if self.key.expires_at is not None and self.key.expires_at <= now:
            return "expired"
        return "rotating" if self.key.replaced_by is not None else "active"


def _key_rows() -> Select[ApiKey, str, list[str] | None]:
    roles = (
        select(func.array_agg(RoleGrant.role))
        .where(RoleGrant.user_account_id == ApiKey.user_account_id, RoleGrant.revoked_at.is_(None))
        .scalar_subquery()
    )
    return select(ApiKey, UserAccount.display_name, roles).join(
        UserAccount, ApiKey.user_account_id == UserAccount.user_account_id
    )


async def list_keys(session: AsyncSession, *, now: datetime, all_of_them: bool = False) -> list[KeyRow]:
    """The newest 200 keys; only those that open something unless `all_of_them`."""
    query = _key_rows().order_by(ApiKey.created_at.desc(), ApiKey.api_key_id.desc()).limit(2 * MOST)
    if not all_of_them:
        query = query.where(ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now))
    return [KeyRow(key, name, tuple(sorted(held or ()))) for key, name, held in await session.execute(query)]


_NEWEST_KEYS = SortKey((ApiKey.created_at, ApiKey.api_key_id), (datetime, UUID))


async def page_of_keys(
    session: AsyncSession, *, query: ApiKeyFilter, now: datetime
) -> tuple[list[KeyRow], str | None, int, bool]:
    """A page of keys, newest first."""
    ids = select(ApiKey.api_key_id, *_NEWEST_KEYS.columns)
    if query.working is not None:
        works = and_(ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now))
        ids = ids.where(works if query.working == "true" else not_(works))

    found, cursor, total, capped = await fetch_keys(session, ids=ids, query=query, sort=_NEWEST_KEYS)
    loaded = await session.execute(_key_rows().where(ApiKey.api_key_id.in_(found)))
    rows = {key.api_key_id: KeyRow(key, name, tuple(sorted(held or ()))) for key, name, held in loaded}
    return [rows[key_id] for key_id in found], cursor, total, capped


async def get_key(session: AsyncSession, api_key_id: UUID | None = None, *, prefix: str | None = None) -> KeyRow:
    """One key by its id or its prefix, whatever its state; NotFound."""
    named = ApiKey.api_key_id == api_key_id if prefix is None else ApiKey.prefix == prefix
    found = (await session.execute(_key_rows().where(named))).first()
    if found is None:
        raise NotFound("There is no such key.")
    key, name, held = found
    return KeyRow(key, name, tuple(sorted(held or ())))
