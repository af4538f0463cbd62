"""Signing in at an identity provider, against a small real one over HTTP, honest and dishonest."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from pydantic import SecretStr
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts.models import OutsideIdentity
from app.access.models import RoleGrant, UserAccount
from app.access.standing import end_rights
from app.audit.models import AuditEvent
from app.main import create_app
from app.platform import clock
from app.platform.db import Database
from app.platform.settings import Settings
from tests.browsing import give_cookie, somebody
from tests.conftest import BoundDatabase
from tests.serving import free_port, served_here

CLIENT_ID, CLIENT_SECRET = "crm", "of the test"


def _base64(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


@dataclass
class Provider:
    """An OpenID provider that knows one person, and can be told to lie."""

    issuer: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    lies: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"}))
    asked: dict[str, dict[str, str]] = field(default_factory=dict)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        async def configuration() -> dict[str, Any]:
            return {
                "issuer": self.lies.get("issuer", self.issuer),
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }

        @app.get("/authorize")
        async def authorize(request: Request) -> Response:
            asked = dict(request.query_params)
            assert asked["response_type"] == "code"
            assert asked["code_challenge_method"] == "S256"
            assert asked["scope"] == "openid email profile"
            code = f"code-{len(self.asked)}"
            self.asked[code] = asked
            return RedirectResponse(f"{asked['redirect_uri']}?code={code}&state={asked['state']}", 302)

        @app.post("/token")
        async def token(request: Request) -> Response:
            form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
            basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
            asked = self.asked.pop(form["code"], None)
            challenge = _base64(hashlib.sha256(form["code_verifier"].encode()).digest())
            right = (
                asked is not None
                and request.headers.get("authorization") == f"Basic {basic}"
                and challenge.decode() == asked["code_challenge"]
                and form["redirect_uri"] == asked["redirect_uri"]
                and form["grant_type"] == "authorization_code"
            )
            if not right or asked is None:
                return JSONResponse({"error": "invalid_grant"}, 400)
            return JSONResponse(
                {"access_token": "x", "token_type": "Bearer", "id_token": self.id_token(asked["nonce"])}
            )

        @app.get("/keys")
        async def keys() -> dict[str, Any]:
            return dict(KeySet([self.key]).as_dict(private=False))

        return app

    def id_token(self, nonce: str) -> str:
        now = int(clock.now().timestamp())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce, **self.person}
        claims |= self.lies.get("claims", {})
        claims = {name: value for name, value in claims.items() if value is not None}
        how = self.lies.get("signed", "RS256")
        if how in {"none", "HS256"}:
            parts = [json.dumps(part).encode() for part in ({"alg": how, "typ": "JWT", "kid": "k1"}, claims)]
            signed = b".".join(map(_base64, parts))
            # The public key, which everybody has, taken for a shared secret.
            by = hmac.new(self.key.as_pem(private=False), signed, hashlib.sha256).digest() if how == "HS256" else b""
            return (signed + b"." + _base64(by)).decode()
        if how == "another key":
            return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, RSAKey.generate_key(2048, {"kid": "k1"}))
        header = {"alg": "RS256", "kid": self.lies.get("kid", "k1")}
        token = jwt.encode(header, claims, self.key)
        return token[:-8] + "AAAAAAAA" if how == "cut" else token


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[Provider]:
    port = free_port()
    made = Provider(issuer=f"http://127.0.0.1:{port}")
    async with served_here(made.app(), port=port):
        yield made


def _connected(settings: Settings, provider: Provider) -> Settings:
    return settings.model_copy(
        update={
            "base_url": "http://test",
            "oidc_issuer": provider.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": SecretStr(CLIENT_SECRET),
            "oidc_label": "Example Clinic",
            "oidc_roles": {"crm-navigators": "navigator", "crm-auditors": "auditor", "machines": "integration"},
        }
    )


@pytest.fixture
async def crm(bound: BoundDatabase, settings: Settings, provider: Provider) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a CRM that is connected to the provider, which knows Ines and is honest again."""
    provider.lies = {}
    provider.person = {
        "sub": "u-17",
        "email": "Ines@CRM.example",
        "email_verified": True,
        "name": "Ines Example",
        "groups": ["crm-navigators", "canteen"],
        "amr": ["pwd", "mfa"],
    }
    transport = httpx.ASGITransport(app=create_app(_connected(settings, provider), bound), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made


async def _there(crm: httpx.AsyncClient, path: str = "/sign-in/outside") -> str:
    """To the provider and back as far as the browser's last address."""
    away = await crm.get(path)
    assert away.status_code == 303, away.text
    async with httpx.AsyncClient() as browser:
        back = await browser.get(away.headers["location"])
    assert back.status_code == 302
    return back.headers["location"]


async def _roles(session: AsyncSession) -> list[str]:
    query = select(RoleGrant.role).where(RoleGrant.revoked_at.is_(None)).order_by(RoleGrant.role)
    return list(await session.scalars(query))


async def test_somebody_new_with_a_role_there_gets_an_account_and_is_signed_in(
    crm: httpx.AsyncClient, session: AsyncSession, provider: Provider
) -> None:
    assert "Sign in with Example Clinic" in (await crm.get("/sign-in")).text
    done = await crm.get(await _there(crm, "/sign-in/outside?next=/account"))

    assert (done.status_code, done.headers["location"]) == (303, "/account")
    shown = await crm.get("/account")
    assert "Ines Example" in shown.text
    assert await _roles(session) == ["navigator"]
    identity = (await session.scalars(select(OutsideIdentity))).one()
    assert (identity.issuer, identity.subject) == (provider.issuer, "u-17")
    actions = (await session.scalars(select(AuditEvent.action).where(AuditEvent.outcome == "done"))).all()
    assert {"go_outside", "come_back"} <= set(actions)


async def test_known_identity_keeps_its_account_when_its_address_changes(
    crm: httpx.AsyncClient, session: AsyncSession, provider: Provider
) -> None:
    await crm.get(await _there(crm))
    provider.person["email"] = "married@crm.example"
    await crm.get(await _there(crm))
    assert len((await session.scalars(select(UserAccount).where(UserAccount.kind == "human"))).all()) == 1


async def test_account_with_the_verified_address_is_taken_and_another_subject_with_it_is_not_somebody_new(
    crm: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "navigator")
    await crm.get(await _there(crm))
    identity = (await session.scalars(select(OutsideIdentity))).one()
    assert identity.user_account_id == who.account_id


@pytest.mark.parametrize("verified", [False, None, "true"])
async def test_address_that_is_not_verified_opens_nothing(
    crm: httpx.AsyncClient, session: AsyncSession, settings: Settings, provider: Provider, verified: object
) -> None:
    await somebody(session, settings, "navigator")
    provider.person["email_verified"] = verified
    answer = await crm.get(await _there(crm))
    assert answer.status_code == 401
    assert "does not vouch" in answer.text


async def test_roles_follow_the_provider_and_a_change_ends_other_sessions(
    crm: httpx.AsyncClient, session: AsyncSession, provider: Provider
) -> None:
    await crm.get(await _there(crm))
    earlier = crm.cookies["crm_session"]
    crm.cookies.clear()
    provider.person["groups"] = ["crm-auditors", "machines"]
    await crm.get(await _there(crm))
    assert await _roles(session) == ["auditor"], "a machine's role is not for people"
    give_cookie(crm, "crm_session", earlier)
    assert (await crm.get("/")).headers["location"] == "/sign-in"


async def test_without_a_role_there_is_no_way_in(crm: httpx.AsyncClient, provider: Provider) -> None:
    provider.person["groups"] = ["canteen"]
    answer = await crm.get(await _there(crm))
    assert answer.status_code == 403
    assert "has given you no role" in answer.text


async def test_when_the_groups_are_gone_the_roles_and_sessions_go_before_the_refusal(
    crm: httpx.AsyncClient, session: AsyncSession, provider: Provider
) -> None:
    await crm.get(await _there(crm))
    earlier = crm.cookies["crm_session"]
    assert (await crm.get("/account")).status_code == 200
    crm.cookies.clear()
    provider.person["groups"] = ["canteen"]
    refused = await crm.get(await _there(crm))
    assert refused.status_code == 403
    assert await _roles(session) == []
    give_cookie(crm, "crm_session", earlier)
    assert (await crm.get("/account")).headers["location"].startswith("/sign-in")
    events = await session.execute(
        select(AuditEvent.action, AuditEvent.outcome, AuditEvent.code, AuditEvent.field_names).order_by(
            AuditEvent.audit_event_id.desc()
        )
    )
    refusal, withdrawal = events.all()[:2]
    assert tuple(refusal) == ("come_back", "refused", "no_role", None)
    assert tuple(withdrawal)[:3] == ("withdraw_roles", "done", None)
    assert {"role_grant", "web_session"} <= set(withdrawal.field_names or ())


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("weiss@crm.example", "weiß@crm.example"),
        ("ines@strasse.example", "ines@straße.example"),
        ("ines@crm.example", "ines+admin@crm.example"),
        ("ines@crm.example", "\u0131NES@crm.example"),
    ],
)
async def test_an_address_that_only_looks_like_an_account_s_does_not_become_that_account(
    crm: httpx.AsyncClient, session: AsyncSession, settings: Settings, provider: Provider, ours: str, theirs: str
) -> None:
    who = await somebody(session, settings, "admin", email=ours)
    provider.person["email"] = theirs
    await crm.get(await _there(crm))
    taken = await session.scalars(select(OutsideIdentity.user_account_id))
    assert who.account_id not in set(taken)


