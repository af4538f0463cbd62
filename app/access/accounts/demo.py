"""Accounts to try the CRM with. They live in development databases only."""

from dataclasses import dataclass
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import queries
from app.access.accounts import passwords, totp, users
from app.access.accounts.addresses import account_key
from app.access.accounts.models import TotpCredential
from app.access.models import UserAccount
from app.access.policy import Role
from app.platform import clock
from app.platform.actor import Actor
from app.platform.crypto import Unreadable, unseal

DOMAIN = "demo.example"


@dataclass(frozen=True)
class DemoUser:
    """How to sign in as a demo user. The second step's codes stand on the mailbox page (`/mailbox`)."""

    email: str
    password: str
    totp_secret: str


async def open_demo_user(
    session: AsyncSession,
    actor: Actor,
    *,
    role: Role,
    display_name: str,
    password: str,
    secret_key: SecretStr,
    person_id: UUID | None = None,
) -> DemoUser:
    """
    The demo user of a role, `<role>@demo.example`: its password and second factor are set anew.

    A human account of this name gets them, so that somebody with a demo key can also sign in; without one an account is
    opened. Safe to call at each start. `secret_key` is the settings' CRM_SECRET_KEY, that of the serving process.
    """
    now, email = clock.now(), f"{role.value.replace('_', '-')}@{DOMAIN}"
    account = await session.scalar(select(UserAccount).where(UserAccount.email_key == account_key(email)))
    if account is None:
        account = await queries.find_account_by_name(session, display_name)
        if account is not None and account.kind == "human":
            account.email, account.email_key = email, account_key(email)
            await session.flush()
        else:
            account = None
    if account is None:
        account = await users.open_user(
            session, actor, email=email, display_name=display_name, roles=[role.value], person_id=person_id
        )
    account_id = account.user_account_id
    await users.store_password(
        session, account_id=account_id, password_hash=await passwords.hash_password(password), now=now
    )
    secret = totp.new_secret()
    # The code of a step long past enrols the app and leaves every coming code unused.
    long_ago = clock.now().replace(year=2020, month=1, day=1)
    await totp.set_up(
        session,
        account_id=account_id,
        secret=secret,
        code=totp.code_at(secret, totp.step_of(long_ago)),
        secret_key=secret_key,
        now=long_ago,
    )
    return DemoUser(email, password, secret)


async def demo_codes(session: AsyncSession, *, secret_key: SecretStr) -> list[tuple[str, str]]:
    """E-mail and present code of every demo user, for the mailbox page of a development server."""
    rows = await session.execute(
        select(UserAccount.user_account_id, UserAccount.email, TotpCredential.secret_encrypted)
        .join(TotpCredential, TotpCredential.user_account_id == UserAccount.user_account_id)
        .where(UserAccount.email_key.like(f"%@{DOMAIN}"))
        .order_by(UserAccount.email)
        .limit(50)
    )
    codes = []
    for account_id, email, sealed in rows:
        try:
            secret = unseal(secret_key, purpose="totp", owner=str(account_id), sealed=sealed).decode()
        except Unreadable:
            # Enrolled under another CRM_SECRET_KEY: the user is there, its code is not ours to tell.
            continue
        codes.append((email or "", totp.code_at(secret, totp.step_of(clock.now()))))
    return codes
