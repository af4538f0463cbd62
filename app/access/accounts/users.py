"""
Accounts of people: invited, given roles, disabled, brought back when they lost their credentials.

Nobody changes their own rights, and the last administrator stays. A change of rights ends the account's sessions, so
that the next request has the new ones.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import feeds, links, sessions, totp
from app.access.accounts.addresses import account_address, account_key
from app.access.accounts.errors import LastAdministrator, OwnAccount
from app.access.accounts.models import Passkey, PasswordCredential, RecoveryCode
from app.access.mails import in_the_language_of
from app.access.models import RoleGrant, UserAccount
from app.access.policy import HUMAN_ROLES, Role, permissions_of
from app.access.standing import end_rights
from app.audit import service as audit
from app.platform import clock
from app.platform.actor import Actor
from app.platform.advisory_locks import Lock, lock_until_commit
from app.platform.errors import NotFound, Stale, invalid_field
from app.platform.locales import _
from app.platform.mail import write_mail


async def open_user(
    session: AsyncSession,
    actor: Actor,
    *,
    email: str,
    display_name: str,
    roles: Iterable[str],
    person_id: UUID | None = None,
) -> UserAccount:
    """A new account of a human, without any credential yet. Invalid for the address or roles; AccountExists."""
    address = account_address(email)
    account = UserAccount(
        kind="human", display_name=display_name, email=address, email_key=account_key(address), person_id=person_id
    )
    session.add(account)
    await session.flush()
    for role in _checked(roles):
        session.add(RoleGrant(user_account_id=account.user_account_id, role=role, granted_by=actor.account_id))
    await session.flush()
    audit.note(
        session,
        record_type="user_account",
        record_id=account.user_account_id,
        fields=["email", "display_name", "role_grant"],
    )
    return account


async def make_keys_anew(session: AsyncSession) -> None:
    """
    Give the accounts whose key is of an earlier rule today's, the older ones first.

    One whose mailbox another account has keeps what it has.
    """
    oldest_first = select(UserAccount).where(UserAccount.email.is_not(None))
    accounts = (await session.scalars(oldest_first.order_by(UserAccount.created_at, UserAccount.user_account_id))).all()
    taken = {account.email_key for account in accounts}
    for account in accounts:
        key = account_key(account.email or "")
        if key and key not in taken:
            taken.add(key)
            account.email_key = key
    await session.flush()


def _checked(roles: Iterable[str]) -> list[str]:
    wanted = sorted(set(roles))
    if not wanted or not set(wanted) <= {role.value for role in HUMAN_ROLES}:
        raise invalid_field("roles", "roles", "Choose at least one role.")
    return wanted


async def rename(
    session: AsyncSession, actor: Actor, *, account_id: UUID, display_name: str, email: str, seen_version: int
) -> None:
    """
    Another name or address. Stale when somebody changed the account since; AccountExists; Invalid for the address.

    Links that went to an earlier address are dead; the sessions go on.
    """
    account = await _locked(session, account_id)
    if account.version != seen_version:
        raise Stale
    address = account_address(email)
    if account_key(address) != account.email_key:
        await links.end_links(session, account_id=account_id, now=clock.now())
    account.display_name, account.email, account.email_key = display_name, address, account_key(address)
    account.updated_by = actor.account_id
    await session.flush()
    audit.note(session, record_type="user_account", record_id=account_id, fields=["display_name", "email"])


async def invite(session: AsyncSession, actor: Actor, *, account_id: UUID, base_url: str, now: datetime) -> str:
    """
    Send the account a link with which its owner chooses a password; the link. Good for seven days, and once.
    """
    account = await _locked(session, account_id)
    token = await links.make_link(session, account_id=account_id, purpose="invitation", now=now)
    address = f"{base_url}/invitation/{token}"
    async with in_the_language_of(session, account_id):
        await write_mail(
            session,
            to_address=account.email or "",
            subject=str(_("Your account in the myTomorrows CRM")),
            body=str(
                _(
                    "Hello %(name)s,\n\n%(sender)s has opened an account for you in the myTomorrows CRM.\n"
                    "Choose your password here within seven days:\n\n%(address)s\n\n"
                    "The link works once. If you did not expect this mail, do nothing.\n",
                    name=account.display_name,
                    sender=actor.name,
                    address=address,
                )
            ),
        )
    audit.note(session, record_type="user_account", record_id=account_id, fields=["one_time_link"])
    return address


async def offer_reset(session: AsyncSession, *, email: str, base_url: str, now: datetime) -> bool:
    """
    Send a link for a new password when the address is an active account's, otherwise nothing; whether it was one, for
    the audit trail alone.
    """
    account = await session.scalar(
        select(UserAccount).where(
            UserAccount.email_key == account_key(email), UserAccount.kind == "human", UserAccount.is_active
        )
    )
    if account is None:
        return False
    token = await links.make_link(session, account_id=account.user_account_id, purpose="reset", now=now)
    async with in_the_language_of(session, account.user_account_id):
        await write_mail(
            session,
            to_address=account.email or "",
            subject=str(_("A new password for the myTomorrows CRM")),
            body=str(
                _(
                    "Hello %(name)s,\n\nsomebody, we hope you, asked for a new password.\n"
                    "Choose it here within half an hour:\n\n%(address)s\n\n"
                    "The link works once. Your second step stays as it is. "
                    "If it was not you, do nothing: the present password stays.\n",
                    name=account.display_name,
                    address=f"{base_url}/reset/{token}",
                )
            ),
        )
    audit.note(session, record_type="user_account", record_id=account.user_account_id, fields=["one_time_link"])
    return True


async def store_password(
    session: AsyncSession, *, account_id: UUID, password_hash: str, now: datetime, but: UUID | None = None
) -> None:
    """Make this the account's password: links and sessions are over, all `but` the one in which it was chosen."""
    values = {"hash": password_hash, "changed_at": now}
    await session.execute(
        insert(PasswordCredential)
        .values(user_account_id=account_id, **values)
        .on_conflict_do_update(index_elements=["user_account_id"], set_=values)
    )
    await links.end_links(session, account_id=account_id, now=now)
    await sessions.end_sessions(session, account_id=account_id, reason="password_changed", now=now, but=but)
    audit.note(session, record_type="user_account", record_id=account_id, fields=["password_credential"])


