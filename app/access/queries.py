from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.keys import KeyText
from app.access.models import ApiKey, RoleGrant, UserAccount
from app.access.policy import permissions_of
from app.platform.actor import Actor


async def find_actor_by_key(session: AsyncSession, key: KeyText) -> Actor | None:
    """The account that holds this key, with its rights at this moment; None when the key opens nothing."""
    roles = (
        select(func.array_agg(RoleGrant.role))
        .where(RoleGrant.user_account_id == UserAccount.user_account_id, RoleGrant.revoked_at.is_(None))
        .scalar_subquery()
    )
    row = (
        await session.execute(
            select(
                ApiKey.api_key_id,
                UserAccount.user_account_id,
                UserAccount.display_name,
                UserAccount.person_id,
                ApiKey.scopes,
                roles.label("roles"),
            )
            .join(UserAccount, ApiKey.user_account_id == UserAccount.user_account_id)
            .where(
                ApiKey.prefix == key.prefix,
                ApiKey.secret_sha256 == key.secret_sha256,
                ApiKey.revoked_at.is_(None),
                (ApiKey.expires_at.is_(None)) | (ApiKey.expires_at > func.now()),
                UserAccount.is_active,
            )
        )
    ).first()
    if row is None:
        return None
    held = frozenset(row.roles or ())
    allowed = permissions_of(held)
    return Actor(
        account_id=row.user_account_id,
        name=row.display_name,
        roles=held,
        permissions=allowed if row.scopes is None else allowed & frozenset(row.scopes),
        person_id=row.person_id,
        api_key_id=row.api_key_id,
    )


async def find_account_by_name(session: AsyncSession, name: str) -> UserAccount | None:
    """The active service account with this display name, oldest first."""
    found = await session.scalars(
        select(UserAccount)
        .where(UserAccount.display_name == name, UserAccount.is_active)
        .order_by(UserAccount.created_at, UserAccount.user_account_id)
        .limit(1)
    )
    return found.first()


async def holds_role(session: AsyncSession, account_id: UUID, role: str) -> bool:
    found = await session.execute(
        select(RoleGrant.role_grant_id).where(
            RoleGrant.user_account_id == account_id, RoleGrant.role == role, RoleGrant.revoked_at.is_(None)
        )
    )
    return found.first() is not None
