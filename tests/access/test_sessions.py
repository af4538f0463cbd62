"""Sessions of browsers: how they begin, what ends them, and that nothing survives its end."""

import re
from datetime import datetime, timedelta

import httpx
import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import held_forms, sessions, users
from app.access.accounts.models import HeldForm, WebSession
from app.access.service import command_actor
from app.audit.models import AuditEvent
from app.platform import clock
from app.platform.crypto import derived_token, digest
from app.platform.settings import Settings
from app.web.render import TEMPLATES
from tests.browsing import ORIGIN, Somebody, give_cookie, signed_in, somebody, token_in


@pytest.fixture
async def ines(session: AsyncSession, settings: Settings) -> Somebody:
    return await somebody(session, settings, "navigator", "admin")


async def _give_password(client: httpx.AsyncClient, who: Somebody) -> httpx.Response:
    shown = await client.get("/sign-in")
    form = {"csrf_token": token_in(shown), "email": who.email, "password": who.password}
    return await client.post("/sign-in", data=form, headers=ORIGIN)


async def _sign_in(client: httpx.AsyncClient, who: Somebody, away: int = 0) -> httpx.Response:
    given = await _give_password(client, who)
    assert given.headers["location"] == "/sign-in/second-factor", given.text
    shown = await client.get("/sign-in/second-factor")
    form = {"csrf_token": token_in(shown), "code": who.code(away)}
    return await client.post("/sign-in/second-factor", data=form, headers=ORIGIN)


async def _actions(session: AsyncSession) -> list[tuple[str, str, str | None]]:
    rows = await session.execute(
        select(AuditEvent.action, AuditEvent.outcome, AuditEvent.code)
        .where(AuditEvent.action != "add_reference_data")
        .order_by(AuditEvent.audit_event_id)
    )
    return [(action, outcome, code) for action, outcome, code in rows]


async def test_password_and_code_open_a_session_and_are_on_record(
    client: httpx.AsyncClient, session: AsyncSession, ines: Somebody
) -> None:
    done = await _sign_in(client, ines)

    assert (done.status_code, done.headers["location"]) == (303, "/today")
    assert (await client.get("/")).status_code == 200
    assert await _actions(session) == [
        ("sign_in_with_password", "done", None),
        ("give_second_factor", "done", None),
    ]
    actors = await session.scalars(select(AuditEvent.actor_id).where(AuditEvent.action != "add_reference_data"))
    assert set(actors) == {ines.account_id}


async def test_reference_changes_at_sign_in_and_with_the_second_factor(
    client: httpx.AsyncClient, ines: Somebody
) -> None:
    give_cookie(client, "crm_session", "planted-by-somebody-else")
    await _give_password(client, ines)
    half = client.cookies["crm_session"]
    shown = await client.get("/sign-in/second-factor")
    form = {"csrf_token": token_in(shown), "code": ines.code()}
    await client.post("/sign-in/second-factor", data=form, headers=ORIGIN)
    full = client.cookies["crm_session"]

    assert len({"planted-by-somebody-else", half, full}) == 3
    for dead in ("planted-by-somebody-else", half):
        client.cookies.clear()
        give_cookie(client, "crm_session", dead)
        assert (await client.get("/")).headers["location"] == "/sign-in"


async def test_only_the_hash_of_the_reference_is_stored(
    client: httpx.AsyncClient, session: AsyncSession, ines: Somebody
) -> None:
    await _sign_in(client, ines)
    reference = client.cookies["crm_session"]

    stored = (await session.execute(select(WebSession))).scalar_one()
    assert stored.reference_sha256 == digest(reference)
    assert len(reference) == 43, "256 bits"


async def test_cookie_is_http_only_and_lax_and_by_https_bound_to_the_host(
    client: httpx.AsyncClient, ines: Somebody, settings: Settings
) -> None:
    plain = (await client.get("/sign-in")).headers["set-cookie"]
    assert plain.startswith("crm_session=")
    assert "HttpOnly" in plain
    assert "SameSite=lax" in plain
    assert "Secure" not in plain

    secure = settings.model_copy(update={"base_url": "https://test"})
    client._transport.app.state.settings = secure  # type: ignore[attr-defined]
    by_https = (await client.get("/sign-in")).headers["set-cookie"]
    assert by_https.startswith("__Host-crm_session=")
    assert "Secure" in by_https
    assert "Path=/" in by_https
    assert "Domain" not in by_https


async def test_half_a_sign_in_opens_nothing(client: httpx.AsyncClient, ines: Somebody) -> None:
    await _give_password(client, ines)

    for path in ("/", "/account", "/users"):
        assert (await client.get(path)).headers["location"].startswith("/sign-in/second-factor")