@pytest.mark.parametrize("theirs", ["INES@CRM.example", " ines@crm.example", "ines@CRM.EXAMPLE."])
async def test_an_address_in_another_spelling_is_the_account_s(
    crm: httpx.AsyncClient, session: AsyncSession, settings: Settings, provider: Provider, theirs: str
) -> None:
    who = await somebody(session, settings, "navigator")
    provider.person["email"] = theirs
    await crm.get(await _there(crm))
    assert (await session.scalars(select(OutsideIdentity.user_account_id))).all() == [who.account_id]


async def test_closed_account_stays_closed(crm: httpx.AsyncClient, session: AsyncSession) -> None:
    await crm.get(await _there(crm))
    await session.execute(update(UserAccount).values(is_active=False))
    await session.commit()
    assert (await crm.get(await _there(crm))).status_code == 401


async def test_without_a_second_factor_there_ours_is_asked_for(
    crm: httpx.AsyncClient, session: AsyncSession, settings: Settings, provider: Provider
) -> None:
    provider.person["amr"] = ["pwd"]
    first = await crm.get(await _there(crm))
    assert first.headers["location"] == "/sign-in/enrolment"
    with_app = await somebody(session, settings, "navigator", email="tom@crm.example")
    provider.person |= {"sub": "u-18", "email": with_app.email}
    second = await crm.get(await _there(crm))
    assert second.headers["location"] == "/sign-in/second-factor"


