from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, exists, func, literal_column, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.keys import KeyText
from app.access.models import ApiKey, RoleGrant, UserAccount
from app.access.policy import NAMED_ONLY, permissions_of, roles_allowing
from app.platform.actor import Actor
from app.platform.db import name_in_the_database, named_in_the_database
from app.platform.emails import email_key


def opens(prefix: Any, secret_sha256: Any) -> tuple[ColumnElement[bool], ...]:
    """When a key opens: it is there and right, neither revoked nor expired, and its account (joined) is active."""
    return (
        ApiKey.prefix == prefix,
        ApiKey.secret_sha256 == secret_sha256,
        ApiKey.revoked_at.is_(None),
        (ApiKey.expires_at.is_(None)) | (ApiKey.expires_at > func.now()),
        UserAccount.is_active.is_(True),
    )


def current_roles() -> ScalarSelect[Any]:
    """The roles that an account (joined) holds now, as an array; null without any."""
    held = select(func.array_agg(RoleGrant.role))
    return held.where(
        RoleGrant.user_account_id == UserAccount.user_account_id, RoleGrant.revoked_at.is_(None)
    ).scalar_subquery()


async def find_actor_by_key(session: AsyncSession, key: KeyText, *, route: str = "-") -> Actor | None:
    """
    The account that holds this key, with its rights at this moment; None when the key opens nothing.

    `route` is the template that is asked for: the transaction is named after it.
    """
    row = (
        await session.execute(
            select(
                ApiKey.api_key_id,
                UserAccount.user_account_id,
                UserAccount.display_name,
                UserAccount.person_id,
                ApiKey.scopes,
                current_roles().label("roles"),
                named_in_the_database(name_in_the_database(route)),
            )
            .join(UserAccount, ApiKey.user_account_id == UserAccount.user_account_id)
            .where(*opens(key.prefix, key.secret_sha256))
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
        permissions=allowed - NAMED_ONLY if row.scopes is None else allowed & frozenset(row.scopes),
        person_id=row.person_id,
        api_key_id=row.api_key_id,
    )


def does_work(permission: str, whose: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the account that is told by `whose` is active and has a role with `permission`, whatever its keys may."""
    return exists().where(
        UserAccount.is_active.is_(True),
        whose,
        RoleGrant.user_account_id == UserAccount.user_account_id,
        RoleGrant.revoked_at.is_(None),
        # Constants of our own and no parameters, so that statements of the fast paths can hold it.
        RoleGrant.role.in_([literal_column(f"'{role}'") for role in roles_allowing(permission)]),
    )


async def colleagues_named(session: AsyncSession, typed: str, *, most: int) -> list[UserAccount]:
    """Humans in whose name each typed word occurs, by name; those who no longer work here behind the others."""
    query = select(UserAccount).where(UserAccount.kind == "human")
    for part in typed.casefold().split():
        query = query.where(func.lower(UserAccount.display_name).contains(part, autoescape=True))
    order = (UserAccount.is_active.desc(), UserAccount.display_name, UserAccount.user_account_id)
    return list(await session.scalars(query.order_by(*order).limit(most)))


async def find_account_by_name(session: AsyncSession, name: str) -> UserAccount | None:
    """The active account with this display name, a human's or a machine's; the oldest of several."""
    found = await session.scalars(
        select(UserAccount)
        .where(UserAccount.display_name == name, UserAccount.is_active)
        .order_by(UserAccount.created_at, UserAccount.user_account_id)
        .limit(1)
    )
    return found.first()


async def find_service_account(session: AsyncSession, name: str, role: str) -> UserAccount | None:
    """The active account of the machine with this display name and role, the oldest of several; never a human's."""
    found = await session.scalars(
        select(UserAccount)
        .join(RoleGrant, RoleGrant.user_account_id == UserAccount.user_account_id)
        .where(
            UserAccount.display_name == name,
            UserAccount.kind == "service",
            UserAccount.is_active,
            RoleGrant.role == role,
            RoleGrant.revoked_at.is_(None),
        )
        .order_by(UserAccount.created_at, UserAccount.user_account_id)
        .limit(1)
    )
    return found.first()


async def account_names(session: AsyncSession, account_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """The display names of these accounts, those that are closed too."""
    wanted = {account_id for account_id in account_ids if account_id is not None}
    if not wanted:
        return {}
    found = await session.execute(
        select(UserAccount.user_account_id, UserAccount.display_name).where(UserAccount.user_account_id.in_(wanted))
    )
    return {row.user_account_id: row.display_name for row in found}


async def owners(
    session: AsyncSession, account_ids: Iterable[UUID | None], *, permission: str
) -> tuple[dict[UUID, str], list[UUID]]:
    """The names of these accounts and of those that may own what needs `permission`; which those are, by name."""
    work = does_work(permission, true())
    named = UserAccount.user_account_id.in_({account_id for account_id in account_ids if account_id is not None})
    found = (
        await session.execute(
            select(UserAccount.user_account_id, UserAccount.display_name, work.label("works"))
            .where(work | named)
            .order_by(func.lower(UserAccount.display_name), UserAccount.user_account_id)
        )
    ).all()
    names = {row.user_account_id: row.display_name for row in found}
    return names, [row.user_account_id for row in found if row.works]


async def roles_over_time(session: AsyncSession, account_ids: Iterable[UUID]) -> list[RoleGrant]:
    """Every role these accounts hold or held, by the time it was given."""
    found = await session.scalars(
        select(RoleGrant).where(RoleGrant.user_account_id.in_(set(account_ids))).order_by(RoleGrant.created_at)
    )
    return list(found)


async def find_account_id(session: AsyncSession, typed: str) -> UUID | None:
    """The account with this id, e-mail or display name (whatever its case); None for none, the oldest of several."""
    try:
        named = UserAccount.user_account_id == UUID(typed)
    except ValueError:
        named = func.lower(UserAccount.display_name) == func.lower(typed)
        if key := email_key(typed):
            named |= UserAccount.email_key == key
    found: UUID | None = await session.scalar(
        select(UserAccount.user_account_id).where(named).order_by(UserAccount.created_at).limit(1)
    )
    return found
