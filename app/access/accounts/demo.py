"""Accounts to try the CRM with. They live in development databases only."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import queries
from app.access.accounts import passwords, totp, users
from app.access.accounts.addresses import account_key
from app.access.accounts.models import PasswordCredential, TotpCredential
from app.access.models import UserAccount
from app.access.policy import Role
from app.platform import clock
from app.platform.actor import Actor
from app.platform.crypto import MasterKeys, Unreadable, derived_token

DOMAIN = "demo.example"


@dataclass(frozen=True)
class DemoUser:
    """How to sign in as a demo user. The codes of its second step stand on the mailbox page (`/mailbox`)."""

    email: str
    password: str


async def open_demo_user(
    session: AsyncSession,
    actor: Actor,
    *,
    role: Role,
    display_name: str,
    keys: MasterKeys,
    person_id: UUID | None = None,
) -> DemoUser:
    """
    The demo user of a role, `<role>@demo.example`, with a password made from CRM_SECRET_KEY and an authenticator app.

    A human account of this name gets them, so that somebody with a demo key can also sign in; without one an account is
    opened. Safe to call at each start: what works is left alone. `keys` are those of the serving process.
    """
    now, email = clock.now(), f"{role.value.replace('_', '-')}@{DOMAIN}"
    password = f"demo-{derived_token(keys.by_version[0].get_secret_value(), f'demo {role.value}')[:12]}"
    account = await session.scalar(select(UserAccount).where(UserAccount.email_key == account_key(email)))
    if account is None:
        account = await queries.find_account_by_name(session, display_name)
        if account is not None and account.kind == "human":
            account.email, account.email_key = email, account_key(email)
            await session.flush()
        else:
            account = await users.open_user(
                session, actor, email=email, display_name=display_name, roles=[role.value], person_id=person_id
            )
    account_id = account.user_account_id
    stored = await session.get(PasswordCredential, account_id)
    if stored is None or not (await passwords.verify(stored.hash, password))[0]:
        hashed = await passwords.hash_password(password)
        await users.store_password(session, account_id=account_id, password_hash=hashed, now=now)
    if await _code_of(session, account_id, keys) is None:
        await _give_app(session, account_id, keys)
    return DemoUser(email, password)


async def _give_app(session: AsyncSession, account_id: UUID, keys: MasterKeys) -> None:
    secret = totp.new_secret()
    # The code of a step long past sets the app up and leaves every coming code unused.
    long_ago = clock.now().replace(year=2020, month=1, day=1)
    code = totp.code_at(secret, totp.step_of(long_ago))
    await totp.set_up(session, account_id=account_id, secret=secret, code=code, keys=keys, now=long_ago)


async def _code_of(session: AsyncSession, account_id: UUID, keys: MasterKeys) -> str | None:
    """The account's present code; None without an app, or one that was set up under another master key."""
    credential = await session.get(TotpCredential, account_id)
    if credential is None:
        return None
    try:
        sealed, version = credential.secret_encrypted, credential.key_version
        secret = keys.unseal(version, purpose=totp.PURPOSE, owner=str(account_id), sealed=sealed).decode()
    except Unreadable:
        return None
    return totp.code_at(secret, totp.step_of(clock.now()))


async def demo_codes(session: AsyncSession, *, keys: MasterKeys) -> list[tuple[str, str]]:
    """E-mail and present code of every demo user, for the mailbox page of a development server."""
    rows = await session.execute(
        select(UserAccount.user_account_id, UserAccount.email)
        .where(UserAccount.email_key.like(f"%@{DOMAIN}"), UserAccount.kind == "human")
        .order_by(UserAccount.email)
        .limit(50)
    )
    codes = [(email, await _code_of(session, account_id, keys)) for account_id, email in rows]
    return [(email or "", code) for email, code in codes if code is not None]