LIES: dict[str, dict[str, Any]] = {
    "no signature": {"signed": "none"},
    "public key as shared secret": {"signed": "HS256"},
    "another key": {"signed": "another key"},
    "signature changed": {"signed": "cut"},
    "key id is a path": {"kid": "../../etc/passwd"},
    "for another client": {"claims": {"aud": "somebody-else"}},
    "for two, by another": {"claims": {"aud": [CLIENT_ID, "other"], "azp": "other"}},
    "by another issuer": {"claims": {"iss": "https://evil.example"}},
    "expired": {"claims": {"exp": 1_700_000_000}},
    "without an end": {"claims": {"exp": None}},
    "not yet": {"claims": {"nbf": 9_999_999_999}},
    "of another sign-in": {"claims": {"nonce": "another"}},
    "without a nonce": {"claims": {"nonce": None}},
    "nobody": {"claims": {"sub": None}},
    "an empty subject": {"claims": {"sub": ""}},
    "a subject that is no text": {"claims": {"sub": 17}},
    "the provider calls itself otherwise": {"issuer": "https://evil.example"},
}


@pytest.mark.parametrize("lie", LIES)
async def test_no_token_that_is_not_wholly_right_is_taken(
    crm: httpx.AsyncClient, session: AsyncSession, provider: Provider, lie: str
) -> None:
    place = await _there(crm)
    provider.lies = LIES[lie]
    answer = await crm.get(place)
    assert answer.status_code == 401, answer.text
    assert (await session.scalars(select(OutsideIdentity))).first() is None
    assert (await crm.get("/")).headers["location"] == "/sign-in"


