"""What a signed-in user meets when something goes wrong: the frame, a heading that fits, every wrong field named."""

import importlib
import pkgutil
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

import app as package
from app.access.accounts.models import HeldForm, WebSession
from app.access.models import RoleGrant, UserAccount
from app.main import create_app
from app.platform import clock
from app.platform.errors import AppError, Forbidden
from app.platform.locales import messages_of
from app.platform.settings import Settings
from app.web.error_pages import ERRORS, NOT_DONE, REFUSED, ErrorWords, words_for
from app.web.page_guard import RECENT, mount_screens, page_router, signed_in
from tests.browsing import as_user, somebody
from tests.conftest import BoundDatabase

NAME = "Ines Example"
FRAME = 'class="frame"'
HTML = {"accept": "text/html"}
router = page_router()


@router.get("/broken", dependencies=[signed_in()])
async def show_broken() -> None:
    raise ZeroDivisionError


@pytest.fixture
async def browser(bound: BoundDatabase, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, bound)
    mount_screens(app, router)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=HTML) as made:
        yield made


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/no-such-page", 404),
        ("GET", "/static/no-such-file.css", 404),
        ("GET", "/users/no-id", 422),
        ("PUT", "/audit", 405),
        ("GET", "/audit", 403),
        ("GET", "/broken", 500),
    ],
)
async def test_error_keeps_the_frame_of_the_signed_in_person(
    browser: httpx.AsyncClient, session: AsyncSession, settings: Settings, method: str, path: str, status: int
) -> None:
    alone = await browser.request(method, path)
    assert FRAME not in alone.text
    await as_user(browser, session, settings, "admin")
    answer = await browser.request(method, path)
    assert answer.status_code == status
    assert FRAME in answer.text
    assert NAME in answer.text


