from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import queries
from app.access.accounts.demo import DemoUser, open_demo_user
from app.access.keys import new_key
from app.access.models import ApiKey, RoleGrant, UserAccount
from app.access.policy import GRANTS, NAMED_ONLY, Role
from app.access.standing import end_rights
from app.audit import service as audit
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import Conflict, FieldError, Invalid, NotFound
from app.platform.locales import _

PROVED_KEY_LIVES = timedelta(days=1)
"""How long a key may live whose scopes name one of NAMED_ONLY: it was made after a fresh proof and stands for it."""


def command_actor(name: str = "crm command") -> Actor:
    """Who acts when an operator runs a command on the server: no account, every change is on record as a command."""
    return Actor(account_id=None, name=name, roles=frozenset(), permissions=frozenset())


async def open_account(
    session: AsyncSession,
    actor: Actor,
    *,
    display_name: str,
    role: Role,
    kind: str = "service",
    person_id: UUID | None = None,
) -> UserAccount:
    """A new account with one role."""
    account = await _open(session, actor, display_name=display_name, role=role, kind=kind, person_id=person_id)
    audit.note(session, record_type="user_account", record_id=account.user_account_id, fields=["role_grant"])
    return account


async def _open(
    session: AsyncSession, actor: Actor, *, display_name: str, role: Role, kind: str, person_id: UUID | None = None
) -> UserAccount:
    account = UserAccount(kind=kind, display_name=display_name, person_id=person_id)
    session.add(account)
    await session.flush()
    session.add(RoleGrant(user_account_id=account.user_account_id, role=role.value, granted_by=actor.account_id))
    return account


async def create_api_key(
    session: AsyncSession,
    actor: Actor,
    *,
    account_id: UUID,
    name: str,
    expires_at: datetime | None = None,
    scopes: list[str] | None = None,
) -> str:
    """
    A new key of the account: the only time that its text is known.

    `scopes` narrows what the account's roles allow to these permissions. Invalid when they name one of NAMED_ONLY and
    the key would live longer than PROVED_KEY_LIVES.
    """
    if stands_for_a_proof(scopes) and (expires_at is None or expires_at > clock.now() + PROVED_KEY_LIVES):
        raise Invalid(fields=[lives_too_long("expires_at")])
    key, text = await _new_key(session, actor, account_id=account_id, name=name, expires_at=expires_at, scopes=scopes)
    audit.note(session, record_type="api_key", record_id=key.api_key_id)
    return text


def lives_too_long(field: str) -> FieldError:
    return FieldError(field, "too_long", "A key with a permission that asks for a fresh proof lives for a day at most.")


def not_of_the_role(field: str) -> FieldError:
    return FieldError(field, "not_of_the_role", "The role does not allow all of these: choose among those it has.")


def stands_for_a_proof(scopes: Collection[str] | None) -> bool:
    """Whether a key with these scopes may do something that asks a person for a fresh proof."""
    return not NAMED_ONLY.isdisjoint(scopes or ())


async def _new_key(
    session: AsyncSession,
    actor: Actor,
    *,
    account_id: UUID,
    name: str,
    expires_at: datetime | None,
    scopes: list[str] | None,
) -> tuple[ApiKey, str]:
    text, kept = new_key()
    key = ApiKey(
        user_account_id=account_id,
        name=name,
        prefix=kept.prefix,
        secret_sha256=kept.secret_sha256,
        expires_at=expires_at,
        scopes=scopes,
        updated_by=actor.account_id,
    )
    session.add(key)
    await session.flush()
    return key, text


async def create_service_key(
    session: AsyncSession,
    actor: Actor,
    *,
    role: Role,
    name: str,
    expires_at: datetime | None = None,
    scopes: list[str] | None = None,
) -> str:
    """
    A key for the service account `name` with `role`; the account is opened when there is none.

    Invalid for scopes beyond the role, and as `create_api_key`.
    """
    if not GRANTS[role].issuperset(scopes or ()):
        raise Invalid(fields=[not_of_the_role("scopes")])
    account = await queries.find_service_account(session, name, role.value)
    if account is None:
        # The event is about the key, which names the account.
        account = await _open(session, actor, display_name=name, role=role, kind="service")
        audit.note(session, fields=["role_grant"])
    return await create_api_key(
        session, actor, account_id=account.user_account_id, name=name, expires_at=expires_at, scopes=scopes
    )


async def rotate_api_key(
    session: AsyncSession, actor: Actor, *, api_key_id: UUID, overlap: timedelta, now: datetime
) -> tuple[str, str]:
    """
    A successor with the same account, name, scopes and span of life; its text and name.

    The old key works on for `overlap`, or until its own end. NotFound; Conflict for a key that is dead or has a
    successor already, and for one that stands for a proof, which is made anew.
    """
    old = await session.get(ApiKey, api_key_id, with_for_update=True)
    if old is None:
        raise NotFound
    if old.revoked_at is not None or old.replaced_by is not None or (old.expires_at and old.expires_at <= now):
        raise Conflict(_("This key is dead or has a successor already."), code="key_not_current")
    if stands_for_a_proof(old.scopes):
        raise Conflict(
            _("A key with a permission that asks for a fresh proof is not rotated: make another one."), code="made_anew"
        )
    expires_at = now + (old.expires_at - old.created_at) if old.expires_at else None
    made, text = await _new_key(
        session, actor, account_id=old.user_account_id, name=old.name, expires_at=expires_at, scopes=old.scopes
    )
    old.replaced_by = made.api_key_id
    old.expires_at = min(old.expires_at or now + overlap, now + overlap)
    old.updated_by = actor.account_id
    await session.flush()
    audit.note(session, record_type="api_key", record_id=api_key_id, fields=["replaced_by", "expires_at"])
    return text, old.name


async def revoke_api_key(session: AsyncSession, actor: Actor, *, api_key_id: UUID, now: datetime) -> None:
    """End a key: the next request with it is refused. NotFound; Conflict for the key that the actor comes with."""
    if api_key_id == actor.api_key_id:
        raise Conflict(_("A key does not end itself: use another one, or the page."), code="own_key")
    account_id = await session.scalar(select(ApiKey.user_account_id).where(ApiKey.api_key_id == api_key_id))
    if account_id is None:
        raise NotFound
    await end_rights(session, account_id)
    key = await session.get_one(ApiKey, api_key_id, with_for_update=True, populate_existing=True)
    if key.revoked_at is None:
        key.revoked_at = now
    key.updated_by = actor.account_id
    audit.note(session, record_type="api_key", record_id=api_key_id, fields=["revoked_at"])


__all__ = [
    "DemoUser",
    "command_actor",
    "create_api_key",
    "create_service_key",
    "open_account",
    "open_demo_user",
    "revoke_api_key",
    "rotate_api_key",
    "stands_for_a_proof",
]
