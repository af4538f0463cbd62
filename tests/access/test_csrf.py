"""Nobody else's page acts for somebody who is signed in: every unsafe page route, taken from the application."""

from collections.abc import Iterable
from urllib.parse import quote_from_bytes
from zlib import crc32

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts.sessions import State
from app.access.policy import HUMAN_ROLES
from app.audit.models import AuditEvent
from app.main import create_app
from app.platform.settings import Settings
from app.web.page_guard import PageRoute, page_router
from tests.browsing import as_user, signed_in, somebody

ID = "00000000-0000-7000-8000-000000000000"
ALL_ROLES = tuple(role.value for role in HUMAN_ROLES)
SAFE = {"GET", "HEAD", "OPTIONS"}


ROUTES = [route for route in create_app(Settings()).routes if isinstance(route, PageRoute)]


def _path(route: PageRoute) -> str:
    return route.path.format(**dict.fromkeys(route.param_convertors, ID))


UNSAFE = sorted((method, _path(route)) for route in ROUTES for method in (route.methods or set()) - SAFE)
"""Method and address of every page route that changes something."""
NAMES = {path: route.name for route in ROUTES if (path := _path(route)) and not (route.methods or set()) <= SAFE}
_ACCOUNTS = (
    "/sign-in", "/sign-out", "/forgot-password", "/invitation", "/reset", "/unlock", "/resume", "/account", "/users",
    "/api-keys", "/break-glass",
)  # fmt: skip
OF_ACCOUNTS = [(method, path) for method, path in UNSAFE if path.startswith(_ACCOUNTS)]
"""Those before and around a sign-in. Forms about people get their junk in tests/web/test_junk_in_forms.py."""
UPLOADS = {_path(route) for route in ROUTES if route.needs.upload}
"""The addresses whose form brings a file."""


def test_there_are_routes_to_look_at() -> None:
    assert len(UNSAFE) > 25
    assert {method for method, _ in UNSAFE} == {"POST"}


ATTACKS: dict[str, dict[str, str]] = {
    "no origin": {},
    "another origin": {"Origin": "https://evil.example"},
    "null origin": {"Origin": "null"},
    "same host, other scheme": {"Origin": "https://test"},
    "another port": {"Origin": "http://test:8080"},
    "says cross-site": {"Origin": "http://test", "Sec-Fetch-Site": "cross-site"},
    "says same-site": {"Origin": "http://test", "Sec-Fetch-Site": "same-site"},
    "says none": {"Origin": "http://test", "Sec-Fetch-Site": "none"},
}
EVERY_KIND_AT = "/users"
"""The one address that meets every attack and every wrong token; the others meet them in turn."""


def _in_turn(kinds: Iterable[str], path: str) -> list[str]:
    """One kind, another one for each address: together the addresses meet all of them many times."""
    kinds = list(kinds)
    return kinds if path == EVERY_KIND_AT else [kinds[crc32(path.encode()) % len(kinds)]]


@pytest.mark.parametrize(("method", "path"), UNSAFE)
async def test_route_refuses_what_does_not_come_from_our_own_page(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, method: str, path: str
) -> None:
    token = await as_user(client, session, settings, *ALL_ROLES)
    del client.headers["origin"]
    for name in _in_turn(ATTACKS, path):
        answer = await client.request(method, path, data={"csrf_token": token}, headers=ATTACKS[name])
        assert answer.status_code == 403, name
        assert "This did not come from a page of the CRM" in answer.text, name
    assert (await client.get("/account/sessions")).status_code == 200, "the session lives: nothing was done"


@pytest.mark.parametrize(("method", "path"), UNSAFE)
async def test_route_refuses_a_form_without_its_sessions_token(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, method: str, path: str
) -> None:
    other = await somebody(session, settings, "admin", email="other@crm.example")
    others_token = await signed_in(client, session, other.account_id)
    token = await as_user(client, session, settings, *ALL_ROLES)
    in_another_state = path.startswith(("/sign-in/second-factor", "/sign-in/enrolment", "/sign-in/recovery"))
    before = await _done(session)
    forms: dict[str, dict[str, str]] = {
        "none": {},
        "empty": {"csrf_token": ""},
        "another session's": {"csrf_token": others_token},
        "one letter off": {"csrf_token": token[:-1] + ("0" if token[-1] != "0" else "1")},
    }
    for name in _in_turn(forms, path):
        files = {"file": ("x.pdf", b"%PDF-1.7")} if path in UPLOADS else None
        answer = await client.request(method, path, data=forms[name], files=files)
        assert answer.status_code == (303 if in_another_state else 403), name
        if in_another_state:
            assert answer.headers["location"] == "/", name
    text = await client.request(method, path, content=f"csrf_token={token}", headers={"content-type": "text/plain"})
    assert text.status_code in ({303, 415} if in_another_state else {415})
    assert await _done(session) == before