async def test_form_from_elsewhere_keeps_the_frame(
    browser: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await as_user(browser, session, settings, "admin")
    answer = await browser.post("/users", headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert FRAME in answer.text
    assert ERRORS[403].title not in answer.text


def _kinds(kind: type[AppError]) -> Iterator[type[AppError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _kinds(one)


def test_heading_of_a_refusal_says_what_was_refused_not_that_a_role_is_missing() -> None:
    for module in pkgutil.walk_packages(package.__path__, "app."):
        if module.name.endswith(("errors", "csrf", "masking")):
            importlib.import_module(module.name)
    refused = [kind for kind in _kinds(Forbidden) if kind.code != Forbidden.code]
    assert len(refused) > 5
    assert words_for(403, Forbidden.code) is ERRORS[403]
    assert [kind.__name__ for kind in refused if words_for(403, kind.code) is ERRORS[403]] == []


@pytest.mark.parametrize("headers", [{}, {"hx-request": "true", "hx-target": "div#x"}])
async def test_stale_form_says_so(
    browser: httpx.AsyncClient, session: AsyncSession, settings: Settings, headers: dict[str, str]
) -> None:
    await as_user(browser, session, settings, "admin")
    sent = {"csrf_token": "0" * 64, "display_name": "x"}
    for answer in (
        await browser.post("/users", data=sent, headers=headers),
        await browser.post("/users", data=sent, files={"f": b"x"}, headers=headers),
    ):
        assert answer.status_code == 403
        assert "This form belongs to an earlier session" in answer.text
        assert "Your role does not include this" not in answer.text


@pytest.mark.parametrize(
    ("role", "path", "nothing"),
    [
        ("auditor", "/audit?person_id=x", ("No events", "Nothing on record")),
        ("auditor", "/audit?cursor=x", ("No events", "Nothing on record")),
        ("auditor", "/audit/persons/01970000-0000-7000-8000-000000000000?from_at=x", ("No entries",)),
        ("auditor", "/break-glass?kind=x", ("Nothing here", "Nothing to review")),
        ("auditor", "/break-glass?cursor=x", ("Nothing here", "Nothing to review")),
        ("admin", "/users?q=%01", ("Nobody found",)),
        ("admin", "/users?cursor=x", ("Nobody found",)),
        ("admin", "/api-keys?cursor=x", ("No keys",)),
    ],
)
async def test_refused_question_never_reads_as_if_nothing_were_there(
    browser: httpx.AsyncClient,
    session: AsyncSession,
    settings: Settings,
    role: str,
    path: str,
    nothing: tuple[str, ...],
) -> None:
    await as_user(browser, session, settings, role)
    answer = await browser.get(path)
    assert answer.status_code == 422
    assert [text for text in nothing if text in answer.text] == []


@pytest.mark.parametrize(
    ("role", "path", "sent", "fields"),
    [
        ("admin", "/users", {"display_name": "", "email": "nobody"}, ("display_name", "email", "roles")),
        ("admin", "/users/{id}/name", {"display_name": " ", "email": "x"}, ("display_name", "email")),
        ("admin", "/users/{id}/roles", {"roles": "king"}, ("roles",)),
        ("admin", "/api-keys", {"name": "", "role": "king", "days": "7"}, ("name", "role", "days")),
        (
            "admin",
            "/api-keys",
            {"name": "", "role": "auditor", "days": "90", "scopes": ["user.manage", "break_glass.use"]},
            ("name", "scopes", "days"),
        ),
        ("auditor", "/break-glass", {"person_id": "x", "reason": " "}, ("person_id", "reason")),
        ("navigator", "/access-reasons", {"person_id": "x", "reason": ""}, ("person_id", "reason")),
    ],
)
async def test_form_names_every_wrong_field_at_once(
    browser: httpx.AsyncClient,
    session: AsyncSession,
    settings: Settings,
    role: str,
    path: str,
    sent: dict[str, object],
    fields: tuple[str, ...],
) -> None:
    token = await as_user(browser, session, settings, role)
    other = await somebody(session, settings, "navigator", email="other@crm.example", name="Olga Other", with_app=False)
    answer = await browser.post(path.format(id=other.account_id), data={"csrf_token": token, **sent})
    assert answer.status_code == 422, answer.text
    assert [name for name in fields if f'href="#field-{name}"' not in answer.text] == []


CHANGES = {
    "/users": {"display_name": "New Colleague", "email": "new@crm.example", "roles": "auditor"},
    "/users/{id}/roles": {"roles": "privacy_officer"},
    "/users/{id}/name": {"display_name": "Other Name", "email": "changed@crm.example", "seen_version": "1"},
    "/users/{id}/disable": {},
    "/users/{id}/enable": {},
    "/users/{id}/invitation": {},
    "/users/{id}/start-over": {},
    "/users/{id}/sessions/end": {},
}


@pytest.mark.parametrize("path", CHANGES)
async def test_who_may_do_what_is_changed_after_a_fresh_proof_alone_and_what_was_typed_is_kept(
    browser: httpx.AsyncClient, session: AsyncSession, settings: Settings, path: str
) -> None:
    token = await as_user(browser, session, settings, "admin")
    other = await somebody(session, settings, "navigator", email="other@crm.example", name="Olga Other", with_app=False)
    await session.execute(update(WebSession).values(proved_at=clock.now() - RECENT - timedelta(minutes=1)))
    await session.commit()

    answer = await browser.post(path.format(id=other.account_id), data={"csrf_token": token, **CHANGES[path]})

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/unlock?next=%2Fresume%2F")
    (held,) = await session.scalars(select(HeldForm.path))
    assert held == path.format(id=other.account_id)
    account = await session.get(UserAccount, other.account_id, populate_existing=True)
    assert account is not None
    assert (account.is_active, account.display_name, account.email) == (True, "Olga Other", "other@crm.example")
    assert list(await session.scalars(select(RoleGrant.role).where(RoleGrant.user_account_id == other.account_id))) == [
        "navigator"
    ]
    assert await session.scalar(select(UserAccount).where(UserAccount.email == "new@crm.example")) is None


def test_every_page_that_changes_accounts_asks_for_a_fresh_proof() -> None:
    app: FastAPI = create_app(Settings())
    changing = [
        route
        for route in app.routes
        if "POST" in (getattr(route, "methods", None) or ()) and getattr(route, "path", "").startswith("/users")
    ]
    assert len(changing) == len(CHANGES)
    assert [route for route in changing if not route.needs.recent] == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("told", [ERRORS, REFUSED, NOT_DONE], ids=["errors", "refused", "not done"])
def test_what_an_error_says_is_in_the_catalogues(told: Mapping[object, ErrorWords]) -> None:
    known = set(messages_of(".py"))
    said = [words for one in told.values() for words in (one.title, one.way_forward, *(a[0] for a in one.actions))]
    assert [str(words) for words in said if str(words) not in known] == []