async def use_link(
    session: AsyncSession, *, account_id: UUID, token: str, purpose: str, password_hash: str, now: datetime
) -> None:
    """Use up a link of the account, and make this its password. LinkIsDead when somebody else has used it meanwhile."""
    # The link's row is locked after the rights, as by those who close the account.
    await end_rights(session, account_id)
    await links.find_link(session, token=token, purpose=purpose, now=now)
    await store_password(session, account_id=account_id, password_hash=password_hash, now=now)


async def set_roles(
    session: AsyncSession, actor: Actor, *, account_id: UUID, roles: Iterable[str], now: datetime
) -> None:
    """
    Give the account exactly these roles. OwnAccount, LastAdministrator, Invalid.

    The account's sessions end when anything changes.
    """
    _not_oneself(actor, account_id)
    wanted = set(_checked(roles))
    await end_rights(session, account_id)
    await _locked(session, account_id)
    held = await held_roles(session, account_id=account_id)
    if wanted == held:
        return
    if Role.ADMIN.value in held - wanted:
        await _keep_an_administrator(session, but=account_id)
    await replace_roles(session, actor, account_id=account_id, wanted=wanted, held=held, now=now)
    await sessions.end_sessions(session, account_id=account_id, reason="role_changed", now=now)


async def replace_roles(
    session: AsyncSession, actor: Actor, *, account_id: UUID, wanted: set[str], held: set[str], now: datetime
) -> None:
    """Write the difference as grants that end and grants that begin."""
    await end_rights(session, account_id)
    await session.execute(
        update(RoleGrant)
        .where(
            RoleGrant.user_account_id == account_id,
            RoleGrant.revoked_at.is_(None),
            RoleGrant.role.in_(sorted(held - wanted)),
        )
        .values(revoked_at=now, revoked_by=actor.account_id)
    )
    session.add_all(
        RoleGrant(user_account_id=account_id, role=role, granted_by=actor.account_id) for role in sorted(wanted - held)
    )
    await session.flush()
    if feeds.OWN_FEED not in permissions_of(frozenset(wanted)):
        await feeds.end_feed(session, account_id=account_id, now=now)
    audit.note(session, record_type="user_account", record_id=account_id, fields=["role_grant"])