async def test_state_belongs_to_the_browser_that_began_and_works_once(crm: httpx.AsyncClient) -> None:
    place = await _there(crm)
    own = crm.cookies["crm_session"]
    give_cookie(crm, "crm_session", "somebody-elses")
    assert (await crm.get(place)).status_code == 401
    give_cookie(crm, "crm_session", own)
    assert (await crm.get(place)).status_code == 303
    assert (await crm.get(place)).status_code == 401


@pytest.mark.parametrize(
    "query", ["", "?state=x&code=y", "?error=access_denied", "?code=" + "x" * 9000, "?state=%00&code=%ff"]
)
async def test_odd_returns_are_refused_with_a_way_forward(crm: httpx.AsyncClient, query: str) -> None:
    answer = await crm.get(f"/sign-in/outside/callback{query}")
    assert answer.status_code == 401
    assert 'href="/sign-in"' in answer.text


async def test_provider_that_does_not_answer_is_told_so(crm: httpx.AsyncClient, provider: Provider) -> None:
    place = await _there(crm)
    honest = provider.issuer
    app: FastAPI = crm._transport.app  # type: ignore[attr-defined]
    app.state.settings = app.state.settings.model_copy(update={"oidc_issuer": "http://127.0.0.1:9"})
    answer = await crm.get(place)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert provider.issuer == honest


async def test_redirect_after_signing_in_stays_here(crm: httpx.AsyncClient) -> None:
    done = await crm.get(await _there(crm, "/sign-in/outside?next=https://evil.example"))
    assert done.headers["location"] == "/today"
    assert urlsplit(done.headers["location"]).netloc == ""


@pytest.mark.parametrize("first", ["rights", "account"])
async def test_a_sign_in_that_meets_an_end_of_rights_is_tried_again_and_goes_through(
    crm: httpx.AsyncClient, committed_database: Database, settings: Settings, provider: Provider, first: str
) -> None:
    name = uuid4()
    async with committed_database.session() as session:
        account_id = (await somebody(session, settings, "navigator", email=f"{name}@crm.example")).account_id
    provider.person |= {"sub": f"u-{name}", "email": f"{name}@crm.example"}

    async def take(session: AsyncSession, lock: str) -> None:
        if lock == "rights":
            await end_rights(session, account_id)
        else:
            await session.get(UserAccount, account_id, with_for_update=True)

    transport = httpx.ASGITransport(app=create_app(_connected(settings, provider), committed_database))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
        assert (await browser.get(await _there(browser))).status_code == 303
        provider.person["groups"] = ["crm-auditors"]
        place = await _there(browser)
        async with committed_database.unit_of_work() as session:
            await take(session, first)
            back = asyncio.create_task(browser.get(place))
            await asyncio.wait({back}, timeout=0.5)
            await take(session, "account" if first == "rights" else "rights")
        done = await back
    assert done.status_code == 303, done.text
