"""Somebody who comes with a browser, for tests of pages by HTTP: an account, a session, a form's token."""

import re
from dataclasses import dataclass
from functools import cache
from uuid import UUID

import httpx
from argon2 import PasswordHasher
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import passwords, sessions, totp, users
from app.access.accounts.sessions import Origin
from app.access.service import command_actor
from app.platform import clock
from app.platform.crypto import derived_token
from app.platform.settings import Settings

ORIGIN = {"Origin": "http://test"}
PASSWORD = "seven lanterns under oak"
_TOKEN = re.compile(r'name="csrf_token" value="([0-9a-f]{128})"')


@cache
def _hash_of_password(hasher: PasswordHasher) -> str:
    """Made once in a process: it takes a fifth of a second, and hundreds of tests need somebody with a password."""
    return hasher.hash(PASSWORD)


@dataclass(frozen=True)
class Somebody:
    """An account of a test, with what its owner knows."""

    account_id: UUID
    email: str
    totp_secret: str
    password: str = PASSWORD

    def code(self, away: int = 0) -> str:
        """The app's code now, or so many steps away."""
        return totp.code_at(self.totp_secret, totp.step_of(clock.now()) + away)


async def somebody(
    session: AsyncSession,
    settings: Settings,
    *roles: str,
    email: str = "ines@crm.example",
    name: str = "Ines Example",
    with_app: bool = True,
) -> Somebody:
    """An account with a password, and an authenticator app unless `with_app` is off."""
    actor = command_actor()
    account = await users.open_user(session, actor, email=email, display_name=name, roles=roles or ("navigator",))
    now, secret = clock.now(), totp.new_secret()
    await users.store_password(
        session,
        account_id=account.user_account_id,
        password_hash=_hash_of_password(passwords.HASHER),
        now=now,
    )
    if with_app:
        long_ago = now.replace(year=2020, month=1, day=1)
        await totp.set_up(
            session,
            account_id=account.user_account_id,
            secret=secret,
            code=totp.code_at(secret, totp.step_of(long_ago)),
            keys=settings.keys,
            now=long_ago,
        )
    await session.commit()
    return Somebody(account.user_account_id, email, secret)


def give_cookie(client: httpx.AsyncClient, name: str, value: str) -> None:
    """Puts a cookie into the client, in the place of the one that it has."""
    for held in [cookie for cookie in client.cookies.jar if cookie.name == name]:
        client.cookies.jar.clear(held.domain, held.path, held.name)
    # The cookie jar calls a host without dots by its local name.
    client.cookies.set(name, value, domain=f"{client.base_url.host}.local")


async def signed_in(client: httpx.AsyncClient, session: AsyncSession, account_id: UUID) -> str:
    """Gives the client an open session of the account and the headers of our own pages; the session's form token."""
    _, reference = await sessions.open_session(
        session, account_id=account_id, stage="open", origin=Origin("127.0.0.1", "A test"), now=clock.now()
    )
    await session.commit()
    give_cookie(client, "crm_session", reference)
    client.headers.update(ORIGIN)
    return derived_token(reference, "csrf")


async def as_user(client: httpx.AsyncClient, session: AsyncSession, settings: Settings, *roles: str) -> str:
    """A fresh account with these roles, signed in with the client; the session's form token."""
    who = await somebody(session, settings, *roles, email=f"{'-'.join(roles)[:60]}@crm.example")
    return await signed_in(client, session, who.account_id)


def token_in(answer: httpx.Response) -> str:
    """The token of the first form on a page."""
    found = _TOKEN.search(answer.text)
    assert found, answer.text
    return found[1]