async def test_cookie_of_a_signed_out_session_is_worth_nothing(client: httpx.AsyncClient, ines: Somebody) -> None:
    await _sign_in(client, ines)
    reference = client.cookies["crm_session"]
    out = await client.post("/sign-out", data={"csrf_token": derived_token(reference, "csrf")}, headers=ORIGIN)
    assert out.headers["location"] == "/sign-in?out"
    assert "crm_session" not in client.cookies

    give_cookie(client, "crm_session", reference)
    assert (await client.get("/")).headers["location"] == "/sign-in"


@pytest.mark.parametrize("how", ["disabled", "roles", "password", "ended"])
async def test_session_is_dead_at_the_next_request(
    client: httpx.AsyncClient, session: AsyncSession, ines: Somebody, how: str
) -> None:
    await somebody_else(session)
    await signed_in(client, session, ines.account_id)
    assert (await client.get("/")).status_code == 200
    actor, now = command_actor(), clock.now()

    if how == "disabled":
        await users.disable(session, actor, account_id=ines.account_id, now=now)
    elif how == "roles":
        await users.set_roles(session, actor, account_id=ines.account_id, roles=["auditor"], now=now)
    elif how == "password":
        await users.store_password(session, account_id=ines.account_id, password_hash="x", now=now)
    else:
        await sessions.end_sessions(session, account_id=ines.account_id, reason="ended_by_admin", now=now)
    await session.commit()

    assert (await client.get("/")).headers["location"] == "/sign-in"
    said = (await client.get("/sign-in")).text
    expected = {
        "disabled": "This account is closed",
        "roles": "Your roles have changed",
        "password": "The password was changed",
        "ended": "An administrator ended",
    }
    assert expected[how] in said


async def somebody_else(session: AsyncSession) -> None:
    """Another administrator, so that the first may go."""
    await users.open_user(session, command_actor(), email="other@crm.example", display_name="Other", roles=["admin"])
    await session.commit()


@pytest.mark.parametrize(("after", "state"), [(29, "open"), (30, "locked"), (12 * 60 - 1, "locked"), (12 * 60, "over")])
async def test_idle_session_locks_after_half_an_hour_and_is_over_after_twelve(
    client: httpx.AsyncClient, session: AsyncSession, ines: Somebody, after: int, state: str
) -> None:
    start = datetime.fromisoformat("2026-11-24T08:00:00+00:00")
    with time_machine.travel(start, tick=False) as clock_hand:
        await signed_in(client, session, ines.account_id)
        clock_hand.move_to(start + timedelta(minutes=after))
        answer = await client.get("/")

    places = {"open": None, "locked": "/unlock", "over": "/sign-in"}
    assert answer.headers.get("location") == places[state]


async def test_work_keeps_a_session_open_but_not_beyond_twelve_hours(
    client: httpx.AsyncClient, session: AsyncSession, ines: Somebody
) -> None:
    start = datetime.fromisoformat("2026-11-24T08:00:00+00:00")
    with time_machine.travel(start, tick=False) as clock_hand:
        await signed_in(client, session, ines.account_id)
        for minutes in range(20, 12 * 60, 20):
            clock_hand.move_to(start + timedelta(minutes=minutes))
            assert (await client.get("/")).status_code == 200, minutes
        clock_hand.move_to(start + timedelta(hours=12))
        assert (await client.get("/")).headers["location"] == "/sign-in"


async def test_clock_set_back_does_not_lengthen_a_session(
    client: httpx.AsyncClient, session: AsyncSession, ines: Somebody
) -> None:
    start = datetime.fromisoformat("2026-11-24T08:00:00+00:00")
    with time_machine.travel(start, tick=False) as clock_hand:
        await signed_in(client, session, ines.account_id)
        clock_hand.move_to(start - timedelta(days=3650))
        assert (await client.get("/")).headers["location"] == "/sign-in"


async def test_locked_session_goes_on_where_it_was_after_the_password(
    client: httpx.AsyncClient, session: AsyncSession, ines: Somebody
) -> None:
    start = datetime.fromisoformat("2026-11-24T08:00:00+00:00")
    with time_machine.travel(start, tick=False) as clock_hand:
        token = await signed_in(client, session, ines.account_id)
        reference = client.cookies["crm_session"]
        clock_hand.move_to(start + timedelta(minutes=45))
        away = await client.get("/users?q=x")
        assert away.headers["location"] == "/unlock?next=%2Fusers%3Fq%3Dx"
        wrong = await client.post("/unlock", data={"csrf_token": token, "password": "no"})
        assert wrong.status_code == 401
        assert "That is not the password" in wrong.text
        right = await client.post(
            "/unlock", data={"csrf_token": token, "password": ines.password, "next": "/users?q=x"}
        )
        assert (right.status_code, right.headers["location"]) == (303, "/users?q=x")
        assert client.cookies["crm_session"] == reference, "forms that are open in the browser stay valid"
        assert (await client.get("/")).status_code == 200