async def held_roles(session: AsyncSession, *, account_id: UUID) -> set[str]:
    found = await session.scalars(
        select(RoleGrant.role).where(RoleGrant.user_account_id == account_id, RoleGrant.revoked_at.is_(None))
    )
    return set(found)


async def disable(session: AsyncSession, actor: Actor, *, account_id: UUID, now: datetime) -> None:
    """Close the account: its sessions, links and keys are dead at the next request. OwnAccount, LastAdministrator."""
    _not_oneself(actor, account_id)
    await end_rights(session, account_id)
    account = await _locked(session, account_id)
    if Role.ADMIN.value in await held_roles(session, account_id=account_id):
        await _keep_an_administrator(session, but=account_id)
    account.is_active = False
    account.updated_by = actor.account_id
    await links.end_links(session, account_id=account_id, now=now)
    await feeds.end_feed(session, account_id=account_id, now=now)
    await sessions.end_sessions(session, account_id=account_id, reason="disabled", now=now)
    await session.flush()
    audit.note(session, record_type="user_account", record_id=account_id, fields=["is_active"])


async def enable(session: AsyncSession, actor: Actor, *, account_id: UUID) -> None:
    """Open a closed account again; its credentials are what they were. OwnAccount."""
    _not_oneself(actor, account_id)
    account = await _locked(session, account_id)
    account.is_active = True
    account.updated_by = actor.account_id
    await session.flush()
    audit.note(session, record_type="user_account", record_id=account_id, fields=["is_active"])


async def start_over(session: AsyncSession, actor: Actor, *, account_id: UUID, base_url: str, now: datetime) -> str:
    """
    Take away every credential of somebody who lost theirs, or whose were stolen, and invite them anew; the link.
    """
    _not_oneself(actor, account_id)
    await end_rights(session, account_id)
    await _locked(session, account_id)
    for table in (PasswordCredential, Passkey, RecoveryCode):
        await session.execute(delete(table).where(table.user_account_id == account_id))
    await totp.remove(session, account_id=account_id)
    await feeds.end_feed(session, account_id=account_id, now=now)
    await sessions.end_sessions(session, account_id=account_id, reason="ended_by_admin", now=now)
    audit.note(
        session,
        record_type="user_account",
        record_id=account_id,
        fields=["password_credential", "passkey", "recovery_code", "totp_credential"],
    )
    return await invite(session, actor, account_id=account_id, base_url=base_url, now=now)


def _not_oneself(actor: Actor, account_id: UUID) -> None:
    if actor.account_id == account_id:
        raise OwnAccount


async def _locked(session: AsyncSession, account_id: UUID) -> UserAccount:
    account = await session.get(UserAccount, account_id, with_for_update={"key_share": True}, populate_existing=True)
    if account is None or account.kind != "human":
        raise NotFound(_("There is no such account."))
    return account


async def _keep_an_administrator(session: AsyncSession, *, but: UUID) -> None:
    # Two administrators who disable each other at the same moment must not both succeed.
    await lock_until_commit(session, Lock.ADMINISTRATORS)
    others = (
        select(func.count())
        .select_from(RoleGrant)
        .join(UserAccount, RoleGrant.user_account_id == UserAccount.user_account_id)
        .where(
            RoleGrant.role == Role.ADMIN.value,
            RoleGrant.revoked_at.is_(None),
            UserAccount.is_active,
            UserAccount.kind == "human",
            UserAccount.user_account_id != but,
        )
    )
    if (await session.execute(others)).scalar_one() == 0:
        raise LastAdministrator
