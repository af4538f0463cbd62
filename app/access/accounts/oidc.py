"""
Signing in at an identity provider: OpenID Connect, authorization code with PKCE and nonce.

An account is the pair of issuer and subject. The first time, an account with the provider's verified e-mail is taken,
or one is opened for anyone to whom the provider gives a role here. Roles follow the provider at every sign-in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import sessions, users
from app.access.accounts.addresses import account_key, is_same_address
from app.access.accounts.errors import NoRoleOutside, OutsideRefused
from app.access.accounts.models import OutsideIdentity, OutsideSignIn
from app.access.models import UserAccount
from app.access.policy import HUMAN_ROLES
from app.access.standing import end_rights
from app.audit import service as audit
from app.platform.actor import Actor
from app.platform.crypto import digest, new_reference
from app.platform.errors import Unavailable
from app.platform.locales import _
from app.platform.settings import Settings

GOOD_FOR = timedelta(minutes=10)
TIMEOUT_SECONDS = 5.0
CALLBACK = "/sign-in/outside/callback"
SCOPE = "openid email profile"
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures by key pairs alone: `none` and shared secrets are never taken, whatever a token says of itself."""
_LEEWAY_SECONDS = 60

Client = Callable[[], httpx.AsyncClient]
_LONGEST_SUBJECT = 255
"""Source: OpenID Connect Core 1.0, section 2."""


@dataclass(frozen=True)
class Provider:
    """What the provider publishes of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


@dataclass(frozen=True)
class Claims:
    """Who the provider says it is. `roles` are ours, by the settings' table; None when the table is empty."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str
    roles: frozenset[str] | None
    has_second_factor: bool


def http_client() -> httpx.AsyncClient:
    """For the provider alone: no redirects, a few seconds."""
    return httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False)


async def _fetch(client: httpx.AsyncClient, method: str, url: str, **options: Any) -> dict[str, Any]:
    try:
        answer = await client.request(method, url, **options)
        answer.raise_for_status()
        found = answer.json()
    except (httpx.HTTPError, ValueError):
        raise Unavailable(_("The sign-in of your organisation does not answer. Try again shortly.")) from None
    if not isinstance(found, dict):
        raise OutsideRefused
    return found


async def discover(settings: Settings, client: httpx.AsyncClient) -> Provider:
    """The provider of CRM_OIDC_ISSUER. OutsideRefused when it calls itself otherwise; Unavailable."""
    issuer = settings.oidc_issuer
    if issuer is None:
        raise OutsideRefused(_("This CRM is not connected to an organisation's sign-in."))
    said = await _fetch(client, "GET", get_well_known_url(issuer, external=True))
    try:
        provider = Provider(
            issuer=said["issuer"],
            authorization_endpoint=said["authorization_endpoint"],
            token_endpoint=said["token_endpoint"],
            jwks_uri=said["jwks_uri"],
        )
    except KeyError:
        raise OutsideRefused from None
    if provider.issuer != issuer:
        raise OutsideRefused
    return provider


async def begin(
    session: AsyncSession, settings: Settings, provider: Provider, *, holder: str, next_path: str, now: datetime
) -> str:
    """The provider's address to send the browser to; what must come back is kept for ten minutes, for it alone."""
    await session.execute(delete(OutsideSignIn).where(OutsideSignIn.expires_at < now))
    state, nonce, verifier = new_reference(), new_reference(), new_reference()
    session.add(
        OutsideSignIn(
            state_sha256=digest(state),
            holder_sha256=digest(holder),
            nonce=nonce,
            code_verifier=verifier,
            next_path=next_path,
            expires_at=now + GOOD_FOR,
        )
    )
    await session.flush()
    address: str = prepare_grant_uri(
        provider.authorization_endpoint,
        client_id=settings.oidc_client_id,
        response_type="code",
        redirect_uri=f"{settings.base_url}{CALLBACK}",
        scope=SCOPE,
        state=state,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
    )
    return address


@dataclass(frozen=True)
class Begun:
    """A sign-in that this browser began."""

    nonce: str
    code_verifier: str
    next_path: str


async def take_begun(session: AsyncSession, *, state: str, holder: str, now: datetime) -> Begun:
    """The sign-in of this state, gone afterwards. OutsideRefused for another browser's, a used or an old one."""
    row = (
        await session.execute(
            delete(OutsideSignIn)
            .where(OutsideSignIn.state_sha256 == digest(state), OutsideSignIn.holder_sha256 == digest(holder))
            .returning(
                OutsideSignIn.nonce, OutsideSignIn.code_verifier, OutsideSignIn.next_path, OutsideSignIn.expires_at
            )
        )
    ).first()
    if row is None or row.expires_at <= now:
        raise OutsideRefused
    return Begun(row.nonce, row.code_verifier, row.next_path)


async def exchange(
    settings: Settings, provider: Provider, client: httpx.AsyncClient, *, code: str, begun: Begun, now: datetime
) -> Claims:
    """What the provider says of the person who brought `code`. OutsideRefused for a token that is not wholly right."""
    form = {
        "code": code,
        "redirect_uri": f"{settings.base_url}{CALLBACK}",
        "code_verifier": begun.code_verifier,
        "client_id": settings.oidc_client_id or "",
    }
    secret = settings.oidc_client_secret
    answer = await _fetch(
        client,
        "POST",
        provider.token_endpoint,
        content=prepare_token_request("authorization_code", urlencode({}), **form),
        headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
        auth=(settings.oidc_client_id or "", secret.get_secret_value()) if secret else None,
    )
    keys = await _fetch(client, "GET", provider.jwks_uri)
    claims = check_id_token(
        str(answer.get("id_token", "")),
        keys,
        issuer=provider.issuer,
        client_id=settings.oidc_client_id or "",
        nonce=begun.nonce,
        now=now,
    )
    return _read(settings, provider, claims)