async def test_half_a_sign_in_is_over_after_a_quarter_of_an_hour(client: httpx.AsyncClient, ines: Somebody) -> None:
    start = datetime.fromisoformat("2026-11-24T08:00:00+00:00")
    with time_machine.travel(start, tick=False) as clock_hand:
        await _give_password(client, ines)
        clock_hand.move_to(start + timedelta(minutes=15))
        assert (await client.get("/")).headers["location"] == "/sign-in"


async def test_what_was_typed_when_the_session_had_ended_is_kept_and_sent_after_signing_in(
    client: httpx.AsyncClient, session: AsyncSession, ines: Somebody
) -> None:
    start = datetime.fromisoformat("2026-11-24T08:00:00+00:00")
    with time_machine.travel(start, tick=False) as clock_hand:
        token = await signed_in(client, session, ines.account_id)
        clock_hand.move_to(start + timedelta(hours=13))
        typed = {"csrf_token": token, "email": "new@crm.example", "display_name": "Nadia <b>", "roles": "auditor"}
        away = await client.post("/users", data=typed)
        place = away.headers["location"]
        assert place.startswith("/sign-in?next=%2Fresume%2F")
        assert "What you typed is kept" in (await client.get(place)).text

        held = (await session.execute(select(HeldForm))).scalar_one()
        await signed_in(client, session, ines.account_id)
        shown = await client.get(f"/resume/{held.held_form_id}")
        assert "Nadia &lt;b&gt;" in shown.text
        assert token not in shown.text
        form = {**typed, "csrf_token": token_in(shown)}
        sent = await client.post(f"/resume/{held.held_form_id}", data=form)
        assert (sent.status_code, sent.headers["location"]) == (307, "/users")
        gone = await client.get(f"/resume/{held.held_form_id}")
        assert gone.status_code == 404


async def test_kept_form_is_shown_to_its_owner_alone(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, ines: Somebody
) -> None:
    start = datetime.fromisoformat("2026-11-24T08:00:00+00:00")
    with time_machine.travel(start, tick=False) as clock_hand:
        token = await signed_in(client, session, ines.account_id)
        clock_hand.move_to(start + timedelta(minutes=31))
        away = await client.post("/users", data={"csrf_token": token, "display_name": "Nadia", "password": "hidden"})
        assert away.headers["location"].startswith("/unlock?next=%2Fresume%2F")
        held = (await session.execute(select(HeldForm))).scalar_one()
        assert held.fields == {"fields": [["display_name", "Nadia"]]}, "no secret and no token is kept"

        other = await somebody(session, settings, "admin", email="other@crm.example")
        await signed_in(client, session, other.account_id)
        assert (await client.get(f"/resume/{held.held_form_id}")).status_code == 404


async def test_everything_that_was_typed_is_kept_but_secrets(
    session: AsyncSession, settings: Settings, ines: Somebody
) -> None:
    typed = [("reason_code", "no_answer"), ("dial_code", "+31"), ("password_changed", "yes"), ("tokens", "2")]
    secrets = [(name, "hidden") for name in _fields_of_secrets()]
    held = await held_forms.hold(
        session, account_id=ines.account_id, path="/x", fields=[*typed, *secrets], now=clock.now()
    )
    assert held is not None
    _, fields = await held_forms.fetch(session, account_id=ines.account_id, held_form_id=held, now=clock.now())
    assert fields == typed


def _fields_of_secrets() -> set[str]:
    """The names of the fields of our own pages in which a secret is typed or sent."""
    pages = "".join(sheet.read_text() for sheet in TEMPLATES.rglob("*.html") if "gallery" not in sheet.parts)
    passwords = re.findall(r'ui\.password_field\("(\w+)"', pages)
    codes = re.findall(r'ui\.field\("(\w+)"[^}]*(?:one-time-code|[Rr]ecovery code)', pages)
    hidden = re.findall(r'type="hidden" name="(csrf_token|sealed)"', pages)
    assert (set(passwords), set(codes), set(hidden)) == ({"password"}, {"code"}, {"csrf_token", "sealed"})
    return {*passwords, *codes, *hidden}


async def test_form_without_the_token_of_its_session_is_not_kept(
    client: httpx.AsyncClient, session: AsyncSession, ines: Somebody
) -> None:
    start = datetime.fromisoformat("2026-11-24T08:00:00+00:00")
    with time_machine.travel(start, tick=False) as clock_hand:
        await signed_in(client, session, ines.account_id)
        clock_hand.move_to(start + timedelta(minutes=31))
        away = await client.post("/users", data={"display_name": "Nadia"})
        assert away.headers["location"] == "/unlock"
        assert (await session.execute(select(HeldForm))).first() is None


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/x\r\nSet-Cookie: a=b",
        "/ x",
        "x",
    ],
)
async def test_no_redirect_leads_to_somebody_elses_site(
    client: httpx.AsyncClient, session: AsyncSession, ines: Somebody, wanted: str
) -> None:
    await signed_in(client, session, ines.account_id)
    answer = await client.get("/sign-in", params={"next": wanted})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