async def _done(session: AsyncSession) -> int:
    counted = select(func.count()).select_from(AuditEvent).where(AuditEvent.outcome == "done")
    return (await session.execute(counted)).scalar_one()


@pytest.mark.parametrize(("method", "path"), UNSAFE)
async def test_route_is_not_reached_by_get_or_by_an_override(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, method: str, path: str
) -> None:
    await as_user(client, session, settings, *ALL_ROLES)
    await client.get(path, headers={"X-HTTP-Method-Override": method}, params={"_method": method})
    done = select(AuditEvent.action).where(AuditEvent.outcome == "done")
    assert NAMES[path] not in (await session.scalars(done)).all()


async def test_token_travels_in_a_header_as_well(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "navigator")
    answer = await client.post("/account/sessions/end-others", headers={"X-CSRF-Token": token})
    assert answer.status_code == 303


async def test_form_of_an_earlier_session_is_refused_kept_and_offered(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "admin")
    earlier = await signed_in(client, session, who.account_id)
    await signed_in(client, session, who.account_id)
    answer = await client.post("/users", data={"csrf_token": earlier, "display_name": "Nadia"})
    assert answer.status_code == 403
    assert "/resume/" in answer.text


def test_a_page_without_a_need_does_not_start() -> None:
    router = page_router("/nothing")
    with pytest.raises(TypeError, match="exactly one need"):
        router.get("")(lambda: None)


async def test_pages_of_every_route_are_closed_to_anyone_who_is_not_signed_in(client: httpx.AsyncClient) -> None:
    for route in ROUTES:
        if State.NONE in route.needs.states:
            continue
        path = _path(route)
        for method in route.methods or set():
            answer = await client.request(method, path, headers={"Origin": "http://test"})
            assert answer.status_code == 303, (method, path)
            assert answer.headers["location"].startswith("/sign-in"), (method, path)


async def test_browser_without_cookies_is_told_so(client: httpx.AsyncClient) -> None:
    answer = await client.post("/sign-in", data={"csrf_token": "x"}, headers={"Origin": "http://test"})
    assert answer.status_code == 403
    assert "Allow cookies for this site" in answer.text


JUNK = (
    "", " ", "\x00", "\ud800", "%", "a" * 20_000, "<script>alert(1)</script>", "{{ 7777777 * 33 }}", "' OR 1=1 --",
    "\r\nX: y", "٣", "-1", "null", ID, "../../etc/passwd",
)  # fmt: skip


@pytest.mark.parametrize(("method", "path"), OF_ACCOUNTS)
async def test_no_input_breaks_a_route(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, method: str, path: str
) -> None:
    who = await somebody(session, settings, *ALL_ROLES)
    for junk in JUNK:
        token = await signed_in(client, session, who.account_id)
        text = junk.encode("utf-8", "surrogatepass")
        fields = [(name.encode(), text) for name in FIELDS]
        form = b"&".join(name + b"=" + quote_from_bytes(value).encode() for name, value in fields)
        body = b"csrf_token=" + token.encode() + b"&" + form
        answer = await client.request(
            method, path, content=body, headers={"content-type": "application/x-www-form-urlencoded"}
        )
        assert answer.status_code < 500, (junk[:20], answer.text)
        assert "<script>alert(1)</script>" not in answer.text
        assert "256666641" not in answer.text, "nothing typed is taken for a template"
        # Only the routes of passkeys read JSON; to the others all of it is alike.
        if not junk or ("passkey" in path and junk.isprintable()):
            as_json = await client.request(
                method,
                path,
                json={"credential": {"rawId": junk[:50], "id": junk[:50]}, "next": "/"},
                headers={"X-CSRF-Token": token},
            )
            assert as_json.status_code < 500, junk[:20]


FIELDS = (
    "email", "password", "code", "next", "display_name", "roles", "role", "scopes", "days", "overlap", "name", "sealed",
    "stay", "seen_version", "reason",
)  # fmt: skip
"""The fields of the forms of accounts."""