def check_id_token(
    token: str, keys: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: datetime
) -> dict[str, Any]:
    """The claims of an ID token that is signed by the provider, meant for us, fresh, and of this sign-in."""
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=_LEEWAY_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        decoded = jwt.decode(token, KeySet.import_key_set(dict(keys)), algorithms=ALGORITHMS)  # type: ignore[arg-type]  # any JSON object: checked while it is read
        registry.validate(decoded.claims)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise OutsideRefused from None
    audience = decoded.claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and decoded.claims.get("azp") != client_id:
        raise OutsideRefused
    if not isinstance(decoded.claims["sub"], str) or not 0 < len(decoded.claims["sub"]) <= _LONGEST_SUBJECT:
        raise OutsideRefused
    return dict(decoded.claims)


def _read(settings: Settings, provider: Provider, claims: Mapping[str, Any]) -> Claims:
    held = claims.get(settings.oidc_role_claim, [])
    values = {str(value) for value in held} if isinstance(held, list) else {str(held)}
    ours = {role.value for role in HUMAN_ROLES}
    roles = {role for value, role in settings.oidc_roles.items() if value in values and role in ours}
    email = claims.get("email")
    methods = claims.get("amr", [])
    said = {str(method) for method in methods} if isinstance(methods, list) else set()
    return Claims(
        issuer=provider.issuer,
        subject=claims["sub"],
        email=email if isinstance(email, str) else None,
        email_verified=claims.get("email_verified") is True,
        name=" ".join(str(claims.get("name") or email or "").split())[:200],
        roles=frozenset(roles) if settings.oidc_roles else None,
        has_second_factor=bool(said & set(settings.oidc_second_factor_values)),
    )


def provider_actor() -> Actor:
    """Who acts when the provider opens an account or gives roles."""
    return Actor(account_id=None, name="your organisation's sign-in", roles=frozenset(), permissions=frozenset())


async def account_of(session: AsyncSession, claims: Claims, *, now: datetime) -> UserAccount:
    """
    The account of this identity, with the roles that the provider gives it.

    NoRoleOutside when it gives none; OutsideRefused for a closed account, or for an unknown identity without a verified
    e-mail.
    """
    if claims.roles is not None and not claims.roles:
        raise NoRoleOutside
    account = await _known(session, claims) or await _first_time(session, claims)
    if not account.is_active:
        raise OutsideRefused
    if claims.roles is not None:
        await _follow_roles(session, account, set(claims.roles), now=now)
    return account


async def withdraw_roles(session: AsyncSession, claims: Claims, *, now: datetime) -> UUID | None:
    """
    Take every role from the account of an identity to which the provider gives none any more, and end its sessions.

    The account's id; None when there is nothing to take. For a unit of work of its own: the sign-in that shows it is
    refused, and a refusal undoes what it did.
    """
    account = None if claims.roles is None or claims.roles else await _known(session, claims)
    if account is None:
        return None
    account_id = account.user_account_id
    held = await users.held_roles(session, account_id=account_id)
    ended = await sessions.end_sessions(session, account_id=account_id, reason="role_changed", now=now)
    if held:
        await users.replace_roles(session, provider_actor(), account_id=account_id, wanted=set(), held=held, now=now)
    if ended:
        audit.note(session, record_type="user_account", record_id=account_id, fields=["web_session"])
    return account_id if held or ended else None


async def _known(session: AsyncSession, claims: Claims) -> UserAccount | None:
    account_id = await session.scalar(
        select(OutsideIdentity.user_account_id).where(
            OutsideIdentity.issuer == claims.issuer, OutsideIdentity.subject == claims.subject
        )
    )
    return None if account_id is None else await _locked(session, account_id)


async def _locked(session: AsyncSession, account_id: UUID) -> UserAccount:
    # The row comes after the rights, as for everybody who may end them: one order, or two wait for each other.
    await end_rights(session, account_id)
    return await session.get_one(UserAccount, account_id, with_for_update={"key_share": True}, populate_existing=True)


async def _first_time(session: AsyncSession, claims: Claims) -> UserAccount:
    if not claims.email or not claims.email_verified:
        raise OutsideRefused(_("Your organisation does not vouch for your e-mail. Ask your administrator."))
    account_id = await session.scalar(
        select(UserAccount.user_account_id).where(
            UserAccount.email_key == account_key(claims.email), UserAccount.kind == "human"
        )
    )
    account = None if account_id is None else await _locked(session, account_id)
    if account is None:
        if not claims.roles:
            raise NoRoleOutside
        account = await users.open_user(
            session,
            provider_actor(),
            email=claims.email,
            display_name=claims.name or claims.email,
            roles=claims.roles,
        )
    elif not is_same_address(claims.email, account.email or ""):
        raise OutsideRefused(
            _("Your account here has another e-mail than your organisation says. Ask your administrator.")
        )
    session.add(OutsideIdentity(user_account_id=account.user_account_id, issuer=claims.issuer, subject=claims.subject))
    await session.flush()
    return account


async def _follow_roles(session: AsyncSession, account: UserAccount, wanted: set[str], *, now: datetime) -> None:
    held = await users.held_roles(session, account_id=account.user_account_id)
    if wanted == held:
        return
    await users.replace_roles(
        session, provider_actor(), account_id=account.user_account_id, wanted=wanted, held=held, now=now
    )
    await sessions.end_sessions(session, account_id=account.user_account_id, reason="role_changed", now=now)
